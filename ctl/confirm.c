/* Commands that take something away from those who use it: they ask, or want --yes. */
#include "ctl/ctl.h"

#include <unistd.h>

#include "base/clock.h"

/* Each says how it is in use, or NULL: it is not. */

static const char *use_of_cert(const struct ctl *ctl, const json_t *cert)
{
	int64_t end = 0;

	(void)ctl;
	if (json_array_size(json_object_get(cert, "consumers")))
		return "servers download this certificate";
	if (json_int(cert, "current", 0) && clock_parse_rfc3339(json_str(cert, "not_after"), &end) < 0)
		end = 0;
	return end > clock_now() ? "this certificate is valid" : NULL;
}

static const char *use_of_account(const struct ctl *ctl, const json_t *certs)
{
	(void)ctl;
	return json_int(certs, "total", 0) ? "certificates are renewed with this account" : NULL;
}

static const char *use_of_api_key(const struct ctl *ctl, const json_t *of)
{
	const json_t *one;
	size_t i;

	json_array_foreach (json_object_get(of, "consumers"), i, one)
		if (json_int(one, "slot", 0) == strtol(ctl->args[2], NULL, 10))
			return "a server downloads with this API key";
	return NULL;
}

static const struct asking {
	const char *words;
	const char *path;	/* whose answer shows the use */
	const char *(*use)(const struct ctl *, const json_t *);
	const char *then;
} askings[] = {
	{ "cert rm", "/api/v1/certificates/{1}", use_of_cert, "It and all its versions will be removed" },
	{ "account deactivate", "/api/v1/certificates?limit=1&account={1}", use_of_account,
	  "This account can no longer renew them, and no account can be reactivated" },
	{ "apikey rotate", "/api/v1/{1}/{2}", use_of_api_key,
	  "The old key stops working at once; put the new one on the server" },
};

static bool person_agrees(const char *use, const char *then)
{
	char answer[16] = "";

	fprintf(stderr, "certeractl: %s. %s.\nContinue? [y/N] ", use, then);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int ask(struct ctl *ctl, const struct asking *a, struct err *e)
{
	const char *staging = json_bool(ctl->local, "staging", false) ? "?staging=true" : "";
	_cleanup_free_ char *filled = ctl_path_of(ctl, a->path), *path = xasprintf("%s%s", filled, staging);
	_cleanup_json_ json_t *answer = ctl_request(ctl, "GET", path, NULL, e);
	const char *use = answer ? a->use(ctl, answer) : NULL;

	if (!answer)
		return -1;
	if (!use || (isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && person_agrees(use, a->then)))
		return 0;
	err_set(e, ERR_USAGE, "nothing was done: %s", use);
	return err_hint(e, "%s. Add --yes to do it anyway.", a->then);
}

int ctl_confirm(struct ctl *ctl, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(askings) && !json_bool(ctl->local, "yes", false); i++)
		if (str_eq(askings[i].words, ctl->command->words))
			return ask(ctl, &askings[i], e);
	return 0;
}
