#include "daemon/dns/query.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <event2/event.h>
#include <sys/select.h>

#define CARES_NO_DEPRECATED
#include <ares.h>
#include <arpa/nameser.h>

#include "base/buf.h"
#include "base/words.h"

#define AT_ONCE 64
#define TRY_MS 2000
#define TRIES 2
#define WATCHES 16	/* sockets of one question */
#define RECORDS_MAX 256
#define SHOWN_MOST 1100	/* bytes; a name has at most 1020, written out */

struct dns {
	struct loop *loop;
	struct dns_query *first;	/* oldest first */
	int asking;
};

struct watch {
	struct dns_query *query;
	ares_socket_t fd;
	struct event *event;
};

struct dns_query {
	struct dns_query *next;
	struct dns *dns;
	struct dns_question question;	/* strings are owned */
	void (*cb)(void *arg, const struct dns_answer *);
	void *arg;

	ares_channel channel;		/* NULL: waits for its turn */
	struct watch watch[WATCHES];
	struct timer timer;
	bool answered;
	bool verbatim;			/* asked again, to see what the servers refuse with */
	struct err err;
	bool missing;
	struct dns_record records[RECORDS_MAX];
	size_t count;
};

struct dns *dns_new(struct loop *loop)
{
	struct dns *dns = xcalloc(1, sizeof(*dns));

	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		die("c-ares cannot be set up");
	dns->loop = loop;
	return dns;
}

void dns_free(struct dns *dns)
{
	if (!dns)
		return;
	ares_library_cleanup();
	free(dns);
}

struct loop *dns_loop(const struct dns *dns)
{
	return dns->loop;
}

const struct dns_record *dns_first(const struct dns_answer *a, enum dns_type type)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->records[i].answer && a->records[i].type == type)
			return &a->records[i];
	return NULL;
}

/*
 * Reading an answer (RFC 1035 section 4).  Names may point backwards in the message: c-ares expands them.
 */

struct query_message {
	const unsigned char *start, *at, *end;
};

static char *read_name(struct query_message *m)
{
	char *expanded = NULL, *name;
	long used = 0;

	if (m->at >= m->end ||
	    ares_expand_name(m->at, m->start, (int)(m->end - m->start), &expanded, &used) != ARES_SUCCESS)
		return NULL;
	m->at += used;
	name = words_line(expanded, SHOWN_MOST);
	ares_free_string(expanded);
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return name;
}

static int read_short(struct query_message *m)
{
	int n = -1;

	if (m->end - m->at >= 2)
		n = m->at[0] << 8 | m->at[1];
	m->at += 2;
	return n;
}

/*
 * The strings of a TXT record, joined (RFC 8555 section 8.4 sees them as one).  Ours are base64url, and stay as they
 * are.
 */
static char *read_text(const unsigned char *data, size_t len)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct buf shown = BUF_INIT;

	while (len && data[0] < len) {
		buf_add(&text, data + 1, data[0]);
		len -= data[0] + 1u;
		data += data[0] + 1;
	}
	words_add(&shown, buf_str(&text), text.len, SHOWN_MOST);
	return buf_detach(&shown);
}

static char *read_data(struct query_message *m, int type, size_t len)
{
	char address[INET6_ADDRSTRLEN];
	struct query_message inside = *m;

	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		if (len != (type == DNS_A ? 4 : 16))
			return NULL;
		return xstrdup(inet_ntop(type == DNS_A ? AF_INET : AF_INET6, m->at, address, sizeof(address)));
	case DNS_TXT:
		return read_text(m->at, len);
	case DNS_NS:
	case DNS_CNAME:
	case DNS_SOA:
		return read_name(&inside);
	default:
		return NULL;
	}
}

static int read_record(struct dns_query *q, struct query_message *m, bool answer)
{
	_cleanup_free_ char *owner = read_name(m), *text = NULL;
	int type, class, len;

	if (!owner)
		return -1;
	type = read_short(m);
	class = read_short(m);
	m->at += 4;
	len = m->at < m->end ? read_short(m) : -1;
	if (len < 0 || m->end - m->at < len)
		return -1;
	text = class == ns_c_in ? read_data(m, type, (size_t)len) : NULL;
	m->at += len;
	if (text && q->count < RECORDS_MAX)
		q->records[q->count++] = (struct dns_record){ (enum dns_type)type, answer, TAKE(owner), TAKE(text) };
	return 0;
}

