#include "keeper/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "keeper/channel.h"

#define WORKERS 2	/* so that a password need not wait for an RSA key */
#define STACK_SIZE (512 * 1024)
#define JOBS_MAX 512	/* slow questions at once; more are refused, a thousand RSA keys would take an hour */

struct channel {
	int fd;		/* -1: closed */
	struct outbox outbox;
};

struct job {		/* a slow question */
	TAILQ_ENTRY(job) link;
	struct channel *channel;
	struct buf question, answer;
	int proof_fd;
};
TAILQ_HEAD(jobs, job);

struct server {
	const struct room *room;
	struct channel *channel;
	int count;
	int jobs;			/* accepted, not yet answered */

	pthread_mutex_t lock;		/* of what follows */
	pthread_cond_t work;
	struct jobs waiting, done;
	int bell;			/* an eventfd: something is done */
};

/* Everything that was in the packet or the answer is wiped as soon as it is gone. */
static void job_free(struct job *j)
{
	buf_wipe(&j->question);
	buf_wipe(&j->answer);
	cleanup_close(&j->proof_fd);
	free(j);
}

static void *worker(void *arg)
{
	struct server *s = arg;
	struct job *j;

	log_role("keeper");
	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!(j = TAILQ_FIRST(&s->waiting)))
			pthread_cond_wait(&s->work, &s->lock);
		TAILQ_REMOVE(&s->waiting, j, link);
		pthread_mutex_unlock(&s->lock);
		ops_answer(s->room, slice_buf(&j->question), j->proof_fd, &j->answer);
		pthread_mutex_lock(&s->lock);
		TAILQ_INSERT_TAIL(&s->done, j, link);
		eventfd_write(s->bell, 1);
	}
	return NULL;
}

struct server *server_new(const struct room *room, const int *channels, int count, struct err *e)
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
		outbox_init(&s->channel[i].outbox);
	}
	TAILQ_INIT(&s->waiting);
	TAILQ_INIT(&s->done);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	s->bell = eventfd(0, EFD_CLOEXEC);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; !rc && i < WORKERS; i++)
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

static void reply_busy(struct channel *ch, struct slice packet)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;
	struct message m;
	struct err e;

	proto_decode(&m, packet, NULL);
	err_set(&e, ERR_LIMIT, "the keeper has %d keys and passwords to work on already", JOBS_MAX);
	err_hint(&e, "Try again in a minute.");
	proto_encode_err(&answer, m.id, &e);
	reply(ch, &answer);
}

/* Takes proof_fd if it is queued. */
static void queue_job(struct server *s, struct channel *ch, struct slice packet, int *proof_fd)
{
	struct job *j;

	if (s->jobs == JOBS_MAX) {
		reply_busy(ch, packet);
		return;
	}
	s->jobs++;
	j = xcalloc(1, sizeof(*j));
	j->channel = ch;
	j->proof_fd = *proof_fd;
	*proof_fd = -1;
	buf_add(&j->question, packet.data, packet.len);
	pthread_mutex_lock(&s->lock);
	TAILQ_INSERT_TAIL(&s->waiting, j, link);
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
}

static void answer_done(struct server *s)
{
	struct jobs done = TAILQ_HEAD_INITIALIZER(done);
	eventfd_t rung;
	struct job *j;

	eventfd_read(s->bell, &rung);
	pthread_mutex_lock(&s->lock);
	TAILQ_CONCAT(&done, &s->done, link);
	pthread_mutex_unlock(&s->lock);
	while ((j = TAILQ_FIRST(&done))) {
		TAILQ_REMOVE(&done, j, link);
		s->jobs--;
		reply(j->channel, &j->answer);
		job_free(j);
	}
}

static void read_question(struct server *s, struct channel *ch)
{
	static unsigned char packet[KEEPER_MESSAGE_MAX];
	_cleanup_buf_wipe_ struct buf answer = BUF_INIT;
	_cleanup_close_ int proof_fd = -1;
	ssize_t n = channel_recv(ch->fd, packet, &proof_fd, MSG_DONTWAIT);
	struct slice question = slice(packet, n > 0 ? (size_t)n : 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < PROTO_HEADER) {		/* its end, or nothing that could be answered */
		channel_close(ch);
		return;
	}
	if (ops_slow(question)) {
		queue_job(s, ch, question, &proof_fd);
	} else {
		ops_answer(s->room, question, proof_fd, &answer);
		reply(ch, &answer);
	}
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
