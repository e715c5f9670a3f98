/* CAs to choose from, and what the form of an account has for each. */
#include "webui/http/handler.h"

static const struct choose_ca {
	const char *name, *text, *terms;
	bool staging, binding;
} cas[] = {
#define CA(name, text, directory, staging, binding, terms) { name, text, terms, staging, binding },
#include "webui/ca.def"
#undef CA
	{ CHOICES_OTHER_CA, "A different CA", "", false, false },
};

/* Of some the row above says it. */
static const char *terms_of(const struct choose_ca *ca)
{
	while (!ca->terms && ca > cas)
		ca--;
	return ca->terms && *ca->terms ? ca->terms : NULL;
}

static bool is_other(const struct choose_ca *ca)
{
	return str_eq(ca->name, CHOICES_OTHER_CA);
}

static const char *note_of(const struct choose_ca *ca)
{
	if (is_other(ca))
		return "by the URL of its ACME directory, also a private CA";
	if (ca->binding)
		return "needs a key identifier and a MAC key from your account there";
	return ca->staging ? "for tests: browsers do not trust its certificates, its rate limits are high" :
			     "free, needs no registration";
}

static json_t *show(const struct choose_ca *ca, const char *before)
{
	_cleanup_free_ char *path = xasprintf("%s%s", before, ca->name);
	json_t *o = json_object();

	json_put_str(o, "word", ca->name);
	json_put_str(o, "text", ca->text);
	json_put_str(o, "note", note_of(ca));
	json_put_str(o, "terms", terms_of(ca));
	json_put_bool(o, "staging", ca->staging);
	json_put_str(o, "path", path);
	return o;
}

static const struct choose_ca *find_ca(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(cas); i++)
		if (str_eq(cas[i].name, word))
			return &cas[i];
	return NULL;
}

/* What the form begins with. */
static void put_form(json_t *page, struct txn *t, const struct choose_ca *ca)
{
	_cleanup_(rec_account_release) struct rec_account there = { 0 };
	bool named = !is_other(ca) && rec_account_by_name(t, &there, ca->name, &(struct err){ 0 }) < 0;
	json_t *form = json_object();

	json_put_str(form, "ca", is_other(ca) ? "" : ca->name);
	json_put_str(form, "name", named ? ca->name : "");
	json_object_set_new(page, "account_form", form);
}

json_t *choices_put_kind(json_t *page, const char *before, const char *word)
{
	const struct choose_ca *ca = find_ca(word);
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(cas); i++)
		json_array_append_new(list, show(&cas[i], before));
	json_object_set_new(page, "cas", list);
	json_put_str(page, "binding", !ca ? NULL : is_other(ca) ? "optional" : ca->binding ? "required" : "none");
	json_put_bool(page, "other", ca && is_other(ca));
	return ca ? show(ca, before) : json_null();
}

const char *choices_first_ca(void)
{
	return cas[0].name;
}

void choices_put_cas(json_t *page, struct txn *t, const char *before, const char *word)
{
	const struct choose_ca *ca = find_ca(word);

	json_object_set_new(page, "ca", choices_put_kind(page, before, word));
	if (ca)
		put_form(page, t, ca);
}
