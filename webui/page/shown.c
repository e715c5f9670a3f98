#include "webui/page/shown.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/digest.h"
#include "webui/page/form.h"

#define MOST 256			/* at one time; then the oldest is forgotten */
#define MOST_OF_ONE 16			/* visitor; then the oldest of these */
#define BYTES_MOST (64 * 1024)		/* of one */
#define ID_BYTES 16

struct shown_answer {
	char *id, *session, *back;	/* NULL: this place is free */
	char *visitor;			/* visitor_id() */
	char *answer;
	const struct route *route;
	struct params path;
	int64_t until_ms;
};

static struct {
	pthread_mutex_t lock;
	struct shown_answer one[MOST];
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void release(struct shown_answer *s)
{
	free(s->id);
	free(s->session);
	free(s->visitor);
	free(s->back);
	wipe_free(s->answer);
	params_release(&s->path);
	*s = (struct shown_answer){ .id = NULL };
}

static void forget_old(int64_t now)
{
	for (size_t i = 0; i < MOST; i++)
		if (all.one[i].id && all.one[i].until_ms <= now)
			release(&all.one[i]);
}

/* Nobody pushes out what others have not seen yet, but with all places taken. */
static struct shown_answer *place_for(const char *visitor)
{
	struct shown_answer *free_one = NULL, *oldest = all.one, *own = NULL;
	size_t count = 0;

	for (struct shown_answer *s = all.one; s < all.one + MOST; s++) {
		if (!s->id) {
			free_one = s;
			continue;
		}
		if (!oldest->id || s->until_ms < oldest->until_ms)
			oldest = s;
		if (!str_eq(s->visitor, visitor))
			continue;
		count++;
		if (!own || s->until_ms < own->until_ms)
			own = s;
	}
	return count >= MOST_OF_ONE ? own : free_one ? free_one : oldest;
}

static void copy_params(struct params *to, const struct params *from)
{
	for (size_t i = 0; i < from->count; i++)
		params_add(to, from->item[i].name, xstrdup(from->item[i].value));
}

char *shown_keep(const struct request *r, const json_t *answer)
{
	_cleanup_wipe_ char *text = *r->visitor.session ? json_write(answer) : NULL;
	int64_t now = clock_mono_ms();
	struct shown_answer *s;
	char *path;

	if (!text || strlen(text) > BYTES_MOST)
		return NULL;
	pthread_mutex_lock(&all.lock);
	forget_old(now);
	s = place_for(visitor_id(&r->visitor));
	release(s);
	*s = (struct shown_answer){
		.id = random_hex(ID_BYTES), .session = xstrdup(r->visitor.session),
		.visitor = xstrdup(visitor_id(&r->visitor)), .back = xstrdup(form_next(r)), .answer = TAKE(text),
		.route = r->route, .until_ms = now + SHOWN_SECONDS * 1000,
	};
	copy_params(&s->path, &r->path);
	path = xasprintf("/shown/%s", s->id);
	pthread_mutex_unlock(&all.lock);
	return path;
}

/* As the request was that it is the answer to. */
static json_t *take_over(struct request *r, const struct shown_answer *s)
{
	params_release(&r->path);
	copy_params(&r->path, &s->path);
	r->route = s->route;
	r->form = json_object();
	json_put_str(r->form, "_next", s->back);
	return json_read(s->answer, strlen(s->answer), NULL);
}

json_t *shown_find(struct request *r, const char *id)
{
	_cleanup_free_ char *wanted = xstrdup(id);	/* the request's path is another one soon */
	json_t *answer = NULL;

	pthread_mutex_lock(&all.lock);
	forget_old(clock_mono_ms());
	for (size_t i = 0; i < MOST && !answer; i++)
		if (all.one[i].id && str_eq(all.one[i].id, wanted) && str_eq(all.one[i].session, r->visitor.session))
			answer = take_over(r, &all.one[i]);
	pthread_mutex_unlock(&all.lock);
	return answer;
}

void shown_forget(const char *session)
{
	pthread_mutex_lock(&all.lock);
	for (size_t i = 0; i < MOST; i++)
		if (all.one[i].id && str_eq(all.one[i].session, session))
			release(&all.one[i]);
	pthread_mutex_unlock(&all.lock);
}
