/* certeractl setup: what the web UI asks for on the first run, in one go. */
#include "ctl/ctl.h"

#define ACCOUNT "ca"

/* Those of the given options that one request takes. */
static json_t *pick(const struct ctl *ctl, const char *const *members)
{
	json_t *body = json_object();

	for (; *members; members++)
		if (json_object_get(ctl->body, *members))
			json_object_set(body, *members, json_object_get(ctl->body, *members));
	return body;
}

/* When it is given again, because a later step failed, the administrator is there already. */
static json_t *add_admin(struct ctl *ctl, struct err *e)
{
	static const char *const members[] = { "password", "mail", NULL };
	_cleanup_json_ json_t *body = pick(ctl, members), *now = ctl_request(ctl, "GET", "/api/v1/setup", NULL, e);
	_cleanup_free_ char *path = NULL;

	if (!now)
		return NULL;
	if (!str_eq(json_str(now, "step"), "admin")) {
		path = xasprintf("/api/v1/users/%s", ctl->args[0]);
		return ctl_request(ctl, "GET", path, NULL, e);
	}
	json_put_str(body, "name", ctl->args[0]);
	return ctl_request(ctl, "POST", "/api/v1/setup", body, e);
}

/* Registered, so that what the CA has against it is said now. */
static json_t *add_account(struct ctl *ctl, struct err *e)
{
	static const char *const members[] = {
		"ca", "directory", "staging", "terms_agreed", "ca_file", "eab_kid", "eab_key", NULL
	};
	_cleanup_json_ json_t *body = pick(ctl, members), *added = NULL;

	json_put_str(body, "name", ACCOUNT);
	if (json_str(ctl->body, "mail"))
		json_object_set_new(body, "contact", json_pack("[s]", json_str(ctl->body, "mail")));
	added = ctl_request(ctl, "POST", "/api/v1/accounts", body, e);
	return added ? await_account(ctl, added, e) : NULL;
}

static json_t *add_cert(struct ctl *ctl, const char *hostname, struct err *e)
{
	const char *names = json_str(ctl->body, "names");
	_cleanup_json_ json_t *body = json_object();

	json_put_str(body, "name", hostname);
	json_put_str(body, "names", names ? names : hostname);
	json_put_str(body, "account", ACCOUNT);
	return ctl_request(ctl, "POST", "/api/v1/certificates", body, e);
}

/* What --hostname says; without it nothing is changed. */
static int set_hostname(struct ctl *ctl, const char *hostname, json_t *done, struct err *e)
{
	_cleanup_json_ json_t *body = json_object();

	if (!hostname)
		return 0;
	json_put_str(body, "value", hostname);
	json_object_set_new(done, "setting", ctl_request(ctl, "POST", "/api/v1/settings/server.hostname", body, e));
	return json_object_get(done, "setting") ? 0 : -1;
}

/* What has been done is in `done`, by name. */
static int set_up(struct ctl *ctl, const char *hostname, json_t *done, struct err *e)
{
	bool ca = json_str(ctl->body, "ca") || json_str(ctl->body, "directory");
	_cleanup_json_ json_t *last = NULL;

	json_object_set_new(done, "user", add_admin(ctl, e));
	if (!json_object_get(done, "user") || set_hostname(ctl, json_str(ctl->local, "hostname"), done, e) < 0)
		return -1;
	if (ca) {
		json_object_set_new(done, "account", add_account(ctl, e));
		if (!json_object_get(done, "account"))
			return -1;
		json_object_set_new(done, "certificate", add_cert(ctl, hostname, e));
		if (!json_object_get(done, "certificate"))
			return -1;
	}
	last = ctl_request(ctl, "POST", "/api/v1/setup/done", NULL, e);
	return last ? 0 : -1;
}

int run_setup(struct ctl *ctl, json_t *status)
{
	_cleanup_json_ json_t *done = json_object();
	const char *given = json_str(ctl->local, "hostname"), *hostname = given ? given : json_str(status, "hostname");
	struct err e = { 0 };
	int failed = set_up(ctl, hostname, done, &e);

	if (!failed && ctl_as_json(ctl, done))
		return 0;
	if (!ctl->as_json && json_object_get(done, "user"))
		printf("%s can sign in at https://%s/, as an administrator.\n", ctl->args[0], hostname);
	if (!ctl->as_json && json_object_get(done, "account"))
		printf("The account " ACCOUNT " is registered.\n");
	if (!ctl->as_json && json_object_get(done, "certificate"))
		print_added(json_object_get(done, "certificate"));
	return failed ? ctl_fail(ctl, &e) : 0;
}
