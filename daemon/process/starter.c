#include "daemon/process/starter.h"

#include <unistd.h>

#include "base/process/channel.h"
#include "base/process/spawn.h"
#include "daemon/process/starter_ask.h"

struct starter {
	pid_t pid;
	int channel;
};

static int starter_ask(struct starter *s, int what, enum process role, int fd, struct starter_answer *a, struct err *e)
{
	const unsigned char question[2] = { (unsigned char)what, (unsigned char)role };
	unsigned char *packet = xmalloc(CHANNEL_PACKET_MAX);
	bool answered = channel_send(s->channel, slice(question, sizeof(question)), fd, 0) == 0 &&
			channel_recv(s->channel, packet, NULL, 0) == (ssize_t)sizeof(*a);

	if (answered)
		memcpy(a, packet, sizeof(*a));
	free(packet);
	if (!answered)
		return err_set(e, ERR_INTERNAL, "the process that starts others has ended");
	if (err_is_set(&a->err) && e)
		*e = a->err;
	return err_is_set(&a->err) ? -1 : 0;
}

int starter_start(struct starter *s, enum process role, int channel, struct err *e)
{
	struct starter_answer a;

	return starter_ask(s, STARTER_START, role, channel, &a, e);
}

int starter_end(struct starter *s, enum process role)
{
	struct starter_answer a = { 0 };

	return starter_ask(s, STARTER_END, role, -1, &a, NULL) < 0 ? 0 : a.status;
}

struct starter *starter_new(const struct process_users *users, char **runner, struct err *e)
{
	_cleanup_close_ int theirs = -1;
	struct starter *s = xcalloc(1, sizeof(*s));

	s->channel = -1;
	if (channel_pair(&s->channel, &theirs, e) == 0)
		s->pid = spawn(&(struct spawn){ .role = "starter", .arguments = runner, .channel = theirs }, e);
	if (s->pid > 0 && channel_send(s->channel, slice(users, sizeof(*users)), -1, 0) == 0)
		return s;
	if (s->pid > 0) {
		err_errno(e, ERR_INTERNAL, "telling the process that starts others whom");
		spawn_end(s->pid);
	}
	cleanup_close(&s->channel);
	free(s);
	return NULL;
}

/* It ends what it has started, then itself. */
void starter_stop(struct starter *s)
{
	if (!s)
		return;
	close(s->channel);
	spawn_await(s->pid);
	free(s);
}
