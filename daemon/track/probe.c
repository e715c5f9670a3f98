#include "daemon/track/probe.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/clock.h"
#include "pki/identifier.h"

#include "daemon/track/starttls.h"

struct probe {
	const struct probe_env *env;
	const struct service *service;
	struct observation *view;
	probe_cb *cb;
	void *arg;
	bool connected;
	int fd, error;
	struct event *event;
	struct timer deadline;
	int64_t begun;
	char *own;			/* as it was when this began: a reload may change it */
	struct starttls starttls;
	struct buf in, out;
	struct handshake *handshake;
};

void probe_free(struct probe *p)
{
	if (!p)
		return;
	handshake_free(p->handshake);
	if (p->event)
		event_free(p->event);
	timer_stop(&p->deadline);
	if (p->fd >= 0)
		close(p->fd);
	buf_release(&p->in);
	buf_release(&p->out);
	free(p->own);
	free(p);
}

/*
 * What there is to say at the end.
 */

static void over(struct probe *p, bool silent)
{
	p->view->ms = clock_mono_ms() - p->begun;
	p->cb(p->arg, silent);		/* frees it */
}

static void unreachable(struct probe *p, const struct err *e)
{
	observation_say(p->view, OBSERVED_UNREACHABLE, NULL, "It %s%s%s%s.", e->message, e->detail[0] ? ": \"" : "",
			e->detail, e->detail[0] ? "\"" : "");
	over(p, false);
}

/* What says something about this machine, and nothing about the other. */
static bool is_our_fault(int error)
{
	static const int ours[] = { ENETUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT, EMFILE, ENFILE,
				    ENOBUFS,     ENOMEM,        EPERM,        EACCES };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (ours[i] == error)
			return true;
	return false;
}

/* Before anything was sent. */
static void not_begun(void *arg)
{
	struct probe *p = arg;

	if (is_our_fault(p->error))
		observation_say(p->view, OBSERVED_UNCHECKED, NULL, "This machine cannot connect to the address: %s.",
			 strerror(p->error));
	else
		observation_say(p->view, OBSERVED_UNREACHABLE, NULL, "It takes no connection: %s.", strerror(p->error));
	over(p, false);
}

void probe_say_silent(struct observation *v)
{
	observation_say(v, OBSERVED_UNREACHABLE, NULL, "It does not answer.");
}

static void not_connected(struct probe *p, int error)
{
	if (error == ETIMEDOUT)
		probe_say_silent(p->view);
	else
		observation_say(p->view, OBSERVED_UNREACHABLE, NULL, "It takes no connection: %s.", strerror(error));
	over(p, false);
}

static void time_is_up(void *arg)
{
	struct probe *p = arg;

	if (!p->connected) {
		probe_say_silent(p->view);
		over(p, true);
		return;
	}
	observation_say(p->view, OBSERVED_UNREACHABLE, NULL,
		 "It takes the connection, but does not come to an end with %s in %lld seconds.",
		 p->handshake ? "the TLS handshake" : "what is to be said before TLS",
		 (long long)(p->env->timeout_ms / 1000));
	over(p, false);
}

/* The server has shown its certificates. */
static void seen(struct probe *p)
{
	struct observation *v = p->view;
	enum fault worst;

	if (!p->env->trust) {
		observation_say(v, OBSERVED_UNCHECKED, "Install the system's root certificates, or set tracking.roots.",
			 "There are no root certificates here to check it against.");
		over(p, false);
		return;
	}
	judge_chain(&v->judgement, p->env->trust, &v->chain, p->service->host, clock_now());
	worst = judgement_worst(&v->judgement);
	if (worst == FAULTS) {
		v->state = OBSERVED_VALID;
	} else {
		observation_say(v, OBSERVED_INVALID, fault_hint(worst), "%s", v->judgement.says[worst]);
		v->fault = fault_word(worst);
	}
	over(p, false);
}

/*
 * From the connection to the certificates.
 */

static void probe_watch(struct probe *p, short what);

