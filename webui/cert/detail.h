/* What a certificate's requests say besides its names: the members country to email, and must_staple. */
#ifndef WEBUI_CERT_DETAIL_H
#define WEBUI_CERT_DETAIL_H

#include "webui/http/handler.h"

/* Of a certificate to be: what the body does not say is as configured.  Its names are there. */
int detail_read(const struct request *, struct rec_cert *, const json_t *body, struct err *);
/* Of one that is there: what the body does not say stays.  1: something has changed. */
int detail_change(struct rec_cert *, const json_t *body, struct err *);
/* Its names have changed: a common name that is none of them any more becomes the first. */
void detail_names_changed(struct rec_cert *);
/* "request_shown": all of it in a line, null if there is nothing; "dropped_shown": the same of what the CA left out. */
void detail_put_shown(json_t *, const struct rec_cert *);

#endif
