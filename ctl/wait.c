/* --wait: follow what was started, with its steps, until it ends. */
#include "ctl/ctl.h"

#include <unistd.h>

#include "base/clock.h"

#define BAR 24
#define LONG_WAIT 60		/* seconds */

void ctl_put_error(const json_t *of, struct err *e)
{
	const json_t *error = json_object_get(of, "error");

	if (json_is_object(error))
		json_problem_read(error, e);
	if (!err_is_set(e))
		err_set(e, ERR_CA, "the request failed");
}

/* What the person sees while an order runs: a line that changes on a terminal, else a line a step. */
struct progress {
	bool terminal;
	char *shown;
};

static void show_progress(struct progress *p, const json_t *order, const char *waiting)
{
	const char *activity = json_str(order, "activity") ? json_str(order, "activity") : "waiting for its turn";
	int64_t done = json_int(order, "position", 0);
	int64_t all = MAX(json_int(order, "positions", 1), 1);

	if (waiting && *waiting)
		activity = waiting;
	if (str_eq(activity, p->shown))
		return;
	free(p->shown);
	p->shown = xstrdup(activity);
	if (!p->terminal) {
		fprintf(stderr, "%s\n", activity);
		return;
	}
	fputs("\r\033[K[", stderr);
	for (int i = 0; i < BAR; i++)
		fputc(i < BAR * done / all ? '#' : '-', stderr);
	fprintf(stderr, "] %s", activity);
}

static void end_progress(struct progress *p)
{
	if (p->terminal && p->shown)
		fputs("\r\033[K", stderr);
	free(p->shown);
}

/* Until a time that is not near, it waits without us. */
static bool waits_long(const json_t *cert, struct err *e)
{
	const char *why = json_str(cert, "waits_for"), *until = json_str(cert, "retry_at");
	int64_t t;

	if (!why || !*why || !until || clock_parse_rfc3339(until, &t) < 0 || t <= clock_now() + LONG_WAIT)
		return false;
	err_set(e, ERR_LATER, "%s waits for %s", json_str(cert, "name"), why);
	err_hint(e, "Certera continues automatically at %s. See certeractl cert show %s.", until,
		 json_str(cert, "name"));
	return true;
}

/* An order that met a limit of the CA has ended, too, but that is no failure: another one follows. */
static bool attempt_failed(const json_t *cert, bool ended, int64_t failures)
{
	if (json_int(cert, "failures", 0) > failures)
		return ended || !json_int(cert, "open_order", 0);
	return ended && json_bool(cert, "disabled", false);
}

/*
 * Follows a certificate until order number `wanted` (or a later one) has ended, or an attempt failed
 * before it had an order, or it is known to wait for long.  Returns the certificate as it is then, NULL with e on
 * failure.
 */
static json_t *follow(struct ctl *ctl, const char *path, int64_t wanted, int64_t failures, struct err *e)
{
	struct progress p = { .terminal = isatty(STDERR_FILENO) && !ctl->as_json };
	json_t *cert = NULL;

	for (;; ctl_pause()) {
		const json_t *order;
		const char *result;
		bool ended, failed;

		json_decref(cert);
		cert = ctl_request(ctl, "GET", path, NULL, e);
		if (!cert)
			break;
		order = json_object_get(cert, "order");
		result = json_str(order, "result");
		ended = json_int(cert, "orders", 0) >= wanted && !str_eq(result, "open") && !str_eq(result, "replaced");
		if (ended && str_eq(result, "issued"))
			break;
		if (!ended && json_bool(cert, "waiting", false) && !json_bool(cert, "verify", false))
			break;	/* for a person */
		failed = attempt_failed(cert, ended, failures);
		if (failed || waits_long(cert, e)) {
			if (failed)
				ctl_put_error(cert, e);
			json_decref(cert);
			cert = NULL;
			break;
		}
		if (!ctl->as_json)
			show_progress(&p, json_int(cert, "orders", 0) >= wanted ? order : NULL,
				      json_str(cert, "waits_for"));
	}
	end_progress(&p);
	return cert;
}

/* Number of the order that does what was wished: the one under way, unless that began before something was changed. */
static int64_t order_of_wish(const json_t *cert)
{
	int64_t open = json_int(cert, "open_order", 0), kept = json_int(cert, "kept_order", 0);

	if (open && !json_bool(cert, "wanted", false))
		return open;
	return !open && kept ? kept : json_int(cert, "orders", 0) + 1;
}

