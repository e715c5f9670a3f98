/*
 * POST /api/v1/certificates/NAME/owner: a certificate is handed over, with its key if that had the same owner.  What
 * moves with it, and who sees it no more, is said beforehand (?dry_run=true) and in the answer.
 */
#include "webui/http/handler.h"
#include "webui/http/session.h"
#include "webui/people/person.h"

struct handing_over {
	const struct request *r;
	struct txn *txn;
	struct rec_cert cert;		/* as it is */
	struct rec_key key;
	struct rec_user user;		/* the new owner */
	bool with_key;
	bool dry;
	json_t *tokens, *users;
	int64_t hidden;			/* tokens that are not the visitor's to know */
};

static void handing_over_release(void *state)
{
	struct handing_over *h = state;

	rec_cert_release(&h->cert);
	rec_key_release(&h->key);
	rec_user_release(&h->user);
}

/* Would it fit in the new owner's limits? */
static int check_fits(struct txn *t, const struct rec_cert *cert, const struct rec_user *user, struct err *e)
{
	struct visitor as = { .face = FACE_CONTROL };
	int result = session_limit(&as, t, user, e);

	if (!result && !str_eq(cert->owner_id, user->id))
		result = scope_check_names(&as.scope, cert->names, e) < 0 ? -1 : scope_check_count(&as.scope, t, e);
	visitor_release(&as);
	return result < 0 ? err_prefix(e, "for %s", user->name) : 0;
}

/* A plan counts what is its user's: what he gives away, whose API keys he has kept, would not count. */
static int check_free(const struct request *r, const struct rec_cert *cert, struct err *e)
{
	if (!r->visitor.scope.own)
		return 0;
	err_set(e, ERR_DENIED, "your plan does not allow changing the owner of %s", cert->name);
	return err_hint(e, "Ask a user without a plan to change the owner.");
}

/* Who sees it with these limits, before and after: what changes for them; NULL: nothing. */
static const char *change_for(const struct handing_over *h, const struct scope *scope)
{
	struct rec_cert after = h->cert;
	bool before = scope_has_cert(scope, &h->cert), then;

	after.owner_id = h->user.id;
	then = scope_has_cert(scope, &after);
	return before == then ? NULL : then ? "gains it" : "loses it";
}

static void put_change(json_t *list, const char *name, const char *owner, const char *then)
{
	json_t *o = json_object();

	json_put_str(o, "name", name);
	json_put_str(o, "user", owner);
	json_put_str(o, "then", then);
	json_array_append_new(list, o);
}

/* One that is limited, to domains or to what its user may see. */
static int look_at_token(void *arg, void *rec, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	const struct rec_token *token = rec;
	struct visitor as = { .face = FACE_CONTROL };
	struct handing_over *h = arg;
	bool known =
		gate_administers(&h->r->visitor) || (token->user_id && str_eq(token->user_id, h->r->visitor.user_id));
	const char *then;
	int result = 0;

	if (token->user_id && *token->user_id && rec_user_get(h->txn, &user, token->user_id, NULL) == 0)
		result = session_limit(&as, h->txn, &user, e);
	as.scope.only = strv_dup(token->domains);
	then = change_for(h, &as.scope);
	if (!then && strv_len(token->domains) && scope_has_cert(&as.scope, &h->cert))
		then = "keeps it";
	if (result == 0 && then && known)
		put_change(h->tokens, token->name, user.name, then);
	else if (then)
		h->hidden++;
	visitor_release(&as);
	return result;
}

static int look_at_user(struct handing_over *h, const struct rec_user *user, struct err *e)
{
	struct visitor as = { .face = FACE_CONTROL };
	int result = user->id ? session_limit(&as, h->txn, user, e) : 0;
	const char *then = user->id ? change_for(h, &as.scope) : NULL;

	if (result == 0 && then)
		put_change(h->users, user->name, NULL, then);
	visitor_release(&as);
	return result;
}

/* The certificates that have its key, and stay where they are. */
static int put_sharing(json_t *o, const struct handing_over *h, struct err *e)
{
	if (!h->cert.key_id || !*h->cert.key_id) {
		json_object_set_new(o, "key_shared_with", json_array());
		return 0;
	}
	return admin_put_others(o, "key_shared_with", h->r, h->txn, &h->cert, REC_cert_key_id, h->cert.key_id, e);
}

