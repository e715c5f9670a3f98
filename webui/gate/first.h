/*
 * What comes first for a person: signing in, giving the password again, changing one that is somebody else's choice,
 * setting up an app for codes.  For the API it is an error, for a browser the way to the page where it is done.
 */
#ifndef WEBUI_GATE_FIRST_H
#define WEBUI_GATE_FIRST_H

#include "webui/http/request.h"

/* Somebody who has signed in has something to do about oneself before this row: -1. */
int first_check(const struct request *, const struct route *, struct err *);
/*
 * A browser that gets this error is sent to where it must go first: true, it has its answer.  False: it must not, or
 * the form that it sent can ask for the password itself; then e says so.
 */
bool first_send(struct request *, struct err *);

#endif
