/* A TLS service as people write it: "host", "host:port", "https://host/", "smtp://mail.example.org:587". */
#ifndef PKI_SERVICE_H
#define PKI_SERVICE_H

#include "base/err.h"

struct service {
	const char *scheme;	/* a word of service.def */
	const char *starttls;	/* the dialogue before TLS; "": none */
	char *host;		/* as an identifier in stored form (or a single label); owned */
	int port;
};
/* NULL fields on failure.  A path behind the host is dropped: TLS knows none. */
int service_parse(struct service *, const char *line, struct err *);
void service_release(struct service *);
/* The shortest form that reads back as the same: "host" for https at 443, "smtp://mail.example.org".  Owned. */
char *service_name(const struct service *);

#endif
