/* Clients of CAs, one a directory, and the account keys that sign for them. */
#include "daemon/ca/ca.h"

#include "pki/key.h"

/* An account, or a key by itself, as sign() needs it: looked up once, the key stays sealed. */
struct signer {
	struct signer *next;
	char *id;		/* of the account, or of the key version */
	char *key_id, *alg, *jwk, *eab_id;
	struct buf material, eab_key;
};

/* An answer on its way to acme/: the keeper's, or ours when the loop turns. */
struct relay {
	struct relay *next;
	struct engine *engine;
	acme_bytes_cb *cb;
	void *cb_arg;
	size_t field;		/* of the keeper's answer */
	struct timer timer;	/* ours */
	struct buf bytes;
	struct err err;
};

static void signer_free(struct signer *s)
{
	free(s->id);
	free(s->key_id);
	free(s->alg);
	free(s->jwk);
	free(s->eab_id);
	buf_release(&s->material);
	buf_release(&s->eab_key);
	free(s);
}

/* The loop has ended: what the keeper has not answered is answered here, as acme/ is promised. */
static void drop_relays(struct engine *g)
{
	struct err e = { 0 };

	err_set(&e, ERR_INTERNAL, "the daemon is ending");
	while (g->relays) {
		struct relay *r = g->relays;

		g->relays = r->next;
		timer_stop(&r->timer);
		r->cb(r->cb_arg, NULL, &e);
		buf_release(&r->bytes);
		free(r);
	}
}

void ca_release(struct engine *g)
{
	drop_relays(g);
	while (g->cas) {
		struct ca *ca = g->cas;

		g->cas = ca->next;
		acme_free(ca->acme);
		free(ca->directory);
		free(ca->ca_file);
		free(ca);
	}
	ca_forget_accounts(g);
}

void ca_forget_accounts(struct engine *g)
{
	while (g->signers) {
		struct signer *s = g->signers;

		g->signers = s->next;
		signer_free(s);
	}
}

static struct signer *signer_find(const struct engine *g, const char *id)
{
	struct signer *s = g->signers;

	while (s && !str_eq(s->id, id))
		s = s->next;
	return s;
}

static struct signer *signer_add(struct engine *g, const char *id, const struct rec_key_version *version, struct err *e)
{
	const char *alg = spki_jws_alg(slice_buf(&version->spki));
	struct signer *s;

	if (!alg) {
		err_set(e, ERR_INVALID, "its key is of a type that cannot sign for ACME");
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->id = xstrdup(id);
	s->key_id = record_parent_id(version->id);
	s->alg = xstrdup(alg);
	s->jwk = spki_jwk(slice_buf(&version->spki), e);
	record_set_blob(&s->material, slice_buf(&version->material));
	s->next = g->signers;
	g->signers = s;
	return s;
}

static struct signer *signer_load(struct engine *g, struct txn *t, const struct rec_account *account, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_(rec_key_version_release) struct rec_key_version version = { 0 };
	_cleanup_free_ char *id = NULL;
	struct signer *s;

	if (rec_key_get(t, &key, account->key_id, e) < 0)
		return NULL;
	id = record_child_id(key.id, key.current ? key.current : key.newest);
	if (rec_key_version_get(t, &version, id, e) < 0)
		return NULL;
	s = signer_add(g, account->id, &version, e);
	if (s) {
		s->eab_id = xstrdup(account->id);
		record_set_blob(&s->eab_key, slice_buf(&account->eab_key));
	}
	return s;
}

int ca_account(struct engine *g, struct txn *t, const struct rec_account *account, struct acme_account *out,
	       struct err *e)
{
	struct signer *s = signer_find(g, account->id);

	if (!s)
		s = signer_load(g, t, account, e);
	if (!s)
		return err_prefix(e, "account %s", account->name);
	out->key = s->id;
	out->alg = s->alg;
	out->jwk = account->jwk;
	out->kid = account->kid && *account->kid ? account->kid : NULL;
	out->key_changed = account->key_changed;
	return 0;
}

int ca_key(struct engine *g, struct txn *t, const char *key_version_id, struct acme_account *out, struct err *e)
{
	_cleanup_(rec_key_version_release) struct rec_key_version version = { 0 };
	struct signer *s = signer_find(g, key_version_id);

	if (!s && rec_key_version_get(t, &version, key_version_id, e) == 0)
		s = signer_add(g, key_version_id, &version, e);
	if (!s)
		return -1;
	*out = (struct acme_account){ .key = s->id, .alg = s->alg, .jwk = s->jwk };
	return 0;
}

void ca_forget_account(struct engine *g, const char *account_id)
{
	struct signer **link = &g->signers, *s;

	while (*link && !str_eq((*link)->id, account_id))
		link = &(*link)->next;
	s = *link;
	if (!s)
		return;
	*link = s->next;
	signer_free(s);
}

static struct relay *relay_new(struct engine *g, acme_bytes_cb *cb, void *cb_arg)
{
	struct relay *r = xcalloc(1, sizeof(*r));

