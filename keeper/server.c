#include "keeper/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process/channel.h"
#include "keeper/lanes.h"

#define STACK_SIZE (512 * 1024)

/*
 * The threads for what is not answered at once, and the lanes each looks at, the first first.  A sign-in waits for
 * sign-ins alone; a renewal for no key that somebody wants; nobody for the files that people bring.
 */
static const enum proto_lane crew[][2] = {
	{ SIGN_IN, SIGN_IN },
	{ SIGN_IN, SIGN_IN },
	{ RENEWAL, SLOW },
	{ RENEWAL, SLOW },
	{ UPLOAD, UPLOAD },
};

struct channel {
	int fd;		/* -1: closed */
	enum proto_asker who;
	struct outbox outbox;
};

struct server {
	const struct room *room;
	struct channel *channel;
	int count;

	pthread_mutex_t lock;		/* of what follows */
	pthread_cond_t work;
	struct lanes queue;
	struct jobs done;
	int bell;			/* an eventfd: something is done */
	int started;			/* of the crew */
};

static struct lane_job *take(struct lanes *q, const enum proto_lane from[2])
{
	struct lane_job *j = lanes_take(q, from[0]);

	return j ? j : lanes_take(q, from[1]);
}

static void *worker(void *arg)
{
	struct server *s = arg;
	const enum proto_lane *lanes;
	struct lane_job *j;

	log_role("keeper");
	pthread_mutex_lock(&s->lock);
	lanes = crew[s->started++];
	for (;;) {
		while (!(j = take(&s->queue, lanes)))
			pthread_cond_wait(&s->work, &s->lock);
		pthread_mutex_unlock(&s->lock);
		ops_answer(s->room, j->who, slice_buf(&j->question), j->proof_fd, &j->answer);
		pthread_mutex_lock(&s->lock);
		TAILQ_INSERT_TAIL(&s->done, j, link);
		eventfd_write(s->bell, 1);
	}
	return NULL;
}

struct server *server_new(const struct room *room, const int *channels, int count, bool roles, struct err *e)
{
	struct server *s = xcalloc(1, sizeof(*s));
	pthread_attr_t attr;
	pthread_t thread;
	int rc = 0;

	s->room = room;
	s->count = count;
	s->channel = xcalloc((size_t)count, sizeof(*s->channel));
	for (int i = 0; i < count; i++) {
		s->channel[i].fd = channels[i];
		s->channel[i].who = !roles ? BOTH : i == 0 ? ENGINE : DESK;
		outbox_init(&s->channel[i].outbox);
	}
	lanes_init(&s->queue);
	TAILQ_INIT(&s->done);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	s->bell = eventfd(0, EFD_CLOEXEC);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(crew); i++)
		rc = pthread_create(&thread, &attr, worker, s);
	pthread_attr_destroy(&attr);
	if (!rc && s->bell >= 0)
		return s;
	/* The caller gives up, and its process with it. */
	errno = rc ? rc : errno;
	err_errno(e, ERR_INTERNAL, "starting the keeper's threads");
	return NULL;
}

static void channel_close(struct channel *ch)
{
	close(ch->fd);
	ch->fd = -1;
	outbox_release(&ch->outbox);
}

static void reply(struct channel *ch, const struct buf *answer)
{
	if (ch->fd >= 0 && outbox_send(&ch->outbox, ch->fd, slice_buf(answer), -1))
		channel_close(ch);
}

static void reply_err(struct channel *ch, uint32_t id, const struct err *e)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;

	proto_encode_err(&answer, id, e);
	reply(ch, &answer);
}

static struct lane_job *job_new(struct channel *ch, struct slice packet, const struct message *m, enum proto_lane lane)
{
	struct lane_job *j = xcalloc(1, sizeof(*j));

	*j = (struct lane_job){ .asker = ch, .id = m->id, .who = ch->who, .lane = lane, .proof_fd = -1 };
	if (lane == UPLOAD)
		j->visitor = xstrdup(ops_visitor(m).data);
	buf_add(&j->question, packet.data, packet.len);
	return j;
}

