/*
 * Is what we issued what people see?  Every address of every name of a certificate is asked, and what it shows compared
 * with the version in force.
 */
#include "base/clock.h"
#include "pki/identifier.h"
#include "store/notify/alert.h"
#include "store/record/reach.h"
#include "store/status.h"

#include "daemon/track/track.h"

#define VERSIONS_KNOWN 20	/* that an old one is recognized by */
#define NAMES_AT_ONCE 4
#define AGAIN_SOON 3600		/* while it is not live */
#define BEGIN_WITHIN 600

struct live_known {
	int64_t number;
	char *fingerprint;
};

struct live {
	struct job job;
	struct patience patience;
	struct rec_cert cert;		/* as of the begin; reread before anything is written */
	enum reach reach;		/* of its names */
	int64_t issued;			/* the version in force */
	struct live_known known[VERSIONS_KNOWN];
	size_t known_count;
	struct probe_of *first;		/* names being scanned */
	size_t next, running;
	json_t *report;
	int live, other;		/* addresses */
	char *says;			/* of the first that shows another one */
	struct timer end;
};

struct probe_of {
	struct probe_of *next;
	struct live *live;
	const char *name;		/* borrowed from the certificate */
	struct scan *scan;
};

static void live_free(struct live *l)
{
	while (l->first) {
		struct probe_of *p = l->first;

		l->first = p->next;
		scan_cancel(p->scan);
		free(p);
	}
	track_patience_end(&l->patience);
	timer_stop(&l->end);
	for (size_t i = 0; i < l->known_count; i++)
		free(l->known[i].fingerprint);
	rec_cert_release(&l->cert);
	json_decref(l->report);
	free(l->says);
	free(l);
}

static void live_cancel(struct job *job)
{
	live_free((struct live *)job);
}

/* Is it to be looked for at all?  Wildcards lead nowhere. */
static bool is_looked_for(const struct engine *g, const struct rec_cert *cert)
{
	bool has_host = false;

	for (char **name = cert->names; name && *name; name++)
		has_host |= !identifier_is_wildcard(*name);
	return g->config->tracking_live && has_host && cert->current && !cert->staging && !cert->disabled &&
	       !cert->no_live;
}

/*
 * The result.
 */

/* By then it should be live. */
static int64_t late_at(const struct live *l)
{
	return l->issued +
	       MIN(l->job.engine->config->tracking_live_after, (l->cert.not_after - l->cert.not_before) / 6);
}

static int64_t next_look(const struct live *l, const struct rec_live *rec)
{
	int64_t interval = l->job.engine->config->tracking_interval, now = rec->time;

	if (!str_eq(rec->state, "not-live"))
		return track_next(now, interval);
	if (!rec->late)
		return MIN(track_next(now, MIN(interval, AGAIN_SOON)), late_at(l));
	return track_next(now, MIN(interval, AGAIN_SOON));
}

static int live_tell(const struct live *l, struct txn *t, const struct rec_live *rec, bool was_late, struct err *e)
{
	if (rec->late && !was_late)
		return track_tell(t,
				  &(struct tale){ "certificate.not-live", l->cert.id, l->cert.name, ALERT_undelivered },
				  e, "version %lld is issued, but not live: %s", (long long)rec->version, rec->says);
	if (was_late && str_eq(rec->state, "live"))
		return track_tell(t, &(struct tale){ "certificate.live", l->cert.id, l->cert.name, TALE_QUIET }, e,
				  "version %lld is live now", (long long)rec->version);
	return 0;
}

/* Nobody fetched it, and whether it is live cannot be seen.  Once for each version. */
static int tell_unfetched(struct txn *t, struct rec_cert *cert, struct err *e)
{
	if (cert->staging || cert->unfetched_told == cert->current || cert->deploy_says == DELIVERY_FAILED ||
	    cert->live_says == DELIVERY_FAILED || cert_status(cert, clock_now()) != STATUS_undelivered)
		return 0;
	cert->unfetched_told = cert->current;
	return track_tell(t, &(struct tale){ "certificate.undelivered", cert->id, cert->name, ALERT_undelivered }, e,
			  "version %lld is issued, but not downloaded", (long long)cert->current);
}

