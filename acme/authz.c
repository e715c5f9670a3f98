#include "acme/authz.h"

#include "acme/link.h"
#include "acme/problem.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/words.h"
#include "pki/identifier.h"

void authz_release(struct authz *z)
{
	free(z->url);
	free(z->name);
	free(z->type);
	free(z->challenge);
	free(z->token);
	*z = (struct authz){ 0 };
}

bool authz_is_open(const struct authz *z)
{
	return z->state == AUTHZ_OPEN;
}

bool authz_is_undecided(const struct authz *z)
{
	return z->state != AUTHZ_VALID;
}

static const json_t *find_challenge(const struct authz *z, const json_t *authz)
{
	const json_t *challenge;
	size_t i;

	json_array_foreach (json_object_get(authz, "challenges"), i, challenge)
		if (str_eq(json_str(challenge, "type"), z->type))
			return challenge;
	return NULL;
}

/* Reading. */

int authz_read_name(struct authz *z, const struct reply *r, struct err *e)
{
	const char *value = json_str(json_object_get(r->json, "identifier"), "value");
	bool wildcard = json_bool(r->json, "wildcard", false);
	_cleanup_free_ char *normal = NULL;
	_cleanup_buf_ struct buf name = BUF_INIT;

	if (!value)
		return err_set(e, ERR_PROTOCOL, "%s: the authorization names no identifier", r->url);
	normal = identifier_normal(value, NULL);
	words_add(&name, normal ? normal : value, strlen(normal ? normal : value), WORDS_SOME);
	free(z->name);
	z->name = xasprintf("%s%s", wildcard && !str_starts(buf_str(&name), "*.") ? "*." : "", buf_str(&name));
	return 0;
}

static int no_challenge(const struct authz *z, const json_t *authz, struct err *e)
{
	_cleanup_buf_ struct buf offered = BUF_INIT;
	const json_t *challenge;
	size_t i;

	json_array_foreach (json_object_get(authz, "challenges"), i, challenge) {
		const char *type = json_str(challenge, "type");

		buf_addf(&offered, "%s%s", offered.len ? ", " : "", type ? type : "one without a type");
	}
	err_set(e, ERR_CA, "%s: the CA does not offer %s for this name, only: %s", z->name, z->type,
		offered.len ? buf_str(&offered) : "nothing");
	return problem_code(e, PROBLEM_NO_CHALLENGE);
}

static int read_challenge(struct authz *z, const struct reply *r, struct err *e)
{
	const json_t *challenge = find_challenge(z, r->json);
	const char *url = json_str(challenge, "url"), *token = json_str(challenge, "token");
	const char *status = json_str(challenge, "status");

	if (!challenge)
		return no_challenge(z, r->json, e);
	if (!link_usable(url))
		return err_set(e, ERR_PROTOCOL, "%s: the challenge for %s has no https URL", r->url, z->name);
	/* the token becomes part of a path: only base64url (RFC 8555 section 8.3) */
	if (!token || strlen(token) > TOKEN_MAX || !base64url_is(token))
		return err_set(e, ERR_PROTOCOL,
			       "%s: the challenge for %s has no proper token (base64url, at most %d characters)",
			       r->url, z->name, TOKEN_MAX);
	free(z->challenge);
	free(z->token);
	z->challenge = xstrdup(url);
	z->token = xstrdup(token);
	z->state = !status || str_eq(status, "pending") || str_eq(status, "processing") ? AUTHZ_OPEN : AUTHZ_ANSWERED;
	return 0;
}

int authz_read(struct authz *z, const struct reply *r, struct err *e)
{
	if (authz_judge(z, r, e) < 0)
		return -1;
	return authz_is_undecided(z) ? read_challenge(z, r, e) : 0;
}

/* Judging. */

/* What the CA says of its look for our answer. */
static void read_error(const struct authz *z, const json_t *error, struct err *e)
{
	problem_read(error, (int)json_int(error, "status", 0), e, "%s", z->name);
	problem_of_proof(e, z->type);
}

static int invalid(const struct authz *z, const json_t *authz, struct err *e)
{
	const json_t *challenge, *error = NULL;
	size_t i;

	json_array_foreach (json_object_get(authz, "challenges"), i, challenge)
		if (problem_is(json_object_get(challenge, "error")))
			error = json_object_get(challenge, "error");
	if (error) {
		read_error(z, error, e);
		return err_part(e, z->name, e->code, json_str(error, "detail"));
	}
	return err_set(e, ERR_CA, "%s: the CA found it not proved, and does not say why", z->name);
}

int authz_judge(struct authz *z, const struct reply *r, struct err *e)
{
	const char *status = json_str(r->json, "status");

	if (!status)
		return err_set(e, ERR_PROTOCOL, "%s: the authorization has no status", r->url);
	if (str_eq(status, "valid"))
		z->state = AUTHZ_VALID;
	if (str_eq(status, "invalid"))
		return invalid(z, r->json, e);
	if (str_eq(status, "expired") || str_eq(status, "deactivated") || str_eq(status, "revoked")) {
		err_set(e, ERR_CA, "%s: the authorization is %s", z->name, status);
		return problem_code(e, PROBLEM_ORDER_GONE);
	}
	return 0;
}

bool authz_awaits_answer(const struct authz *z, const json_t *authz)
{
	const char *challenge = json_str(find_challenge(z, authz), "status");

	return str_eq(json_str(authz, "status"), "pending") && (!challenge || str_eq(challenge, "pending"));
}

bool authz_has_forgotten(const struct authz *z, const json_t *authz, int64_t after_ms)
{
	if (authz_awaits_answer(z, authz))
		return !z->told_at || clock_mono_ms() >= z->told_at + after_ms;
	return !z->told_at && str_eq(json_str(authz, "status"), "pending") &&
	       str_eq(json_str(find_challenge(z, authz), "status"), "processing");
}

void authz_told(struct authz *z)
{
	z->state = AUTHZ_ANSWERED;
	z->told_at = clock_mono_ms();
}

void authz_trouble(const struct authz *z, const json_t *authz, struct err *e)
{
	const json_t *error = json_object_get(find_challenge(z, authz), "error");

	if (problem_is(error))
		read_error(z, error, e);
}
