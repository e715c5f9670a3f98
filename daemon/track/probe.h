/*
 * One address, asked for its certificates: connected to, told what comes before TLS (starttls.h), shaken hands with
 * (handshake.h); what it shows is judged.
 */
#ifndef DAEMON_TRACK_PROBE_H
#define DAEMON_TRACK_PROBE_H

#include "base/loop.h"
#include "pki/service.h"

#include "daemon/track/handshake.h"
#include "daemon/track/observation.h"

/* What all probes of a scanner have in common.  Borrowed, and read anew by each as it goes on. */
struct probe_env {
	struct loop *loop;
	struct handshakes *handshakes;
	struct trust *trust;		/* NULL: there are no root certificates */
	int64_t timeout_ms;		/* from connecting on */
	char *own;			/* our own name, for who wants to be greeted */
};

/*
 * It is over and the view filled in; probe_free() is the callback's to call.
 * silent: it took nothing for the whole time limit.
 */
typedef void probe_cb(void *arg, bool silent);
struct probe;
/* All is borrowed until the end but the address, which has the port in it. */
struct probe *probe_start(const struct probe_env *, const struct service *, const struct address *,
			  struct observation *, probe_cb *, void *arg);
void probe_free(struct probe *);	/* the callback is not called any more; NULL is fine */

/* The words for an address that is silent. */
void probe_say_silent(struct observation *);

#endif