	r->engine = g;
	r->cb = cb;
	r->cb_arg = cb_arg;
	r->next = g->relays;
	g->relays = r;
	return r;
}

static void relay_deliver(struct relay *r, const struct slice *bytes, const struct err *err)
{
	struct relay **link = &r->engine->relays;

	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	r->cb(r->cb_arg, bytes, err);
	buf_release(&r->bytes);
	free(r);
}

static void keeper_answered(void *arg, const struct keeper_answer *a)
{
	struct relay *r = arg;

	relay_deliver(r, a->err ? NULL : &a->field[r->field], a->err);
}

static void loop_turned(void *arg)
{
	struct relay *r = arg;
	struct slice bytes = slice_buf(&r->bytes);

	relay_deliver(r, r->bytes.len ? &bytes : NULL, err_is_set(&r->err) ? &r->err : NULL);
}

void ca_ask(struct engine *g, enum keeper_op op, const struct slice *fields, size_t count, size_t field,
	    acme_bytes_cb *cb, void *cb_arg)
{
	struct relay *r = relay_new(g, cb, cb_arg);

	r->field = field;
	keeper_ask(g->keeper, op, fields, count, -1, keeper_answered, r);
}

void ca_refuse_later(struct engine *g, const struct err *e, acme_bytes_cb *cb, void *cb_arg)
{
	struct relay *r = relay_new(g, cb, cb_arg);

	r->err = *e;
	timer_start(&r->timer, g->loop, 0, loop_turned, r);
}

static void answer_gone(struct engine *g, acme_bytes_cb *cb, void *cb_arg)
{
	struct err e = { 0 };

	err_set(&e, ERR_INTERNAL, "the account's key was changed meanwhile");
	ca_refuse_later(g, &e, cb, cb_arg);
}

void ca_give_later(struct engine *g, struct slice bytes, acme_bytes_cb *cb, void *cb_arg)
{
	struct relay *r = relay_new(g, cb, cb_arg);

	buf_add(&r->bytes, bytes.data, bytes.len);
	timer_start(&r->timer, g->loop, 0, loop_turned, r);
}

/* env.sign and env.hmac of struct acme_env; `key` is an account id, or a key version id. */
static void sign(void *engine, const char *key, struct slice data, acme_bytes_cb *cb, void *cb_arg)
{
	const struct signer *s = signer_find(engine, key);
	const struct slice question[] = { slice_str(s ? s->key_id : ""), s ? slice_buf(&s->material) : slice(NULL, 0),
					  data };

	if (!s) {
		answer_gone(engine, cb, cb_arg);
		return;
	}
	ca_ask(engine, KEEPER_sign, question, ARRAY_SIZE(question), 0, cb, cb_arg);
}

static void hmac(void *engine, const char *key, const char *alg, struct slice data, acme_bytes_cb *cb, void *cb_arg)
{
	const struct signer *s = signer_find(engine, key);
	const struct slice question[] = { slice_str(s ? s->eab_id : ""), s ? slice_buf(&s->eab_key) : slice(NULL, 0),
					  slice_str(alg), data };

	if (!s) {
		answer_gone(engine, cb, cb_arg);
		return;
	}
	ca_ask(engine, KEEPER_hmac, question, ARRAY_SIZE(question), 0, cb, cb_arg);
}

struct acme *ca_client(struct engine *g, const struct rec_account *account)
{
	const char *ca_file = account->ca_file && *account->ca_file ? account->ca_file : NULL;
	struct acme_env env = {
		.loop = g->loop, .fetcher = g->fetcher, .arg = g,
		.timeout_ms = (int)g->config->acme_timeout * 1000,
		.patience_ms = (int)g->config->acme_patience * 1000,
		.sign = sign, .hmac = hmac,
		.save = g->order_calls->save, .turn = g->order_calls->turn, .publish = g->order_calls->publish,
		.csr = g->order_calls->csr, .done = g->order_calls->done,
	};
	struct ca *ca;

	for (ca = g->cas; ca; ca = ca->next)
		if (str_eq(ca->directory, account->directory) && str_eq(ca->ca_file, ca_file)) {
			/* a reload may have changed them */
			acme_set_limits(ca->acme, env.timeout_ms, env.patience_ms);
			return ca->acme;
		}
	ca = xcalloc(1, sizeof(*ca));
	ca->directory = xstrdup(account->directory);
	ca->ca_file = ca_file ? xstrdup(ca_file) : NULL;
	ca->acme = acme_new(&env, ca->directory, ca->ca_file);
	ca->next = g->cas;
	g->cas = ca;
	return ca->acme;
}
