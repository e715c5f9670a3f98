/*
 * What the front threads answer: the router, the gate and the handlers.
 *
 * One struct webui a thread, on that thread's loop.  Nothing in a handler blocks: it reads the store,
 * writes intents, asks the keeper and answers when the keeper did.
 */
#ifndef WEBUI_WEBUI_H
#define WEBUI_WEBUI_H

#include "base/json.h"
#include "base/loop.h"
#include "base/net.h"
#include "keeper/keeper.h"
#include "store/store.h"

struct evhttp;
struct webui;

/* What all threads share; lives longer than they do.  Replaced as a whole on reload (webui_configure). */
struct webui_settings {
	const char *hostname;			/* of this server */
	int https_port;				/* for redirects from http; 0: no https listener, no redirect */
	struct cidr_list admin, api, trusted_proxies;
	const char *key_type;			/* default for new keys */
	int64_t rotate_after;			/* seconds after which a key is old; 0: never */
	const char *deploy_hook;		/* script for certificates without one of their own; "": none */
	json_t *shown;				/* all settings, for people who look at them */
	const char *develop;			/* directory of html/ and static/ being worked on; "": the program's */
	bool mail;				/* e-mail can be sent */
	int64_t session_idle, session_most;	/* seconds until a session ends: without a request, and in any case */
	bool app_required;			/* whoever signs in needs an app for codes */
};

struct webui_env {
	struct store *store;
	void (*wake)(void *arg);		/* the agenda has changed: any thread may call it */
	void *arg;
	const char *version;
	int64_t started;			/* unix seconds */
};

enum webui_face { FACE_HTTP, FACE_HTTPS, FACE_CONTROL };

/* env is borrowed; settings are borrowed until the next webui_configure() or webui_free(). */
struct webui *webui_new(struct loop *, struct keeper_client *, const struct webui_env *, const struct webui_settings *);
void webui_configure(struct webui *, const struct webui_settings *);	/* on the webui's own thread */
void webui_end_streams(struct webui *);		/* while the loop still turns: their ends are to be sent */
void webui_free(struct webui *);	/* writes what is still to be recorded; after its evhttps are freed */
bool webui_idle(const struct webui *);		/* is no request waiting for its answer? */

#define WEBUI_HEADER_MOST (16 * 1024)
size_t webui_body_most(enum webui_face);	/* bytes of a request's body */
/* Lets this evhttp's requests be answered here. */
void webui_attach(struct webui *, struct evhttp *, enum webui_face);

#endif
