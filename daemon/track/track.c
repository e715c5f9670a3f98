#include "daemon/track/track.h"

#include <ctype.h>
#include <stdarg.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "store/event/history.h"
#include "store/notify/alert.h"

#include "pki/trust/roots.h"

#define PATIENCE_MS 1000
#define SLOW_MOST 512		/* jobs that gave up their places */
#define FLUSH_MS 50
#define FLUSH_MOST 64		/* results in one transaction */
#define HISTORY 20		/* rows of a site */
#define CONFIRMED 2		/* scans in a row that reach nothing are more than a hiccup */
#define AGAIN_SOON (5 * 60)
#define AGAIN_LATER (30 * 60)

/* What a scan amounts to; strings are owned. */
struct scan_result {
	enum observed state;
	char *reason;
	bool all_reached;
	char **fingerprints;
	char *subject, *issuer;
	int64_t not_before, not_after;
	json_t *report;
};

/* One site under way. */
struct tracked {
	struct job job;
	struct tracked *next;		/* of those to be written */
	struct scan *scan;
	struct patience patience;
	struct scan_result result;
};

/* An alert is a whole sentence. */
static int alarm_people(struct txn *t, const struct tale *of, const char *message, struct err *e)
{
	const struct alert_of about = { .object = of->id, .name = of->name };

	return alert_raise(t, (enum alert)of->alert, &about, e, "%c%s%s", toupper((unsigned char)*message), message + 1,
			   str_ends(message, ".") ? "" : ".");
}

int track_tell(struct txn *t, const struct tale *of, struct err *e, const char *fmt, ...)
{
	_cleanup_free_ char *message = NULL;
	va_list args;

	va_start(args, fmt);
	message = xvasprintf(fmt, args);
	va_end(args);
	log_info("%s of %s: %s", of->action, of->name, message);
	if (history_add(t, &(struct event_of){ .actor = "engine", .action = of->action, .object = of->id,
					       .name = of->name },
			e, "%s",
			message) < 0)
		return -1;
	return of->alert == TALE_QUIET ? 0 : alarm_people(t, of, message, e);
}

int64_t track_next(int64_t now, int64_t seconds)
{
	return now + seconds - seconds / 10 + (int64_t)random_below((uint64_t)seconds / 5 + 1);
}

static void lose_patience(void *arg)
{
	struct patience *p = arg;
	struct track *track = p->job->engine->track;

	timer_stop(&p->timer);
	if (track->slow >= SLOW_MOST)
		return;
	track->slow++;
	p->job->slow = true;
	engine_wake(p->job->engine);
}

void track_patience(struct patience *p, struct job *job)
{
	p->job = job;
	timer_start(&p->timer, job->engine->loop, PATIENCE_MS, lose_patience, p);
}

void track_patience_end(struct patience *p)
{
	timer_stop(&p->timer);
	if (p->job && p->job->slow)
		p->job->engine->track->slow--;
	p->job = NULL;
}

/*
 * From what the addresses showed to one word and one sentence: the worst.
 */

static void scan_result_release(struct scan_result *o)
{
	free(o->reason);
	strv_free(o->fingerprints);
	free(o->subject);
	free(o->issuer);
	json_decref(o->report);
	*o = (struct scan_result){ .reason = NULL };
}

static void take_leaf(struct scan_result *o, const struct cert *leaf)
{
	if (!o->fingerprints) {
		o->subject = xstrdup(leaf->subject_cn ? leaf->subject_cn :
				     leaf->names && *leaf->names ? *leaf->names : leaf->subject);
		o->issuer = xstrdup(cert_issuer(leaf));
		o->not_before = leaf->not_before;
		o->not_after = leaf->not_after;
	}
	o->not_after = MIN(o->not_after, leaf->not_after);
	if (!strv_has(o->fingerprints, leaf->fingerprint))
		strv_add(&o->fingerprints, leaf->fingerprint);
}

