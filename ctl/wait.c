/* --wait: follow what was started, with its steps, until it ends. */
#include "ctl/ctl.h"

#include <time.h>
#include <unistd.h>

#define POLL_MS 200
#define BAR 24

static void pause_between(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000000L }, NULL);
}

static void put_error(const json_t *of, struct err *e)
{
	const json_t *error = json_object_get(of, "error");

	if (json_is_object(error))
		json_problem_read(error, e);
	if (!err_is_set(e))
		err_set(e, ERR_CA, "it failed");
}

static bool has_failed(const json_t *account)
{
	return str_eq(json_str(account, "state"), "failed") || json_is_object(json_object_get(account, "error"));
}

static bool is_waiting(const json_t *account)
{
	return str_eq(json_str(account, "state"), "new") || json_str(account, "wish");
}

json_t *await_account(struct ctl *ctl, const json_t *account, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/accounts/%s", json_str(account, "name"));
	_cleanup_json_ json_t *now = json_incref((json_t *)account);

	while (now && is_waiting(now) && !has_failed(now)) {
		pause_between();
		json_decref(now);
		now = ctl_request(ctl, "GET", path, NULL, e);
	}
	if (!now || !has_failed(now))
		return TAKE(now);
	put_error(now, e);
	return NULL;
}

int wait_account(struct ctl *ctl, json_t *answer)
{
	_cleanup_json_ json_t *now = NULL;
	struct err e = { 0 };

	if (json_bool(ctl->local, "wait", false)) {
		now = await_account(ctl, answer, &e);
	} else if (has_failed(answer)) {
		put_error(answer, &e);
	} else {
		now = json_incref(answer);
	}
	return now ? show_account(ctl, now) : ctl_fail(&e);
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

/*
 * Follows a certificate until order number `wanted` (or a later one) has ended, or an attempt failed
 * before it had an order.  Returns the certificate as it is then, NULL with e on failure.
 */
static json_t *follow(struct ctl *ctl, const char *path, int64_t wanted, int64_t failures, struct err *e)
{
	struct progress p = { .terminal = isatty(STDERR_FILENO) && !ctl->as_json };
	json_t *cert = NULL;

	for (;; pause_between()) {
		const json_t *order;
		const char *result;
		bool ended;

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
		if (ended || (json_int(cert, "failures", 0) > failures && !json_int(cert, "open_order", 0))) {
			put_error(cert, e);
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

static json_t *wait_order(struct ctl *ctl, const json_t *cert, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/certificates/%s?staging=%s", json_str(cert, "name"),
					      json_bool(cert, "staging", false) ? "true" : "false");
	int64_t open = json_int(cert, "open_order", 0), kept = json_int(cert, "kept_order", 0);

	return follow(ctl, path, open ? open : kept ? kept : json_int(cert, "orders", 0) + 1,
		      json_int(cert, "failures", 0), e);
}

int wait_cert(struct ctl *ctl, json_t *answer)
{
	_cleanup_json_ json_t *cert = NULL;
	struct err e = { 0 };

	if (!json_bool(ctl->local, "wait", false)) {
		if (!ctl_as_json(ctl, answer))
			printf("%s is ordered; see certeractl cert show %s.\n", ctl->args[0], ctl->args[0]);
		return 0;
	}
	cert = wait_order(ctl, answer, &e);
	return cert ? show_cert(ctl, cert) : ctl_fail(&e);
}

static void show_check(const json_t *check)
{
	const json_t *probe, *rule;
	const char *server;
	size_t i;

	json_array_foreach(json_object_get(check, "probes"), i, probe)
		printf("%-5s %s %s: %s\n", json_bool(probe, "ok", false) ? "ok" : "wrong", json_str(probe, "name"),
		       json_str(probe, "address") ? json_str(probe, "address") : "", json_str(probe, "says"));
	json_object_foreach(json_object_get(check, "rules"), server, rule)
		printf("\n%s:\n\n%s", server, json_string_value(rule));
}

/* Follows the check that was started, and shows what it found. */
/* The check when it has ended; NULL with e. */
static json_t *await_check(struct ctl *ctl, const char *path, json_t *answer, struct err *e)
{
	json_t *now = json_incref(answer);

	while (now && str_eq(json_str(now, "state"), "open")) {
		pause_between();
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
		return ctl_fail(&e);
	if (!ctl_as_json(ctl, now))
		show_check(now);
	if (!str_eq(json_str(now, "state"), "failed"))
		return 0;
	put_error(now, &e);
	return ctl->as_json ? err_exit_code(e.kind) : ctl_fail(&e);
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
		return ctl_fail(&e);
	if (check)
		json_object_set(plan, "check", check);
	show_dry_run(ctl, plan);
	if (check && !ctl->as_json)
		show_check(check);
	if (!str_eq(json_str(check, "state"), "failed"))
		return 0;
	put_error(check, &e);
	return ctl->as_json ? err_exit_code(e.kind) : ctl_fail(&e);
}

int wait_cert_set(struct ctl *ctl, json_t *answer)
{
	if (json_bool(answer, "ordered", false) && json_bool(ctl->local, "wait", false))
		return wait_cert(ctl, answer);
	return show_cert(ctl, answer);
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
			return ctl_fail(&e);
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
		pause_between();
		json_decref(cert);
		cert = ctl_request(ctl, "GET", path, NULL, &e);
	}
	if (!cert)
		return ctl_fail(&e);
	if (json_bool(cert, "waiting", false) && !json_bool(cert, "verify", false)) {
		put_error(json_object_get(cert, "order"), &e);
		return ctl_fail(&e);
	}
	return show_cert(ctl, cert);
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
		pause_between();
		json_decref(now);
		now = ctl_request(ctl, "GET", path, NULL, &e);
		if (!now)
			return ctl_fail(&e);
	}
	ctl_as_json(ctl, now);
	if (!str_eq(json_str(now, "state"), "failed"))
		return 0;
	put_error(now, &e);
	return ctl_fail(&e);
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
		pause_between();
		json_decref(cert);
		cert = read_cert(ctl, answer, &e);
		if (!cert)
			return ctl_fail(&e);
	}
	ctl_as_json(ctl, cert);
	if (wait && !str_eq(json_str(json_object_get(cert, "deploy"), "state"), "done")) {
		put_error(json_object_get(cert, "deploy"), &e);
		return ctl_fail(&e);
	}
	if (!ctl->as_json)
		printf(wait ? "Version %lld of %s is deployed.\n" :
			      "Version %lld of %s is to be deployed; see cert show.\n",
		       (long long)json_int(cert, "current", 0), json_str(cert, "name"));
	return 0;
}

/* The version `number` of a certificate as the daemon has it now; NULL with e. */
static json_t *read_version(struct ctl *ctl, const char *path, int64_t number, struct err *e)
{
	_cleanup_json_ json_t *cert = ctl_request(ctl, "GET", path, NULL, e);
	json_t *version;
	size_t i;

	json_array_foreach(json_object_get(cert, "versions"), i, version)
		if (json_int(version, "number", 0) == number)
			return json_incref(version);
	if (cert)
		err_set(e, ERR_MISSING, "version %lld is not among the newest any more", (long long)number);
	return NULL;
}

/* Does it wait for those who fetched it to fetch its replacement? */
static bool is_put_off(const json_t *version)
{
	return json_str(version, "revoke_by");
}

static void print_revoked(const json_t *version, const char *name, int64_t number)
{
	if (json_str(version, "revoked"))
		printf("Version %lld of %s is revoked.\n", (long long)number, name);
	else if (is_put_off(version))
		printf("Version %lld of %s is replaced.  "
		       "It is revoked when all who fetched it have fetched its replacement, at %s at the "
		       "latest.\n", (long long)number, name, json_str(version, "revoke_by"));
	else
		printf("Version %lld of %s is to be revoked; see cert show.\n", (long long)number, name);
}

int wait_revoked(struct ctl *ctl, json_t *answer)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/certificates/%s?staging=%s", json_str(answer, "certificate"),
					      json_bool(answer, "staging", false) ? "true" : "false");
	_cleanup_json_ json_t *version = json_incref(answer), *cert = NULL;
	const json_t *replacement = json_object_get(answer, "replacement");
	int64_t number = json_int(answer, "number", 0);
	bool wait = json_bool(ctl->local, "wait", false);
	struct err e = { 0 };

	if (wait && replacement && !(cert = wait_order(ctl, replacement, &e)))
		return ctl_fail(&e);
	while (wait && !json_str(version, "revoked") && !is_put_off(version) &&
	       !json_is_object(json_object_get(version, "error"))) {
		pause_between();
		json_decref(version);
		version = read_version(ctl, path, number, &e);
		if (!version)
			return ctl_fail(&e);
	}
	if (json_is_object(json_object_get(version, "error"))) {
		put_error(version, &e);
		return ctl_fail(&e);
	}
	if (!ctl_as_json(ctl, version))
		print_revoked(version, ctl->args[0], number);
	return 0;
}

