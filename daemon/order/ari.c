/*
 * When a certificate is renewed: by its life, and better as its CA says (RFC 9773), which is asked after each
 * issuance and then as often as it likes.
 */
#include "daemon/order/ari.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "pki/cert.h"
#include "store/cert_plan.h"
#include "store/event/history.h"

#include "daemon/ca/ca.h"
#include "daemon/order/renewal.h"

#define AGAIN (6 * 3600)	/* where the CA says nothing better */

struct ari {
	struct job job;
	struct rec_cert cert;	/* as of the begin; reread before it is changed */
	struct acme_renewal_info *info;
};

static void ari_free(struct ari *p)
{
	if (p->info)
		acme_renewal_info_cancel(p->info);
	rec_cert_release(&p->cert);
	free(p);
}

static void ari_cancel(struct job *job)
{
	ari_free((struct ari *)job);
}

static int apply_window(struct txn *t, struct rec_cert *cert, const struct acme_window *window, struct err *e)
{
	char when[CLOCK_RFC3339_SIZE];
	uint64_t dice;

	random_bytes(&dice, sizeof(dice));
	if (!renewal_choose(cert, window->start, window->end, dice))
		return 0;
	record_set(&cert->ari_explanation, window->explanation);
	clock_rfc3339(when, cert->renew_at);
	log_info("certificate %s: as its CA suggests, renewed at %s", cert->name, when);
	return history_add(t,
			   &(struct event_of){ .actor = "engine",
					       .action = "certificate.planned",
					       .object = cert->id,
					       .name = cert->name },
			   e, "renewal planned for %s, as its CA suggests%s%s", when,
			   window->explanation ? ": see " : "", window->explanation ? window->explanation : "");
}

/* The CA's answer, or none; and when it is asked again. */
/* For people who want to know what their CA offers. */
static int note_window(struct txn *t, const struct rec_cert *cert, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	int64_t life = cert->not_after - cert->not_before, from, to;

	if (life <= 0 || !cert->ari_start || rec_account_get(t, &account, cert->account_id, NULL) < 0)
		return 0;
	from = MIN(MAX((cert->ari_start - cert->not_before) * 100 / life, 0), 100);
	to = MIN(MAX((cert->ari_end - cert->not_before) * 100 / life, 0), 100);
	if (from == account.window_from && to == account.window_to)
		return 0;
	account.window_from = from;
	account.window_to = to;
	return rec_account_put(t, &account, e);
}

static int ari_finish(struct ari *p, const struct acme_window *window, int64_t again, struct err *e)
{
	struct engine *g = p->job.engine;
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	int found = cert_reread(g->store, p->cert.id, &t, &cert, e);

	if (found <= 0)
		return found;
	if (cert.current != p->cert.current)	/* renewed meanwhile: the answer is about its predecessor */
		return 0;
	if (!cert.renew_at)
		renewal_plan(&cert, g->config);
	if (window && (apply_window(t, &cert, window, e) < 0 || note_window(t, &cert, e) < 0))
		return -1;
	if (cert_plan(t, &cert, CERT_replanned, e) < 0 || agenda_set(t, AGENDA_renewal, cert.id, again, e) < 0)
		return -1;
	if (txn_commit(TAKE(t), e) < 0)
		return -1;
	engine_wake(g);
	return 0;
}

static void told(void *arg, const struct acme_window *window, const struct err *why)
{
	struct ari *p = arg;
	int64_t now = clock_now(), again = window ? window->check_at : now + AGAIN;
	struct err e = { 0 };

	p->info = NULL;
	if (why && why->kind != ERR_MISSING)
		log_info("certificate %s: asking when to renew it: %s", p->cert.name, why->message);
	if (why && why->retry_at > now)
		again = why->retry_at;
	if (ari_finish(p, window, again, &e) < 0)
		engine_hold(p->job.engine, &e);
	engine_end(&p->job);
	ari_free(p);
}

/* The certificate's name at its CA; NULL: it need not be asked about. */
static char *subject(struct txn *t, const struct rec_cert *cert, struct rec_account *account)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_chain_ struct chain chain = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current);

	if (cert->disabled || cert->imported || !cert->current || cert->not_after <= clock_now() ||
	    rec_version_get(t, &version, id, NULL) < 0 || chain_parse(&chain, slice_str(version.chain), NULL) < 0 ||
	    (!version.imported && rec_order_get(t, &order, version.order_id, NULL) < 0) ||
	    rec_account_get(t, account, version.imported ? cert->account_id : order.account_id, NULL) < 0)
		return NULL;
	return acme_cert_id(chain.cert[0].aki, chain.cert[0].serial);
}

/* Nobody is to be asked (any more): what is left is its life. */
static int plan_alone(struct engine *g, const struct agenda_row *row, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || agenda_delete(t, row->kind, row->id, e) < 0)
		return -1;
	if (rec_cert_get(t, &cert, row->id, NULL) == 0 && cert.current && !cert.renew_at && !cert.disabled &&
	    !cert.imported) {
		renewal_plan(&cert, g->config);
		if (cert_plan(t, &cert, CERT_replanned, e) < 0)
			return -1;
	}
	return txn_commit(TAKE(t), e);
}

int renewal_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct ari *p = xcalloc(1, sizeof(*p));
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_free_ char *id = NULL;
	int result = store_read(g->store, &t, e);

	if (result >= 0 && rec_cert_get(t, &p->cert, row->id, e) == 0)
		id = subject(t, &p->cert, &account);
	txn_abort(TAKE(t));
	if (result >= 0 && id) {
		engine_begin(g, &p->job, row, ari_cancel);
		p->info = acme_renewal_info_start(ca_client(g, &account), id, told, p);
		return 0;
	}
	if (result >= 0)
		result = plan_alone(g, row, e);
	ari_free(p);
	return result;
}
