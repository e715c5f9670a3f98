#include "webui/key/grant.h"

#include "store/key/sharing.h"

struct grant_users {
	const char *another;
	struct buf *ids;
};

static int add_user(void *arg, void *rec, struct err *e)
{
	const struct rec_cert *cert = rec;
	struct grant_users *u = arg;

	if (!str_eq(cert->id, u->another))
		buf_addf(u->ids, "%s\n", cert->id);
	return 0;
}

/* It has another key now, but its version in force needs this one until it is ordered. */
static int add_former(void *arg, const struct rec_cert *cert, struct err *e)
{
	struct grant_users *u = arg;

	if (!str_eq(cert->id, u->another))
		buf_addf(u->ids, "%s\n", cert->id);
	return 0;
}

int permit_certificates(struct txn *t, const char *key_id, const char *another, struct buf *ids, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	struct grant_users u = { another, ids };

	if (another)
		buf_addf(ids, "%s\n", another);
	if (rec_key_get(t, &key, key_id, e) < 0 ||
	    record_each_with(t, &rec_cert_type, REC_cert_key_id, key_id, add_user, &u, e) < 0)
		return -1;
	return sharing_each_former(t, &key, add_former, &u, e);
}

int permit_ask(struct request *r, const char *key_id, struct slice access, struct slice ids, const char *proof,
	       answer_fn *answered)
{
	return REQUEST_ASK(r, key_grant, str_eq(proof, KEEPER_PROOF_PEER) ? request_socket(r) : -1, answered,
			   slice_str(key_id), access, ids, slice_str(proof));
}

int permit_put(struct txn *t, const char *key_id, struct slice before, struct slice access, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };

	if (rec_key_get(t, &key, key_id, e) < 0)
		return -1;
	if (!slice_eq(slice_buf(&key.access), before))
		return err_set(e, ERR_CONFLICT, "the API keys of the key %s were changed at the same time: try again",
			       key.name);
	record_set_blob(&key.access, access);
	return rec_key_put(t, &key, e);
}

/*
 * POST /api/v1/certificates/NAME/key-download/on
 */

struct permitting {
	struct rec_cert cert;		/* as it was when the keeper was asked */
	struct rec_key key;
	struct buf access;		/* the certificate's new blob */
	bool allow;
};

static void permitting_release(void *state)
{
	struct permitting *p = state;

	rec_cert_release(&p->cert);
	rec_key_release(&p->key);
	buf_release(&p->access);
}

static int put_cert(struct request *r, struct txn *t, struct permitting *p, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };

	if (rec_cert_get(t, &cert, p->cert.id, e) < 0)
		return -1;
	if (!slice_eq(slice_buf(&cert.access), slice_buf(&p->cert.access)))
		return err_set(e, ERR_CONFLICT, "the API keys of %s were changed at the same time: try again",
			       cert.name);
	record_set_blob(&cert.access, slice_buf(&p->access));
	cert.key_withheld = !p->allow;
	if (rec_cert_put(t, &cert, e) < 0)
		return -1;
	return admin_event(r, t, "certificate.key_download", cert.id, cert.name, e,
			   p->allow ? "its API keys may download formats with the private key" :
				      "its API keys may not download formats with the private key");
}

static int granted(struct request *r, const struct slice *field, struct err *e)
{
	struct permitting *p = r->state;
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (admin_write(r, &t, e) < 0 ||
	    permit_put(t, p->key.id, slice_buf(&p->key.access), field[0], e) < 0 || put_cert(r, t, p, e) < 0 ||
	    admin_commit(r, TAKE(t), false, e) < 0)
		return -1;
	answer = json_object();
	json_put_str(answer, "name", p->cert.name);
	json_put_bool(answer, "key_download", p->allow);
	return reply_json(r, 200, answer);
}

static int allowed(struct request *r, const struct slice *field, struct err *e)
{
	struct permitting *p = r->state;
	_cleanup_buf_ struct buf ids = BUF_INIT;
	_cleanup_txn_ struct txn *t = NULL;

	buf_add(&p->access, field[0].data, field[0].len);
	if (store_read(r->webui->env->store, &t, e) < 0 || permit_certificates(t, p->key.id, NULL, &ids, e) < 0)
		return -1;
	return permit_ask(r, p->key.id, slice_buf(&p->key.access), slice_buf(&ids), request_proof(r), granted);
}

int page_cert_key_download(struct request *r, struct err *e)
{
	struct permitting *p = request_state(r, sizeof(*p), permitting_release);
	const char *word = params_get(&r->path, "word");
	_cleanup_txn_ struct txn *t = NULL;

	if (!str_eq(word, "on") && !str_eq(word, "off"))
		return err_set(e, ERR_USAGE, "key-download is on or off, not %.40s", word);
	p->allow = str_eq(word, "on");
	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &p->cert, e) < 0 ||
	    admin_confirmed(r, e) < 0)
		return -1;
	if (!p->cert.key_id || !*p->cert.key_id)
		return err_set(e, ERR_CONFLICT, "Certera does not have the private key of %s",
			       p->cert.name);
	if (rec_key_get(t, &p->key, p->cert.key_id, e) < 0)
		return -1;
	return REQUEST_ASK(r, access_allow, request_proof_socket(r), allowed, slice_str(p->cert.id),
			   slice_buf(&p->cert.access), slice_str(p->allow ? "1" : "0"), slice_str(request_proof(r)));
}
