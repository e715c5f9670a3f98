/* Changes of an account that is there: contacts, terms, key, end (RFC 8555 sections 7.3.2 to 7.3.6), and its orders. */
#include "acme/account.h"
#include "acme/jws.h"
#include "acme/link.h"
#include "acme/request.h"

#define ORDER_PAGES 100
#define ORDERS_MAX 100000

static void send_payload(struct acme_request *r)
{
	request_post(r, NULL, r->account.kid, r->payload);
}

/* A POST of these members to the account's URL. */
static struct acme_request *change(struct acme *a, const struct acme_account *account, json_t *members,
				   const char *doing, acme_request_cb *done, void *arg)
{
	struct acme_request *r = request_new(a, account, doing, send_payload, done, arg);

	r->payload = json_write(members);
	json_decref(members);
	return r;
}

struct acme_request *acme_contact_start(struct acme *a, const struct acme_account *account, char *const *contact,
					acme_request_cb *done, void *arg)
{
	json_t *members = json_object();

	json_put_strv(members, "contact", contact);
	return change(a, account, members, "changing the contacts of the account", done, arg);
}

struct acme_request *acme_agree_start(struct acme *a, const struct acme_account *account, acme_request_cb *done,
				      void *arg)
{
	json_t *members = json_object();

	json_put_bool(members, "termsOfServiceAgreed", true);
	return change(a, account, members, "agreeing to the CA's terms", done, arg);
}

struct acme_request *acme_deactivate_start(struct acme *a, const struct acme_account *account, acme_request_cb *done,
					   void *arg)
{
	json_t *members = json_object();

	json_put_str(members, "status", "deactivated");
	return change(a, account, members, "deactivating the account", done, arg);
}

/*
 * The key: a JWS by the new one inside the request that the old one signs (section 7.3.5).
 */

static void inner_signed(void *arg, const struct slice *signature, const struct err *err)
{
	struct acme_request *r = arg;

	if (err) {
		r->err = *err;
		err_prefix(&r->err, "signing with the new key");
		request_end(r, NULL);
		return;
	}
	r->payload = jws_flat(r->inner, *signature);
	request_post(r, "keyChange", NULL, r->payload);
}

static char *rollover_payload(const struct acme_request *r, struct err *e)
{
	_cleanup_json_ json_t *change = json_object();
	json_t *old = json_read(r->account.jwk, strlen(r->account.jwk), e);

	if (!old) {
		err_prefix(e, "reading the account's public key");
		return NULL;
	}
	json_put_str(change, "account", r->account.kid);
	json_object_set_new(change, "oldKey", old);
	return json_write(change);
}

static void begin_rollover(struct acme_request *r)
{
	struct acme_env *env = &r->acme->env;
	struct jws_header header = { .alg = r->fresh.alg, .jwk = r->fresh.jwk, .url = ca_url(r->acme, "keyChange") };
	_cleanup_free_ char *payload = NULL;

	if (!header.url)
		err_set(&r->err, ERR_MISSING, "%s: this CA does not change the keys of accounts", r->acme->url);
	else
		payload = rollover_payload(r, &r->err);
	if (payload)
		r->inner = jws_input(&header, payload, &r->err);
	if (!r->inner) {
		request_end(r, NULL);
		return;
	}
	env->sign(env->arg, r->fresh.key, slice_str(r->inner), ticket_answer, ticket_new(&r->ticket, inner_signed, r));
}

struct acme_request *acme_rollover_start(struct acme *a, const struct acme_account *account,
					 const struct acme_account *fresh, acme_request_cb *done, void *arg)
{
	struct acme_request *r = request_new(a, account, "changing the key of the account", begin_rollover, done, arg);

	r->fresh = account_copy(fresh);
	return r;
}

/*
 * Its orders: the account says where the list is, each page of the list where the next one is (section 7.1.2.1).
 */

static bool add_orders(struct acme_request *r, const json_t *page)
{
	const json_t *list = json_object_get(page, "orders"), *url;
	size_t i;

	json_array_foreach (list, i, url)
		if (link_usable(json_string_value(url)) && json_array_size(r->orders) < ORDERS_MAX)
			json_array_append_new(r->orders, json_string(json_string_value(url)));
	return json_is_array(list);
}

static void page_read(struct acme_request *r, const struct reply *reply)
{
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_free_ char *next = link_find(reply->http, reply->url, "next", 0);

	if (!add_orders(r, reply->json)) {
		err_set(&r->err, ERR_PROTOCOL, "%s: there is no list of orders in the answer", reply->url);
	} else if (next && ++r->pages < ORDER_PAGES) {
		request_post(r, NULL, next, "");
		return;
	}
	answer = json_object();
	json_object_set(answer, "orders", r->orders);
	request_end(r, answer);
}

static void account_read(struct acme_request *r, const struct reply *reply)
{
	const char *url = json_str(reply->json, "orders");

	if (!link_usable(url)) {
		err_set(&r->err, ERR_MISSING, "%s: this CA does not list the orders of an account", reply->url);
		request_end(r, NULL);
		return;
	}
	r->replied = page_read;
	request_post(r, NULL, url, "");
}

static void begin_orders(struct acme_request *r)
{
	r->replied = account_read;
	request_post(r, NULL, r->account.kid, "");
}

struct acme_request *acme_orders_start(struct acme *a, const struct acme_account *account, acme_request_cb *done,
				       void *arg)
{
	struct acme_request *r = request_new(a, account, "listing the orders of the account", begin_orders, done, arg);

	r->orders = json_array();
	return r;
}
