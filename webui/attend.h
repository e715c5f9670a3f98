/*
 * One request from the gate to its handler: what is not for this visitor is turned away, with as many words as the
 * visitor may hear; what a browser's form means is found out; then the handler of the row in routes.def answers.
 */
#ifndef WEBUI_ATTEND_H
#define WEBUI_ATTEND_H

#include "webui/request.h"

/* The request is answered, or waits for the keeper. */
void attend(struct request *, enum method, const char *path);

#endif