static int read_message(struct dns_query *q, const unsigned char *data, size_t len, struct err *e)
{
	static const char *const codes[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };
	struct query_message m = { data, data + NS_HFIXEDSZ, data + len };
	unsigned code;
	int questions, answers, others;

	if (len < NS_HFIXEDSZ)
		return err_set(e, ERR_PROTOCOL, "answered with nonsense");
	code = data[3] & 15;
	if (code != ns_r_noerror && code != ns_r_nxdomain)
		return err_set(e, ERR_PROTOCOL, "answered %s",
			       code < ARRAY_SIZE(codes) ? codes[code] : "with an unknown code");
	q->missing = code == ns_r_nxdomain;
	questions = data[4] << 8 | data[5];
	answers = data[6] << 8 | data[7];
	others = data[8] << 8 | data[9];
	while (questions--) {
		_cleanup_free_ char *name = read_name(&m);

		m.at += 4;
		if (!name)
			return err_set(e, ERR_PROTOCOL, "answered with nonsense");
	}
	for (int i = 0; i < answers + others; i++)
		if (read_record(q, &m, i < answers) < 0)
			return err_set(e, ERR_PROTOCOL, "answered with nonsense");
	return 0;
}

/*
 * c-ares on the loop.
 */

static void dns_turn(struct dns *);

static void unwatch(struct watch *w)
{
	if (w->event)
		event_free(w->event);
	w->event = NULL;
}

static void query_free(struct dns_query *q)
{
	struct dns *dns = q->dns;
	struct dns_query **link = &dns->first;

	while (*link != q)
		link = &(*link)->next;
	*link = q->next;
	timer_stop(&q->timer);
	if (q->channel) {
		ares_destroy(q->channel);
		dns->asking--;
	}
	for (size_t i = 0; i < WATCHES; i++)
		unwatch(&q->watch[i]);
	for (size_t i = 0; i < q->count; i++) {
		free(q->records[i].owner);
		free(q->records[i].text);
	}
	free((char *)q->question.name);
	free((char *)q->question.servers);
	free(q);
	dns_turn(dns);
}

void dns_cancel(struct dns_query *q)
{
	q->cb = NULL;
	query_free(q);
}

static void deliver(void *arg)
{
	struct dns_query *q = arg;
	bool failed = err_is_set(&q->err);
	struct dns_answer a = {
		.err = failed ? &q->err : NULL, .missing = q->missing, .records = q->records,
		.count = failed ? 0 : q->count,
	};

	q->cb(q->arg, &a);
	query_free(q);
}

static void query_begin(struct dns_query *);

static void begin_again(void *arg)
{
	struct dns_query *q = arg;

	ares_destroy(TAKE(q->channel));
	for (size_t i = 0; i < WATCHES; i++)
		unwatch(&q->watch[i]);
	q->dns->asking--;
	q->answered = false;
	q->verbatim = true;
	query_begin(q);
}

/* What c-ares says when no server has given an answer; NULL: none was heard at all. */
static const char *refusal(int status)
{
	switch (status) {
	case ARES_EFORMERR:
		return "FORMERR";
	case ARES_ESERVFAIL:
		return "SERVFAIL";
	case ARES_ENOTIMP:
		return "NOTIMP";
	case ARES_EREFUSED:
		return "REFUSED";
	default:
		return NULL;
	}
}

/* From inside c-ares, so the channel must live on until the loop turns. */
static void query_answered(void *arg, int status, int timeouts, unsigned char *data, int len)
{
	struct dns_query *q = arg;

	if (status == ARES_EDESTRUCTION || q->answered)
		return;
	q->answered = true;
	/* If all servers refuse, c-ares before 1.20 says that none could be contacted. */
	if (status == ARES_ECONNREFUSED && !q->question.authoritative && !q->verbatim) {
		timer_start(&q->timer, q->dns->loop, 0, begin_again, q);
		return;
	}
	if (data && len > 0)
		read_message(q, data, (size_t)len, &q->err);
	else if (status == ARES_ETIMEOUT)
		err_set(&q->err, ERR_TIMEOUT, "does not answer");
	else if (refusal(status))
		err_set(&q->err, ERR_PROTOCOL, "answered %s", refusal(status));
	else
		err_set(&q->err, ERR_NETWORK, "does not answer: %s", ares_strerror(status));
	timer_start(&q->timer, q->dns->loop, 0, deliver, q);
}

