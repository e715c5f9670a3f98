#include "daemon/challenge/txt.h"

#include <libpsl.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "daemon/hook/hook_script.h"
#include "pki/identifier.h"
#include "store/hooks.h"

#define ACCOUNT_BYTES 10	/* of the digest of the account's URL */

struct txt_run {
	struct engine *engine;
	struct rec_txt txt;
	bool set;
	hook_cb *cb;
	void *arg;
	struct keeper_question *question;
	struct hook *hook;
	struct timer timer;
	struct err refusal;
};

char *txt_record(const char *type, const char *account_url, const char *name)
{
	_cleanup_buf_ struct buf label = BUF_INIT;
	unsigned char digest[SHA256_SIZE];

	if (str_eq(type, "dns-01"))
		return xasprintf(TXT_LABEL ".%s", identifier_base(name));
	if (!str_eq(type, "dns-account-01"))
		return NULL;
	sha256(account_url, strlen(account_url), digest);
	base32_add(&label, digest, ACCOUNT_BYTES);
	return xasprintf("_%s." TXT_LABEL ".%s", buf_str(&label), identifier_base(name));
}

char *txt_value(const char *key_auth)
{
	return sha256_text(key_auth);
}

void txt_split(const char *full_record, char **record, char **domain)
{
	const char *label = strstr(full_record, TXT_LABEL ".");
	const char *below = label ? label + strlen(TXT_LABEL ".") : full_record;
	const psl_ctx_t *psl = psl_builtin();
	const char *registrable = psl ? psl_registrable_domain(psl, below) : NULL;
	size_t rest;

	/* A public suffix itself is registrable enough for who has it. */
	if (!registrable)
		registrable = below;
	rest = strlen(full_record) - strlen(registrable);
	*record = rest ? xstrndup(full_record, rest - 1) : xstrdup("@");
	*domain = xstrdup(registrable);
}

static const struct {
	const char *placeholder, *variable;
	size_t offset;
} words[] = {
	{ "Action",      "CERTERA_ACTION",      offsetof(struct txt_words, action) },
	{ "FullRecord",  "CERTERA_FULL_RECORD", offsetof(struct txt_words, full_record) },
	{ "Subject",     "CERTERA_SUBJECT",     offsetof(struct txt_words, subject) },
	{ "Domain",      "CERTERA_DOMAIN",      offsetof(struct txt_words, domain) },
	{ "Record",      "CERTERA_RECORD",      offsetof(struct txt_words, record) },
	{ "Value",       "CERTERA_VALUE",       offsetof(struct txt_words, value) },
	{ "Zone",        "CERTERA_ZONE",        offsetof(struct txt_words, zone) },
	{ "Certificate", "CERTERA_CERTIFICATE", offsetof(struct txt_words, certificate) },
	{ NULL,          "CERTBOT_DOMAIN",      offsetof(struct txt_words, subject) },
	{ NULL,          "CERTBOT_VALIDATION",  offsetof(struct txt_words, value) },
};

static const char *word_at(const struct txt_words *of, size_t i)
{
	const char *word = *(const char *const *)((const char *)of + words[i].offset);

	return word ? word : "";
}

static const char *word_for(const struct txt_words *of, const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].placeholder && strlen(words[i].placeholder) == len &&
		    !strncmp(words[i].placeholder, name, len))
			return word_at(of, i);
	return NULL;
}

int txt_expand(const struct txt_words *of, const char *text, struct buf *out, struct err *e)
{
	const char *open, *close;

	while ((open = strstr(text, "{{")) && (close = strstr(open, "}}"))) {
		const char *word = word_for(of, open + 2, (size_t)(close - open) - 2);

		if (!word) {
			err_set(e, ERR_INVALID, "there is no placeholder %.*s", (int)MIN(close + 2 - open, 60), open);
			return err_hint(e, "certera.yaml(5) lists those there are, at hooks.arguments.");
		}
		buf_add(out, text, (size_t)(open - text));
		buf_add_str(out, word);
		text = close + 2;
	}
	buf_add_str(out, text);
	buf_add(out, "", 0);
	return 0;
}

void txt_environment(const struct txt_words *of, char ***environment)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		_cleanup_free_ char *line = xasprintf("%s=%s", words[i].variable, word_at(of, i));

		hook_put_line(environment, line);
	}
}

/*
 * All values a record shall have: those of every order that still needs them.
 */

struct wanted {
	const struct rec_txt *txt;
	struct buf values;
};

static int add_value(void *arg, void *rec, struct err *e)
{
	struct wanted *w = arg;
	const struct rec_txt *other = rec;

	if (str_eq(other->record, w->txt->record) && !str_eq(other->value, w->txt->value) && other->done)
		buf_addf(&w->values, "%s%s", w->values.len ? " " : "", other->value);
	return 0;
}

/* Owned; NULL: the store failed, and without those of others these would be removed. */
static char *all_values(struct engine *g, const struct rec_txt *txt, bool set, struct err *e)
{
	struct wanted w = { .txt = txt };
	_cleanup_txn_ struct txn *t = NULL;

	if (set)
		buf_add_str(&w.values, txt->value);
	if (store_read(g->store, &t, e) < 0 || record_each(t, &rec_txt_type, NULL, false, add_value, &w, e) < 0) {
		buf_release(&w.values);
		return NULL;
	}
	buf_add(&w.values, "", 0);
	return buf_detach(&w.values);
}

/*
 * Running.
 */

static void run_free(struct txt_run *run)
{
	timer_stop(&run->timer);
	rec_txt_release(&run->txt);
	free(run);
}

void txt_cancel(struct txt_run *run)
{
	if (run->question)
		keeper_cancel(run->question);
	if (run->hook)
		hook_cancel(run->hook);
	run_free(run);
}

