#include "webui/guide/install.h"

#include <ctype.h>

#include "webui/cert/part.h"

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
	char *dir, *first, *names, *from;
	bool staging;
};

static void words_make(struct install_words *w, const struct request *r, const struct rec_cert *cert)
{
	struct buf names = BUF_INIT;

	for (char **name = cert->names; name && *name; name++)
		buf_addf(&names, "%s%s", names.len ? " " : "", *name);
	w->name = cert->name;
	w->from = request_server(r);
	w->staging = cert->staging;
	w->dir = xasprintf("/etc/ssl/%s", cert->name);
	w->first = xstrdup(cert->names && *cert->names ? *cert->names : cert->name);
	w->names = buf_detach(&names);
}

static void words_release(struct install_words *w)
{
	free(w->dir);
	free(w->first);
	free(w->names);
	free(w->from);
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

/*
 * Downloading.
 */

static void fetch_by_script(struct buf *out, const struct install_words *w, const struct install_keys *k,
			    const char *reload)
{
	buf_addf(out, "certera-fetch -s %s -n %s \\\n  -c /etc/ssl/%s.certificate.apikey \\\n", w->from, w->name,
		 w->name);
	buf_addf(out, "  -k %s -p /etc/ssl/%s.key.apikey \\\n", k->key_name, k->key_name);
	buf_addf(out, "  -d %s -r '%s'%s\n", w->dir, reload, w->staging ? " -t" : "");
}

/* The private key is already there, and nowhere else. */
static void fetch_certificate(struct buf *out, const struct install_words *w, const struct install_keys *k,
			      const char *reload)
{
	buf_addf(out,
		 "curl -fsS %s/api/certificate/%s%s \\\n"
		 "  -H \"apiKey: %s\" -o %s/fullchain.pem.new &&\n"
		 "  mv %s/fullchain.pem.new %s/fullchain.pem && %s\n",
		 w->from, w->name, w->staging ? "?staging=true" : "", k->certificate, w->dir, w->dir, w->dir, reload);
}

static void fetch_for_java(struct buf *out, const struct install_words *w, const struct install_keys *k,
			   const char *reload)
{
	buf_addf(out,
		 "curl -fsS %s/api/certificate/%s \\\n"
		 "  -H \"apiKey: %s\" \\\n"
		 "  -d \"format=pfx&pfxPassword=PFX_PASSWORD%s\" |\n"
		 "  base64 -d >%s/keystore.p12.new &&\n"
		 "  mv %s/keystore.p12.new %s/keystore.p12 && %s\n",
		 w->from, w->name, k->certificate, w->staging ? "&staging=true" : "", w->dir, w->dir, w->dir, reload);
}

static void fetch_on_windows(struct buf *out, const struct install_words *w, const char *options)
{
	buf_addf(out,
		 ".\\certera-fetch.ps1 -Server %s -Name %s `\n"
		 "  -ApiKeyFile C:\\ProgramData\\Certera\\%s.apikey `\n"
		 "  %s%s\n",
		 w->from, w->name, w->name, options, w->staging ? " -Staging" : "");
}

static void add_fetch(struct buf *out, const struct install_server *server, const struct install_words *w,
		      const struct install_keys *k)
{
	_cleanup_free_ char *reload = fill(server->reload, w);

	if (server->fetch == WINDOWS)
		fetch_on_windows(out, w, reload);
	else if (server->fetch == JAVA)
		fetch_for_java(out, w, k, reload);
	else if (k->key_name)
		fetch_by_script(out, w, k, reload);
	else
		fetch_certificate(out, w, k, reload);
}

/*
 * All of it, once: keys, script, and what runs it every hour.
 */

/* run-parts passes over names with other characters.  Owned. */
static char *job_name(const char *name)
{
	char *job = xasprintf("certera-%s", name);

	for (char *c = job; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
			*c = '-';
	return job;
}

static void setup_unix(struct buf *out, const struct install_server *server, const struct install_words *w,
		       const struct install_keys *k)
{
	_cleanup_free_ char *job = job_name(w->name);
	bool script = server->fetch == FETCH && k->key_name;

	buf_addf(out, "# As root on the server.  Needs curl%s.\numask 077\nmkdir -p %s\n", script ? " and openssl" : "",
		 w->dir);
	if (script)
		buf_addf(out,
			 "echo '%s' >/etc/ssl/%s.certificate.apikey\n"
			 "echo '%s' >/etc/ssl/%s.key.apikey\n"
			 "curl -fsS %s/api/deploy/certera-fetch -o /usr/local/bin/certera-fetch\n"
			 "chmod 755 /usr/local/bin/certera-fetch\n",
			 k->certificate, w->name, k->key, k->key_name, w->from);
	buf_addf(out,
		 "cat >/etc/cron.hourly/%s <<'END'\n#!/bin/sh\nPATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
		 job);
	add_fetch(out, server, w, k);
	buf_addf(out, "END\nchmod 700 /etc/cron.hourly/%s\n/etc/cron.hourly/%s\n", job, job);
}

static void setup_windows(struct buf *out, const struct install_server *server, const struct install_words *w,
			  const struct install_keys *k)
{
	buf_addf(out,
		 "# In PowerShell, as administrator.\n"
		 "New-Item -ItemType Directory -Force C:\\ProgramData\\Certera | Out-Null\n"
		 "cd C:\\ProgramData\\Certera\n"
		 "Invoke-WebRequest -UseBasicParsing %s/api/deploy/certera-fetch.ps1 -OutFile certera-fetch.ps1\n"
		 "Set-Content %s.apikey '%s'\n"
		 "icacls %s.apikey /inheritance:r /grant:r SYSTEM:R Administrators:R\n",
		 w->from, w->name, k->certificate, w->name);
	buf_addf(
		out,
		"$action = New-ScheduledTaskAction -Execute powershell.exe -Argument ('-NoProfile -ExecutionPolicy "
		"Bypass ' +\n"
		"  '-File C:\\ProgramData\\Certera\\certera-fetch.ps1 -Server %s -Name %s ' +\n"
		"  '-ApiKeyFile C:\\ProgramData\\Certera\\%s.apikey %s%s')\n"
		"$trigger = New-ScheduledTaskTrigger -Once -At (Get-Date) -RepetitionInterval (New-TimeSpan -Hours 1)\n"
		"Register-ScheduledTask 'Certera %s' -Action $action -Trigger $trigger -User SYSTEM -RunLevel Highest\n"
		"Start-ScheduledTask 'Certera %s'\n",
		w->from, w->name, w->name, server->reload, w->staging ? " -Staging" : "", w->name, w->name);
}

static json_t *show(const struct install_server *server, const struct install_words *w, const struct install_keys *k)
{
	_cleanup_free_ char *file = fill(server->file, w), *configuration = fill(server->configuration, w);
	_cleanup_buf_wipe_ struct buf fetch = BUF_INIT, setup = BUF_INIT;
	json_t *o = json_object();

	add_fetch(&fetch, server, w, k);
	if (server->fetch == WINDOWS)
		setup_windows(&setup, server, w, k);
	else
		setup_unix(&setup, server, w, k);
	json_put_str(o, "server", server->word);
	json_put_str(o, "label", server->label);
	json_put_str(o, "format", server->format);
	json_put_str(o, "fetch", buf_str(&fetch));
	json_put_str(o, "setup", buf_str(&setup));
	json_put_str(o, "file", file);
	json_put_str(o, "configuration", *configuration ? configuration : NULL);
	json_put_str(o, "note", *server->note ? server->note : NULL);
	return o;
}

json_t *install_show(const struct request *r, const struct rec_cert *cert, const char *key, const char *word)
{
	const struct install_keys none = { key, "CERTIFICATE_API_KEY", "KEY_API_KEY" };
	const struct install_server *server = by_word(word);
	struct install_words w;
	json_t *o;

	if (!server)
		return json_null();
	words_make(&w, r, cert);
	o = show(server, &w, &none);
	words_release(&w);
	return o;
}

json_t *install_all(const struct request *r, const struct rec_cert *cert, const struct install_keys *keys)
{
	struct install_words w;
	json_t *list = json_array();
	size_t chosen = 0;

	words_make(&w, r, cert);
	for (size_t i = 0; i < ARRAY_SIZE(servers); i++)
		if (str_eq(servers[i].word, cert->server_type))
			chosen = i;
	for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
		json_t *one = show(&servers[i], &w, keys);

		json_put_bool(one, "chosen", i == chosen);
		json_array_append_new(list, one);
	}
	words_release(&w);
	return list;
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

/* The name at whose address it is, if a check has seen that; NULL: none. */
static const char *name_at(const json_t *list, const char *address)
{
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one)
		if (address && str_eq(json_str(one, "address"), address))
			return json_str(one, "name");
	return NULL;
}

/* Who has downloaded it: by name, where we know that; and whether nobody has the version in force. */
static void put_readers(json_t *page, struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_check_release) struct rec_check check = { 0 };
	_cleanup_json_ json_t *report = NULL;
	const json_t *addresses;
	json_t *one;
	bool waits = true;
	size_t i;

	admin_put_live(page, t, cert);
	admin_put_consumers(page, t, cert->id, cert->current);
	addresses = json_object_get(json_object_get(page, "live"), "addresses");
	if (rec_check_get(t, &check, cert->id, NULL) == 0 && check.report && *check.report)
		report = json_read(check.report, strlen(check.report), NULL);
	json_array_foreach (json_object_get(page, "consumers"), i, one) {
		const char *address = json_str(one, "address"), *name = name_at(addresses, address);

		json_put_str(one, "host", name ? name : name_at(json_object_get(report, "probes"), address));
		waits &= json_bool(one, "behind", true);
	}
	json_put_bool(page, "waits_for_download", waits && cert->current);
}

/* GET /api/v1/certificates/NAME/install: for the server it is for, or the one asked for. */
int page_cert_install(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_json_ json_t *answer = NULL, *how = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	const char *word;

	if (admin_query(r, &query, e) < 0 || store_read(r->webui->env->store, &t, e) < 0 ||
	    admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	word = params_get(&query, "server");
	if (!word || !*word)
		word = cert.server_type && *cert.server_type ? cert.server_type : servers[0].word;
	if (body_at("server", install_check(word, e), e) < 0)
		return -1;
	answer = admin_show_one_cert(t, &cert);
	part_put(answer, r, t, &cert, "install");
	put_readers(answer, t, &cert);
	json_object_set_new(answer, "deploy", admin_show_deploy(r, t, &cert));
	how = install_show(r, &cert, json_str(answer, "key"), word);
	json_object_update(answer, how);
	json_object_set_new(answer, "servers", list_servers(word));
	return reply_json(r, 200, TAKE(answer));
}