static int put_live(const struct live *l, struct txn *t, struct rec_cert *cert, struct err *e)
{
	_cleanup_(rec_live_release) struct rec_live rec = { 0 };
	const char *state = l->other ? "not-live" : l->live ? "live" : "unknown";
	bool was_late;

	if (rec_live_get(t, &rec, l->cert.id, e) < 0 && e->kind != ERR_MISSING)
		return -1;
	was_late = rec.late;
	rec.time = clock_now();
	if (rec.version != l->cert.current || !str_eq(rec.state, state))
		rec.since = l->other ? l->issued : rec.time;
	if (rec.version != l->cert.current)
		was_late = rec.late = was_late && l->live && !l->other;
	rec.version = l->cert.current;
	/* What does not answer this time proves nothing. */
	rec.late = l->other ? rec.time >= late_at(l) : l->live ? false : rec.late;
	rec.looks++;
	record_set(&rec.id, l->cert.id);
	record_set(&rec.state, state);
	record_set(&rec.says, l->says);
	free(rec.report);
	rec.report = json_write(l->report);
	cert->live_says = rec.late ? DELIVERY_FAILED : l->live && !l->other ? DELIVERY_DONE : DELIVERY_UNKNOWN;
	if (live_tell(l, t, &rec, was_late, e) < 0 || tell_unfetched(t, cert, e) < 0 || rec_live_put(t, &rec, e) < 0 ||
	    rec_cert_put(t, cert, e) < 0)
		return -1;
	return agenda_set(t, AGENDA_live, rec.id, next_look(l, &rec), e);
}

static int live_finish(const struct live *l, struct err *e)
{
	struct engine *g = l->job.engine;
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	int result;

	if (store_write(g->store, &t, e) < 0)
		return -1;
	if (rec_cert_get(t, &cert, l->cert.id, e) < 0)
		result = e->kind == ERR_MISSING ? agenda_delete(t, AGENDA_live, l->cert.id, e) : -1;
	else if (cert.current != l->cert.current)	/* another one came meanwhile: look again */
		result = agenda_set(t, AGENDA_live, cert.id, clock_now(), e);
	else
		result = put_live(l, t, &cert, e);
	return result < 0 ? -1 : txn_commit(TAKE(t), e);
}

static void live_ended(void *arg)
{
	struct live *l = arg;
	struct err e = { 0 };

	if (live_finish(l, &e) < 0)
		engine_hold(l->job.engine, &e);
	engine_end(&l->job);
	live_free(l);
}

/*
 * What one address of one name shows.
 */

/* The number of the version of ours that it is; 0: it is none of the newest. */
static int64_t number_of(const struct live *l, const char *fingerprint)
{
	for (size_t i = 0; i < l->known_count; i++)
		if (str_eq(l->known[i].fingerprint, fingerprint))
			return l->known[i].number;
	return 0;
}

static void say_other(struct live *l, const char *name, const struct observation *v, int64_t number)
{
	const struct cert *leaf = &v->chain.cert[0];

	if (l->says)
		return;
	if (number)
		l->says = xasprintf("%s at %s still shows version %lld.", name, v->address, (long long)number);
	else
		l->says = xasprintf("%s at %s shows a different certificate, issued by %s.", name, v->address,
				    cert_issuer(leaf));
}

static void live_look_at(struct live *l, const char *name, const struct observation *v)
{
	json_t *one = observation_json(v);
	int64_t number = v->chain.count ? number_of(l, v->chain.cert[0].fingerprint) : 0;
	bool is_live = v->chain.count && number == l->cert.current;

	json_put_str(one, "name", name);
	json_put_int(one, "version", number);
	json_put_str(one, "shows", !v->chain.count ? "nothing" : is_live ? "this" : number ? "old" : "other");
	json_array_append_new(l->report, one);
	if (!v->chain.count)
		return;
	json_put_time(one, "not_live_since", is_live ? 0 : l->issued);
	l->live += is_live;
	l->other += !is_live;
	if (!is_live)
		say_other(l, name, v, number);
}

static void look_at_nothing(struct live *l, const char *name, const struct err *err)
{
	json_t *one = json_object();

	json_put_str(one, "name", name);
	json_put_str(one, "state", observed_word(OBSERVED_UNREACHABLE));
	json_put_str(one, "says", err->message);
	json_put_str(one, "shows", "nothing");
	json_array_append_new(l->report, one);
}

static void scan_names(struct live *);

static void scanned(void *arg, const struct observation *views, size_t count, const struct err *err)
{
	struct probe_of *p = arg;
	struct live *l = p->live;
	struct probe_of **link = &l->first;

	for (size_t i = 0; i < count; i++)
		live_look_at(l, p->name, &views[i]);
	if (!count)
		look_at_nothing(l, p->name, err);
	while (*link != p)
		link = &(*link)->next;
	*link = p->next;
	free(p);
	l->running--;
	scan_names(l);
}

