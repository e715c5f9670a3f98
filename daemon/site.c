#include "daemon/site.h"

#include "base/log.h"
#include "store/record.h"

struct site {
	struct store *store;
	struct keeper_client *keeper;	/* NULL before the first site_load() */
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

struct site *site_new(struct store *store, struct tls *tls)
{
	struct site *s = xcalloc(1, sizeof(*s));

	*s = (struct site){ .store = store, .tls = tls };
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

/* The keeper's answer: the certificate is served from now on, or the log says why not. */
static void serve(struct opening *o, const struct err *refused, struct slice key)
{
	struct err e = { 0 };

	if (refused)
		e = *refused;
	else
		tls_set_certificate(o->site->tls, o->version.names, slice_str(o->version.chain), key, &e);
	if (err_is_set(&e)) {
		err_prefix(&e, "serving the site certificate %s", o->name);
		log_err(LOG_LEVEL_ERROR, &e);
	} else {
		log_info("https is served with certificate %s, serial %s", o->name, o->version.serial);
	}
	opening_free(o);
}

static void opened(void *arg, const struct keeper_answer *a)
{
	serve(arg, a->err, a->field[0]);
}

/* Asks the keeper for the key: through our client, or, before that is attached, waiting for it. */
static void ask(struct opening *o, const struct slice question[3], struct keeper *keeper, int client)
{
	struct buf out[KEEPER_FIELDS] = { 0 };
	struct err e = { 0 };

	if (!keeper) {
		o->question = keeper_ask(o->site->keeper, KEEPER_site_key, question, 3, -1, opened, o);
		return;
	}
	if (keeper_ask_now(keeper, client, KEEPER_site_key, question, 3, out, &e) < 0)
		serve(o, &e, slice(NULL, 0));
	else
		serve(o, NULL, slice_buf(&out[0]));
	for (int i = 0; i < KEEPER_FIELDS; i++)
		buf_wipe(&out[i]);
}

struct load {
	struct site *site;
	struct txn *txn;
	struct keeper *keeper;	/* NULL: through the site's client */
	int client;
};

static int open_key(const struct load *l, const struct rec_cert *cert, struct err *e)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_(rec_key_version_release) struct rec_key_version material = { 0 };
	_cleanup_free_ char *version_id = record_child_id(cert->id, cert->current);
	_cleanup_free_ char *material_id = NULL;
	struct opening *o;

	if (rec_version_get(l->txn, &version, version_id, e) < 0 || rec_key_get(l->txn, &key, version.key_id, e) < 0)
		return -1;
	material_id = record_child_id(key.id, version.key_version);
	if (rec_key_version_get(l->txn, &material, material_id, e) < 0)
		return -1;
	o = xcalloc(1, sizeof(*o));
	o->site = l->site;
	o->name = xstrdup(cert->name);
	o->version = version;
	version = (struct rec_version){ 0 };
	o->next = l->site->openings;
	l->site->openings = o;
	ask(o, (const struct slice[]){ slice_str(key.id), slice_buf(&key.access), slice_buf(&material.material) },
	    l->keeper, l->client);
	return 0;
}

static int load_one(void *arg, void *rec, struct err *e)
{
	struct load *l = arg;
	const struct rec_cert *cert = rec;
	struct err why = { 0 };

	if (!cert->site || !cert->current)
		return 0;
	if (open_key(l, cert, &why) < 0) {
		err_prefix(&why, "loading the site certificate %s", cert->name);
		log_err(LOG_LEVEL_ERROR, &why);
	}
	return 0;
}

static void load(struct site *s, struct keeper *keeper, int client)
{
	_cleanup_txn_ struct txn *t = NULL;
	struct load l = { .site = s, .keeper = keeper, .client = client };
	struct err e = { 0 };

	if (store_read(s->store, &t, &e) < 0) {
		log_err(LOG_LEVEL_ERROR, &e);
		return;
	}
	l.txn = t;
	if (record_each(t, &rec_cert_type, "", false, load_one, &l, &e) < 0)
		log_err(LOG_LEVEL_ERROR, &e);
}

void site_load(struct site *s, struct keeper_client *client)
{
	s->keeper = client;
	load(s, NULL, 0);
}

void site_load_first(struct site *s, struct keeper *keeper, int client)
{
	load(s, keeper, client);
}
