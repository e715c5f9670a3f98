/*
 * The sockets requests come in by.
 *
 * Opening comes first, while the process may still bind low ports; serving is each front thread's
 * own.  A face (plain http, https, control) whose sockets systemd has handed over (LISTEN_FDS, with
 * FileDescriptorName= http, https or control) uses those, shared by all threads; otherwise each
 * thread has a socket of its own for every address (SO_REUSEPORT).  systemd keeps these while we are restarted
 * (FileDescriptorStoreMax=), so that nobody is refused meanwhile.
 */
#ifndef DAEMON_FRONT_SOCKETS_H
#define DAEMON_FRONT_SOCKETS_H

#include "base/process/local_admin.h"
#include "base/process/user.h"
#include "daemon/config/config.h"
#include "daemon/front/conn.h"

struct listen_options {
	const struct config_addresses *http, *https;
	const char *control; /* path of the Unix socket, made with mode 0600, or 0660 with a group; NULL: none */
	const struct system_user *user;	/* who shall own the Unix socket; NULL: who we are */
	gid_t group;                    /* who else may use it; NO_GROUP: nobody */
	int threads;
};

struct listeners;
/* Takes systemd's sockets, opens the others.  A port or path somebody else answers on is an error that names it. */
struct listeners *listeners_open(const struct listen_options *, struct err *);
void listeners_close(struct listeners *);	/* after serving ends; removes the Unix socket we made; NULL is fine */
int listeners_https_port(const struct listeners *);	/* of the first https address; 0: there is none */
char *listeners_text(const struct listeners *);	/* "http on *:80, ...", for the log; owned */
/* All of them, by number; -1: there are no more.  thread: whose it is; -1: all threads share it.  Borrowed. */
int listeners_fd(const struct listeners *, size_t nth, enum face *, int *thread);
/* For a process that is handed those: takes them. */
struct listeners *listeners_none(void);
void listeners_add(struct listeners *, int fd, enum face, int thread);

/*
 * Accepts from now on, on a thread (0 .. threads-1) that has this loop: those of these faces (1 << face, ...).  The
 * control socket is thread 0's, unless it is shared.
 */
struct serving;
struct serving *listeners_serve(struct listeners *, int thread, unsigned faces, struct loop *, struct conns *);
void serving_stop(struct serving *);	/* for a graceful end: takes no new connections */
void serving_free(struct serving *);	/* NULL is fine */

#endif
