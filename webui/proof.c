#include "webui/proof.h"

#include <ctype.h>

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

const char *proof_type(const struct rec_cert *cert, const char *name)
{
	for (char **exception = cert->challenges; exception && *exception; exception++) {
		size_t len = strlen(name);

		if (!strncmp(*exception, name, len) && (*exception)[len] == '=')
			return *exception + len + 1;
	}
	return cert->challenge ? cert->challenge : "http-01";
}

static int check_names(const struct rec_cert *cert, struct err *e)
{
	for (char **name = cert->names; *name; name++) {
		if (!identifier_is_wildcard(*name) || by_dns(proof_type(cert, *name)))
			continue;
		err_set(e, ERR_INVALID, "the wildcard %s cannot be proved by http-01", *name);
		return err_hint(e, "Choose dns-01: certeractl cert add ... --challenge dns-01, "
				   "or --challenge-for \"%s=dns-01\".", *name);
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
	_cleanup_strv_ char **exceptions = one ? strv_split(one, " ,") : json_strv(body, "challenges");

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
	return body_at("challenge", check_names(cert, e), e);
}

static bool is_variable(const char *line)
{
	size_t name = 0;

	while (isalnum((unsigned char)line[name]) || line[name] == '_')
		name++;
	return name && !isdigit((unsigned char)*line) && line[name] == '=';
}

/* What would make the scripts' own commands others: only the configuration may say that. */
static bool is_reserved(const char *line)
{
	static const char *const reserved[] = {
		"PATH=", "ENV=", "IFS=", "PS4=", "HOME=", "SHELLOPTS=", "GCONV_PATH=", "BASH", "LD_", "PYTHON", "PERL",
		"RUBY", "NODE_", "JAVA_", "_JAVA_", "JDK_", "DOTNET_", "PHP", "ZDOTDIR=", "SSH_ASKPASS", "LUA_", "GIT_",
		"OPENSSL_", "CURL_HOME=", "CERTERA_", "CERTBOT_", "RENEWED_",
	};

	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (str_starts(line, reserved[i]))
			return true;
	return false;
}

static int check_line(const char *member, const char *line, struct err *e)
{
	if (!is_variable(line) || strpbrk(line, "\r\n"))	/* not repeated: it may be a secret */
		return err_set(e, ERR_INVALID, "a line of \"%s\" is not like NAME=VALUE", member);
	if (!is_reserved(line))
		return 0;
	err_set(e, ERR_INVALID, "\"%s\" cannot set %.*s", member, (int)MIN(strcspn(line, "="), 40u), line);
	return err_hint(e,
			"It could make the script run another program. The configuration, certera.yaml, can set it.");
}

int proof_read_environment(const json_t *body, const char *member, char **environment, struct err *e)
{
	const char *one = json_str(body, member);
	_cleanup_strv_ char **lines = one ? strv_split(one, "\r\n") : json_strv(body, member);
	_cleanup_buf_wipe_ struct buf text = BUF_INIT;
	int result = 0;

	for (char **line = lines; line && *line; line++) {
		result = result ? result : check_line(member, *line, e);
		buf_addf(&text, "%s\n", *line);
		wipe(*line, strlen(*line));
	}
	*environment = text.len && !result ? xstrdup(buf_str(&text)) : NULL;
	return body_at("hook_environment", result, e);
}
