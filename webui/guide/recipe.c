#include "webui/guide/recipe.h"

#include "pki/identifier.h"
#include "webui/cert/challenge.h"
#include "webui/guide/rule.h"

#define LINES_MOST 5	/* one a name */

enum recipe_shows {
	SHOWS_NOTHING,
	SHOWS_RULES,
	SHOWS_LOOK,
	SHOWS_ADDRESSES,
	SHOWS_CAA,
	SHOWS_TXT,
	SHOWS_HINT,
	SHOWS_RECORD
};

struct recipe_step {
	enum recipe_shows shows;
	const char *text;
};

#define RECIPE(cause, codes, proof, next, title) static const struct recipe_step steps_##cause[] = {
#define STEP(shows, text) { SHOWS_##shows, text },
#define END(cause) { SHOWS_NOTHING, NULL } };
#include "webui/guide/recipe.def"
#undef RECIPE
#undef STEP
#undef END

static const struct recipe {
	const char *cause, *codes, *proof, *next, *title;
	const struct recipe_step *steps;
} recipes[] = {
#define RECIPE(cause, codes, proof, next, title) { #cause, codes, proof, #next, title, steps_##cause },
#define STEP(...)
#define END(cause)
#include "webui/guide/recipe.def"
#undef RECIPE
#undef STEP
#undef END
};

/* What failed with one cause. */
struct recipe_use {
	const struct recipe *recipe;
	char **names, **addresses;
};

struct recipe_writer {
	const struct request *request;
	const struct rec_cert *cert;
	const json_t *error, *check;
	struct rec_account account;
	struct recipe_use use[ARRAY_SIZE(recipes)];	/* in the order in which they were found */
	size_t uses;
	json_t *where, *said;
};

/*
 * Which.
 */

static const struct recipe *by_cause(const char *cause)
{
	for (size_t i = 0; i < ARRAY_SIZE(recipes); i++)
		if (str_eq(recipes[i].cause, cause))
			return &recipes[i];
	return NULL;
}

/* name NULL: it is about the order as a whole. */
static const struct recipe *by_code(const struct rec_cert *cert, const char *code, const char *name)
{
	const char *proof = proof_type(cert, name ? name : cert->names && *cert->names ? *cert->names : "");

	for (size_t i = 0; code && i < ARRAY_SIZE(recipes); i++) {
		_cleanup_strv_ char **codes = strv_split(recipes[i].codes, " ");

		if (codes && strv_has(codes, code) && (!*recipes[i].proof || str_starts(proof, recipes[i].proof)))
			return &recipes[i];
	}
	return NULL;
}

static void add_once(char ***list, const char *text)
{
	if (text && (!*list || !strv_has(*list, text)))
		strv_add(list, text);
}

static void add_use(struct recipe_writer *w, const struct recipe *recipe, const char *name, const char *address)
{
	struct recipe_use *u = w->use;

	if (!recipe)
		return;
	while (u < w->use + w->uses && u->recipe != recipe)
		u++;
	if (u == w->use + w->uses)
		w->uses++;
	u->recipe = recipe;
	add_once(&u->names, name);
	add_once(&u->addresses, address);
}

static void put_where(struct recipe_writer *w, const char *name, const char *address, const char *says)
{
	_cleanup_free_ char *shown = name ? identifier_display(name) : NULL;
	json_t *o = json_object();

	json_put_str(o, "name", shown);
	json_put_str(o, "address", address);
	json_put_str(o, "says", says);
	json_array_append_new(w->where, o);
}

/* What our own check found. */
static void read_probes(struct recipe_writer *w)
{
	const json_t *probe;
	size_t i;

	json_array_foreach (json_object_get(w->check, "probes"), i, probe) {
		const char *name = json_str(probe, "name"), *address = json_str(probe, "address");

		if (json_bool(probe, "ok", true))
			continue;
		add_use(w, by_cause(json_str(probe, "cause")), name, address);
		put_where(w, name, address, json_str(probe, "says"));
	}
}

