/* certeractl import-from: read a source, have the server take it over, report. */
#include "ctl/moving/moving.h"

static const struct moving_source {
	const char *word;
	int (*read)(struct moving *, struct err *);
	const char *text;
} sources[] = {
#define SOURCE(word, read, text) { word, read, text },
#include "ctl/moving/source.def"
#undef SOURCE
};

static const struct moving_source *find_source(const char *word, struct err *e)
{
	_cleanup_buf_ struct buf known = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		if (str_eq(word, sources[i].word))
			return &sources[i];
		buf_addf(&known, "%s%s", known.len ? ", " : "", sources[i].word);
	}
	err_set(e, ERR_USAGE, "there is no program \"%.40s\" to import from; there are %s", word, buf_str(&known));
	return NULL;
}

static void wipe_member(json_t *list, const char *member)
{
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		json_t *secret = json_object_get(one, member);

		if (!secret)
			secret = json_object_get(json_object_get(one, "request"), member);
		if (json_is_string(secret))
			wipe((char *)json_string_value(secret), json_string_length(secret));
		json_object_del(one, member);
	}
}

static void moving_release(struct moving *m)
{
	wipe_member(m->accounts, "key_pem");
	wipe_member(m->certificates, "key");
	json_decref(m->accounts);
	json_decref(m->certificates);
	json_decref(m->sites);
	json_decref(m->left);
	free(m->unread);
}

/* Without what only the server was to get. */
static json_t *shown(const json_t *list)
{
	static const char *const apart[] = { "key", "chain", "request", "environment" };
	json_t *copy = json_array(), *one;
	size_t i;

	json_array_foreach ((json_t *)list, i, one) {
		json_t *plain = json_copy(one);

		for (size_t k = 0; k < ARRAY_SIZE(apart); k++)
			json_object_del(plain, apart[k]);
		json_array_append_new(copy, plain);
	}
	return copy;
}

static json_t *answer_of(const struct moving *m, bool dry_run)
{
	json_t *answer = json_object();

	json_put_bool(answer, "dry_run", dry_run);
	json_object_set_new(answer, "accounts", shown(m->accounts));
	json_object_set_new(answer, "certificates", shown(m->certificates));
	json_object_set_new(answer, "sites", shown(m->sites));
	json_object_set(answer, "left", m->left);
	return answer;
}

/* What the command line says of all accounts. */
static void set_options(struct moving *m)
{
	const char *ca_file = json_str(m->ctl->local, "ca_file");
	json_t *account;
	size_t i;

	json_array_foreach (m->accounts, i, account) {
		found_set(account, "ca_file", ca_file);
		if (json_bool(m->ctl->local, "staging", false))
			found_flag(account, "staging");
	}
}

static bool any_left(const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one)
		if (str_eq(json_str(one, "result"), "left"))
			return true;
	return false;
}

static int run(struct moving *m, const struct moving_source *source, struct err *e)
{
	bool dry_run = json_bool(m->ctl->local, "dry_run", false);
	_cleanup_json_ json_t *answer = NULL;

	if (source->read(m, e) < 0 && m->unread) {
		err_set(e, ERR_DENIED, "%s", m->unread);
		return err_hint(e, "Run it as a user who can read all of it, such as root.");
	}
	if (err_is_set(e))
		return e->hint[0] ? -1 : err_hint(e, "Give %s.", source->text);
	set_options(m);
	if (moving_take(m, e) < 0)
		return -1;
	answer = answer_of(m, dry_run);
	if (!ctl_as_json(m->ctl, answer))
		moving_report(m, dry_run);
	return m->unread || any_left(m->accounts) || any_left(m->certificates) || any_left(m->sites);
}

int run_import_from(struct ctl *ctl, json_t *none)
{
	struct err e = { 0 };
	const struct moving_source *source = find_source(ctl->args[0], &e);
	struct moving m = {
		.ctl = ctl,
		.path = ctl->args[1],
		.challenge = json_str(ctl->local, "challenge"),
		.directory = json_str(ctl->local, "directory"),
		.accounts = json_array(),
		.certificates = json_array(),
		.sites = json_array(),
		.left = json_array(),
	};
	int result = source ? run(&m, source, &e) : -1;

	moving_release(&m);
	return result < 0 ? ctl_fail(ctl, &e) : result;
}
