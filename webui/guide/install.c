#include "webui/guide/install.h"

enum install_fetch { FETCH, JAVA, WINDOWS };

static const struct install_server {
	const char *word, *label, *format;
	enum install_fetch fetch;
	const char *reload, *file, *configuration, *note;
} servers[] = {
#define SERVER(word, label, format, fetch, reload, file, configuration, note) \
	{ #word, label, format, fetch, reload, file, configuration, note },
#include "webui/guide/install.def"
#undef SERVER
};

static const struct install_server *by_word(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(servers); i++)
		if (str_eq(servers[i].word, word))
			return &servers[i];
	return NULL;
}

int install_check(const char *word, struct err *e)
{
	_cleanup_buf_ struct buf all = BUF_INIT;

	if (!word || !*word || by_word(word))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(servers); i++)
		buf_addf(&all, "%s%s", i ? ", " : "", servers[i].word);
	err_set(e, ERR_INVALID, "there is no type of server \"%.40s\"", word);
	return err_hint(e, "There are: %s.", buf_str(&all));
}

/* What stands for {dir}, {first}, {names} and {name}. */
struct install_words {
	const char *name;
	char *dir, *first, *names;
};

static void words_make(struct install_words *w, const struct rec_cert *cert)
{
	struct buf names = BUF_INIT;

	for (char **name = cert->names; name && *name; name++)
		buf_addf(&names, "%s%s", names.len ? " " : "", *name);
	w->name = cert->name;
	w->dir = xasprintf("/etc/ssl/%s", cert->name);
	w->first = xstrdup(cert->names && *cert->names ? *cert->names : cert->name);
	w->names = buf_detach(&names);
}

static void words_release(struct install_words *w)
{
	free(w->dir);
	free(w->first);
	free(w->names);
}

/* Owned. */
static char *fill(const char *text, const struct install_words *w)
{
	const struct { const char *mark, *value; } marks[] = {
		{ "{dir}", w->dir }, { "{first}", w->first }, { "{names}", w->names }, { "{name}", w->name },
	};
	struct buf out = BUF_INIT;

	while (*text) {
		const char *value = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(marks) && !value; i++)
			if (str_starts(text, marks[i].mark)) {
				value = marks[i].value;
				text += strlen(marks[i].mark);
			}
		if (value)
			buf_add_str(&out, value);
		else
			buf_add_ch(&out, *text++);
	}
	return buf_detach(&out);
}

static void fetch_by_script(struct buf *out, const struct install_words *w, const char *from, const char *key, bool staging,
			    const char *reload)
{
	buf_addf(out, "certera-fetch -s %s -n %s \\\n  -c /etc/ssl/%s.certificate.apikey \\\n", from, w->name, w->name);
	if (key)
		buf_addf(out, "  -k %s -p /etc/ssl/%s.key.apikey \\\n", key, key);
	buf_addf(out, "  -d %s -r '%s'%s\n", w->dir, reload, staging ? " -t" : "");
}

static void fetch_for_java(struct buf *out, const struct install_words *w, const char *from, bool staging, const char *reload)
{
	buf_addf(out,
		 "curl -fsS %s/api/certificate/%s \\\n"
		 "  -H \"apiKey: CERTIFICATE_API_KEY\" \\\n"
		 "  -d \"format=pfx&pfxPassword=PFX_PASSWORD%s\" |\n"
		 "  base64 -d >%s/keystore.p12.new &&\n"
		 "  mv %s/keystore.p12.new %s/keystore.p12 && %s\n",
		 from, w->name, staging ? "&staging=true" : "", w->dir, w->dir, w->dir, reload);
}

static void fetch_on_windows(struct buf *out, const struct install_words *w, const char *from, bool staging, const char *options)
{
	buf_addf(out,
		 ".\\certera-fetch.ps1 -Server %s -Name %s `\n"
		 "  -ApiKeyFile C:\\ProgramData\\Certera\\%s.apikey `\n"
		 "  %s%s\n",
		 from, w->name, w->name, options, staging ? " -Staging" : "");
}

json_t *install_show(const struct request *r, const struct rec_cert *cert, const char *key, const char *word)
{
	const struct install_server *server = by_word(word);
	_cleanup_free_ char *from = request_server(r), *reload = NULL, *file = NULL, *configuration = NULL;
	_cleanup_buf_ struct buf fetch = BUF_INIT;
	struct install_words w;
	json_t *o;

	if (!server)
		return json_null();
	words_make(&w, cert);
	reload = fill(server->reload, &w);
	file = fill(server->file, &w);
	configuration = fill(server->configuration, &w);
	if (server->fetch == FETCH)
		fetch_by_script(&fetch, &w, from, key, cert->staging, reload);
	else if (server->fetch == JAVA)
		fetch_for_java(&fetch, &w, from, cert->staging, reload);
	else
		fetch_on_windows(&fetch, &w, from, cert->staging, reload);
	o = json_object();
	json_put_str(o, "server", server->word);
	json_put_str(o, "label", server->label);
	json_put_str(o, "format", server->format);
	json_put_str(o, "fetch", buf_str(&fetch));
	json_put_str(o, "file", file);
	json_put_str(o, "configuration", *configuration ? configuration : NULL);
	json_put_str(o, "note", *server->note ? server->note : NULL);
	words_release(&w);
	return o;
}

static json_t *list_servers(const char *chosen)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
		json_t *one = json_object();

		json_put_str(one, "server", servers[i].word);
		json_put_str(one, "label", servers[i].label);
		json_put_bool(one, "chosen", str_eq(servers[i].word, chosen));
		json_array_append_new(list, one);
	}
	return list;
}

/* GET /api/v1/certificates/NAME/install: for the server it is for, or the one asked for. */
int page_cert_install(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	const char *word;
	json_t *answer, *how;

	if (admin_query(r, &query, e) < 0 || store_read(r->webui->env->store, &t, e) < 0 ||
	    admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	word = params_get(&query, "server");
	if (!word || !*word)
		word = cert.server_type && *cert.server_type ? cert.server_type : servers[0].word;
	if (body_at("server", install_check(word, e), e) < 0)
		return -1;
	if (cert.key_id && *cert.key_id)
		rec_key_get(t, &key, cert.key_id, NULL);
	answer = json_object();
	json_put_str(answer, "name", cert.name);
	json_put_bool(answer, "staging", cert.staging);
	how = install_show(r, &cert, key.name, word);
	json_object_update(answer, how);
	json_decref(how);
	json_object_set_new(answer, "servers", list_servers(word));
	return reply_json(r, 200, answer);
}