/* What moves, what stays and who notices; NULL: it could not be found out. */
static json_t *show_moves(struct handing_over *h, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user before = { 0 };
	json_t *o = json_object();
	bool had = h->cert.owner_id && rec_user_get(h->txn, &before, h->cert.owner_id, NULL) == 0;

	h->tokens = json_array();
	h->users = json_array();
	json_object_set_new(o, "tokens", h->tokens);
	json_object_set_new(o, "users", h->users);
	json_put_str(o, "from", had ? before.name : NULL);
	json_put_str(o, "to", h->user.name);
	json_put_str(o, "certificate", h->cert.name);
	json_put_int(o, "versions", h->cert.newest);
	json_put_int(o, "orders", h->cert.orders);
	json_put_str(o, "key", h->with_key ? h->key.name : NULL);
	json_put_str(o, "key_stays", h->key.id && !h->with_key ? h->key.name : NULL);
	json_put_strv(o, "contacts", h->cert.contacts);
	admin_put_consumers(o, h->txn, h->cert.id, h->cert.current);
	if (put_sharing(o, h, e) < 0 || look_at_user(h, &before, e) < 0 || look_at_user(h, &h->user, e) < 0 ||
	    record_each(h->txn, &rec_token_type, "", false, look_at_token, h, e) < 0) {
		json_decref(o);
		return NULL;
	}
	json_put_int(o, "other_tokens", h->hidden);
	return o;
}

static int read_dry_run(struct request *r, bool *dry, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	const char *text;

	if (admin_query(r, &query, e) < 0)
		return -1;
	text = params_get(&query, "dry_run");
	*dry = str_eq(text, "true");
	if (!text || !*text || *dry || str_eq(text, "false"))
		return 0;
	err_set(e, ERR_USAGE, "dry_run=%.40s is not understood; it is true or false", text);
	return err_field(e, "dry_run");
}

/* Whom to, and whether that can be. */
static int find_all(struct request *r, struct handing_over *h, const char *name, struct err *e)
{
	if (admin_find_cert(r, h->txn, &h->cert, e) < 0 || check_free(r, &h->cert, e) < 0)
		return -1;
	if (*name && rec_user_by_name(h->txn, &h->user, name, e) < 0)
		return body_at("user", e->kind != ERR_MISSING ? -1 :
						err_set(e, ERR_INVALID, "there is no user %.100s", name), e);
	h->with_key = h->cert.key_id && rec_key_get(h->txn, &h->key, h->cert.key_id, NULL) == 0 &&
		      str_eq(h->key.owner_id ? h->key.owner_id : "", h->cert.owner_id ? h->cert.owner_id : "");
	return *name ? body_at("user", check_fits(h->txn, &h->cert, &h->user, e), e) : 0;
}

static int hand_over(struct request *r, struct txn *t, struct handing_over *h, struct err *e)
{
	record_set(&h->cert.owner_id, h->user.id);
	record_set(&h->key.owner_id, h->user.id);
	if (rec_cert_put(t, &h->cert, e) < 0 || (h->with_key && rec_key_put(t, &h->key, e) < 0))
		return -1;
	return admin_event(r, t, "certificate.handed_over", h->cert.id, h->cert.name, e, "to %s%s%s",
			   h->user.name ? h->user.name : "nobody", h->with_key ? ", with its key " : "",
			   h->with_key ? h->key.name : "");
}

int page_cert_owner(struct request *r, struct err *e)
{
	struct handing_over *h = request_state(r, sizeof(*h), handing_over_release);
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_json_ json_t *moves = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	h->r = r;
	if (!body || read_dry_run(r, &h->dry, e) < 0 || admin_write(r, &t, e) < 0)
		return -1;
	h->txn = t;
	if (find_all(r, h, json_str(body, "user"), e) < 0)
		return -1;
	moves = show_moves(h, e);
	if (!moves || (!h->dry && hand_over(r, t, h, e) < 0))
		return -1;
	answer = admin_show_one_cert(t, &h->cert);
	json_object_set(answer, "moves", moves);
	json_put_bool(answer, "dry_run", h->dry);
	if (!h->dry)
		return admin_commit_reply(r, TAKE(t), false, 200, answer, e);
	txn_abort(TAKE(t));
	return reply_json(r, 200, answer);
}