static void scan_name(struct live *l, const char *name)
{
	struct service service = { .scheme = "https", .starttls = "", .host = (char *)name,
				   .port = (int)l->job.engine->config->tracking_port };
	struct probe_of *p = xcalloc(1, sizeof(*p));

	*p = (struct probe_of){ .next = l->first, .live = l, .name = name };
	l->first = p;
	l->running++;
	p->scan = scan_start(track_scanner(l->job.engine), &service, l->reach, scanned, p);
}

static void scan_names(struct live *l)
{
	for (; l->cert.names[l->next] && l->running < NAMES_AT_ONCE; l->next++)
		if (!identifier_is_wildcard(l->cert.names[l->next]))
			scan_name(l, l->cert.names[l->next]);
	if (!l->running)
		timer_start(&l->end, l->job.engine->loop, 0, live_ended, l);
}

/*
 * The row.
 */

static int read_versions(struct live *l, struct txn *t, struct err *e)
{
	for (int64_t n = l->cert.newest; n > 0 && l->known_count < VERSIONS_KNOWN; n--) {
		_cleanup_(rec_version_release) struct rec_version version = { 0 };
		_cleanup_free_ char *id = record_child_id(l->cert.id, n);

		if (rec_version_get(t, &version, id, e) < 0) {
			if (e->kind != ERR_MISSING)
				return -1;
			continue;
		}
		if (n == l->cert.current)
			l->issued = version.issued;
		l->known[l->known_count++] = (struct live_known){ n, TAKE(version.fingerprint) };
	}
	return 0;
}

/* 1: look for it; 0: not. */
static int read_cert(struct live *l, struct engine *g, const char *id, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(g->store, &t, e) < 0)
		return -1;
	if (rec_cert_get(t, &l->cert, id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	if (!is_looked_for(g, &l->cert))
		return 0;
	return reach_of_cert(t, &l->cert, &l->reach, e) < 0 || read_versions(l, t, e) < 0 ? -1 : 1;
}

/* One that is not to be looked for: all there is to see is whether somebody fetches it in time. */
static int watch_unseen(struct txn *t, struct rec_cert *cert, struct err *e)
{
	bool waits = cert->current && !cert->staging && !cert->disabled && cert->fetched < cert->current;
	int64_t due = cert_delivery_due(cert);

	cert->live_says = DELIVERY_UNKNOWN;
	if (tell_unfetched(t, cert, e) < 0 || rec_cert_put(t, cert, e) < 0 || rec_live_delete(t, cert->id, e) < 0)
		return -1;
	return waits && due > clock_now() ? agenda_set(t, AGENDA_live, cert->id, due, e) :
					    agenda_delete(t, AGENDA_live, cert->id, e);
}

static int not_looked_for(struct engine *g, const char *id, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	int result;

	if (store_write(g->store, &t, e) < 0)
		return -1;
	if (rec_cert_get(t, &cert, id, e) == 0)
		result = watch_unseen(t, &cert, e);
	else
		result = e->kind == ERR_MISSING ? agenda_delete(t, AGENDA_live, id, e) : -1;
	return result < 0 ? -1 : txn_commit(TAKE(t), e);
}

int live_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct live *l = xcalloc(1, sizeof(*l));
	int found = read_cert(l, g, row->id, e);

	if (found <= 0) {
		live_free(l);
		return found < 0 ? -1 : not_looked_for(g, row->id, e);
	}
	l->report = json_array();
	engine_begin(g, &l->job, row, live_cancel);
	track_patience(&l->patience, &l->job);
	scan_names(l);
	return 0;
}

static int plan_cert(void *arg, struct txn *t, void *rec, struct err *e)
{
	const struct rec_cert *cert = rec;
	const struct engine *g = *(struct engine **)arg;
	int64_t due;
	int planned = agenda_due(t, AGENDA_live, cert->id, &due, e);

	if (planned == 0 && is_looked_for(g, cert))
		return agenda_set(t, AGENDA_live, cert->id, track_next(clock_now(), BEGIN_WITHIN), e);
	return MIN(planned, 0);
}

static int live_plan_begin(struct engine *g, struct txn *t, void **arg, struct buf *mark, struct err *e)
{
	*arg = xmemdup(&g, sizeof(g));
	buf_addf(mark, "1 %s", g->config->tracking_live ? "on" : "off");
	return 0;
}

const struct planner live_planner = { "live", &rec_cert_type, live_plan_begin, plan_cert };