static void pass_on(struct dns_query *q, ares_socket_t readable, ares_socket_t writable);

static void time_passed(void *arg)
{
	pass_on(arg, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void arm(struct dns_query *q)
{
	struct timeval longest = { .tv_sec = TRY_MS / 1000 }, left, *wait;

	if (q->answered)
		return;
	wait = ares_timeout(q->channel, &longest, &left);
	timer_start(&q->timer, q->dns->loop, wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1, time_passed, q);
}

static void pass_on(struct dns_query *q, ares_socket_t readable, ares_socket_t writable)
{
	ares_process_fd(q->channel, readable, writable);
	arm(q);
}

static void socket_ready(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	pass_on(w->query, what & EV_READ ? fd : ARES_SOCKET_BAD, what & EV_WRITE ? fd : ARES_SOCKET_BAD);
}

static struct watch *find_watch(struct dns_query *q, ares_socket_t fd)
{
	struct watch *unused = NULL;

	for (size_t i = 0; i < WATCHES; i++) {
		if (q->watch[i].event && q->watch[i].fd == fd)
			return &q->watch[i];
		if (!q->watch[i].event && !unused)
			unused = &q->watch[i];
	}
	return unused;
}

static void socket_wanted(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns_query *q = arg;
	struct watch *w = find_watch(q, fd);
	short what = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));

	if (!w)
		return;	/* it will time out */
	unwatch(w);
	if (!what)
		return;
	*w = (struct watch){ q, fd,
			     event_new(loop_base(q->dns->loop), fd, (short)(what | EV_PERSIST), socket_ready, w) };
	if (!w->event || event_add(w->event, NULL) < 0)
		die("an event cannot be watched");
}

static void query_begin(struct dns_query *q)
{
	const struct dns_question *question = &q->question;
	struct ares_options options = {
		.flags = ARES_FLAG_EDNS | ARES_FLAG_STAYOPEN | (question->tcp ? ARES_FLAG_USEVC : 0) |
			 (question->authoritative ? ARES_FLAG_NORECURSE : 0) |
			 (question->authoritative || q->verbatim ? ARES_FLAG_NOCHECKRESP : 0),
		.timeout = TRY_MS,
		.tries = TRIES,
		.ednspsz = 1232,
		.sock_state_cb = socket_wanted,
		.sock_state_cb_data = q,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB;
	int status = ares_init_options(&q->channel, &options, mask);

	if (status == ARES_SUCCESS)
		q->dns->asking++;
	else
		q->channel = NULL;
	if (status == ARES_SUCCESS && *question->servers)
		status = ares_set_servers_ports_csv(q->channel, question->servers);
	if (status != ARES_SUCCESS) {
		q->answered = true;
		err_set(&q->err, ERR_NETWORK, "cannot be asked: %s", ares_strerror(status));
		timer_start(&q->timer, q->dns->loop, 0, deliver, q);
		return;
	}
	ares_query(q->channel, question->name, ns_c_in, (int)question->type, query_answered, q);
	arm(q);
}

static void dns_turn(struct dns *dns)
{
	for (struct dns_query *q = dns->first; q && dns->asking < AT_ONCE; q = q->next)
		if (!q->channel && !q->answered)
			query_begin(q);
}

struct dns_query *dns_ask(struct dns *dns, const struct dns_question *question,
			  void (*cb)(void *arg, const struct dns_answer *), void *arg)
{
	struct dns_query *q = xcalloc(1, sizeof(*q)), **link = &dns->first;

	q->dns = dns;
	q->question = *question;
	q->question.name = xstrdup(question->name);
	q->question.servers = xstrdup(question->servers ? question->servers : "");
	q->cb = cb;
	q->arg = arg;
	while (*link)
		link = &(*link)->next;
	*link = q;
	dns_turn(dns);
	return q;
}