json_t *wait_order(struct ctl *ctl, const json_t *cert, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/certificates/%s?staging=%s", json_str(cert, "name"),
					      json_bool(cert, "staging", false) ? "true" : "false");

	return follow(ctl, path, order_of_wish(cert), json_int(cert, "failures", 0), e);
}

static void say_ordered(const char *name, const json_t *cert)
{
	bool open = json_int(cert, "open_order", 0);

	if (!open)
		printf("%s is ordered", name);
	else if (json_bool(cert, "wanted", false))
		printf("%s is ordered after the order in progress, which began before the last change", name);
	else
		printf("An order of %s is already in progress", name);
	printf("; see certeractl cert show %s.\n", name);
}

/* Those of a new key are in the first answer only. */
static void keep_api_keys(json_t *cert, const json_t *answer)
{
	json_t *keys = json_object_get(answer, "key_api_keys");

	if (cert && keys)
		json_object_set(cert, "key_api_keys", keys);
}

int wait_cert(struct ctl *ctl, json_t *answer)
{
	_cleanup_json_ json_t *cert = NULL;
	struct err e = { 0 };

	if (json_bool(answer, "dry_run", false))
		return show_dry_run(ctl, answer);

	if (!json_bool(ctl->local, "wait", false)) {
		if (!ctl_as_json(ctl, answer))
			say_ordered(ctl->args[0], answer);
		return 0;
	}
	cert = wait_order(ctl, answer, &e);
	keep_api_keys(cert, answer);
	return cert ? show_cert(ctl, cert) : ctl_fail(ctl, &e);
}

static void show_check(const json_t *check)
{
	const json_t *probe, *rule;
	const char *server;
	size_t i;

	json_array_foreach(json_object_get(check, "probes"), i, probe)
		printf("%-11s %s%s%s: %s\n", json_str(probe, "result"), json_str(probe, "name"),
		       json_str(probe, "address") ? " " : "",
		       json_str(probe, "address") ? json_str(probe, "address") : "", json_str(probe, "says"));
	if (json_str(check, "warning"))
		printf("\nWarning: %s\n", json_str(check, "warning"));
	json_object_foreach(json_object_get(check, "rules"), server, rule)
		printf("\n%s:\n\n%s", server, json_string_value(rule));
}

/* Follows the check that was started, and shows what it found. */
/* The check when it has ended; NULL with e. */
static json_t *await_check(struct ctl *ctl, const char *path, json_t *answer, struct err *e)
{
	json_t *now = json_incref(answer);

	while (now && str_eq(json_str(now, "state"), "open")) {
		ctl_pause();
		json_decref(now);
		now = ctl_request(ctl, "GET", path, NULL, e);
	}
	return now;
}

int wait_check(struct ctl *ctl, json_t *answer)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/certificates/%s/check?staging=%s", json_str(answer, "name"),
					      json_bool(answer, "staging", false) ? "true" : "false");
	struct err e = { 0 };
	_cleanup_json_ json_t *now = await_check(ctl, path, answer, &e);

	if (!now)
		return ctl_fail(ctl, &e);
	if (!ctl_as_json(ctl, now))
		show_check(now);
	if (!str_eq(json_str(now, "state"), "failed"))
		return 0;
	ctl_put_error(now, &e);
	return ctl->as_json ? err_exit_code(e.kind) : ctl_fail(ctl, &e);
}

/* The check of those names of a plan that are proved by web servers, when it has ended; NULL: there are none, or e. */
static json_t *check_planned(struct ctl *ctl, const json_t *plan, struct err *e)
{
	_cleanup_json_ json_t *body = json_pack("{s:[]}", "names"), *check = NULL;
	_cleanup_free_ char *path = NULL;
	const json_t *proof;
	size_t i;

	json_array_foreach (json_object_get(plan, "proofs"), i, proof)
		if (str_eq(json_str(proof, "challenge"), "http-01"))
			json_array_append(json_object_get(body, "names"), json_object_get(proof, "name"));
	if (!json_array_size(json_object_get(body, "names")))
		return NULL;
	check = ctl_request(ctl, "POST", "/api/v1/checks", body, e);
	path = xasprintf("/api/v1/checks/%s", json_str(check, "id") ? json_str(check, "id") : "");
	return check ? await_check(ctl, path, check, e) : NULL;
}

