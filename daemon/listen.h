/*
 * The sockets requests come in by, and the evhttps that read them.
 *
 * Opening comes first, while the process may still bind low ports; serving is each front thread's
 * own.  A face (plain http, https, control) whose sockets systemd has handed over (LISTEN_FDS, with
 * FileDescriptorName= http, https or control) uses those, shared by all threads; otherwise each
 * thread has a socket of its own for every address (SO_REUSEPORT).
 */
#ifndef DAEMON_LISTEN_H
#define DAEMON_LISTEN_H

#include "base/loop.h"
#include "daemon/config.h"
#include "daemon/tls.h"
#include "webui/webui.h"

struct listen_options {
	const struct config_addresses *http, *https;
	const char *control;		/* path of the Unix socket, made with mode 0600; NULL: none */
	const char *user;		/* who shall own the Unix socket; NULL or "": who we are */
	int threads;
};

struct listeners;
/* Takes systemd's sockets, opens the others.  A port or path somebody else answers on is an error that names it. */
struct listeners *listeners_open(const struct listen_options *, struct err *);
void listeners_close(struct listeners *);	/* after serving ends; removes the Unix socket we made; NULL is fine */
size_t listeners_count(const struct listeners *, enum webui_face);	/* addresses that are listened on */
int listeners_https_port(const struct listeners *);	/* of the first https address; 0: there is none */
char *listeners_text(const struct listeners *);	/* "http on *:80, ...", for the log; owned */
int listeners_threads(const struct listeners *);
/* The nth socket a thread accepts on; -1: there are no more.  Borrowed. */
int listeners_fd(const struct listeners *, int thread, size_t nth, enum webui_face *);

/* On a front thread: accepts and answers from now on.  thread: 0 .. threads-1.  The control socket is thread 0's. */
struct serving;
struct serving *listeners_serve(struct listeners *, int thread, struct loop *, struct tls *, struct webui *,
				struct err *);
void serving_free(struct serving *);	/* stops accepting, drops the connections; before webui_free(); NULL is fine */
/* For a graceful end: takes no new connections; is every request answered, and every answer sent? */
void serving_stop_accepting(struct serving *);
bool serving_idle(const struct serving *);

#endif
