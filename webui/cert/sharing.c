/* What certificates that share a key are told of each other, and whether they keep it at renewals. */
#include "store/key/sharing.h"

#include "webui/http/handler.h"

static const char *const reuse_words[] = { "auto", "on", "off" };

struct others {
	const struct scope *scope;
	const char *but; /* id of the one they are the others of */
	char **names;
};

static int add_other(void *arg, void *rec, struct err *e)
{
	const struct rec_cert *cert = rec;
	struct others *o = arg;

	if (!str_eq(cert->id, o->but) && scope_has_cert(o->scope, cert))
		strv_add(&o->names, cert->name);
	return 0;
}

int admin_put_others(json_t *answer, const char *member, const struct request *r, struct txn *t,
		     const struct rec_cert *cert, size_t field, const char *value, struct err *e)
{
	struct others o = { &r->visitor.scope, cert->id, NULL };
	int result = record_each_with(t, &rec_cert_type, field, value, add_other, &o, e);

	json_put_strv(answer, member, o.names);
	strv_free(o.names);
	return result;
}

int admin_put_sharing(json_t *answer, const struct request *r, struct txn *t, const struct rec_cert *cert,
		      struct err *e)
{
	int keeps = sharing_keeps_key(t, cert, e);

	json_put_bool(answer, "key_kept", keeps > 0);
	return keeps < 0 ? -1 :
			   admin_put_others(answer, "key_shared_with", r, t, cert, REC_cert_key_id, cert->key_id, e);
}

const char *admin_key_reuse(const struct rec_cert *cert)
{
	return reuse_words[cert->key_reuse ? 1 : cert->key_fresh ? 2 : 0];
}

int admin_set_key_reuse(struct rec_cert *cert, const char *word, bool *changed, struct err *e)
{
	if (!word || str_eq(word, admin_key_reuse(cert)))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(reuse_words); i++) {
		if (!str_eq(word, reuse_words[i]))
			continue;
		cert->key_reuse = i == 1;
		cert->key_fresh = i == 2;
		*changed = true;
		return 0;
	}
	return err_set(e, ERR_INVALID, "\"key_reuse\" is on, off or auto, not \"%.40s\"", word);
}
