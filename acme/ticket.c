#include "acme/ticket.h"

struct ticket {
	struct ticket **handle;
	acme_bytes_cb *fn; /* NULL: torn */
	void *arg;
};

struct ticket *ticket_new(struct ticket **handle, acme_bytes_cb *fn, void *arg)
{
	struct ticket *t = xmalloc(sizeof(*t));

	*t = (struct ticket){ .handle = handle, .fn = fn, .arg = arg };
	return *handle = t;
}

void ticket_answer(void *ticket, const struct slice *bytes, const struct err *err)
{
	struct ticket t = *(struct ticket *)ticket;

	free(ticket);
	if (!t.fn)
		return;
	*t.handle = NULL;
	t.fn(t.arg, bytes, err);
}

void ticket_tear(struct ticket **handle)
{
	if (*handle)
		(*handle)->fn = NULL;
	*handle = NULL;
}
