#include "daemon/site.h"

#include "base/log.h"
#include "store/record.h"

struct site {
	struct store *store;
	struct keeper_client *keeper;
	struct tls *tls;
	struct opening *openings;
};

/* One certificate whose key the keeper is opening. */
struct opening {
	struct opening *next;
	struct site *site;
	struct keeper_question *question;
	struct rec_version version;
	char *name;
};

struct site *site_new(struct store *store, struct keeper_client *keeper, struct tls *tls)
{
	struct site *s = xcalloc(1, sizeof(*s));

	*s = (struct site){ .store = store, .keeper = keeper, .tls = tls };
	return s;
}

static void opening_free(struct opening *o)
{
	struct opening **link = &o->site->openings;

	while (*link != o)
		link = &(*link)->next;
	*link = o->next;
	rec_version_release(&o->version);
	free(o->name);
	free(o);
}

void site_free(struct site *s)
{
	while (s && s->openings) {
		keeper_cancel(s->openings->question);
		opening_free(s->openings);
	}
	free(s);
}

static void opened(void *arg, const struct keeper_answer *a)
{
	struct opening *o = arg;
	struct err e = { 0 };

	if (a->err)
		e = *a->err;
	else
		tls_set_certificate(o->site->tls, o->version.names, slice_str(o->version.chain), a->field[0], &e);
	if (err_is_set(&e)) {
		err_prefix(&e, "serving the site certificate %s", o->name);
		log_err(LOG_LEVEL_ERROR, &e);
	} else {
		log_info("https is served with certificate %s, serial %s", o->name, o->version.serial);
	}
	opening_free(o);
}

static int open_key(struct site *s, struct txn *t, const struct rec_cert *cert, struct err *e)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_(rec_key_version_release) struct rec_key_version material = { 0 };
	_cleanup_free_ char *version_id = record_child_id(cert->id, cert->current);
	_cleanup_free_ char *material_id = NULL;
	struct opening *o;

	if (rec_version_get(t, &version, version_id, e) < 0 || rec_key_get(t, &key, version.key_id, e) < 0)
		return -1;
	material_id = record_child_id(key.id, version.key_version);
	if (rec_key_version_get(t, &material, material_id, e) < 0)
		return -1;
	o = xcalloc(1, sizeof(*o));
	o->site = s;
	o->name = xstrdup(cert->name);
	o->version = version;
	version = (struct rec_version){ 0 };
	o->next = s->openings;
	s->openings = o;
	o->question = KEEPER_ASK(s->keeper, site_key, -1, opened, o, slice_str(key.id), slice_buf(&key.access),
				 slice_buf(&material.material));
	return 0;
}

struct load {
	struct site *site;
	struct txn *txn;
};

static int load_one(void *arg, void *rec, struct err *e)
{
	struct load *l = arg;
	const struct rec_cert *cert = rec;
	struct err why = { 0 };

	if (!cert->site || !cert->current)
		return 0;
	if (open_key(l->site, l->txn, cert, &why) < 0) {
		err_prefix(&why, "loading the site certificate %s", cert->name);
		log_err(LOG_LEVEL_ERROR, &why);
	}
	return 0;
}

void site_load(struct site *s)
{
	_cleanup_txn_ struct txn *t = NULL;
	struct load l = { .site = s };
	struct err e = { 0 };

	if (store_read(s->store, &t, &e) < 0) {
		log_err(LOG_LEVEL_ERROR, &e);
		return;
	}
	l.txn = t;
	if (record_each(t, &rec_cert_type, "", false, load_one, &l, &e) < 0)
		log_err(LOG_LEVEL_ERROR, &e);
}