/* Takes proof_fd if it is queued. */
static void queue_job(struct server *s, struct channel *ch, struct lane_job *j, int *proof_fd)
{
	struct err e;
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = lanes_add(&s->queue, j, &e);
	if (rc == 0) {
		j->proof_fd = *proof_fd;
		*proof_fd = -1;
		pthread_cond_broadcast(&s->work);
	}
	pthread_mutex_unlock(&s->lock);
	if (rc == 0)
		return;
	reply_err(ch, j->id, &e);
	job_free(j);
}

static void forget_job(struct server *s, struct channel *ch, uint32_t id)
{
	pthread_mutex_lock(&s->lock);
	lanes_forget(&s->queue, ch, id);
	pthread_mutex_unlock(&s->lock);
}

static void answer_done(struct server *s)
{
	struct jobs done = TAILQ_HEAD_INITIALIZER(done);
	eventfd_t rung;
	struct lane_job *j;

	eventfd_read(s->bell, &rung);
	pthread_mutex_lock(&s->lock);
	TAILQ_CONCAT(&done, &s->done, link);
	TAILQ_FOREACH(j, &done, link)
		lanes_over(&s->queue, j);
	pthread_mutex_unlock(&s->lock);
	while ((j = TAILQ_FIRST(&done))) {
		TAILQ_REMOVE(&done, j, link);
		reply(j->asker, &j->answer);
		job_free(j);
	}
}

static void take_question(struct server *s, struct channel *ch, struct slice packet, int *proof_fd)
{
	_cleanup_buf_wipe_ struct buf answer = BUF_INIT;
	struct message m;
	enum proto_lane lane = proto_decode(&m, packet, NULL) < 0 ? FAST : ops_lane(&m);

	if (m.code == PROTO_FORGET) {
		forget_job(s, ch, m.id);
	} else if (lane != FAST) {
		queue_job(s, ch, job_new(ch, packet, &m, lane), proof_fd);
	} else {
		ops_answer(s->room, ch->who, packet, *proof_fd, &answer);
		reply(ch, &answer);
	}
}

static void read_question(struct server *s, struct channel *ch)
{
	static unsigned char packet[KEEPER_MESSAGE_MAX];
	_cleanup_close_ int proof_fd = -1;
	ssize_t n = channel_recv(ch->fd, packet, &proof_fd, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < PROTO_HEADER) {		/* its end, or nothing that could be answered */
		channel_close(ch);
		return;
	}
	take_question(s, ch, slice(packet, (size_t)n), &proof_fd);
	wipe(packet, (size_t)n);
}

static void channel_ready(struct server *s, struct channel *ch, short events)
{
	if (events & POLLOUT) {
		if (outbox_flush(&ch->outbox, ch->fd))
			channel_close(ch);
	} else if (events) {
		read_question(s, ch);
	}
}

/* Who does not fetch answers gets no more questions read, so that what waits here stays small. */
static int watch(const struct server *s, struct pollfd *poll_for)
{
	int open = 0;

	for (int i = 0; i < s->count; i++) {
		const struct channel *ch = &s->channel[i];

		poll_for[i].fd = ch->fd;
		poll_for[i].events = outbox_empty(&ch->outbox) ? POLLIN : POLLOUT;
		open += ch->fd >= 0;
	}
	return open;
}

void server_run(struct server *s)
{
	struct pollfd *poll_for = xcalloc((size_t)s->count + 1, sizeof(*poll_for));

	poll_for[s->count] = (struct pollfd){ .fd = s->bell, .events = POLLIN };
	while (watch(s, poll_for)) {
		if (poll(poll_for, (nfds_t)s->count + 1, -1) < 0)
			continue;
		for (int i = 0; i < s->count; i++)
			channel_ready(s, &s->channel[i], poll_for[i].revents);
		if (poll_for[s->count].revents)
			answer_done(s);
	}
	_exit(0);
}
