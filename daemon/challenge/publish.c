/*
 *	locate()	where does each record belong, by its CNAMEs?
 *	save()		what is about to be set is a record of ours
 *	set()		the hooks run
 *	wait()		until every server shows it
 */
#include "daemon/challenge/publish.h"
#include "daemon/hook/hook_script.h"

#include "base/clock.h"
#include "pki/identifier.h"
#include "store/hooks.h"

#include "daemon/challenge/answers.h"
#include "daemon/challenge/txt.h"
#include "daemon/dns/dns.h"

#define DAY 86400

struct item {
	struct publication *publication;
	char *name;		/* _acme-challenge.NAME, before CNAMEs are followed */
	struct rec_txt txt;
	struct dns_place place;
	struct dns_locate *locate;
	struct txt_run *run;
	struct dns_wait *wait;
	bool refused;		/* the hook never ran: nothing to remove */
};

struct publication {
	struct engine *engine;
	struct publish_of of;
	struct dns_settings dns;
	struct item *items;
	size_t count;
	size_t busy;			/* of the present stage */
	void (*next)(struct publication *);	/* stage */
	struct err err;			/* the first thing that failed */
	struct timer timer;
};

static void publication_free(struct publication *p)
{
	timer_stop(&p->timer);
	for (struct item *i = p->items; i < p->items + p->count; i++) {
		free(i->name);
		rec_txt_release(&i->txt);
		dns_place_release(&i->place);
	}
	free(p->items);
	free(p->dns.resolvers);
	free(p);
}

void publish_cancel(struct publication *p)
{
	for (struct item *i = p->items; i < p->items + p->count; i++) {
		if (i->locate)
			dns_locate_cancel(i->locate);
		if (i->run)
			txt_cancel(i->run);
		if (i->wait)
			dns_wait_cancel(i->wait);
	}
	publication_free(p);
}

static void note(struct publication *p, const char *sentence)
{
	char *lines[] = { (char *)sentence, NULL };

	p->of.note(p->of.arg, STEPS_OURS, lines);
}

static void publish_failed(struct publication *p, const struct err *err)
{
	if (!err_is_set(&p->err))
		p->err = *err;
}

/*
 * From stage to stage: the next one begins when nothing of the present one is under way.
 */

static void publish_turn(void *arg)
{
	struct publication *p = arg;

	if (!p->next || err_is_set(&p->err)) {
		struct publish_of of = p->of;
		struct err err = p->err;

		publication_free(p);
		of.done(of.arg, err_is_set(&err) ? &err : NULL);
		return;
	}
	p->next(p);
}

static void one_less(struct publication *p)
{
	if (--p->busy == 0)
		timer_start(&p->timer, p->engine->loop, 0, publish_turn, p);
}

static bool must_wait(const struct publication *p)
{
	return p->of.only_look || (p->engine->config->dns_propagation && !p->of.cert->no_propagation);
}

/*
 * wait: one question for all values of a record.
 */

static void wait_noted(void *arg, const char *sentence)
{
	struct item *i = arg;

	note(i->publication, sentence);
}

static void waited(void *arg, const struct err *err)
{
	struct item *i = arg;
	struct publication *p = i->publication;

	i->wait = NULL;
	if (err)
		publish_failed(p, err);
	one_less(p);
}

/* The first item of a record asks for all of them. */
static bool publish_is_first(const struct publication *p, const struct item *i)
{
	for (const struct item *other = p->items; other < i; other++)
		if (str_eq(other->txt.record, i->txt.record))
			return false;
	return true;
}

static void stage_wait(struct publication *p)
{
	p->next = NULL;
	p->busy = 1;
	for (struct item *i = p->items; i < p->items + p->count; i++) {
		_cleanup_strv_ char **values = NULL;

		if (!must_wait(p) || !publish_is_first(p, i))
			continue;
		for (const struct item *other = i; other < p->items + p->count; other++)
			if (str_eq(other->txt.record, i->txt.record))
				strv_add(&values, other->txt.value);
		p->busy++;
		i->wait = dns_wait(p->engine->dns, &(struct dns_waiting){
			.place = &i->place, .values = values,
			.seconds = p->of.only_look ? 0 : p->engine->config->dns_timeout, .note = wait_noted,
			.done = waited, .arg = i,
		});
	}
	one_less(p);
}