static void judge_views(struct scan_result *o, const struct observation *views, size_t count)
{
	const struct observation *worst = &views[0];

	o->all_reached = true;
	for (size_t i = 0; i < count; i++) {
		const struct observation *v = &views[i];

		json_array_append_new(o->report, observation_json(v));
		if (v->state > worst->state)
			worst = v;
		if (v->chain.count)
			take_leaf(o, &v->chain.cert[0]);
		else
			o->all_reached = false;
	}
	o->state = worst->state;
	if (worst->says)
		o->reason = count > 1 ? xasprintf("%s: %s", worst->address, worst->says) : xstrdup(worst->says);
}

static void judge_scan(struct scan_result *o, const struct observation *views, size_t count, const struct err *err)
{
	*o = (struct scan_result){ .state = OBSERVED_UNREACHABLE, .report = json_array() };
	if (count)
		judge_views(o, views, count);
	else
		o->reason = xstrdup(err->message);
}

/*
 * The result in the store.
 */

/* One that was there before and is not any more: what the new one replaces. */
static const char *replaced(const struct rec_site *site, const struct scan_result *o)
{
	for (char **old = site->fingerprints; old && *old; old++)
		if (!strv_has(o->fingerprints, *old))
			return *old;
	return site->fingerprint;
}

/* The first certificate that was not there before; NULL: there is none, or none was known. */
static const char *newcomer(const struct rec_site *site, const struct scan_result *o)
{
	for (char **one = o->fingerprints; site->fingerprints && one && *one; one++)
		if (!strv_has(site->fingerprints, *one))
			return *one;
	return NULL;
}

/* Where an address was not reached, what it showed last is not forgotten. */
static void take_fingerprints(struct rec_site *site, const struct scan_result *o, const char *gone)
{
	char **all = strv_dup(o->fingerprints);

	for (char **old = site->fingerprints; !o->all_reached && old && *old; old++)
		if (!strv_has(all, *old) && !str_eq(*old, gone))
			strv_add(&all, *old);
	strv_free(site->fingerprints);
	site->fingerprints = all;
}

static void take_certificate(struct rec_site *site, const struct scan_result *o, const char *gone, int64_t now)
{
	if (!o->fingerprints)
		return;
	take_fingerprints(site, o, gone);
	record_set(&site->fingerprint, o->fingerprints[0]);
	record_set(&site->subject, o->subject);
	record_set(&site->issuer, o->issuer);
	site->not_before = o->not_before;
	site->not_after = o->not_after;
	site->seen = now;
}

static void take_state(struct rec_site *site, const struct scan_result *o, int64_t now)
{
	const char *word = observed_word(o->state);

	if (!str_eq(site->state, word))
		site->since = now;
	record_set(&site->state, word);
	record_set(&site->reason, o->reason);
	site->failures = o->state == OBSERVED_UNREACHABLE ? site->failures + 1 : 0;
	site->scanned = now;
	site->scans++;
	free(site->report);
	site->report = json_write(o->report);
}

/* Empty and NULL are the same in the store. */
static bool same_text(const char *a, const char *b)
{
	return str_eq(a ? a : "", b ? b : "");
}

/* One more like the last, or another one; the oldest goes. */
static int put_sighting(struct txn *t, struct rec_site *site, const char *before, struct err *e)
{
	_cleanup_(rec_sighting_release) struct rec_sighting last = { 0 };
	_cleanup_free_ char *id = record_child_id(site->id, site->newest),
			    *next = record_child_id(site->id, site->newest + 1);
	_cleanup_free_ char *oldest = record_child_id(site->id, site->newest + 1 - HISTORY);

	if (site->newest && rec_sighting_get(t, &last, id, e) == 0 && !before && same_text(last.state, site->state) &&
	    same_text(last.reason, site->reason) && same_text(last.fingerprint, site->fingerprint)) {
		last.last = site->scanned;
		last.times++;
		return rec_sighting_put(t, &last, e);
	}
	rec_sighting_release(&last);
	last = (struct rec_sighting){ .first = site->scanned, .last = site->scanned, .times = 1 };
	record_set(&last.id, next);
	record_set(&last.state, site->state);
	record_set(&last.reason, site->reason);
	record_set(&last.fingerprint, site->fingerprint);
	record_set(&last.before, before);
	site->newest++;
	if (site->newest > HISTORY && rec_sighting_delete(t, oldest, e) < 0)
		return -1;
	return rec_sighting_put(t, &last, e);
}