static void txt_ended(void *arg, const struct hook_end *end)
{
	struct txt_run *run = arg;

	run->cb(run->arg, end);
	run_free(run);
}

static void txt_refused(void *arg)
{
	struct txt_run *run = arg;

	txt_ended(run, &(struct hook_end){ .err = &run->refusal, .output = "" });
}

static void txt_refuse(struct txt_run *run)
{
	timer_start(&run->timer, run->engine->loop, 0, txt_refused, run);
}

static char **expand_all(const struct txt_words *of, const char *arguments, struct err *e)
{
	_cleanup_strv_ char **args = hook_split(arguments, e), **expanded = NULL;

	for (char **arg = args; arg && *arg; arg++) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		if (txt_expand(of, *arg, &text, e) < 0)
			return NULL;
		strv_add(&expanded, buf_str(&text));
	}
	if (args && !expanded)
		expanded = xcalloc(1, sizeof(*expanded));
	return args ? TAKE(expanded) : NULL;
}

/* Those it has when the script starts: others may have come since it was called for. */
static int txt_prepare(void *arg, char ***environment, struct err *e)
{
	struct txt_run *run = arg;
	_cleanup_free_ char *values = all_values(run->engine, &run->txt, run->set, e), *line = NULL;

	if (!values)
		return err_prefix(e, "reading the values of %s", run->txt.record);
	line = xasprintf("CERTERA_VALUES=%s", values);
	hook_put_line(environment, line);
	return 0;
}

static bool is_same(const char *stored, const char *configured)
{
	return str_eq(stored ? stored : "", configured);
}

/* Those of a former release do not say who chose the scripts: what is as configured, an administrator did. */
static int check_chosen(const struct rec_txt *txt, const struct config *config, struct err *e)
{
	const char *cleanup = *config->hooks_cleanup ? config->hooks_cleanup : config->hooks_set;

	if (txt->confirmed || (!txt->environment.len && is_same(txt->hook_set, config->hooks_set) &&
			       is_same(txt->hook_cleanup, cleanup) && is_same(txt->arguments, config->hooks_arguments)))
		return 0;
	return hooks_refuse(e);
}

/* own: the certificate's lines, or NULL. */
static int txt_start(struct txt_run *run, const char *own, struct err *e)
{
	const struct config *config = run->engine->config;
	const struct rec_txt *txt = &run->txt;
	_cleanup_free_ char *record = NULL, *domain = NULL;
	_cleanup_strv_ char **environment = NULL, **secrets = NULL, **args = NULL;
	struct txt_words of = {
		.action = run->set ? "set" : "cleanup", .full_record = txt->record, .subject = txt->subject,
		.value = txt->value, .zone = txt->zone, .certificate = txt->cert,
	};
	int failed;

	txt_split(txt->record, &record, &domain);
	of.record = record;
	of.domain = domain;
	failed = check_chosen(txt, config, e) < 0 ||
		 !(args = expand_all(&of, txt->arguments ? txt->arguments : "", e)) ||
		 hook_environment(config->hooks_environment, own, &environment, &secrets, e) < 0;
	if (!failed) {
		txt_environment(&of, &environment);
		run->hook = hook_start(run->engine->hooks, &(struct hook_call){
			.script = run->set ? txt->hook_set : txt->hook_cleanup,
			.args = args, .environment = environment, .secrets = secrets, .lane = txt->record,
			.prepare = txt_prepare, .timeout = config->hooks_timeout, .at_once = (int)config->hooks_at_once,
		}, txt_ended, run);
	}
	hook_wipe_lines(environment);
	hook_wipe_lines(secrets);
	return failed ? -1 : 0;
}

static void txt_opened(void *arg, const struct keeper_answer *a)
{
	struct txt_run *run = arg;

	run->question = NULL;
	if (a->err) {
		run->refusal = *a->err;
		err_prefix(&run->refusal, "opening the environment of its hooks");
		txt_refuse(run);
	} else if (txt_start(run, a->field[0].data, &run->refusal) < 0) {
		txt_refuse(run);
	}
}

struct txt_run *txt_run(struct engine *g, const struct rec_txt *txt, bool set, hook_cb *cb, void *arg)
{
	struct txt_run *run = xcalloc(1, sizeof(*run));
	_cleanup_buf_ struct buf copy = BUF_INIT;

	record_encode(&rec_txt_type, txt, &copy);
	if (record_decode(&rec_txt_type, &run->txt, slice_buf(&copy), NULL) < 0)
		die("a record does not read back");
	run->engine = g;
	run->set = set;
	run->cb = cb;
	run->arg = arg;
	if (txt->environment.len)
		run->question = KEEPER_ASK(g->keeper, open, -1, txt_opened, run, slice_str(txt->cert_id),
					   slice_buf(&txt->environment));
	else if (txt_start(run, NULL, &run->refusal) < 0)
		txt_refuse(run);
	return run;
}

/*
 * Removing.
 */

static int txt_collect(void *arg, void *rec, struct err *e)
{
	const struct rec_txt *txt = rec;

	strv_add(arg, txt->id);
	return 0;
}

int txt_discard(struct txn *t, const char *owner, struct err *e)
{
	_cleanup_free_ char *prefix = xasprintf("%s/", owner);
	_cleanup_strv_ char **ids = NULL;

	if (record_each(t, &rec_txt_type, prefix, false, txt_collect, &ids, e) < 0)
		return -1;
	for (size_t i = 0; i < strv_len(ids); i++)
		if (agenda_set(t, AGENDA_cleanup, ids[i], clock_now(), e) < 0)
			return -1;
	return 0;
}
