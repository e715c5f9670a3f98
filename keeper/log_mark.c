#include "keeper/log_mark.h"

#include <pthread.h>

#include "base/digest.h"
#include "keeper/call.h"

#define NUMBER_SIZE 8
#define HEAD_SIZE (NUMBER_SIZE + SHA256_SIZE)
#define LABEL "certera audit log"

struct log_mark {
	pthread_mutex_t lock;
	unsigned char head[HEAD_SIZE];	/* zeros: nothing is known yet */
};

struct log_mark *log_mark_new(void)
{
	struct log_mark *m = xcalloc(1, sizeof(*m));

	pthread_mutex_init(&m->lock, NULL);
	return m;
}

void log_mark_free(struct log_mark *m)
{
	if (m)
		pthread_mutex_destroy(&m->lock);
	free(m);
}

int log_mark_raise(struct log_mark *m, struct slice head, struct err *e)
{
	int later;
	bool same;

	if (head.len != HEAD_SIZE)
		return err_set(e, ERR_INVALID, "a head of the audit log has %d bytes", HEAD_SIZE);
	pthread_mutex_lock(&m->lock);
	later = memcmp(head.data, m->head, NUMBER_SIZE);	/* big-endian */
	same = !memcmp(head.data, m->head, HEAD_SIZE);
	if (later > 0)
		memcpy(m->head, head.data, HEAD_SIZE);
	pthread_mutex_unlock(&m->lock);
	if (later > 0 || same)
		return 0;
	return err_set(e, ERR_DENIED,
		       "the audit log was tampered with: it was longer before, or its last event was a different one");
}

int op_log_seal(struct call *c, struct err *e)
{
	unsigned char mac[SHA256_SIZE];

	if (log_mark_raise(c->room->log_mark, call_in(c, "head"), e) < 0)
		return -1;
	seal_mac(&c->room->seal, LABEL, call_in(c, "head"), mac);
	buf_add(call_out(c, "mac"), mac, sizeof(mac));
	return 0;
}

int op_log_check(struct call *c, struct err *e)
{
	struct slice given = call_in(c, "mac");
	unsigned char mac[SHA256_SIZE];

	seal_mac(&c->room->seal, LABEL, call_in(c, "head"), mac);
	if (given.len != sizeof(mac) || !same_secret(given.data, mac, sizeof(mac)))
		return err_set(e, ERR_STORAGE,
			       "the audit log was tampered with or is damaged: its seal was not made with this "
			       "master key");
	return log_mark_raise(c->room->log_mark, call_in(c, "head"), e);
}
