/* Asking every server of a place, over UDP and over TCP, round after round, until all show what is expected. */
#include "daemon/dns/dns.h"

#include "base/buf.h"
#include "base/clock.h"

#define PAUSE_FIRST_MS 500	/* grows by half with each round */
#define PAUSE_MAX_MS 10000
#define SILENT_ROUNDS 3		/* after so many without any answer, a server is taken for dead */

/* One server over one transport. */
struct wait_probe {
	struct dns_wait *wait;
	const struct dns_server *server;
	bool tcp;
	struct dns_query *query;
	bool complete;
	int silent;		/* rounds in a row */
	char *said;		/* what it last showed */
};

struct dns_wait {
	struct dns *dns;
	struct dns_place place;		/* a copy */
	char **values;
	int64_t deadline, pause_ms;
	bool once;
	void (*note)(void *, const char *);
	void (*done)(void *, const struct err *);
	void *arg;
	struct wait_probe *probes;
	size_t count, asking;
	char *noted;
	struct timer timer;
};

static void wait_free(struct dns_wait *w)
{
	timer_stop(&w->timer);
	for (size_t i = 0; i < w->count; i++) {
		if (w->probes[i].query)
			dns_cancel(w->probes[i].query);
		free(w->probes[i].said);
	}
	free(w->probes);
	dns_place_release(&w->place);
	strv_free(w->values);
	free(w->noted);
	free(w);
}

void dns_wait_cancel(struct dns_wait *w)
{
	wait_free(w);
}

static bool is_dead(const struct dns_wait *w, const struct wait_probe *p)
{
	return p->silent >= (w->once ? 1 : SILENT_ROUNDS);
}

/* "ns2.example.org (192.0.2.2:53, UDP) has 1 of 2 values; ..." of those that do not have all. */
static char *lacking(const struct dns_wait *w)
{
	struct buf text = BUF_INIT;

	for (const struct wait_probe *p = w->probes; p < w->probes + w->count; p++)
		if (!p->complete)
			buf_addf(&text, "%s%s (%s, %s) %s", text.len ? "; " : "", p->server->name, p->server->address,
				 p->tcp ? "TCP" : "UDP", p->said);
	buf_add(&text, "", 0);
	return buf_detach(&text);
}

static void wait_finish(struct dns_wait *w, const struct err *err)
{
	w->done(w->arg, err);
	wait_free(w);
}

static void give_up(struct dns_wait *w)
{
	_cleanup_free_ char *who = lacking(w);
	_cleanup_buf_ struct buf all = BUF_INIT;
	struct err e = { 0 };

	for (const struct wait_probe *p = w->probes; p < w->probes + w->count; p++)
		buf_addf(&all, "%s (%s, %s) %s\n", p->server->name, p->server->address, p->tcp ? "TCP" : "UDP",
			 p->complete ? "has it" : p->said);
	err_set(&e, ERR_TIMEOUT, "%s is not at every name server: %.350s", w->place.record, who);
	err_detail(&e, "%s", buf_str(&all));
	err_hint(&e, "The TXT record must be there with every value: %s.",
		 strv_len(w->values) == 1 ? w->values[0] : "see the order");
	wait_finish(w, &e);
}

static void wait_note(struct dns_wait *w)
{
	_cleanup_free_ char *who = lacking(w);
	_cleanup_free_ char *sentence = xasprintf("waiting for %s at %s", w->place.record, who);

	if (!w->note || str_eq(who, w->noted))
		return;
	free(w->noted);
	w->noted = TAKE(who);
	w->note(w->arg, sentence);
}

static void ask_round(void *);

static void wait_judge(struct dns_wait *w)
{
	size_t complete = 0, open = 0;

	for (struct wait_probe *p = w->probes; p < w->probes + w->count; p++) {
		complete += p->complete;
		open += !p->complete && !is_dead(w, p);
	}
	if (!open && complete) {
		wait_finish(w, NULL);
	} else if (w->once || clock_mono_ms() >= w->deadline) {
		give_up(w);
	} else {
		wait_note(w);
		timer_start(&w->timer, dns_loop(w->dns), MIN(w->pause_ms, MAX(w->deadline - clock_mono_ms(), 1)),
			    ask_round, w);
		w->pause_ms = MIN(w->pause_ms * 3 / 2, PAUSE_MAX_MS);
	}
}

static size_t count_values(const struct dns_wait *w, const struct dns_answer *a)
{
	size_t found = 0;

	for (size_t v = 0; v < strv_len(w->values); v++) {
		bool here = false;

		for (size_t i = 0; i < a->count && !here; i++)
			here = a->records[i].type == DNS_TXT && a->records[i].answer &&
			       str_eq(a->records[i].owner, w->place.record) && str_eq(a->records[i].text, w->values[v]);
		found += here;
	}
	return found;
}

static void wait_answered(void *arg, const struct dns_answer *a)
{
	struct wait_probe *p = arg;
	struct dns_wait *w = p->wait;
	size_t found = a->err ? 0 : count_values(w, a), wanted = strv_len(w->values);

	p->query = NULL;
	free(p->said);
	p->said = a->err ? xstrdup(a->err->message) :
		  a->missing ? xstrdup("has no such name") : xasprintf("has %zu of %zu values", found, wanted);
	p->silent = a->err && a->err->kind != ERR_PROTOCOL ? p->silent + 1 : 0;
	p->complete = !a->err && found == wanted;
	if (--w->asking == 0)
		wait_judge(w);
}

static void ask_round(void *arg)
{
	struct dns_wait *w = arg;

	w->asking = 1;	/* ours, until all are asked */
	for (struct wait_probe *p = w->probes; p < w->probes + w->count; p++) {
		if (p->complete)
			continue;
		w->asking++;
		p->query = dns_ask(w->dns,
				   &(struct dns_question){ .name = w->place.record,
							   .type = DNS_TXT,
							   .servers = p->server->address,
							   .tcp = p->tcp,
							   .authoritative = true },
				   wait_answered, p);
	}
	w->asking--;	/* callbacks come later: there is always one left */
}

struct dns_wait *dns_wait(struct dns *dns, const struct dns_waiting *of)
{
	struct dns_wait *w = xcalloc(1, sizeof(*w));
	const struct dns_place *place = of->place;

	w->dns = dns;
	w->place = (struct dns_place){ .record = xstrdup(place->record), .zone = xstrdup(place->zone),
				       .count = place->count };
	w->place.servers = xcalloc(place->count, sizeof(*w->place.servers));
	w->values = strv_dup(of->values);
	w->deadline = clock_mono_ms() + of->seconds * 1000;
	w->once = of->seconds == 0;
	w->pause_ms = PAUSE_FIRST_MS;
	w->note = of->note;
	w->done = of->done;
	w->arg = of->arg;
	w->count = 2 * place->count;
	w->probes = xcalloc(w->count, sizeof(*w->probes));
	for (size_t i = 0; i < place->count; i++) {
		w->place.servers[i] =
			(struct dns_server){ xstrdup(place->servers[i].name), xstrdup(place->servers[i].address) };
		for (int tcp = 0; tcp < 2; tcp++)
			w->probes[2 * i + (size_t)tcp] =
				(struct wait_probe){ .wait = w, .server = &w->place.servers[i], .tcp = tcp };
	}
	ask_round(w);
	return w;
}
