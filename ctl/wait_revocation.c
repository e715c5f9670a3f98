/* What is waited for after "cert revoke" and "cert revocation". */
#include "ctl/ctl.h"

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
		err_set(e, ERR_MISSING, "version %lld is no longer among the newest", (long long)number);
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
		printf("Version %lld of %s is replaced.  Certera revokes it when all API keys that downloaded it have "
		       "downloaded the new version, at %s at the latest.\n",
		       (long long)number, name, json_str(version, "revoke_by"));
	else
		printf("Version %lld of %s is waiting to be revoked; see certeractl cert show.\n", (long long)number,
		       name);
}

/* What else has a key that others know. */
static void print_same_key(const json_t *names)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
		printf("The certificate %s has the same key: Certera orders it with a new one, or certeractl cert show "
		       "says what to do.\n",
		       json_string_value(name));
}

/* With --wait, until the CA has answered.  version: as it is known; NULL: not.  A new reference; NULL: it failed. */
static json_t *await_revoked(struct ctl *ctl, json_t *known, const char *path, int64_t number, struct err *e)
{
	bool wait = json_bool(ctl->local, "wait", false);
	_cleanup_json_ json_t *version = known ? json_incref(known) : read_version(ctl, path, number, e);

	while (version && wait && !json_str(version, "revoked") && !is_put_off(version) &&
	       !json_is_object(json_object_get(version, "error"))) {
		ctl_pause();
		json_decref(version);
		version = read_version(ctl, path, number, e);
	}
	if (!version || !json_is_object(json_object_get(version, "error")))
		return TAKE(version);
	ctl_put_error(version, e);
	return NULL;
}

/* All of several: the answer is the first of them. */
static int wait_all_revoked(struct ctl *ctl, json_t *answer, const char *path)
{
	const json_t *number;
	struct err e = { 0 };
	size_t i;

	json_array_foreach (json_object_get(answer, "numbers"), i, number) {
		_cleanup_json_ json_t *version = await_revoked(ctl, NULL, path, json_integer_value(number), &e);

		if (!version)
			return ctl_fail(ctl, &e);
		if (!ctl->as_json)
			print_revoked(version, ctl->args[0], json_integer_value(number));
	}
	ctl_as_json(ctl, answer);
	print_same_key(json_object_get(answer, "same_key"));
	return 0;
}

int wait_revoked(struct ctl *ctl, json_t *answer)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/certificates/%s?staging=%s", json_str(answer, "certificate"),
					      json_bool(answer, "staging", false) ? "true" : "false");
	_cleanup_json_ json_t *version = NULL, *cert = NULL;
	const json_t *replacement = json_object_get(answer, "replacement");
	int64_t number = json_int(answer, "number", 0);
	bool wait = json_bool(ctl->local, "wait", false);
	struct err e = { 0 };

	if (wait && replacement && !(cert = wait_order(ctl, replacement, &e)))
		return ctl_fail(ctl, &e);
	if (json_array_size(json_object_get(answer, "numbers")))
		return wait_all_revoked(ctl, answer, path);
	version = await_revoked(ctl, answer, path, number, &e);
	if (!version)
		return ctl_fail(ctl, &e);
	if (ctl_as_json(ctl, version))
		return 0;
	print_revoked(version, ctl->args[0], number);
	print_same_key(json_object_get(answer, "same_key"));
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
		ctl_pause();
		json_decref(now);
		now = ctl_request(ctl, "GET", path, NULL, &e);
		if (!now)
			return ctl_fail(ctl, &e);
	}
	shown = json_object_get(now, "revocation");
	if (!ctl_as_json(ctl, now))
		print_revocation(now);
	if (!json_is_object(json_object_get(shown, "error")))
		return 0;
	ctl_put_error(shown, &e);
	return ctl->as_json ? err_exit_code(e.kind) : ctl_fail(ctl, &e);
}
