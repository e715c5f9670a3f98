/*
 * When a certificate is renewed: by its life, and better as its CA says (RFC 9773), which is asked after each
 * issuance and then as often as it likes.
 */
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "pki/cert.h"
#include "store/history.h"

#include "daemon/engine.h"
#include "daemon/renewal.h"

#define AGAIN (6 * 3600)	/* where the CA says nothing better */

struct replan {
	struct job job;
	struct rec_cert cert;	/* as of the begin; reread before it is changed */
	struct acme_renewal_info *info;
};

static void replan_free(struct replan *p)
{
	if (p->info)
		acme_renewal_info_cancel(p->info);
	rec_cert_release(&p->cert);
	free(p);
}

static void replan_cancel(struct job *job)
{
	replan_free((struct replan *)job);
}

/* A renewal that is due, failed or under way has a row with reasons of its own. */
static int move_renewal(struct txn *t, const struct rec_cert *cert, struct err *e)
{
	if (cert->failures || cert->open_order || (cert->waits_for && *cert->waits_for) || cert->wanted)
		return 0;
	return agenda_set(t, AGENDA_issue, cert->id, cert->renew_at, e);
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
	if (move_renewal(t, cert, e) < 0)
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "certificate.planned", .object = cert->id,
						  .name = cert->name },
			   e, "renewal planned for %s, as its CA suggests%s%s", when, window->explanation ? ": see " : "",
			   window->explanation ? window->explanation : "");
}

/* The CA's answer, or none; and when it is asked again. */
static int finish(struct replan *p, const struct acme_window *window, int64_t again, struct err *e)
{
	struct engine *g = p->job.engine;
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0)
		return -1;
	if (rec_cert_get(t, &cert, p->cert.id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	if (cert.current != p->cert.current)	/* renewed meanwhile: the answer is about its predecessor */
		return 0;
	if (!cert.renew_at) {
		renewal_plan(&cert, g->config);
		if (move_renewal(t, &cert, e) < 0)
			return -1;
	}
	if (window && apply_window(t, &cert, window, e) < 0)
		return -1;
	if (rec_cert_put(t, &cert, e) < 0 || agenda_set(t, AGENDA_renewal, cert.id, again, e) < 0)
		return -1;
	if (txn_commit(TAKE(t), e) < 0)
		return -1;
	engine_wake(g);
	return 0;
}

static void told(void *arg, const struct acme_window *window, const struct err *why)
{
	struct replan *p = arg;
	int64_t now = clock_now(), again = window ? window->check_at : now + AGAIN;
	struct err e = { 0 };

	p->info = NULL;
	if (why && why->kind != ERR_MISSING)
		log_info("certificate %s: asking when to renew it: %s", p->cert.name, why->message);
	if (why && why->retry_at > now)
		again = why->retry_at;
	if (finish(p, window, again, &e) < 0)
		engine_hold(p->job.engine, &e);
	engine_end(&p->job);
	replan_free(p);
}

/* The certificate's name at its CA; NULL: it need not be asked about. */
static char *subject(struct txn *t, const struct rec_cert *cert, struct rec_account *account)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_chain_ struct chain chain = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current);

	if (cert->disabled || !cert->current || cert->not_after <= clock_now() ||
	    rec_version_get(t, &version, id, NULL) < 0 || chain_parse(&chain, slice_str(version.chain), NULL) < 0 ||
	    rec_order_get(t, &order, version.order_id, NULL) < 0 ||
	    rec_account_get(t, account, order.account_id, NULL) < 0)
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
	if (rec_cert_get(t, &cert, row->id, NULL) == 0 && cert.current && !cert.renew_at && !cert.disabled) {
		renewal_plan(&cert, g->config);
		if (move_renewal(t, &cert, e) < 0 || rec_cert_put(t, &cert, e) < 0)
			return -1;
	}
	return txn_commit(TAKE(t), e);
}

int renewal_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct replan *p = xcalloc(1, sizeof(*p));
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_free_ char *id = NULL;
	int failed = store_read(g->store, &t, e);

	if (!failed && rec_cert_get(t, &p->cert, row->id, e) == 0)
		id = subject(t, &p->cert, &account);
	txn_abort(TAKE(t));
	if (!failed && id) {
		engine_begin(g, &p->job, row, replan_cancel);
		p->info = acme_renewal_info_start(ca_client(g, &account), id, told, p);
		return 0;
	}
	if (!failed)
		failed = plan_alone(g, row, e);
	replan_free(p);
	return failed;
}
