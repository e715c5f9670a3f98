#include "keeper/lanes.h"

#define UPLOADS_EACH 16		/* files of one visitor */

static const struct {
	int most;
	const char *what;
} limits[LANES] = {
	[SIGN_IN] = { 256, "sign-ins and passwords" },
	[RENEWAL] = { 512, "keys for renewals" },
	[SLOW] = { 512, "keys and files" },
	[UPLOAD] = { 64, "uploaded files" },
};

/* Everything that was in the packet or the answer is wiped as soon as it is gone. */
void job_free(struct lane_job *j)
{
	if (!j)
		return;
	buf_wipe(&j->question);
	buf_wipe(&j->answer);
	cleanup_close(&j->proof_fd);
	free(j->visitor);
	free(j);
}

void lanes_init(struct lanes *q)
{
	*q = (struct lanes){ .visitor = NULL };
	for (enum proto_lane lane = 0; lane < LANES; lane++)
		TAILQ_INIT(&q->waiting[lane]);
}

static int refuse(struct err *e, int count, const char *what)
{
	err_set(e, ERR_LIMIT, "the keeper has %d %s to work on already", count, what);
	return err_hint(e, "Try again in a minute.");
}

/* The turn after the one of this visitor's file before it, and how many of them wait. */
static uint64_t next_turn(const struct lanes *q, const char *visitor, int *count)
{
	uint64_t turn = q->turn + str_eq(visitor, q->visitor);
	const struct lane_job *j;

	*count = 0;
	TAILQ_FOREACH(j, &q->waiting[UPLOAD], link) {
		if (!str_eq(j->visitor, visitor))
			continue;
		turn = j->turn + 1;
		++*count;
	}
	return turn;
}

static int add_upload(struct lanes *q, struct lane_job *added, struct err *e)
{
	struct lane_job *j;
	int count;

	added->turn = next_turn(q, added->visitor, &count);
	if (count >= UPLOADS_EACH)
		return refuse(e, count, "files of yours");
	TAILQ_FOREACH(j, &q->waiting[UPLOAD], link)
		if (j->turn > added->turn)
			break;
	if (j)
		TAILQ_INSERT_BEFORE(j, added, link);
	else
		TAILQ_INSERT_TAIL(&q->waiting[UPLOAD], added, link);
	return 0;
}

int lanes_add(struct lanes *q, struct lane_job *j, struct err *e)
{
	if (q->count[j->lane] >= limits[j->lane].most)
		return refuse(e, q->count[j->lane], limits[j->lane].what);
	if (j->lane != UPLOAD)
		TAILQ_INSERT_TAIL(&q->waiting[j->lane], j, link);
	else if (add_upload(q, j, e) < 0)
		return -1;
	q->count[j->lane]++;
	return 0;
}

struct lane_job *lanes_take(struct lanes *q, enum proto_lane lane)
{
	struct lane_job *j = TAILQ_FIRST(&q->waiting[lane]);

	if (!j)
		return NULL;
	TAILQ_REMOVE(&q->waiting[lane], j, link);
	if (lane == UPLOAD) {
		q->turn = j->turn;
		free(q->visitor);
		q->visitor = xstrdup(j->visitor);
	}
	return j;
}

void lanes_over(struct lanes *q, const struct lane_job *j)
{
	q->count[j->lane]--;
}

void lanes_forget(struct lanes *q, const void *asker, uint32_t id)
{
	struct lane_job *j;

	for (enum proto_lane lane = 0; lane < LANES; lane++) {
		TAILQ_FOREACH(j, &q->waiting[lane], link)
			if (j->asker == asker && j->id == id)
				break;
		if (!j)
			continue;
		TAILQ_REMOVE(&q->waiting[lane], j, link);
		q->count[lane]--;
		job_free(j);
		return;
	}
}
