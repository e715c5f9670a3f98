/* With several machines: what a desk's webui hands to who sends it to the leader (webui_elsewhere()). */
#ifndef WEBUI_ELSEWHERE_H
#define WEBUI_ELSEWHERE_H

#include "base/http/answer.h"

/*
 * A request that changes something (routes.def), and that the gate has admitted: answers it and returns true, or
 * returns false.
 */
typedef bool webui_take_fn(void *arg, struct http_exchange *);

/* What requests note aside (http/noted.h), before it is written. */
enum webui_noted {
	WEBUI_NOTE_HERE,	/* it is to be written here */
	WEBUI_NOTE_TAKEN,	/* it is on its way */
	WEBUI_NOTE_LATER,	/* it cannot be sent now */
};
typedef enum webui_noted webui_note_fn(void *arg, struct slice note);

#endif