/*
 * set: every hook is waited for, also if one fails: what was set is known to be set.
 */

static int mark(struct item *i, struct err *e)
{
	_cleanup_(rec_txt_release) struct rec_txt txt = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(i->publication->engine->store, &t, e) < 0)
		return -1;
	if (rec_txt_get(t, &txt, i->txt.id, e) < 0)	/* removed meanwhile, with its certificate */
		return e->kind == ERR_MISSING ? 0 : -1;
	txt.done = true;
	if (i->refused) {
		if (rec_txt_delete(t, txt.id, e) < 0 || agenda_delete(t, AGENDA_cleanup, txt.id, e) < 0)
			return -1;
	} else if (rec_txt_put(t, &txt, e) < 0) {
		return -1;
	}
	return txn_commit(TAKE(t), e);
}

static void set_ended(void *arg, const struct hook_end *end)
{
	struct item *i = arg;
	struct publication *p = i->publication;
	_cleanup_strv_ char **lines = hook_lines(i->txt.hook_set, end->output);
	struct err e = { 0 };

	i->run = NULL;
	i->refused = !end->started;
	if (lines)
		p->of.note(p->of.arg, STEPS_PRINTED, lines);
	if (end->err) {
		e = *end->err;
		err_prefix(&e, "setting %s", i->txt.record);
		publish_failed(p, &e);
	}
	if ((!end->err || i->refused) && mark(i, &e) < 0)
		publish_failed(p, &e);
	one_less(p);
}

static void stage_set(struct publication *p)
{
	p->next = stage_wait;
	p->busy = 1;
	for (struct item *i = p->items; i < p->items + p->count; i++) {
		const char *hook = i->txt.hook_set && *i->txt.hook_set ? i->txt.hook_set : NULL;
		_cleanup_free_ char *sentence =
			xasprintf("setting %s%s%s", i->txt.record, hook ? " by " : "", hook ? hook : "");

		if (i->txt.done)	/* before a restart */
			continue;
		note(p, sentence);
		p->busy++;
		i->run = txt_run(p->engine, &i->txt, true, set_ended, i);
	}
	one_less(p);
}

/*
 * save
 */

static const char *or_else(const char *own, const char *configured)
{
	return own && *own ? own : configured;
}

/* The one it has from before a restart, or a new one. */
struct known {
	struct publication *p;
	int64_t newest;
};

static int find_known(void *arg, void *rec, struct err *e)
{
	struct known *k = arg;
	struct rec_txt *txt = rec;

	k->newest = MAX(k->newest, record_child_number(txt->id));
	for (struct item *i = k->p->items; i < k->p->items + k->p->count; i++) {
		if (i->txt.id || !str_eq(i->txt.value, txt->value) || !str_eq(i->txt.subject, txt->subject))
			continue;
		rec_txt_release(&i->txt);
		i->txt = *txt;
		*txt = (struct rec_txt){ 0 };
		break;
	}
	return 0;
}

static int save_new(struct publication *p, struct item *i, struct txn *t, int64_t number, struct err *e)
{
	const struct config *config = p->engine->config;
	const struct rec_cert *cert = p->of.cert;
	struct rec_txt *txt = &i->txt;

	txt->id = record_child_id(p->of.owner, number);
	record_set(&txt->cert_id, cert->id);
	record_set(&txt->cert, cert->name);
	record_set(&txt->zone, i->place.zone);
	record_set(&txt->hook_set, or_else(cert->hook_set, config->hooks_set));
	record_set(&txt->hook_cleanup, or_else(cert->hook_cleanup, cert->hook_set && *cert->hook_set ? cert->hook_set :
					       or_else(config->hooks_cleanup, config->hooks_set)));
	record_set(&txt->arguments, or_else(cert->hook_arguments, config->hooks_arguments));
	record_set_blob(&txt->environment, slice_buf(&cert->hook_environment));
	txt->confirmed = true;	/* save() has looked */
	txt->created = clock_now();
	if (rec_txt_put(t, txt, e) < 0)
		return -1;
	/* The end of its order brings this forward. */
	return agenda_set(t, AGENDA_cleanup, txt->id, clock_now() + DAY, e);
}

