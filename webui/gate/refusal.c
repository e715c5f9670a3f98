#include "webui/gate/refusal.h"

#include "base/clock.h"
#include "base/log.h"

#define NAMED_MOST 20
#define NAMED_FOR 600		/* seconds */

struct refusals {
	struct {
		char from[ADDRESS_TEXT];
		int64_t until;
	} named[NAMED_MOST];
	int64_t unnamed;	/* since the last line */
};

struct refusals *refusals_new(void)
{
	return xcalloc(1, sizeof(struct refusals));
}

void refusals_free(struct refusals *r)
{
	free(r);
}

/* May it be named now?  Then it has a place. */
static bool take_place(struct refusals *r, const char *from, int64_t now)
{
	size_t place = NAMED_MOST;

	for (size_t i = 0; i < NAMED_MOST; i++) {
		if (r->named[i].until <= now)
			place = i;
		else if (!strcmp(r->named[i].from, from))
			return false;
	}
	if (place == NAMED_MOST) {
		r->unnamed++;
		return false;
	}
	snprintf(r->named[place].from, sizeof(r->named[place].from), "%s", from);
	r->named[place].until = now + NAMED_FOR;
	return true;
}

void refusal_tell(struct refusals *r, const struct route *route, const struct visitor *v, const char *from)
{
	const char *setting = route->role == ROLE_APIKEY ? "access.api" :
			      v->bearer ? "access.admin or access.api" : "access.admin";
	char others[64] = "";

	if (v->face == FACE_CONTROL || !take_place(r, from, clock_now()))
		return;
	if (r->unnamed)
		snprintf(others, sizeof(others), " (and %lld others)", (long long)r->unnamed);
	log_warn("refused %s%s: this address is not in %s; to let it in, add it there and reload the service", from,
		 others, setting);
	r->unnamed = 0;
}
