#include "webui/http/settle.h"

#include "base/log.h"

static const enum keeper_op changing[] = {	/* their first field is the id */
	KEEPER_access_rotate, KEEPER_access_allow, KEEPER_key_grant,
	KEEPER_user_check, KEEPER_user_code, KEEPER_user_recover, KEEPER_user_password, KEEPER_user_role,
	KEEPER_totp_confirm, KEEPER_totp_remove, KEEPER_recovery_new,
};

static bool changes(enum keeper_op op)
{
	for (size_t i = 0; i < ARRAY_SIZE(changing); i++)
		if (changing[i] == op)
			return true;
	return false;
}

void settle_later(struct request *r, enum keeper_op op, const struct slice *fields)
{
	if (!changes(op) || !fields[0].len)
		return;
	for (size_t i = 0; i < CHANGED_MOST; i++) {
		if (r->changed[i] && slice_eq(slice_str(r->changed[i]), fields[0]))
			return;
		if (!r->changed[i]) {
			r->changed[i] = xstrndup(fields[0].data, fields[0].len);
			return;
		}
	}
}

static void told(void *arg, const struct keeper_answer *a)
{
	if (a->err)
		log_err(LOG_LEVEL_WARN, a->err);
}

static void tell(struct webui *w, const char *id, const struct buf *blob)
{
	KEEPER_ASK(w->keeper, settled, -1, told, NULL, slice_str(id), slice_buf(blob));
}

/* Ids are random: one is of one kind of record. */
static void tell_one(struct webui *w, struct txn *t, const char *id)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_(rec_key_release) struct rec_key key = { 0 };

	if (rec_user_get(t, &user, id, NULL) == 0)
		tell(w, id, &user.sealed);
	else if (rec_cert_get(t, &cert, id, NULL) == 0)
		tell(w, id, &cert.access);
	else if (rec_key_get(t, &key, id, NULL) == 0)
		tell(w, id, &key.access);
}

void settle(struct request *r)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (!r->changed[0])
		return;
	if (store_read_durable(r->webui->env->store, &t, NULL) < 0)
		return;
	for (size_t i = 0; i < CHANGED_MOST && r->changed[i]; i++)
		tell_one(r->webui, t, r->changed[i]);
}
