/* What the setup asks for after the first administrator, one step after another; and the way back. */
#include "pki/identifier.h"
#include "webui/people/setup.h"

static const struct {
	const char *word, *text;	/* no text: it is the rest of the step before it */
} steps[] = {
	[SETUP_ADMIN] = { "admin", "An administrator" },
	[SETUP_HOSTNAME] = { "hostname", "The name of this server" },
	[SETUP_ACCOUNT] = { "account", "An account at a CA" },
	[SETUP_REGISTERING] = { "registering", NULL },
	[SETUP_CERTIFICATE] = { "certificate", "The first certificate" },
	[SETUP_ISSUING] = { "issuing", NULL },
	[SETUP_FINISHED] = { "finished", "All set" },
};

static enum setup_step whole(enum setup_step step)
{
	return steps[step].text ? step : step - 1;
}

void setup_put_steps(json_t *answer, enum setup_step reached, enum setup_step shown)
{
	json_t *list = json_array();

	for (enum setup_step s = SETUP_ADMIN; s <= SETUP_FINISHED; s++) {
		_cleanup_free_ char *page = xasprintf(SETUP_PATH "?step=%s", steps[s].word);
		bool now = s == whole(shown), open = s > SETUP_ADMIN && s <= reached;
		json_t *step;

		if (!steps[s].text)
			continue;
		step = json_object();
		json_put_str(step, "step", steps[s].word);
		json_put_str(step, "text", steps[s].text);
		json_put_str(step, "state", now ? "now" : s < whole(reached) ? "done" : "later");
		json_put_str(step, "page", open && !now ? page : NULL);
		json_array_append_new(list, step);
	}
	json_object_set_new(answer, "steps", list);
	json_put_str(answer, "step", steps[shown].word);
}

/*
 * What there is already.
 */

struct found {
	const struct request *r;
	struct txn *txn;
	char *hostname;
	bool named;		/* somebody said so: in the configuration file, or here */
	json_t *account;	/* one that works, if there is one; NULL: none */
	json_t *accounts;	/* those that can order, as choices */
	struct rec_cert cert;	/* the newest, but one that is issued before all that are not; no id: there is none */
};

static void found_release(struct found *f)
{
	free(f->hostname);
	json_decref(f->account);
	json_decref(f->accounts);
	rec_cert_release(&f->cert);
}

static int take_account(void *arg, void *rec, struct err *e)
{
	const struct rec_account *account = rec;
	struct found *f = arg;
	bool works = str_eq(account->state, "valid");

	if (works)
		json_array_append_new(f->accounts,
				      json_pack("{s:s, s:s}", "value", account->name, "text", account->name));
	if (str_eq(account->state, "deactivated") ||
	    (f->account && (!works || str_eq(json_str(f->account, "state"), "valid"))))
		return 0;
	json_decref(f->account);
	f->account = rec_account_json(rec);
	return 0;
}

static int take_cert(void *arg, void *rec, struct err *e)
{
	const struct rec_cert *cert = rec;
	struct found *f = arg;
	bool better =
		!f->cert.id || (!cert->current == !f->cert.current ? cert->created > f->cert.created : cert->current);

	return better ? rec_cert_get(f->txn, &f->cert, cert->id, e) : 0;
}

static int find_all(struct found *f, struct err *e)
{
	f->accounts = json_array();
	f->hostname = admin_hostname(f->r, f->txn);
	f->named = admin_hostname_is_chosen(f->r, f->txn);
	return record_each(f->txn, &rec_account_type, "", false, take_account, f, e) < 0 ||
	       record_each(f->txn, &rec_cert_type, "", false, take_cert, f, e) < 0 ? -1 : 0;
}

static enum setup_step next_step(const struct found *f)
{
	if (!f->named)
		return SETUP_HOSTNAME;
	if (!f->account)
		return SETUP_ACCOUNT;
	if (!f->cert.id)
		return str_eq(json_str(f->account, "state"), "valid") ? SETUP_CERTIFICATE : SETUP_REGISTERING;
	return f->cert.current ? SETUP_FINISHED : SETUP_ISSUING;
}