/* Follows the question until it is answered. */
int wait_revocation(struct ctl *ctl, json_t *answer)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/certificates/%s/revocation?staging=%s", json_str(answer, "name"),
					      json_bool(answer, "staging", false) ? "true" : "false");
	_cleanup_json_ json_t *now = json_incref(answer);
	const json_t *shown;
	struct err e = { 0 };

	while (json_bool(json_object_get(now, "revocation"), "asking", false)) {
		pause_between();
		json_decref(now);
		now = ctl_request(ctl, "GET", path, NULL, &e);
		if (!now)
			return ctl_fail(&e);
	}
	shown = json_object_get(now, "revocation");
	if (!ctl_as_json(ctl, now))
		print_revocation(now);
	if (!json_is_object(json_object_get(shown, "error")))
		return 0;
	put_error(shown, &e);
	return ctl->as_json ? err_exit_code(e.kind) : ctl_fail(&e);
}

/* A backup or a check of the store, until it has ended. */
int wait_upkeep(struct ctl *ctl, json_t *answer)
{
	_cleanup_json_ json_t *now = json_incref(answer);
	struct err e = { 0 };

	while (str_eq(json_str(now, "state"), "open")) {
		pause_between();
		json_decref(now);
		now = ctl_request(ctl, "GET", ctl->command->path, NULL, &e);
		if (!now)
			return ctl_fail(&e);
	}
	if (!ctl_as_json(ctl, now) && json_str(now, "directory"))
		printf("%s: %lld bytes.\n", json_str(now, "directory"), (long long)json_int(now, "bytes", 0));
	if (!str_eq(json_str(now, "state"), "passed")) {
		put_error(now, &e);
		return ctl_fail(&e);
	}
	if (!ctl->as_json)
		printf("%lld records and %lld events of the audit log are as they were written.\n",
		       (long long)json_int(now, "records", 0), (long long)json_int(now, "events", 0));
	return 0;
}
