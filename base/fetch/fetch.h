/*
 * HTTP requests to others: libcurl's multi interface on a loop.  One request, one callback.
 *
 * Every request is bounded: total time, body size, header size.  TLS is verified but where a request says otherwise;
 * plain http is only for what asks for it.  Connections are kept and HTTP/2 is used where the server has it.
 * No redirect leads from https to http, nor from a public address to one of this machine or a private network.
 */
#ifndef BASE_FETCH_H
#define BASE_FETCH_H

#include "base/barrier.h"
#include "base/loop.h"
#include "base/net.h"

struct fetcher;
struct fetch;		/* one request under way */
struct fetch_reply;

struct fetch_request {
	const char *method;		/* NULL: GET, or POST with a body */
	const char *url;
	const char *body;		/* NULL: none */
	size_t body_len;
	const char *const *headers;	/* "Name: value", ended by NULL; may be NULL */
	const char *ca_file;		/* PEM file to trust instead of the system's; NULL: the system's */
	const char *unix_socket;	/* connect here instead; NULL: by URL */
	bool public_only;		/* a stranger's URL: no address of this machine or a private network ... */
	const struct cidr_list *but;	/* ... except these; NULL: none */
	const char *address;		/* the IP address to connect to instead of the URL host's; NULL: that */
	bool any_certificate;		/* who answers is not checked: for what is no secret and changes nothing */
	int timeout_ms;			/* for all of it; 0: 30 s */
	size_t max_body;		/* more is an error; 0: 1 MiB */
	bool allow_http;		/* else only https: is fetched */
	/*
	 * The next attempt begins with any of the addresses that the name has, and looks them up anew: curl gives up
	 * with the first one that is silent, if there is little time.
	 */
	bool any_address;
	bool at_once;			/* it asks for what tells nothing, or may be asked again: no barrier for it */
	int max_redirects;		/* 0: redirects are replies like any other; a POST stays a POST */
	/*
	 * A reply without an end: called with each piece of the body when it has come, at a moment of the loop's own.
	 * No time limit but for connecting; max_body bounds what has come and was not told yet.  The callback at its
	 * end has no body.
	 */
	void (*piece)(void *arg, const struct fetch_reply *);
};

struct fetch_reply {
	const struct err *err;		/* NULL if a whole HTTP reply arrived, whatever its status */
	int status;			/* HTTP status */
	const char *body;		/* NUL-terminated behind body_len */
	size_t body_len;
	bool sent;			/* (some of) the request left for the server, so it may have acted on it */
	bool outside;			/* the server has a public address */
	int64_t took_ms;		/* from its start, without the wait at the barrier */
};

/* The reply is valid during the callback only. */
typedef void fetch_cb(void *arg, const struct fetch_reply *);

struct fetcher *fetcher_new(struct loop *, const char *user_agent);
void fetcher_wait_at(struct fetcher *, struct barrier *);	/* requests wait there before they leave */
/*
 * Asked when a request has its connection, before the first byte is sent.  false: it fails (ERR_LATER) and nothing is
 * sent.
 */
void fetcher_ask_before(struct fetcher *, bool (*may)(void *arg), void *arg);
void fetcher_free(struct fetcher *);		/* cancels what is under way, without callbacks */
/*
 * Copies what it needs of the request.  The callback is always called later, never from inside; never after
 * fetch_cancel(), which any callback may call, for any request.
 */
struct fetch *fetch_start(struct fetcher *, const struct fetch_request *, fetch_cb *, void *arg);
void fetch_cancel(struct fetch *);

/*
 * A URL in its parts, as requests read it: percent signs and dots are resolved, the host of "http://0x7f.1/" is
 * 127.0.0.1.  All are owned.
 */
struct fetch_url {
	char *url, *scheme, *host, *path;	/* host: without brackets, and without a dot at its end */
	int port;				/* the scheme's if it names none; 0: neither is known */
};
/* base: what a relative one is relative to; NULL: it must be absolute.  -1: it is no URL. */
int fetch_url_read(struct fetch_url *, const char *base, const char *url);
void fetch_url_release(struct fetch_url *);
/* Whom it leads to: "ca.example port 443".  Never the whole URL, which may hold a secret.  Owned. */
char *fetch_url_peer(const char *url);

/* A header of the reply by name, any case; the nth of several (0 first).  NULL: there is none. */
const char *fetch_header(const struct fetch_reply *, const char *name, size_t nth);

#endif
