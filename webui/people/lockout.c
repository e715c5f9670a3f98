#include "webui/people/lockout.h"

#include <netinet/in.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "store/leftover.h"
#include "store/notify/alert.h"
#include "webui/http/reply.h"

#define FREE_HERE 5		/* failures before the first delay: with one name from one network, or of one session */
#define FREE_BY_NAME 20		/* with one name, from networks that the user never signed in from */
#define FREE_BY_ADDRESS 10	/* several people may sit behind one */
#define FIRST_DELAY 30		/* seconds, then twice that, ... */
#define LONGEST_DELAY 3600
#define FORGET_AFTER 86400	/* seconds after the last failure */
#define KNOWN_FOR (90 * 86400)	/* seconds after the last sign-in from a network */
#define NAME_BYTES 20

static char *id_with_name(const char *kind, const char *name)
{
	unsigned char hash[SHA256_SIZE];
	_cleanup_free_ char *text = NULL;

	sha256(name, strlen(name), hash);
	text = base64url_str(hash, NAME_BYTES);
	return xasprintf("%s/%s", kind, text);
}

static char *id_of_name(const char *name)
{
	return id_with_name("user", name);
}

/* Who has one IPv6 address has 2^64 of them. */
static char *network_of(const struct request *r)
{
	struct address a = r->visitor.address;
	char text[ADDRESS_TEXT];

	if (a.sa.ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *)&a.sa)->sin6_addr))
		memset(((struct sockaddr_in6 *)&a.sa)->sin6_addr.s6_addr + 8, 0, 8);
	return xstrdup(a.sa.ss_family == AF_UNSPEC ? "unknown" : address_host(text, &a));
}

/* The counters of an attempt to sign in. */
struct ids {
	char *name, *here, *network;	/* by name, by name and network, by network */
};

static struct ids ids_of(const struct request *r, const char *name)
{
	_cleanup_free_ char *network = network_of(r);
	struct ids ids = { .name = id_of_name(name) };

	ids.here = xasprintf("%s/%s", ids.name, network);
	ids.network = xasprintf("from/%s", network);
	return ids;
}

static void ids_release(struct ids *ids)
{
	free(ids->name);
	free(ids->here);
	free(ids->network);
}

static char *id_of_known(const struct request *r, const char *user_id)
{
	_cleanup_free_ char *network = network_of(r);

	return xasprintf("known/%s/%s", user_id, network);
}

static char *id_of_session(const struct request *r)
{
	return xasprintf("confirm/%s", r->visitor.session);
}

static int64_t delay_of(int64_t failures, int64_t free)
{
	int64_t more = failures - free;

	return more < 0 ? 0 : more > 7 ? LONGEST_DELAY : MIN((int64_t)FIRST_DELAY << more, LONGEST_DELAY);
}

/* It need not be there yet. */
static int get(struct txn *t, struct rec_caller *caller, const char *id, struct err *e)
{
	if (rec_caller_get(t, caller, id, e) < 0 && e->kind != ERR_MISSING)
		return -1;
	record_set(&caller->id, id);
	return 0;
}

static int check_lock(const struct rec_caller *caller, int64_t now, struct err *e)
{
	char text[64];

	if (caller->locked_until <= now)
		return 0;
	err_set(e, ERR_LIMIT, "too many failed sign-ins: the next attempt is possible %s",
		clock_relative(text, sizeof(text), caller->locked_until, now));
	e->retry_at = caller->locked_until;
	return err_hint(e, "On the server, certeractl user unlock ends that.");
}

/* exempt: it counts, but is not refused. */
static int count_one(struct txn *t, const char *id, int64_t free, bool exempt, struct err *e)
{
	_cleanup_(rec_caller_release) struct rec_caller caller = { 0 };
	int64_t now = clock_now();

	if (get(t, &caller, id, e) < 0 || (!exempt && check_lock(&caller, now, e) < 0))
		return -1;
	caller.failures++;
	caller.seen = now;
	caller.locked_until = now + delay_of(caller.failures, free);
	if (rec_caller_put(t, &caller, e) < 0)
		return -1;
	return agenda_set(t, AGENDA_caller, id, now + FORGET_AFTER, e);
}

/*
 * Has this user signed in from here?  Then what others do elsewhere, or behind the same address, is not held against
 * this one.
 */
static int is_known(const struct request *r, struct txn *t, const char *user_id, struct err *e)
{
	_cleanup_(rec_caller_release) struct rec_caller caller = { 0 };
	_cleanup_free_ char *id = user_id ? id_of_known(r, user_id) : NULL;

	if (!id || rec_caller_get(t, &caller, id, e) == 0)
		return id != NULL;
	return e->kind == ERR_MISSING ? 0 : -1;
}

static int count_all(const struct request *r, struct txn *t, const char *user_id, const char *name, struct err *e)
{
	_cleanup_(ids_release) struct ids ids = ids_of(r, name);
	int known = is_known(r, t, user_id, e);

	if (known < 0 || count_one(t, ids.here, FREE_HERE, false, e) < 0 ||
	    count_one(t, ids.network, FREE_BY_ADDRESS, known, e) < 0)
		return -1;
	return known ? 0 : count_one(t, ids.name, FREE_BY_NAME, false, e);
}