/* What a dry run says, and with --preflight what the web servers do. */
static int wait_dry_run(struct ctl *ctl, json_t *plan)
{
	struct err e = { 0 };
	_cleanup_json_ json_t *check = json_bool(ctl->local, "preflight", false) ? check_planned(ctl, plan, &e) : NULL;

	if (err_is_set(&e))
		return ctl_fail(ctl, &e);
	if (check)
		json_object_set(plan, "check", check);
	show_dry_run(ctl, plan);
	if (check && !ctl->as_json)
		show_check(check);
	if (!str_eq(json_str(check, "state"), "failed"))
		return 0;
	ctl_put_error(check, &e);
	return ctl->as_json ? err_exit_code(e.kind) : ctl_fail(ctl, &e);
}

/* With its order, its version and what else "cert show" has. */
static char *cert_path(const json_t *cert)
{
	return xasprintf("/api/v1/certificates/%s?staging=%s", json_str(cert, "name"),
			 json_bool(cert, "staging", false) ? "true" : "false");
}

int show_as_it_is(struct ctl *ctl, json_t *answer)
{
	_cleanup_free_ char *path = cert_path(answer);
	struct err e = { 0 };
	_cleanup_json_ json_t *cert = ctl_request(ctl, "GET", path, NULL, &e);

	if (!cert)
		return ctl_fail(ctl, &e);
	json_object_set_new(cert, "ordered", json_boolean(json_bool(answer, "ordered", false)));
	keep_api_keys(cert, answer);
	return show_cert(ctl, cert);
}

int show_canceled(struct ctl *ctl, json_t *answer)
{
	_cleanup_free_ char *path = cert_path(answer);
	_cleanup_json_ json_t *cert = json_incref(answer);
	struct err e = { 0 };

	while (cert && json_int(cert, "open_order", 0)) {
		ctl_pause();
		json_decref(cert);
		cert = ctl_request(ctl, "GET", path, NULL, &e);
	}
	return cert ? show_as_it_is(ctl, cert) : ctl_fail(ctl, &e);
}

/* The API keys of a new key are shown before the wait, as "cert add" does. */
int wait_cert_set(struct ctl *ctl, json_t *answer)
{
	if (json_bool(answer, "dry_run", false))
		return show_dry_run(ctl, answer);
	if (!ctl->as_json)
		print_key_changed(answer);
	if (json_bool(answer, "ordered", false) && json_bool(ctl->local, "wait", false))
		return wait_cert(ctl, answer);
	return show_as_it_is(ctl, answer);
}

/* The API keys are shown before the wait: they are shown only once, whatever becomes of the order. */
int wait_cert_added(struct ctl *ctl, json_t *answer)
{
	const json_t *added = json_object_get(answer, "certificate");
	_cleanup_json_ json_t *cert = NULL;
	struct err e = { 0 };

	if (json_bool(answer, "dry_run", false))
		return wait_dry_run(ctl, answer);
	if (!ctl->as_json)
		print_added(answer);
	if (json_bool(ctl->local, "wait", false) && !json_bool(ctl->local, "no_issue", false)) {
		cert = wait_order(ctl, added, &e);
		if (!cert) {
			ctl_as_json(ctl, answer);
			return ctl_fail(ctl, &e);
		}
		json_object_set(answer, "certificate", cert);
		if (!ctl->as_json)
			return putchar('\n'), show_cert(ctl, cert);
	}
	ctl_as_json(ctl, answer);
	return 0;
}

/* Waits until what is published was looked at; then as "cert issue". */
int wait_verified(struct ctl *ctl, json_t *answer)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/certificates/%s?staging=%s", json_str(answer, "name"),
					      json_bool(answer, "staging", false) ? "true" : "false");
	_cleanup_json_ json_t *cert = json_incref(answer);
	struct err e = { 0 };

	if (json_bool(ctl->local, "wait", false)) {
		json_decref(cert);
		cert = follow(ctl, path, json_int(answer, "open_order", 0), json_int(answer, "failures", 0), &e);
	}
	while (cert && json_bool(cert, "waiting", false) && json_bool(cert, "verify", false)) {
		ctl_pause();
		json_decref(cert);
		cert = ctl_request(ctl, "GET", path, NULL, &e);
	}
	if (!cert)
		return ctl_fail(ctl, &e);
	if (json_bool(cert, "waiting", false) && !json_bool(cert, "verify", false)) {
		ctl_put_error(json_object_get(cert, "order"), &e);
		return ctl_fail(ctl, &e);
	}
	return show_cert(ctl, cert);
}

