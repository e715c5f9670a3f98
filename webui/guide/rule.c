#include "webui/guide/rule.h"

#include "webui/page/files.h"

#define PLACEHOLDER "certera.example.org"

static const struct rule {
	const char *word, *label, *file, *load;
} rules[] = {
#define RULE(word, label, file, load) { #word, label, file, load },
#include "webui/guide/rule.def"
#undef RULE
};

static char *for_host(const char *text, const char *hostname)
{
	struct buf out = BUF_INIT;

	for (const char *at; (at = strstr(text, PLACEHOLDER)); text = at + strlen(PLACEHOLDER)) {
		buf_add(&out, text, (size_t)(at - text));
		buf_add_str(&out, hostname);
	}
	buf_add_str(&out, text);
	return buf_detach(&out);
}

static json_t *show(const struct rule *rule, const char *hostname, bool chosen)
{
	struct files own = { .directory = NULL };
	_cleanup_free_ char *file = xasprintf("contrib/redirect/%s", rule->file);
	_cleanup_free_ char *text = for_host(files_get(&own, file), hostname);
	json_t *o = json_object();

	json_put_str(o, "word", rule->word);
	json_put_str(o, "server", rule->label);
	json_put_str(o, "file", rule->file);
	json_put_str(o, "rule", text);
	json_put_str(o, "load", *rule->load ? rule->load : NULL);
	json_put_bool(o, "chosen", chosen);
	return o;
}

json_t *rule_list(const struct request *r, const char *chosen)
{
	json_t *list = json_array();
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (chosen && (str_eq(rules[i].word, chosen) || str_eq(rules[i].file, chosen)))
			at = i;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		json_array_append_new(list, show(&rules[i], r->webui->settings->hostname, i == at));
	return list;
}

/* GET /api/v1/redirects */
int page_redirects(struct request *r, struct err *e)
{
	json_t *page = json_object();

	json_object_set_new(page, "rules", rule_list(r, NULL));
	return reply_json(r, 200, page);
}