int lockout_count(struct request *r, const char *user_id, const char *name, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0)
		return -1;
	return count_all(r, t, user_id, name, e) < 0 ? -1 : txn_commit(TAKE(t), e);
}

int lockout_count_session(struct request *r, struct err *e)
{
	_cleanup_free_ char *id = id_of_session(r);
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0)
		return -1;
	return count_one(t, id, FREE_HERE, false, e) < 0 ? -1 : txn_commit(TAKE(t), e);
}

/* Once until it is forgotten. */
static int tell_if_locked(struct request *r, struct txn *t, const char *id, int64_t free, const struct alert_of *of,
			  struct err *e)
{
	_cleanup_(rec_caller_release) struct rec_caller caller = { 0 };

	if (get(t, &caller, id, e) < 0)
		return -1;
	if (caller.told || caller.failures < free)
		return 0;
	caller.told = true;
	if (rec_caller_put(t, &caller, e) < 0)
		return -1;
	return alert_raise(t, ALERT_lockout, of, e, "The last of them came from %s.", r->from);
}

static json_t *facts_of(const struct request *r)
{
	return json_pack("{s:s}", "from", r->from);
}

int lockout_tell(struct request *r, struct txn *t, const char *user_id, const char *name, struct err *e)
{
	_cleanup_(ids_release) struct ids ids = ids_of(r, name);
	_cleanup_json_ json_t *facts = facts_of(r);
	struct alert_of user = { .object = user_id, .name = name, .facts = facts, .owner_id = user_id },
			address = { .name = r->from, .facts = facts };

	if (user_id && (tell_if_locked(r, t, ids.here, FREE_HERE, &user, e) < 0 ||
			tell_if_locked(r, t, ids.name, FREE_BY_NAME, &user, e) < 0))
		return -1;
	return tell_if_locked(r, t, ids.network, FREE_BY_ADDRESS, &address, e);
}

int lockout_tell_session(struct request *r, struct txn *t, const char *user_id, const char *name, struct err *e)
{
	_cleanup_free_ char *id = id_of_session(r);
	_cleanup_json_ json_t *facts = facts_of(r);

	return tell_if_locked(r, t, id, FREE_HERE, &(struct alert_of){ .object = user_id, .name = name, .facts = facts,
									.owner_id = user_id }, e);
}

static int forget(struct txn *t, const char *id, struct err *e)
{
	return agenda_delete(t, AGENDA_caller, id, e) < 0 ? -1 : rec_caller_delete(t, id, e);
}

int lockout_unlock(struct txn *t, const char *name, struct err *e)
{
	_cleanup_free_ char *id = id_of_name(name);

	return leftover_remove(t, &rec_caller_type, id, e);	/* their rows find nothing any more */
}

static int remember(struct txn *t, const char *id, struct err *e)
{
	struct rec_caller caller = { .id = (char *)id, .seen = clock_now() };

	return rec_caller_put(t, &caller, e) < 0 ? -1 : agenda_set(t, AGENDA_caller, id, caller.seen + KNOWN_FOR, e);
}

int lockout_clear(struct request *r, struct txn *t, const char *user_id, const char *name, struct err *e)
{
	_cleanup_(ids_release) struct ids ids = ids_of(r, name);
	_cleanup_free_ char *here = id_of_known(r, user_id);
	int known = is_known(r, t, user_id, e);

	if (known < 0 || forget(t, ids.here, e) < 0 || forget(t, ids.network, e) < 0 ||
	    (!known && forget(t, ids.name, e) < 0))
		return -1;
	return remember(t, here, e);
}

int lockout_clear_session(struct request *r, struct txn *t, struct err *e)
{
	_cleanup_free_ char *id = id_of_session(r);

	return forget(t, id, e);
}

int lockout_forgot(struct request *r, struct txn *t, const char *name, int64_t seconds, struct err *e)
{
	_cleanup_(rec_caller_release) struct rec_caller caller = { 0 };
	_cleanup_free_ char *id = id_with_name("forgot", name);
	int64_t now = clock_now();

	if (get(t, &caller, id, e) < 0)
		return -1;
	if (caller.seen + seconds > now)
		return 0;
	caller.seen = now;
	record_set(&caller.name, name);
	record_set(&caller.address, r->from);
	if (rec_caller_put(t, &caller, e) < 0 || agenda_set(t, AGENDA_caller, id, now + seconds, e) < 0)
		return -1;
	return agenda_set(t, AGENDA_forgot, id, now, e) < 0 ? -1 : 1;
}

struct summary {
	int64_t failures, locked_until;
};

/* Each failure counts for its name and network; some for the name, too. */
static int add_up(void *arg, void *rec, struct err *e)
{
	const struct rec_caller *caller = rec;
	struct summary *sum = arg;

	if (strchr(caller->id, '/') != strrchr(caller->id, '/'))
		sum->failures += caller->failures;
	sum->locked_until = MAX(sum->locked_until, caller->locked_until);
	return 0;
}

void lockout_put(json_t *o, struct txn *t, const char *name)
{
	_cleanup_free_ char *id = id_of_name(name);
	struct summary sum = { 0 };

	record_each(t, &rec_caller_type, id, false, add_up, &sum, NULL);
	json_put_int(o, "failures", sum.failures);
	json_put_time(o, "locked_until", sum.locked_until > clock_now() ? sum.locked_until : 0);
}