/* Until the order was looked at once more, or goes on. */
int wait_looked(struct ctl *ctl, json_t *answer)
{
	_cleanup_free_ char *path = cert_path(answer);
	int64_t before = json_int(answer, "looks", 0);
	struct err e = { 0 };
	_cleanup_json_ json_t *cert = ctl_request(ctl, "GET", path, NULL, &e);

	while (cert && json_bool(cert, "waiting", false) &&
	       json_int(json_object_get(cert, "order"), "looks", 0) <= before) {
		ctl_pause();
		json_decref(cert);
		cert = ctl_request(ctl, "GET", path, NULL, &e);
	}
	return cert ? show_cert(ctl, cert) : ctl_fail(ctl, &e);
}

/* A line of the trial's history as it appears, until it has ended. */
int wait_trial(struct ctl *ctl, json_t *answer)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/hooks/trials/%s", json_str(answer, "id"));
	_cleanup_json_ json_t *now = json_incref(answer);
	struct err e = { 0 };
	size_t shown = 0;

	for (;;) {
		const json_t *log = json_object_get(now, "log");
		const char *state = json_str(now, "state");

		for (; !ctl->as_json && shown < json_array_size(log); shown++)
			puts(json_string_value(json_array_get(log, shown)));
		if (str_eq(state, "passed") || str_eq(state, "failed"))
			break;
		ctl_pause();
		json_decref(now);
		now = ctl_request(ctl, "GET", path, NULL, &e);
		if (!now)
			return ctl_fail(ctl, &e);
	}
	ctl_as_json(ctl, now);
	if (!str_eq(json_str(now, "state"), "failed"))
		return 0;
	ctl_put_error(now, &e);
	return ctl_fail(ctl, &e);
}

/* The certificate that an answer shows, as it is now; NULL with e. */
static json_t *read_cert(struct ctl *ctl, const json_t *cert, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/certificates/%s?staging=%s", json_str(cert, "name"),
					      json_bool(cert, "staging", false) ? "true" : "false");

	return ctl_request(ctl, "GET", path, NULL, e);
}

int wait_deployed(struct ctl *ctl, json_t *answer)
{
	_cleanup_json_ json_t *cert = json_incref(answer);
	bool wait = json_bool(ctl->local, "wait", false);
	struct err e = { 0 };

	while (wait && str_eq(json_str(json_object_get(cert, "deploy"), "state"), "open")) {
		ctl_pause();
		json_decref(cert);
		cert = read_cert(ctl, answer, &e);
		if (!cert)
			return ctl_fail(ctl, &e);
	}
	ctl_as_json(ctl, cert);
	if (wait && !str_eq(json_str(json_object_get(cert, "deploy"), "state"), "done")) {
		ctl_put_error(json_object_get(cert, "deploy"), &e);
		return ctl_fail(ctl, &e);
	}
	if (!ctl->as_json)
		printf(wait ? "Version %lld of %s is deployed.\n" :
			      "Version %lld of %s is waiting to be deployed; see certeractl cert show.\n",
		       (long long)json_int(cert, "current", 0), json_str(cert, "name"));
	return 0;
}

/* A backup or a check of the store, until it has ended. */
int wait_upkeep(struct ctl *ctl, json_t *answer)
{
	_cleanup_json_ json_t *now = json_incref(answer);
	struct err e = { 0 };

	while (str_eq(json_str(now, "state"), "open") || str_eq(json_str(now, "state"), "copying")) {
		ctl_pause();
		json_decref(now);
		now = ctl_request(ctl, "GET", ctl->command->path, NULL, &e);
		if (!now)
			return ctl_fail(ctl, &e);
	}
	if (!ctl_as_json(ctl, now) && json_str(now, "directory") && str_eq(json_str(now, "state"), "passed"))
		printf("%s: %lld bytes.\n", json_str(now, "directory"), (long long)json_int(now, "bytes", 0));
	if (!str_eq(json_str(now, "state"), "passed")) {
		ctl_put_error(now, &e);
		return ctl_fail(ctl, &e);
	}
	if (!ctl->as_json && json_str(now, "copied"))
		puts("The backup hook has copied it elsewhere.");
	if (!ctl->as_json)
		printf("%lld records and %lld events of the audit log verified.\n",
		       (long long)json_int(now, "records", 0), (long long)json_int(now, "events", 0));
	if (!ctl->as_json && json_str(now, "against") && *json_str(now, "against"))
		printf("The store of %s is equal to the leader's.\n", json_str(now, "against"));
	return 0;
}
