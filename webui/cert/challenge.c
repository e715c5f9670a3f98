#include "webui/cert/challenge.h"

#include "base/variable.h"
#include "pki/identifier.h"

static bool by_dns(const char *type)
{
	return str_eq(type, "dns-01") || str_eq(type, "dns-account-01");
}

static int check_type(const char *type, struct err *e)
{
	if (str_eq(type, "http-01") || by_dns(type))
		return 0;
	return err_set(e, ERR_INVALID,
		       "the challenge type %.40s is not known; there are http-01, dns-01 and dns-account-01", type);
}

/* "name=type", the name in its stored form. */
static int read_exception(struct rec_cert *cert, const char *text, struct err *e)
{
	const char *equals = strrchr(text, '=');
	_cleanup_free_ char *typed = equals ? xstrndup(text, (size_t)(equals - text)) : NULL;
	_cleanup_free_ char *name = equals ? identifier_normal(typed, e) : NULL;
	_cleanup_free_ char *line = NULL;

	if (!equals)
		return err_set(e, ERR_INVALID, "\"%.100s\" is no exception like www.example.org=dns-01", text);
	if (!name || check_type(equals + 1, e) < 0)
		return -1;
	if (!strv_has(cert->names, name))
		return err_set(e, ERR_INVALID, "%s is none of the certificate's names", name);
	line = xasprintf("%s=%s", name, equals + 1);
	strv_add(&cert->challenges, line);
	return 0;
}

/* Its own type; NULL: it has none.  Borrowed. */
static const char *exception_of(const struct rec_cert *cert, const char *name)
{
	for (char **exception = cert->challenges; exception && *exception; exception++) {
		size_t len = strlen(name);

		if (!strncmp(*exception, name, len) && (*exception)[len] == '=')
			return *exception + len + 1;
	}
	return NULL;
}

const char *proof_type(const struct rec_cert *cert, const char *name)
{
	const char *own = exception_of(cert, name);

	return own ? own : cert->challenge && *cert->challenge ? cert->challenge : "http-01";
}

bool proof_needs_record(const struct rec_cert *cert, const char *name)
{
	return by_dns(proof_type(cert, name));
}

bool proof_fits(const char *name, const char *type)
{
	return by_dns(type) ? !identifier_is_ip(name) : !identifier_is_wildcard(name);
}

/* Nobody chose a type for all, and this is what names like that get. */
static bool is_usual(const struct rec_cert *cert, const char *name)
{
	return (!cert->challenge || !*cert->challenge) &&
	       str_eq(proof_type(cert, name), identifier_is_wildcard(name) ? "dns-01" : "http-01");
}

bool proof_is_own(const struct rec_cert *cert, const char *name)
{
	return exception_of(cert, name) && !is_usual(cert, name);
}

/* Where nobody chose, a wildcard is proved by a DNS record, which is the only way (RFC 8555 section 7.1.3). */
static void choose_types(struct rec_cert *cert)
{
	for (char **name = cert->names; (!cert->challenge || !*cert->challenge) && *name; name++) {
		_cleanup_free_ char *line = xasprintf("%s=dns-01", *name);

		if (identifier_is_wildcard(*name) && !exception_of(cert, *name))
			strv_add(&cert->challenges, line);
	}
}

static int check_names(const struct rec_cert *cert, struct err *e)
{
	for (char **name = cert->names; *name; name++) {
		bool address = identifier_is_ip(*name);

		if (proof_fits(*name, proof_type(cert, *name)))
			continue;
		err_set(e, ERR_INVALID,
			address ? "the address %s cannot be proved by %s" : "the wildcard %s cannot be proved by %s",
			*name, proof_type(cert, *name));
		return err_hint(e, "Choose the challenge %s, for all names or for %s.",
				address ? "http-01" : "dns-01", *name);
	}
	return 0;
}

static int read_script(const json_t *body, const char *member, char **field, struct err *e)
{
	const char *name = json_str(body, member);

	if (!name)
		return 0;
	if (strchr(name, '/') || name[0] == '.') {
		err_set(e, ERR_INVALID, "\"%s\" is the name of a script in hooks.directory, without a path", member);
		err_hint(e, "Only scripts in that directory can be chosen.");
		return err_field(e, member);
	}
	record_set(field, name);
	return 0;
}

int proof_read_scripts(struct rec_cert *cert, const json_t *body, struct err *e)
{
	if (json_str(body, "hook_arguments"))
		record_set(&cert->hook_arguments, json_str(body, "hook_arguments"));
	if (read_script(body, "hook_set", &cert->hook_set, e) < 0 ||
	    read_script(body, "hook_cleanup", &cert->hook_cleanup, e) < 0)
		return -1;
	return read_script(body, "deploy_hook", &cert->deploy_hook, e);
}

int proof_read(struct rec_cert *cert, const json_t *body, struct err *e)
{
	const char *type = json_str(body, "challenge"), *one = json_str(body, "challenges");
	_cleanup_strv_ char **exceptions = one ? strv_split(one, " ,\n") : json_strv(body, "challenges");

	if (type && check_type(type, e) < 0)
		return err_field(e, "challenge");
	record_set(&cert->challenge, type);
	for (char **exception = exceptions; exception && *exception; exception++)
		if (read_exception(cert, *exception, e) < 0)
			return err_field(e, "challenges");
	cert->by_hand = json_bool(body, "by_hand", false);
	cert->no_propagation = json_bool(body, "no_propagation", false);
	if (proof_read_scripts(cert, body, e) < 0)
		return -1;
	choose_types(cert);
	return body_at("challenge", check_names(cert, e), e);
}

int proof_change(struct rec_cert *cert, const char *type, struct err *e)
{
	char **kept = NULL;

	if (type && check_type(type, e) < 0)
		return err_field(e, "challenge");
	if (type)
		record_set(&cert->challenge, type);
	for (char **exception = cert->challenges; exception && *exception; exception++) {
		_cleanup_free_ char *name = xstrndup(*exception, strcspn(*exception, "="));

		if (strv_has(cert->names, name))
			strv_add(&kept, *exception);
	}
	strv_free(cert->challenges);
	cert->challenges = kept;
	choose_types(cert);
	return body_at("challenge", check_names(cert, e), e);
}

static int check_line(const char *line, char *const *configured, struct err *e)
{
	if (variable_check(line, VARIABLE_OWN, e) < 0)
		return -1;
	if (!variable_is_set(configured, line))
		return 0;
	err_set(e, ERR_INVALID, "%.*s is set in certera.yaml, for all certificates: none can change it",
		(int)MIN(variable_name_len(line), 60u), line);
	return err_hint(e, "Leave it out; or remove it from certera.yaml, so that each certificate can have its own.");
}

int proof_read_environment(const json_t *body, const char *member, char *const *configured, char **environment,
			   struct err *e)
{
	const char *one = json_str(body, member);
	_cleanup_strv_ char **lines = one ? strv_split(one, "\r\n") : json_strv(body, member);
	_cleanup_buf_wipe_ struct buf text = BUF_INIT;
	int result = 0;

	for (char **line = lines; line && *line; line++) {
		result = result ? result : check_line(*line, configured, e);
		buf_addf(&text, "%s\n", *line);
		wipe(*line, strlen(*line));
	}
	*environment = text.len && !result ? xstrdup(buf_str(&text)) : NULL;
	return body_at(member, result, e);
}