static int save(struct publication *p, struct err *e)
{
	_cleanup_free_ char *prefix = xasprintf("%s/", p->of.owner);
	_cleanup_txn_ struct txn *t = NULL;
	struct known known = { .p = p };

	if (hooks_check_dns(p->of.cert, e) < 0 || store_write(p->engine->store, &t, e) < 0 ||
	    record_each(t, &rec_txt_type, prefix, false, find_known, &known, e) < 0)
		return -1;
	for (struct item *i = p->items; i < p->items + p->count; i++)
		if (!i->txt.id && save_new(p, i, t, ++known.newest, e) < 0)
			return -1;
	return txn_commit(TAKE(t), e);
}

static void stage_save(struct publication *p)
{
	struct err e = { 0 };

	p->next = p->of.only_look ? stage_wait : stage_set;
	p->busy = 1;
	for (struct item *i = p->items; i < p->items + p->count; i++)
		record_set(&i->txt.record, i->place.record);
	if (!p->of.only_look && save(p, &e) < 0)
		publish_failed(p, &e);
	one_less(p);
}

/*
 * locate: without it nobody knows where to wait, so it may fail only where nobody waits.
 */

static void located(void *arg, struct dns_place *place, const struct err *err)
{
	struct item *i = arg;
	struct publication *p = i->publication;

	i->locate = NULL;
	i->place = *place;
	*place = (struct dns_place){ 0 };
	if (err && must_wait(p))
		publish_failed(p, err);
	one_less(p);
}

static void stage_locate(struct publication *p)
{
	p->next = p->count ? stage_save : NULL;
	p->busy = 1;
	for (struct item *i = p->items; i < p->items + p->count; i++) {
		p->busy++;
		i->locate = dns_locate(p->engine->dns, &p->dns, i->name, located, i);
	}
	one_less(p);
}

/*
 * http: served as soon as it is stored.
 */

static int publish_serve(struct publication *p, const struct acme_answer *answers, size_t count, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(p->engine->store, &t, e) < 0)
		return -1;
	for (const struct acme_answer *a = answers; a < answers + count; a++)
		if (str_eq(a->type, "http-01") && answers_put(t, p->of.owner, a->token, a->key_auth, e) < 0)
			return -1;
	return txn_commit(TAKE(t), e);
}

static void publish_add_item(struct publication *p, const struct acme_answer *a, char *record)
{
	struct item *i = &p->items[p->count++];

	i->publication = p;
	i->name = record;
	record_set(&i->txt.subject, identifier_base(a->name));
	i->txt.value = txt_value(a->key_auth);
}

struct publication *publish_start(struct engine *g, const struct publish_of *of, const struct acme_answer *answers,
				  size_t count)
{
	struct publication *p = xcalloc(1, sizeof(*p));
	bool http = false;

	p->engine = g;
	p->of = *of;
	p->dns = (struct dns_settings){ config_servers(&g->config->dns_resolvers), (int)g->config->dns_port };
	p->items = xcalloc(count, sizeof(*p->items));
	for (const struct acme_answer *a = answers; a < answers + count; a++) {
		char *record = txt_record(a->type, of->account_url, a->name);

		if (record)
			publish_add_item(p, a, record);
		else
			http = true;
	}
	if (http && !of->only_look)
		publish_serve(p, answers, count, &p->err);
	p->next = stage_locate;
	timer_start(&p->timer, g->loop, 0, publish_turn, p);
	return p;
}