/* One that was there before, if the address names one. */
static void choose_step(const struct params *query, enum setup_step reached, enum setup_step *shown)
{
	const char *word = params_get(query, "step");

	*shown = reached;
	for (enum setup_step s = SETUP_HOSTNAME; word && s < reached; s++)
		if (steps[s].text && str_eq(steps[s].word, word))
			*shown = s;
}

/*
 * What the forms begin with.
 */

/* As the browser has it, if that is a name for everybody. */
static const char *suggest_hostname(const struct request *r, const struct found *f, char host[256])
{
	const char *said = request_header(r, HTTP_host);
	_cleanup_free_ char *normal = NULL;

	if (f->named || !said)
		return f->hostname;
	snprintf(host, 256, "%.*s", (int)MIN(strcspn(said, ":"), 255u), said);
	normal = identifier_normal(host, NULL);
	return normal && !identifier_is_ip(normal) ? host : f->hostname;
}

static void put_forms(json_t *answer, const struct request *r, const struct found *f, const char *ca)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	json_t *choices = json_object(), *account;
	char host[256];

	json_object_set_new(answer, "hostname_form", json_pack("{s:s}", "value", suggest_hostname(r, f, host)));
	choices_put_cas(answer, f->txn, SETUP_PATH "?step=account&ca=", ca);
	if (json_is_null(json_object_get(answer, "ca")))
		choices_put_cas(answer, f->txn, SETUP_PATH "?step=account&ca=", choices_first_ca());
	account = json_object_get(answer, "account_form");
	if (rec_user_get(f->txn, &user, r->visitor.user_id, NULL) == 0 && user.mail && *user.mail)
		json_object_set_new(account, "contact", json_pack("[s]", user.mail));
	json_object_set_new(answer, "certificate_form", json_pack("{s:[s]}", "names", f->hostname));
	if (f->cert.id && !f->cert.current)
		json_put_str(json_object_get(answer, "certificate_form"), "instead", f->cert.name);
	json_object_set(choices, "account", f->accounts);
	json_object_set_new(answer, "choices", choices);
}

/* So that what the CA has against it can be corrected here. */
static int put_correction(json_t *answer, const struct found *f, const char *ca, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	const char *name = json_str(f->account, "name");

	if (rec_account_by_name(f->txn, &account, name, e) < 0)
		return -1;
	json_put_str(answer, "name", name);	/* whose the form is */
	admin_put_correction(answer, &account, SETUP_PATH "?ca=", ca);
	return 0;
}

/* Where news of what is under way come from. */
static void put_watch(json_t *answer, const struct rec_cert *cert)
{
	_cleanup_free_ char *watch = xasprintf("/api/v1/certificates/%s/watch?staging=%s", cert->name,
					       cert->staging ? "true" : "false");

	json_put_str(answer, "watch", watch);
}

static void put_found(json_t *answer, const struct request *r, struct found *f)
{
	const struct rec_cert *cert = &f->cert;

	json_put_str(answer, "hostname", f->hostname);
	json_object_set(answer, "account", f->account ? f->account : json_null());
	json_object_set_new(answer, "certificate", cert->id ? admin_show_one_cert(f->txn, cert) : json_null());
	json_object_set_new(answer, "order", cert->id ? admin_show_order(r, f->txn, cert, cert->orders) : json_null());
}

int setup_show_next(struct request *r, struct txn *t, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_(found_release) struct found f = { .r = r, .txn = t };
	_cleanup_json_ json_t *answer = json_object();
	enum setup_step reached, shown;

	if (request_query(r, &query, e) < 0 || find_all(&f, e) < 0)
		return -1;
	reached = next_step(&f);
	choose_step(&query, reached, &shown);
	setup_put_steps(answer, reached, shown);
	put_found(answer, r, &f);
	put_forms(answer, r, &f, params_get(&query, "ca"));
	if (shown == SETUP_ISSUING)
		put_watch(answer, &f.cert);
	if (shown == SETUP_REGISTERING && put_correction(answer, &f, params_get(&query, "ca"), e) < 0)
		return -1;
	return reply_json(r, 200, TAKE(answer));
}
