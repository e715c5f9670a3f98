/*
 * A mail as it goes over the line: RFC 5322, text and HTML as alternatives (RFC 2046), everything ASCII (RFC 2047,
 * quoted-printable), lines of at most 78 characters that end with CRLF.  No value can start a header of its own.
 */
#ifndef DAEMON_NOTIFY_MIME_H
#define DAEMON_NOTIFY_MIME_H

#include "base/buf.h"
#include "base/err.h"

struct mime_message {		/* all borrowed */
	const char *from;	/* "certera@example.org" or "Certera <certera@example.org>" */
	const char *to;		/* the same */
	const char *subject;	/* UTF-8, as are the next two */
	const char *text, *html;	/* html may be NULL */
	const char *file_name;	/* of a CSV file that is attached; NULL: none */
	struct slice file;
	const char *key;	/* the same at every try: letters and digits */
	const char *host;	/* of ours, for the Message-ID */
	int64_t time;
};
/* -1: an address is none. */
int mime_compose(const struct mime_message *, struct buf *out, struct err *);

/* "Name: value" CRLF, folded; what is not ASCII as encoded words. */
void mime_header(struct buf *out, const char *name, const char *value);
/* Lines of the text, in quoted-printable. */
void mime_quote(struct buf *out, const char *text);

#endif
