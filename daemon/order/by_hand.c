#include "daemon/order/by_hand.h"

#include "base/clock.h"
#include "base/log.h"
#include "pki/identifier.h"
#include "store/agenda.h"
#include "store/cert_plan.h"
#include "store/event/history.h"
#include "store/notify/alert.h"

#include "daemon/challenge/txt.h"

static const char *challenge_of(const struct rec_cert *cert, const char *name)
{
	for (char **exception = cert->challenges; exception && *exception; exception++) {
		const char *type = strchr(*exception, '=');

		if (type && !strncmp(*exception, name, (size_t)(type - *exception)) && !name[type - *exception])
			return type + 1;
	}
	/* An address has no TXT records. */
	return cert->challenge && *cert->challenge && !identifier_is_ip(name) ? cert->challenge : "http-01";
}

char **by_hand_challenges(const struct rec_cert *cert)
{
	char **list = NULL;

	for (char **name = cert->names; name && *name; name++)
		strv_add(&list, challenge_of(cert, *name));
	return list;
}

void by_hand_todo(struct rec_order *order, const char *account_url, const struct acme_answer *answers, size_t count)
{
	_cleanup_json_ json_t *list = json_array();
	_cleanup_free_ char *text = NULL;

	for (const struct acme_answer *a = answers; a < answers + count; a++) {
		json_t *one = json_object();
		_cleanup_free_ char *record = txt_record(a->type, account_url, a->name), *value = NULL, *url = NULL;

		json_put_str(one, "type", a->type);
		json_put_str(one, "name", a->name);
		if (record) {
			value = txt_value(a->key_auth);
			json_put_str(one, "record", record);
			json_put_str(one, "value", value);
		} else {
			url = xasprintf("http://%s/.well-known/acme-challenge/%s", a->name, a->token);
			json_put_str(one, "url", url);
			json_put_str(one, "content", a->key_auth);
		}
		json_array_append_new(list, one);
	}
	text = json_write(list);
	record_set(&order->todo, text);
}

static int tell_waiting(struct txn *t, const struct rec_cert *cert, struct err *e)
{
	struct event_of event = {
		.actor = "engine", .action = "order.waiting", .object = cert->id, .name = cert->name
	};

	if (history_add(t, &event, e, "waits for a person to publish the challenge answers") < 0)
		return -1;
	return alert_raise_cert(t, ALERT_waiting, cert, e,
				"Publish the challenge answers, then confirm.");
}

int by_hand_begin(struct engine *g, const struct rec_cert *before, struct rec_order *order, const struct err *why,
		  struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_free_ char *problem = why ? error_text(why) : NULL;
	_cleanup_txn_ struct txn *t = NULL;
	int found = cert_reread(g->store, before->id, &t, &cert, e);
	bool again;

	if (found <= 0)
		return found;
	/* "verify" that came while it was looked at: look once more. */
	again = cert.verify && !before->verify;
	if (!cert.waiting && tell_waiting(t, &cert, e) < 0)
		return -1;
	/* Something is missing: what of it is there? */
	if (why && agenda_set(t, AGENDA_look, cert.id, clock_now(), e) < 0)
		return -1;
	record_set(&order->error, problem);
	record_set(&order->activity, "waiting for a person to publish the challenge answers");
	if (cert_plan(t, &cert, CERT_aside, e) < 0 || (again && cert_plan(t, &cert, CERT_verify, e) < 0) ||
	    rec_order_put(t, order, e) < 0)
		return -1;
	log_info("certificate %s: %s", cert.name, why ? why->message : "its order waits for a person");
	return txn_commit(TAKE(t), e);
}

int by_hand_end(struct engine *g, const char *cert_id, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	int found = cert_reread(g->store, cert_id, &t, &cert, e);

	if (found <= 0)
		return found;
	return cert_plan(t, &cert, CERT_published, e) < 0 ? -1 : txn_commit(TAKE(t), e);
}