/* What the CA said of one name, or of all. */
static void read_part(struct recipe_writer *w, const json_t *part, const char *said)
{
	const char *code = json_str(part, "code"), *name = json_str(part, "name");
	json_t *o;

	add_use(w, by_code(w->cert, code, name), name, NULL);
	if (!said)
		return;
	o = json_object();
	json_put_str(o, "name", name);
	json_put_str(o, "text", said);
	json_array_append_new(w->said, o);
}

static void read_error(struct recipe_writer *w)
{
	const json_t *parts = json_object_get(w->error, "subproblems"), *part;
	size_t i;

	json_array_foreach (parts, i, part)
		read_part(w, part, json_str(part, "detail"));
	if (!json_array_size(parts))
		read_part(w, w->error, json_str(w->error, "said"));
}

/* What our check finds says more than what the CA found through the same web servers. */
static void find_causes(struct recipe_writer *w)
{
	const struct recipe *of_code;

	read_error(w);
	of_code = w->uses ? w->use[0].recipe : NULL;
	if (!str_eq(json_str(w->error, "code"), "preflight") && (!of_code || !str_eq(of_code->next, "check")))
		return;
	if (!json_is_object(json_object_get(w->check, "error")))
		return;
	for (size_t i = 0; i < w->uses; i++) {
		strv_free(w->use[i].names);
		strv_free(w->use[i].addresses);
	}
	memset(w->use, 0, sizeof(w->use));
	w->uses = 0;
	json_array_clear(w->where);
	read_probes(w);
}

/*
 * Writing.
 */

static char *join(char *const *list, const char *none)
{
	struct buf out = BUF_INIT;
	size_t count = strv_len(list);

	for (size_t i = 0; i < count; i++)
		buf_addf(&out, "%s%s", !i ? "" : i + 1 == count ? " and " : ", ", list[i]);
	if (!count)
		buf_add_str(&out, none);
	return buf_detach(&out);
}

/* Owned. */
static char *fill(const struct recipe_writer *w, const struct recipe_use *u, const char *text)
{
	_cleanup_free_ char *names = join(u->names, "each name"), *addresses = join(u->addresses, "every address");
	const struct { const char *mark, *value; } marks[] = {
		{ "{names}", names }, { "{addresses}", addresses }, { "{host}", w->request->webui->settings->hostname },
		{ "{account}", w->account.name ? w->account.name : "" },
	};
	struct buf out = BUF_INIT;

	while (*text) {
		size_t i = 0;

		while (i < ARRAY_SIZE(marks) && !str_starts(text, marks[i].mark))
			i++;
		if (i < ARRAY_SIZE(marks)) {
			buf_add_str(&out, marks[i].value);
			text += strlen(marks[i].mark);
		} else {
			buf_add_ch(&out, *text++);
		}
	}
	return buf_detach(&out);
}

/* An address of this certificate's web servers that is right; NULL: none is known. */
static const char *good_address(const struct recipe_writer *w)
{
	const json_t *probe;
	size_t i;

	json_array_foreach (json_object_get(w->check, "probes"), i, probe)
		if (str_eq(json_str(probe, "result"), "reached") && json_str(probe, "address"))
			return json_str(probe, "address");
	return NULL;
}

/* Owned; NULL: nothing for this name. */
static char *line_of(const struct recipe_writer *w, enum recipe_shows shows, const char *name)
{
	const char *base = identifier_base(name), *address = good_address(w);
	const char *ca = w->account.caa && *w->account.caa ? *w->account.caa : "ca.example";

	if (shows == SHOWS_LOOK)
		return xasprintf("curl -sI http://%s/.well-known/acme-challenge/test", base);
	if (identifier_is_ip(name))
		return NULL;
	if (shows == SHOWS_ADDRESSES)
		return xasprintf("%s. IN %s %s", base, address && strchr(address, ':') ? "AAAA" : "A",
				 address ? address : "ADDRESS");
	if (shows == SHOWS_CAA)
		return xasprintf("%s. IN CAA 0 issue \"%s\"", base, ca);
	if (shows == SHOWS_RECORD)
		return xasprintf("_acme-challenge.%s. IN TXT \"VALUE\"", base);
	return shows == SHOWS_TXT ? xasprintf("dig +short TXT _acme-challenge.%s", base) : NULL;
}

