#include "acme/acme.h"

#include "acme/ca.h"
#include "acme/link.h"
#include "base/clock.h"
#include "base/words.h"

#define TIMEOUT_MS 30000
#define DIRECTORY_REDIRECTS 3
#define PROFILES_MAX 50

/* The resources we use; a directory without one of them is none. */
static const char *const required[] = { "newNonce", "newAccount", "newOrder" };

struct acme *acme_new(const struct acme_env *env, const char *directory, const char *ca_file)
{
	struct acme *a = xcalloc(1, sizeof(*a));

	a->env = *env;
	a->url = xstrdup(directory);
	a->ca_file = ca_file ? xstrdup(ca_file) : NULL;
	TAILQ_INIT(&a->waiters);
	return a;
}

void acme_free(struct acme *a)
{
	if (!a)
		return;
	if (a->fetch)
		fetch_cancel(a->fetch);
	while (a->nonces)
		free(a->nonce[--a->nonces]);
	json_decref(a->directory);
	free(a->ca_file);
	free(a->url);
	free(a);
}

void acme_set_limits(struct acme *a, int timeout_ms, int patience_ms)
{
	a->env.timeout_ms = timeout_ms;
	a->env.patience_ms = patience_ms;
}

int ca_timeout_ms(const struct acme *a)
{
	return a->env.timeout_ms > 0 ? a->env.timeout_ms : TIMEOUT_MS;
}

int ca_patience_ms(const struct acme *a, int seconds)
{
	return a->env.patience_ms > 0 ? MIN(a->env.patience_ms, seconds * 1000) : seconds * 1000;
}

/* The directory. */

static int check_directory(const struct acme *a, const json_t *directory, struct err *e)
{
	_cleanup_buf_ struct buf missing = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(required); i++)
		if (!link_usable(json_str(directory, required[i])))
			buf_addf(&missing, "%s%s", missing.len ? ", " : "", required[i]);
	if (!missing.len)
		return 0;
	err_set(e, ERR_PROTOCOL, "%s: the directory has no https URL for %s", a->url, buf_str(&missing));
	return err_hint(e, "Is this the URL of an ACME directory? Open it in a browser to see what it is.");
}

static void put_words(json_t *obj, const char *key, const json_t *said)
{
	_cleanup_free_ char *words = words_line(json_string_value(said), LINK_MAX);
	_cleanup_free_ char *name = words_line(key, WORDS_SOME);

	json_put_str(obj, name, words ? words : "");
}

/* Of its meta, what people see is made fit for that: the terms, which may be a data: URL, and its profiles. */
static void make_meta_fit(json_t *meta)
{
	const json_t *terms = json_object_get(meta, "termsOfService"), *profiles = json_object_get(meta, "profiles");
	json_t *fit = json_object(), *said;
	const char *name;

	json_object_foreach ((json_t *)profiles, name, said)
		if (json_object_size(fit) < PROFILES_MAX)
			put_words(fit, name, said);
	if (json_is_string(terms))
		put_words(meta, "termsOfService", terms);
	if (json_is_object(meta))
		json_object_set(meta, "profiles", fit);
	json_decref(fit);
}

static json_t *read_directory(const struct acme *a, const struct fetch_reply *f, struct err *e)
{
	json_t *directory;

	if (f->err) {
		*e = *f->err;
		err_prefix(e, "reading the directory %s", a->url);
		return NULL;
	}
	if (f->status != 200) {
		/* a server in trouble is worth another try, a wrong URL is not */
		err_set(e, f->status >= 500 ? ERR_NETWORK : ERR_PROTOCOL, "%s: the directory cannot be read: status %d",
			a->url, f->status);
		return NULL;
	}
	directory = json_read(f->body, f->body_len, e);
	if (!directory) {
		err_prefix(e, "%s: the directory cannot be read", a->url);
		e->kind = ERR_PROTOCOL;
		return NULL;
	}
	if (check_directory(a, directory, e) < 0) {
		json_decref(directory);
		return NULL;
	}
	make_meta_fit(json_object_get(directory, "meta"));
	return directory;
}

static void directory_fetched(void *arg, const struct fetch_reply *f)
{
	struct acme *a = arg;
	struct ca_waiter *w;
	struct err err = { 0 };

	a->fetch = NULL;
	json_decref(a->directory);
	a->directory = read_directory(a, f, &err);
	a->outside = f->outside;
	a->directory_until = clock_mono_ms() + CA_DIRECTORY_MS;

	while ((w = TAILQ_FIRST(&a->waiters))) {
		ca_unwait(a, w);
		w->fn(w->arg, a->directory ? NULL : &err);
	}
}

bool ca_ready(struct acme *a, struct ca_waiter *w)
{
	if (a->directory && clock_mono_ms() < a->directory_until)
		return true;
	if (!a->fetch) {
		struct fetch_request q = {
			.url = a->url,
			.ca_file = a->ca_file,
			.timeout_ms = ca_timeout_ms(a),
			.max_redirects = DIRECTORY_REDIRECTS,
			.at_once = true,
		};
		a->fetch = fetch_start(a->env.fetcher, &q, directory_fetched, a);
	}
	if (!w->waiting)
		TAILQ_INSERT_TAIL(&a->waiters, w, link);
	w->waiting = true;
	return false;
}

void ca_unwait(struct acme *a, struct ca_waiter *w)
{
	if (w->waiting)
		TAILQ_REMOVE(&a->waiters, w, link);
	w->waiting = false;
}

const char *ca_url(const struct acme *a, const char *resource)
{
	return json_str(a->directory, resource);
}

const json_t *ca_meta(const struct acme *a)
{
	return json_object_get(a->directory, "meta");
}

bool acme_offers(const struct acme *a, const char *resource)
{
	return link_usable(json_str(a->directory, resource));
}

const json_t *acme_profiles(const struct acme *a)
{
	const json_t *profiles = json_object_get(ca_meta(a), "profiles");

	return json_object_size(profiles) ? profiles : NULL;
}

const json_t *acme_meta(const struct acme *a)
{
	return ca_meta(a);
}

const char *acme_terms(const struct acme *a)
{
	return json_str(ca_meta(a), "termsOfService");
}

void ca_forget(struct acme *a)
{
	a->directory_until = 0;
}
