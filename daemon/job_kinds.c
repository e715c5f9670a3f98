#include "daemon/job_kinds.h"

#include "daemon/ca/account.h"
#include "daemon/ca/ca.h"
#include "daemon/ca/compromise.h"
#include "daemon/ca/register.h"
#include "daemon/ca/relinquish.h"
#include "daemon/ca/revocation.h"
#include "daemon/ca/revoke.h"
#include "daemon/ca/rotation.h"
#include "daemon/challenge/cleanup.h"
#include "daemon/challenge/trial.h"
#include "daemon/dns/query.h"
#include "daemon/engine/backup.h"
#include "daemon/engine/sweep.h"
#include "daemon/engine/walk.h"
#include "daemon/hook/deploy.h"
#include "daemon/hook/hook.h"
#include "daemon/hook/offsite.h"
#include "daemon/notify/expiry.h"
#include "daemon/notify/forgot.h"
#include "daemon/notify/outbox.h"
#include "daemon/order/ari.h"
#include "daemon/order/cancel.h"
#include "daemon/order/check.h"
#include "daemon/order/issue.h"
#include "daemon/order/look.h"
#include "daemon/order/preflight_passed.h"
#include "daemon/order/queue.h"
#include "daemon/order/recheck.h"
#include "daemon/order/removed.h"
#include "daemon/track/track.h"

/* Another version of a certificate of our own site was put in force: by import or by rolling back. */
static int site_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || agenda_delete(t, AGENDA_site, row->id, e) < 0 ||
	    txn_commit(TAKE(t), e) < 0)
		return -1;
	engine_site_changed(g);
	return 0;
}

/* clang-format off */
static const struct kind kinds[] = {
	{ AGENDA_issue,      issue_due, .count = queue_count, .judge = queue_judge, .put_off = queue_put_off,
	  .forget = queue_release },
	{ AGENDA_register,   register_due, .at_once = 10 },
	{ AGENDA_renewal,    renewal_due, .at_once = 10 },
	{ AGENDA_check,      check_due, .at_once = 5, .forget = preflight_passed_release },
	{ AGENDA_look,       look_due, .at_once = 5 },
	{ AGENDA_recheck,    recheck_due, .at_once = 1, .plan = recheck_plan, .replan = recheck_plan },
	{ AGENDA_release,    release_due, .at_once = 1 },
	{ AGENDA_cleanup,    cleanup_due, .at_once = 20 },
	{ AGENDA_trial,      trial_due, .at_once = 5 },
	{ AGENDA_account,    account_due, .at_once = 10, .forget = ca_forget_accounts },
	{ AGENDA_revoke,     revoke_due, .at_once = 10 },
	{ AGENDA_compromise, compromise_due, .at_once = 1, .planner = &compromise_planner },
	{ AGENDA_relinquish, relinquish_due, .at_once = 10 },
	{ AGENDA_cancel,     cancel_due, .at_once = 10 },
	{ AGENDA_removed,    removed_due, .at_once = 10 },
	{ AGENDA_site,       site_due, .at_once = 1 },
	{ AGENDA_deploy,     deploy_due, .at_once = 20 },
	{ AGENDA_revocation, revocation_due, .at_once = 10, .planner = &revocation_planner },
	{ AGENDA_rotation,   rotation_due, .at_once = 1, .plan = rotation_plan },
	{ AGENDA_mail,       outbox_due, .at_once = 8,  .same_lane = outbox_same_channel },
	{ AGENDA_post,       outbox_due, .at_once = 40, .same_lane = outbox_same_channel },
	{ AGENDA_expiry,     expiry_due, .at_once = 50, .planner = &expiry_planner },
	{ AGENDA_scan,       scan_due, .limit = track_limit, .plan = track_plan, .replan = track_plan },
	{ AGENDA_live,       live_due, .limit = track_limit, .planner = &live_planner },
	{ AGENDA_backup,     backup_due, .at_once = 1, .plan = backup_plan, .replan = backup_plan },
	{ AGENDA_offsite,    offsite_due, .at_once = 1 },
	{ AGENDA_verify,     backup_due, .at_once = 1 },
	{ AGENDA_session,    session_due, .at_once = 10 },
	{ AGENDA_caller,     caller_due, .at_once = 10 },
	{ AGENDA_leftover,   leftover_due, .at_once = 1 },
	{ AGENDA_departed,   departed_due, .at_once = 1 },
	{ AGENDA_follow,     follow_due, .at_once = 1 },
	{ AGENDA_forgot,     forgot_due, .at_once = 4 },
};
/* clang-format on */
_Static_assert(ARRAY_SIZE(kinds) <= KINDS_MOST, "KINDS_MOST is too small");

void job_kinds_init(struct engine *g)
{
	g->kinds = kinds;
	g->kind_count = ARRAY_SIZE(kinds);
	g->order_calls = &issue_calls;
	g->fetcher = fetcher_new(g->loop, "Certera/" VERSION);
	fetcher_wait_at(g->fetcher, &g->barrier);
	g->hooks = hooks_new(g->loop, &g->barrier, g->connect_runner, g->arg);
	g->dns = dns_new(g->loop);
	g->mailer = mailer_new(g->loop);
	track_init(g);
	planning_init(g);
}

void job_kinds_release(struct engine *g)
{
	hooks_close(g->hooks);
	planning_release(g);
	engine_release(g);
	mailer_free(g->mailer);
	ca_release(g);
	queue_release(g);
	preflight_passed_release(g);
	track_release(g);
	fetcher_free(g->fetcher);
	dns_free(g->dns);
	hooks_free(g->hooks);
}