static json_t *lines_of(const struct recipe_writer *w, const struct recipe_use *u, enum recipe_shows shows)
{
	char *const *names = u->names ? u->names : w->cert->names;
	_cleanup_strv_ char **lines = NULL;
	json_t *o = json_object(), *value;

	for (size_t i = 0; i < strv_len(names) && i < LINES_MOST; i++) {
		_cleanup_free_ char *line = line_of(w, shows, names[i]);

		add_once(&lines, line);
	}
	json_put_strv(o, "lines", lines);
	value = json_incref(json_object_get(o, "lines"));
	json_decref(o);
	return value;
}

/* The web server that the check has recognized, else the one that a person chose. */
static const char *known_server(const struct recipe_writer *w)
{
	const json_t *rules = json_object_get(w->check, "rules");

	return json_object_size(rules) == 1 ? json_object_iter_key(json_object_iter((json_t *)rules))
					    : w->cert->server_type;
}

static json_t *show_step(const struct recipe_writer *w, const struct recipe_use *u, const struct recipe_step *step)
{
	const char *hint = json_str(w->error, "hint");
	_cleanup_free_ char *text = fill(w, u, step->shows == SHOWS_HINT && hint ? hint : step->text);
	json_t *o = json_object();

	json_put_str(o, "text", text);
	json_object_set_new(o, "rules",
			    step->shows == SHOWS_RULES ? rule_list(w->request, known_server(w)) : json_null());
	json_object_set_new(o, "records", step->shows == SHOWS_RULES ? lines_of(w, u, SHOWS_RECORD) : json_null());
	json_object_set_new(o, "lines", lines_of(w, u, step->shows));
	return o;
}

static json_t *show_use(const struct recipe_writer *w, const struct recipe_use *u)
{
	json_t *o = json_object(), *steps = json_array();

	json_put_str(o, "cause", u->recipe->cause);
	json_put_str(o, "title", u->recipe->title);
	json_put_bool(o, "first", u == w->use);
	json_object_set_new(o, "steps", steps);
	for (const struct recipe_step *s = u->recipe->steps; s->text; s++)
		json_array_append_new(steps, show_step(w, u, s));
	return o;
}

static json_t *write_recipe(struct recipe_writer *w)
{
	json_t *o = json_object(), *causes = json_array();

	w->where = json_array();
	w->said = json_array();
	find_causes(w);
	json_object_set_new(o, "where", w->where);
	json_object_set_new(o, "causes", causes);
	json_object_set_new(o, "said", w->said);
	json_put_str(o, "next", w->uses ? w->use[0].recipe->next : "try");
	for (size_t i = 0; i < w->uses; i++) {
		json_array_append_new(causes, show_use(w, &w->use[i]));
		strv_free(w->use[i].names);
		strv_free(w->use[i].addresses);
	}
	return o;
}

void recipe_put(json_t *page, const struct request *r, struct txn *t, const struct rec_cert *cert)
{
	struct recipe_writer w = {
		.request = r,
		.cert = cert,
		.error = json_object_get(page, "error"),
		.check = json_object_get(page, "check"),
	};

	json_object_set_new(page, "recipe", json_null());
	if (!json_is_object(w.error) || cert->open_order || cert->disabled || cert->imported)
		return;
	rec_account_get(t, &w.account, cert->account_id ? cert->account_id : "", NULL);
	json_object_set_new(page, "recipe", write_recipe(&w));
	rec_account_release(&w.account);
}