static int tell_change(struct txn *t, const struct rec_site *site, const char *before, const char *now, struct err *e)
{
	char until[CLOCK_RFC3339_SIZE];

	return track_tell(t, &(struct tale){ "site.changed", site->id, site->name, ALERT_changed }, e,
			  "its certificate changed from %s to %s, issued by %s, valid until %s", before, now,
			  site->issuer, clock_rfc3339(until, site->not_after));
}

/* What is wrong is told once; what one scan did not reach may be a hiccup. */
static int tell_state(struct txn *t, struct rec_site *site, const struct scan_result *o, struct err *e)
{
	bool bad = o->state == OBSERVED_INVALID || (o->state == OBSERVED_UNREACHABLE && site->failures >= CONFIRMED);
	char until[CLOCK_RFC3339_SIZE];

	if (bad && !site->told) {
		site->told = true;
		return track_tell(t, &(struct tale){ "site.invalid", site->id, site->name, ALERT_invalid }, e, "%s",
				  site->reason);
	}
	if (o->state != OBSERVED_VALID || !site->told)
		return 0;
	site->told = false;
	return track_tell(t, &(struct tale){ "site.valid", site->id, site->name, TALE_QUIET }, e,
			  "it shows a valid certificate again, until %s", clock_rfc3339(until, site->not_after));
}

/* Sooner where it was not reached, and as soon as it ends. */
static int64_t next_scan(const struct rec_site *site, int64_t interval)
{
	int64_t now = site->scanned, soon = site->failures == 1 ? AGAIN_SOON : AGAIN_LATER;
	int64_t due = track_next(now, site->failures && site->failures <= CONFIRMED ? MIN(interval, soon) : interval);

	/* Also if it ended between the look at it and now. */
	return str_eq(site->state, "valid") ? MIN(due, MAX(site->not_after + 1, now)) : due;
}

static int track_put_result(struct engine *g, struct txn *t, const struct tracked *one, struct err *e)
{
	_cleanup_(rec_site_release) struct rec_site site = { 0 };
	const struct scan_result *o = &one->result;
	_cleanup_free_ char *before = NULL;
	const char *fresh;

	if (rec_site_get(t, &site, one->job.id, e) < 0)
		return e->kind == ERR_MISSING ? agenda_delete(t, AGENDA_scan, one->job.id, e) : -1;
	fresh = newcomer(&site, o);
	if (fresh)
		before = xstrdup(replaced(&site, o));
	take_certificate(&site, o, before, clock_now());
	take_state(&site, o, clock_now());
	if (put_sighting(t, &site, before, e) < 0 || (fresh && tell_change(t, &site, before, fresh, e) < 0) ||
	    tell_state(t, &site, o, e) < 0 || rec_site_put(t, &site, e) < 0)
		return -1;
	return agenda_set(t, AGENDA_scan, site.id, next_scan(&site, g->config->tracking_interval), e);
}

/* As many as fit into one transaction; those behind them are left in *done. */
static int put_some(struct engine *g, const struct tracked **done, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0)
		return -1;
	for (; *done && !txn_is_large(t); *done = (*done)->next)
		if (track_put_result(g, t, *done, e) < 0)
			return -1;
	return txn_commit(TAKE(t), e);
}

static int put_results(struct engine *g, const struct tracked *done, struct err *e)
{
	while (done)
		if (put_some(g, &done, e) < 0)
			return -1;
	return 0;
}

/*
 * The job.
 */

