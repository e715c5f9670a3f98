#include "webui/lockout.h"

#include <netinet/in.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "store/alert.h"

#define FREE_BY_NAME 5		/* failures before the first delay */
#define FREE_BY_ADDRESS 10	/* several people may sit behind one */
#define FIRST_DELAY 30		/* seconds, then twice that, ... */
#define LONGEST_DELAY 3600
#define FORGET_AFTER 86400	/* seconds after the last failure */
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
static char *id_of_address(const struct request *r)
{
	struct address a = r->visitor.address;
	char text[ADDRESS_TEXT];

	if (a.sa.ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *)&a.sa)->sin6_addr))
		memset(((struct sockaddr_in6 *)&a.sa)->sin6_addr.s6_addr + 8, 0, 8);
	return xasprintf("from/%s", a.sa.ss_family == AF_UNSPEC ? "unknown" : address_host(text, &a));
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

static int count_one(struct txn *t, const char *id, int64_t free, int64_t now, struct err *e)
{
	_cleanup_(rec_caller_release) struct rec_caller caller = { 0 };
	char text[64];

	if (get(t, &caller, id, e) < 0)
		return -1;
	if (caller.locked_until > now) {
		err_set(e, ERR_LIMIT, "too many failed sign-ins: the next one is looked at %s",
			clock_relative(text, sizeof(text), caller.locked_until, now));
		e->retry_at = caller.locked_until;
		return err_hint(e, "On the server, certeractl user unlock ends that.");
	}
	caller.failures++;
	caller.seen = now;
	caller.locked_until = now + delay_of(caller.failures, free);
	if (rec_caller_put(t, &caller, e) < 0)
		return -1;
	return agenda_set(t, AGENDA_caller, id, now + FORGET_AFTER, e);
}

int lockout_count(struct request *r, const char *name, struct err *e)
{
	_cleanup_free_ char *by_name = id_of_name(name), *by_address = id_of_address(r);
	_cleanup_txn_ struct txn *t = NULL;
	int64_t now = clock_now();
	char seconds[24];

	if (store_write(r->webui->env->store, &t, e) < 0)
		return -1;
	if (count_one(t, by_name, FREE_BY_NAME, now, e) == 0 && count_one(t, by_address, FREE_BY_ADDRESS, now, e) == 0)
		return txn_commit(TAKE(t), e);
	if (e->kind == ERR_LIMIT) {
		snprintf(seconds, sizeof(seconds), "%lld", (long long)(e->retry_at - now));
		reply_header(r, "Retry-After", seconds);
	}
	return -1;
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

int lockout_tell(struct request *r, struct txn *t, const char *user_id, const char *name, struct err *e)
{
	_cleanup_free_ char *by_name = id_of_name(name), *by_address = id_of_address(r);
	_cleanup_json_ json_t *facts = json_pack("{s:s}", "from", r->from);
	struct alert_of user = { .object = user_id, .name = name, .facts = facts, .owner_id = user_id },
			address = { .name = r->from, .facts = facts };

	if (user_id && tell_if_locked(r, t, by_name, FREE_BY_NAME, &user, e) < 0)
		return -1;
	return tell_if_locked(r, t, by_address, FREE_BY_ADDRESS, &address, e);
}

static int forget(struct txn *t, const char *id, struct err *e)
{
	return agenda_delete(t, AGENDA_caller, id, e) < 0 ? -1 : rec_caller_delete(t, id, e);
}

int lockout_unlock(struct txn *t, const char *name, struct err *e)
{
	_cleanup_free_ char *id = id_of_name(name);

	return forget(t, id, e);
}

int lockout_clear(struct request *r, struct txn *t, const char *name, struct err *e)
{
	_cleanup_free_ char *by_address = id_of_address(r);

	return lockout_unlock(t, name, e) < 0 ? -1 : forget(t, by_address, e);
}

int lockout_forgot(struct txn *t, const char *name, int64_t seconds, struct err *e)
{
	_cleanup_(rec_caller_release) struct rec_caller caller = { 0 };
	_cleanup_free_ char *id = id_with_name("forgot", name);
	int64_t now = clock_now();

	if (get(t, &caller, id, e) < 0)
		return -1;
	if (caller.seen + seconds > now)
		return 0;
	caller.seen = now;
	return rec_caller_put(t, &caller, e) < 0 || agenda_set(t, AGENDA_caller, id, now + seconds, e) < 0 ? -1 : 1;
}

void lockout_put(json_t *o, struct txn *t, const char *name)
{
	_cleanup_(rec_caller_release) struct rec_caller caller = { 0 };
	_cleanup_free_ char *id = id_of_name(name);
	bool there = rec_caller_get(t, &caller, id, NULL) == 0;

	json_put_int(o, "failures", there ? caller.failures : 0);
	json_put_time(o, "locked_until", there && caller.locked_until > clock_now() ? caller.locked_until : 0);
}
