/*
 * Who may come in.  One gate, asked for every request (attend.c), from the top down:
 *
 *	address list → session cookie or bearer token → role → what a token may do → is the form ours → the handler
 *
 * and behind it the object: scope.h, through what finds certificates and keys.  Who comes from an address that is on no
 * list learns nothing, not even whether there is such a path.
 */
#ifndef WEBUI_GATE_GATE_H
#define WEBUI_GATE_GATE_H

#include "webui/gate/confirmed.h"
#include "webui/http/router.h"
#include "webui/http/scope.h"
#include "webui/settings.h"

/* Who asks. */
struct visitor {
	enum face face;
	struct address address;		/* trusted proxies are seen through; AF_UNSPEC: nobody knows */
	/* the control socket's: root, our own user, who is in the admin group; or so another node's keeper says */
	bool admin;
	bool bearer;			/* shows a token (good or not) instead of a cookie */
	enum role role;			/* of whom session_find() found; ROLE_ANYONE: nobody */
	char name[128]; /* for the audit log: "alice", "token deploy", "local admin", "local admin bob (10)" */
	char user_id[40], user[104];	/* the user signed in; "": none */
	char session[48];		/* id of the session; "": none */
	char csrf[48];			/* what the session's forms carry */
	/* the keeper's word that the password was just given, or for such an admin; "": none */
	char proof[CONFIRMED_PROOF_SIZE];
	char **actions;			/* all that a token may do; NULL: whatever its role may */
	bool must_change;		/* before anything else, its password */
	bool has_app;			/* for codes */
	struct scope scope;
};

/* Who it is, where visitors take turns: the user; else the token, or the local administrator. */
static inline const char *visitor_id(const struct visitor *v)
{
	return *v->user_id ? v->user_id : v->name;
}
void visitor_release(struct visitor *);

/*
 * Of the addresses in X-Forwarded-For the last one that is no trusted proxy counts; where something else than an
 * address stands, nobody knows whose request it is.
 */
void gate_visitor(struct visitor *, const struct http_request *, const struct webui_settings *);

/* The address for people: "192.0.2.1", "local", "unknown". */
char *gate_visitor_text(const struct visitor *, char out[ADDRESS_TEXT]);

/*
 * Does what is for this role answer this address and this face at all?  People and their API: https, access.admin;
 * tokens also access.api (deploy scripts and automation come from the same machines); the control socket.
 */
bool gate_admits(const struct visitor *, enum role, const struct webui_settings *);
/* That, and has the visitor the role? */
bool gate_lets_in(const struct visitor *, enum role, const struct webui_settings *);
/* Is there a request that a token with this action may make? */
bool gate_is_action(const char *word);
/* May the visitor set members that are for administrators?  A token that has actions needs "hooks" among them. */
bool gate_administers(const struct visitor *);
/* May the visitor's token do this?  Whoever shows none may. */
bool gate_allows(const struct visitor *, const struct route *);
/* To which addresses may we connect for this visitor?  Users with a plan have no business in our networks. */
enum reach gate_reach(const struct visitor *);
/* Is the visitor one we tell that something is not there, and who is shown the way to https? */
bool gate_knows(const struct visitor *, const struct webui_settings *);

const char *role_word(enum role);			/* "viewer" */
int role_by_word(enum role *, const char *, struct err *);	/* viewer, operator, admin */

#endif
