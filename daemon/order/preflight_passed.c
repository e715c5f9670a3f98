#include "daemon/order/preflight_passed.h"

#include "base/clock.h"
#include "daemon/order/by_hand.h"

#define GOOD_FOR 600	/* seconds a check that passed counts */

struct passed {
	struct passed *next;
	char *cert_id;
	int64_t until;
};

void preflight_passed_release(struct engine *g)
{
	while (g->passed) {
		struct passed *one = g->passed;

		g->passed = one->next;
		free(one->cert_id);
		free(one);
	}
}

void preflight_passed(struct engine *g, const char *cert_id)
{
	struct passed *fresh = xcalloc(1, sizeof(*fresh));
	int64_t now = clock_now();

	for (struct passed **link = &g->passed; *link;) {
		struct passed *one = *link;

		if (one->until > now && !str_eq(one->cert_id, cert_id)) {
			link = &one->next;
			continue;
		}
		*link = one->next;
		free(one->cert_id);
		free(one);
	}
	*fresh = (struct passed){ g->passed, xstrdup(cert_id), now + GOOD_FOR };
	g->passed = fresh;
}

static bool has_passed(const struct engine *g, const char *cert_id)
{
	for (const struct passed *one = g->passed; one; one = one->next)
		if (str_eq(one->cert_id, cert_id))
			return one->until > clock_now();
	return false;
}

char **preflight_names(const struct rec_cert *cert)
{
	_cleanup_strv_ char **types = by_hand_challenges(cert);
	char **names = NULL;

	for (size_t i = 0; cert->names && cert->names[i]; i++)
		if (!types || str_eq(types[i], "http-01"))
			strv_add(&names, cert->names[i]);
	return names;
}

bool preflight_is_due(const struct engine *g, const struct rec_cert *cert)
{
	_cleanup_strv_ char **names = preflight_names(cert);

	return g->config->preflight_enabled && !cert->no_preflight && !cert->by_hand && names &&
	       !has_passed(g, cert->id);
}
