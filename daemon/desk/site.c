#include "daemon/desk/site.h"

#include "base/log.h"
#include "store/record/record.h"

struct site {
	struct store *store;
	struct keeper_client *keeper;
	struct outside *outside;
	void (*loaded)(void *arg);
	void *arg;
	struct opening *openings;
};

/* One certificate whose key the keeper is opening. */
struct opening {
	struct opening *next;
	struct site *site;
	struct keeper_question *question;
	struct rec_version version;
	char *id, *name;
};

struct site *site_new(struct store *store, struct keeper_client *keeper, struct outside *outside,
		      void (*loaded)(void *arg), void *arg)
{
	struct site *s = xcalloc(1, sizeof(*s));

	*s = (struct site){ .store = store, .keeper = keeper, .outside = outside, .loaded = loaded, .arg = arg };
	return s;
}

static void opening_free(struct opening *o)
{
	struct opening **link = &o->site->openings;

	while (*link != o)
		link = &(*link)->next;
	*link = o->next;
	rec_version_release(&o->version);
	free(o->id);
	free(o->name);
	free(o);
}

static void cancel_openings(struct site *s)
{
	while (s->openings) {
		keeper_cancel(s->openings->question);
		opening_free(s->openings);
	}
}

void site_free(struct site *s)
{
	if (s)
		cancel_openings(s);
	free(s);
}

static char *lines_of(char *const *list)
{
	struct buf text = BUF_INIT;

	for (; list && *list; list++)
		buf_addf(&text, "%s\n", *list);
	return buf_detach(&text);
}

/* The keeper's answer: the certificate is served from now on, or the log says why not. */
static void site_opened(void *arg, const struct keeper_answer *a)
{
	struct opening *o = arg;
	struct site *s = o->site;
	_cleanup_free_ char *names = lines_of(o->version.names);
	_cleanup_free_ char *shown = xasprintf("%s, serial %s", o->name, o->version.serial);
	struct err e = { 0 };

	if (a->err) {
		e = *a->err;
		err_prefix(&e, "serving the site certificate %s", o->name);
		log_err(LOG_LEVEL_ERROR, &e);
	} else {
		OUTSIDE_TELL(s->outside, certificate, slice_str(o->id), slice_str(names), slice_str(o->version.chain),
			     a->field[0], slice_str(shown));
	}
	opening_free(o);
	if (!s->openings)
		s->loaded(s->arg);
}

/* One of ours. */
struct own {
	char *id;
	int64_t issued;
};

struct load {
	struct site *site;
	struct txn *txn;
	struct own *own;
	size_t count;
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
	o->id = xstrdup(cert->id);
	o->name = xstrdup(cert->name);
	o->version = version;
	version = (struct rec_version){ 0 };
	o->next = l->site->openings;
	l->site->openings = o;
	o->question = KEEPER_ASK(o->site->keeper, site_key, -1, site_opened, o, slice_str(key.id),
				 slice_buf(&key.access), slice_buf(&material.material));
	return 0;
}

static int site_collect(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	const struct rec_cert *cert = rec;
	struct load *l = arg;

	if (!cert->site || !cert->current)
		return 0;
	l->own = xreallocarray(l->own, l->count + 1, sizeof(*l->own));
	l->own[l->count++] = (struct own){ xstrndup(value[REC_cert_id].data, value[REC_cert_id].len), cert->issued };
	return 0;
}

/* The newest comes last: it is served where two have a name. */
static int by_age(const void *a, const void *b)
{
	const struct own *x = a, *y = b;

	return (x->issued > y->issued) - (x->issued < y->issued);
}

static void load_one(const struct load *l, const char *id)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	struct err why = { 0 };

	if (rec_cert_get(l->txn, &cert, id, &why) == 0 && open_key(l, &cert, &why) == 0)
		return;
	err_prefix(&why, "loading the site certificate %s", cert.name ? cert.name : id);
	log_err(LOG_LEVEL_ERROR, &why);
}

static int load_all(struct load *l, struct err *e)
{
	_cleanup_strv_ char **ids = NULL;
	_cleanup_free_ char *lines = NULL;

	if (record_skim(l->txn, &rec_cert_type, site_collect, l, e) < 0)
		return -1;
	if (l->count)
		qsort(l->own, l->count, sizeof(*l->own), by_age);
	cancel_openings(l->site);	/* of what there was when it was last looked at */
	for (size_t i = 0; i < l->count; i++) {
		load_one(l, l->own[i].id);
		strv_add(&ids, l->own[i].id);
	}
	lines = lines_of(ids);
	OUTSIDE_TELL(l->site->outside, certificates, slice_str(lines));
	return 0;
}

void site_load(struct site *s)
{
	_cleanup_txn_ struct txn *t = NULL;
	struct load l = { .site = s };
	struct err e = { 0 };

	if (store_read_durable(s->store, &t, &e) == 0) {
		l.txn = t;
		load_all(&l, &e);
	}
	if (err_is_set(&e))
		log_err(LOG_LEVEL_ERROR, &e);
	for (size_t i = 0; i < l.count; i++)
		free(l.own[i].id);
	free(l.own);
	if (!s->openings)
		s->loaded(s->arg);
}