static void shake_hands(struct probe *p)
{
	struct err e = { 0 };
	enum handshake_state state = handshake_go(p->handshake, &e);

	switch (state) {
	case HANDSHAKE_READS:
		probe_watch(p, EV_READ);
		return;
	case HANDSHAKE_WRITES:
		probe_watch(p, EV_WRITE);
		return;
	case HANDSHAKE_NEWER:
		observation_say(p->view, OBSERVED_UNCHECKED, "A build with mbedTLS 3.6 can.",
			 "It speaks only TLS 1.3, which this build cannot check.");
		over(p, false);
		return;
	case HANDSHAKE_DONE:
		p->view->version = xstrdup(handshake_version(p->handshake));
		p->view->cipher = xstrdup(handshake_cipher(p->handshake));
		break;
	case HANDSHAKE_UNREADABLE:
	case HANDSHAKE_FAILED:
		break;
	}
	handshake_chain(p->handshake, &p->view->chain);
	if (p->view->chain.count) {	/* if it failed, it may want a certificate of ours: that is no fault of its */
		seen(p);
		return;
	}
	if (state == HANDSHAKE_UNREADABLE) {
		observation_say(p->view, OBSERVED_UNCHECKED, "This is a limit of Certera's, not a fault of the server.",
			 "A message of its TLS handshake is longer than 16 KiB, or in pieces that cannot be read "
			 "here.");
		over(p, false);
		return;
	}
	if (state == HANDSHAKE_DONE)
		err_set(&e, ERR_PROTOCOL, "shows a certificate that cannot be read");
	unreachable(p, &e);
}

static void begin_tls(struct probe *p)
{
	const char *host = p->service->host;

	p->handshake = handshake_new(p->env->handshakes, p->fd, identifier_is_ip(host) ? NULL : host);
	shake_hands(p);
}

static void send_rest(struct probe *p)
{
	ssize_t sent = send(p->fd, p->out.data, p->out.len, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		not_connected(p, errno);
		return;
	}
	if (sent > 0) {
		memmove(p->out.data, p->out.data + sent, p->out.len - (size_t)sent);
		p->out.len -= (size_t)sent;
	}
	probe_watch(p, p->out.len ? EV_WRITE : EV_READ);
}

static void next_words(struct probe *p)
{
	if (starttls_is_over(&p->starttls)) {
		begin_tls(p);
		return;
	}
	starttls_say(&p->starttls, &p->out);
	if (p->out.len)
		send_rest(p);
	else
		probe_watch(p, EV_READ);
}

static void probe_hear(struct probe *p)
{
	ssize_t got = recv(p->fd, buf_reserve(&p->in, 4096), 4096, 0);
	struct err e = { 0 };
	int heard;

	if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
		probe_watch(p, EV_READ);
		return;
	}
	if (got <= 0) {
		err_set(&e, ERR_NETWORK, "closes the connection before TLS");
		unreachable(p, &e);
		return;
	}
	p->in.len += (size_t)got;
	heard = starttls_hear(&p->starttls, &p->in, &e);
	if (heard < 0)
		unreachable(p, &e);
	else if (heard)
		next_words(p);
	else
		probe_watch(p, EV_READ);
}

static void on_connected(struct probe *p)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error) {
		not_connected(p, error);
		return;
	}
	p->connected = true;
	next_words(p);
}

static void socket_ready(evutil_socket_t fd, short what, void *arg)
{
	struct probe *p = arg;

	if (!p->connected)
		on_connected(p);
	else if (p->handshake)
		shake_hands(p);
	else if (p->out.len)
		send_rest(p);
	else
		probe_hear(p);
}

static void probe_watch(struct probe *p, short what)
{
	if (p->event)
		event_free(p->event);
	p->event = event_new(loop_base(p->env->loop), p->fd, what, socket_ready, p);
	if (!p->event || event_add(p->event, NULL) < 0)
		die("an event cannot be watched");
}

/* Not from inside: who begins one may be walking its list. */
static void fail_later(struct probe *p, int error)
{
	p->error = error;
	timer_start(&p->deadline, p->env->loop, 0, not_begun, p);
}

struct probe *probe_start(const struct probe_env *env, const struct service *service, const struct address *address,
			  struct observation *view, probe_cb *cb, void *arg)
{
	const struct sockaddr *to = (const struct sockaddr *)&address->sa;
	struct probe *p = xcalloc(1, sizeof(*p));
	int on = 1;

	*p = (struct probe){ .env = env, .service = service, .view = view, .cb = cb, .arg = arg };
	p->begun = clock_mono_ms();
	p->own = xstrdup(env->own);
	starttls_init(&p->starttls, service->starttls, service->host, p->own);
	p->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0) {
		fail_later(p, errno);
		return p;
	}
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(p->fd, to, address->len) < 0 && errno != EINPROGRESS) {
		fail_later(p, errno);
		return p;
	}
	timer_start(&p->deadline, env->loop, env->timeout_ms, time_is_up, p);
	probe_watch(p, EV_WRITE);
	return p;
}
