/* Who may come in: address lists, proxies that are believed, and the other end of the control socket. */
#ifndef WEBUI_GATE_H
#define WEBUI_GATE_H

#include "webui/router.h"
#include "webui/webui.h"

/* Who asks. */
struct visitor {
	enum webui_face face;
	struct address address;		/* trusted proxies are seen through; AF_UNSPEC: nobody knows */
	bool admin;			/* the control socket's, root or the daemon's own user */
};

/*
 * peer: the other end of the connection; fd: its socket (asked only on FACE_CONTROL); forwarded: all
 * X-Forwarded-For headers joined by commas, NULL: none.  Of the forwarded addresses the last one that is no
 * trusted proxy counts; where something else than an address stands, nobody knows whose request it is.
 */
void gate_visitor(struct visitor *, enum webui_face, const struct sockaddr *peer, int fd, const char *forwarded,
		  const struct webui_settings *);

/* The address for people: "192.0.2.1", "local", "unknown". */
char *gate_visitor_text(const struct visitor *, char out[ADDRESS_TEXT]);

/* May the visitor use what is for this role? */
bool gate_lets_in(const struct visitor *, enum role, const struct webui_settings *);
/* Is the visitor one we tell that something is not there, and who is shown the way to https? */
bool gate_knows(const struct visitor *, const struct webui_settings *);

#endif
