/*
 * The front's process, as the core sees it: what starts it (again, when it ends or does not answer), tells it what it
 * needs, and hears what it says.  On the main loop.
 */
#ifndef DAEMON_DESK_OUTSIDE_H
#define DAEMON_DESK_OUTSIDE_H

#include "daemon/config/config.h"
#include "daemon/desk/desks.h"
#include "daemon/front/front_tell.h"
#include "daemon/process/starter.h"

struct outside;

struct outside_options {
	struct loop *loop;
	struct starter *starter;
	struct listeners *listeners;
	int threads;
	const struct config *config;
	/*
	 * A front was started.  It wants to hear of the challenges and certificates there are, then of outside_serve().
	 */
	void (*begun)(void *arg);
	void (*serves)(void *arg);			/* it accepts connections from now on */
	void (*synced)(void *arg, int64_t number);	/* see outside_sync() */
	void (*ended)(void *arg);			/* it did before any has served; later a new one is begun */
	void *arg;
};

struct outside *outside_new(const struct outside_options *, struct err *);
int outside_start(struct outside *, struct desks *, struct err *);
/* The same while the loop runs, without waiting: outside_drained() says when it has ended.  outside_stop() follows. */
void outside_drain(struct outside *, int64_t patience_ms);
bool outside_drained(const struct outside *);
/* Accepts no more, ends when all is answered, or after so long. */
void outside_stop(struct outside *, int64_t patience_ms);
void outside_free(struct outside *);		/* after outside_stop(); NULL is fine */

/* Nobody hears it while there is no front. */
void outside_tell(struct outside *, enum tell_kind, const struct slice *fields, int fd);
#define OUTSIDE_TELL(outside, kind, ...) \
	outside_tell(outside, TELL_##kind, (const struct slice[]){ __VA_ARGS__ }, -1)
void outside_serve(struct outside *);		/* once a front; what follows does nothing */
/* synced() will be called with the number (not 0) when all that was told before is in force. */
void outside_sync(struct outside *, int64_t number);
void outside_configure(struct outside *);	/* the configuration is another one */

#endif
