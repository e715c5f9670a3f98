/*
 * Who chose the scripts of certificates, out of the audit log.  "certificate.hooks" names the members it changed;
 * what none names was there when the certificate was added.  The role that counts is the one of that time.
 */
#include "base/log.h"
#include "store/event/history.h"
#include "store/hooks.h"
#include "store/notify/alert.h"

#define LOCAL_ADMIN "local admin"
#define TOKEN "token "
#define CHANGED "changed: "

struct judging {
	struct txn *txn;
	unsigned open;		/* members of which it is not known yet who chose them */
	bool doubt;		/* one of them was somebody else's choice */
	char *who;		/* in doubt: whose; else the last administrator's name */
};

/*
 * Was it an administrator?
 */

struct role_at {
	int64_t time;
	bool found, admin;
};

/* Events of a user, newest first: the first one that is not later says the role. */
static int read_role(void *arg, void *rec, struct err *e)
{
	const struct rec_event *event = rec;
	struct role_at *at = arg;
	bool added = str_eq(event->action, "user.added"), changed = str_eq(event->action, "user.changed");

	if (event->time > at->time || (!added && !changed))
		return 0;
	at->found = true;
	at->admin = str_starts(event->message, added ? "with the role admin" : "role admin") ||
		    (added && str_eq(event->message, "the first administrator"));
	return 1;
}

static bool user_is_admin(struct txn *t, const char *name, int64_t time)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	struct role_at at = { .time = time };

	return rec_user_by_name(t, &user, name, NULL) == 0 && user.created <= time &&
	       history_each(t, user.id, 0, read_role, &at, NULL) >= 0 && at.found && at.admin;
}

/* A user's token has no more than the role of that user. */
static bool token_is_admin(struct txn *t, const char *name, int64_t time)
{
	_cleanup_(rec_token_release) struct rec_token token = { 0 };
	_cleanup_(rec_user_release) struct rec_user user = { 0 };

	if (rec_token_by_name(t, &token, name, NULL) < 0 || token.created > time || !str_eq(token.role, "admin"))
		return false;
	if (!token.user_id || !*token.user_id)
		return true;
	return rec_user_get(t, &user, token.user_id, NULL) == 0 && user_is_admin(t, user.name, time);
}

/* Users' names have no space, so none is taken for the others. */
static bool by_admin(struct txn *t, const struct rec_event *event)
{
	if (str_eq(event->actor, LOCAL_ADMIN))
		return true;
	if (event->actor && str_starts(event->actor, TOKEN))
		return token_is_admin(t, event->actor + strlen(TOKEN), event->time);
	return event->actor && user_is_admin(t, event->actor, event->time);
}

/*
 * A certificate.
 */

static unsigned members_in(const char *message)
{
	_cleanup_strv_ char **names = strv_split(message ? message : "", ", ");
	unsigned members = 0;

	if (!message || !str_starts(message, CHANGED))
		return HOOKS_ALL;
	for (char **name = names; name && *name; name++)
		members |= hooks_member(*name);
	return members;
}

static int look_at_event(void *arg, void *rec, struct err *e)
{
	const struct rec_event *event = rec;
	struct judging *j = arg;
	unsigned chosen = str_eq(event->action, "certificate.hooks") ? members_in(event->message) :
			  str_eq(event->action, "certificate.added") ? HOOKS_ALL : 0;

	if (!(chosen & j->open))
		return 0;
	j->open &= ~chosen;
	if (!by_admin(j->txn, event)) {
		j->doubt = true;
		record_set(&j->who, event->actor);
	} else if (!j->who) {
		record_set(&j->who, event->actor);
	}
	return j->doubt || !j->open;
}

static int put_unconfirmed(struct txn *t, struct rec_cert *cert, struct err *e)
{
	const char *who = cert->hooks_by ? cert->hooks_by : "an unknown user";

	cert->hooks = HOOKS_UNCONFIRMED;
	log_warn("certificate %s: its scripts, chosen by %s, do not run until an administrator confirms them",
		 cert->name, who);
	if (rec_cert_put(t, cert, e) < 0 ||
	    alert_raise_cert(t, ALERT_unconfirmed, cert, e,
			     "The scripts chosen by %s do not run until an administrator confirms them.", who) < 0)
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "certificate.hooks_unconfirmed",
						  .object = cert->id, .name = cert->name },
			   e, "its scripts, chosen by %s, do not run until an administrator confirms them", who);
}

static int judge_cert(void *arg, struct txn *t, void *rec, struct err *e)
{
	struct rec_cert *cert = rec;
	struct judging j = { .txn = t, .open = hooks_of(cert) };

	if (!j.open || cert->hooks == HOOKS_UNCONFIRMED)	/* judged and told, before a crash */
		return 0;
	if (history_each(t, cert->id, 0, look_at_event, &j, e) < 0)
		return free(j.who), -1;
	free(cert->hooks_by);
	cert->hooks_by = j.who;
	if (j.doubt || j.open)
		return put_unconfirmed(t, cert, e);
	cert->hooks = HOOKS_CHOSEN;
	return rec_cert_put(t, cert, e);
}

/* A record that a hook has set for one of these, and not with something else than is chosen now. */
static int judge_txt(void *arg, struct txn *t, void *rec, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	struct rec_txt *txt = rec;

	if (rec_cert_get(t, &cert, txt->cert_id, e) < 0)
		return e->kind == ERR_MISSING ? err_clear(e), 0 : -1;
	if (cert.hooks != HOOKS_CHOSEN)
		return 0;
	txt->confirmed = slice_eq(slice_buf(&txt->environment), slice_buf(&cert.hook_environment)) &&
			 (!cert.hook_set || str_eq(txt->hook_set, cert.hook_set));
	return rec_txt_put(t, txt, e);
}

int hooks_judge_all(struct store *s, struct err *e)
{
	if (record_each_in_steps(s, &rec_cert_type, judge_cert, NULL, e) < 0)
		return -1;
	return record_each_in_steps(s, &rec_txt_type, judge_txt, NULL, e);
}