static void tracked_free(struct tracked *one)
{
	scan_cancel(one->scan);
	track_patience_end(&one->patience);
	scan_result_release(&one->result);
	free(one);
}

/* It may be among those whose results are about to be written. */
static void tracked_cancel(struct job *job)
{
	struct track *track = job->engine->track;
	struct tracked **link = &track->done;

	while (*link && &(*link)->job != job)
		link = &(*link)->next;
	if (*link) {
		*link = (*link)->next;
		track->done_count--;
	}
	tracked_free((struct tracked *)job);
}

/* If the store takes nothing, the rows are still due. */
static void flush(void *arg)
{
	struct engine *g = arg;
	struct track *track = g->track;
	struct tracked *done = TAKE(track->done);
	struct err e = { 0 };

	timer_stop(&track->flush);
	track->done_count = 0;
	if (done && put_results(g, done, &e) < 0)
		engine_hold(g, &e);
	while (done) {
		struct tracked *next = done->next;

		engine_end(&done->job);
		tracked_free(done);
		done = next;
	}
}

static void scanned(void *arg, const struct observation *views, size_t count, const struct err *err)
{
	struct tracked *one = arg;
	struct engine *g = one->job.engine;
	struct track *track = g->track;

	one->scan = NULL;
	judge_scan(&one->result, views, count, err);
	one->next = track->done;
	track->done = one;
	if (++track->done_count == 1)
		timer_start(&track->flush, g->loop, FLUSH_MS, flush, g);
	if (track->done_count == FLUSH_MOST)
		timer_start(&track->flush, g->loop, 0, flush, g);
}

static int read_service(struct engine *g, const char *id, struct service *service, enum reach *reach, struct err *e)
{
	_cleanup_(rec_site_release) struct rec_site site = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(g->store, &t, e) < 0)
		return -1;
	if (rec_site_get(t, &site, id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	*reach = (enum reach)site.reach;
	if (service_parse(service, site.name, e) == 0)
		return 1;
	log_err(LOG_LEVEL_ERROR, e);	/* another version of this program took it */
	return 0;
}

int scan_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct service service = { 0 };
	enum reach reach = REACH_PUBLIC;
	int found = read_service(g, row->id, &service, &reach, e);
	struct tracked *one;

	if (found <= 0) {
		_cleanup_txn_ struct txn *t = NULL;

		if (found < 0 || store_write(g->store, &t, e) < 0 || agenda_delete(t, row->kind, row->id, e) < 0)
			return -1;
		return txn_commit(TAKE(t), e);
	}
	one = xcalloc(1, sizeof(*one));
	engine_begin(g, &one->job, row, tracked_cancel);
	track_patience(&one->patience, &one->job);
	one->scan = scan_start(track_scanner(g), &service, reach, scanned, one);
	service_release(&service);
	return 0;
}

/*
 * What all have in common.
 */

struct scanner *track_scanner(struct engine *g)
{
	struct track *track = g->track;

	scanner_trust(track->scanner, roots_get(track->roots, g->config->tracking_roots));
	return track->scanner;
}

void track_plan(struct engine *g)
{
	_cleanup_free_ char *servers = config_servers(&g->config->tracking_resolvers);
	_cleanup_free_ char *own = config_hostname(g->config);
	struct scan_options options = { .timeout_ms = g->config->tracking_timeout * 1000, .resolvers = servers,
					.own = own, .listed = &g->config->tracking_private };

	scanner_configure(g->track->scanner, &options);
}

int track_limit(const struct engine *g)
{
	return (int)g->config->tracking_at_once;
}

void track_init(struct engine *g)
{
	struct track *track = xcalloc(1, sizeof(*track));

	track->scanner = scanner_new(g->loop);
	track->roots = roots_new();
	g->track = track;
}

void track_release(struct engine *g)
{
	struct track *track = g->track;

	timer_stop(&track->flush);
	scanner_free(track->scanner);
	roots_free(track->roots);
	free(track);
}
