#include "store/hooks.h"

#include "base/clock.h"

#define DAY 86400

static const struct member {
	const char *name;
	size_t offset;
	bool sealed, deploys;
} members[] = {
	{ "hook_set",           offsetof(struct rec_cert, hook_set),           false, false },
	{ "hook_cleanup",       offsetof(struct rec_cert, hook_cleanup),       false, false },
	{ "hook_arguments",     offsetof(struct rec_cert, hook_arguments),     false, false },
	{ "hook_environment",   offsetof(struct rec_cert, hook_environment),   true,  false },
	{ "deploy_hook",        offsetof(struct rec_cert, deploy_hook),        false, true },
	{ "deploy_environment", offsetof(struct rec_cert, deploy_environment), true,  true },
};

/* "none" runs nothing. */
static bool has(const struct rec_cert *cert, const struct member *m)
{
	const char *field = (const char *)cert + m->offset;
	const char *text = m->sealed ? NULL : *(char *const *)field;

	return m->sealed ? ((const struct buf *)field)->len > 0 : text && *text && !str_eq(text, HOOKS_NONE);
}

unsigned hooks_of(const struct rec_cert *cert)
{
	unsigned own = 0;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		own |= (unsigned)has(cert, &members[i]) << i;
	return own;
}

unsigned hooks_member(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (str_eq(members[i].name, name))
			return 1u << i;
	return 0;
}

void hooks_choose(struct rec_cert *cert, unsigned chosen, const char *by)
{
	unsigned own = hooks_of(cert);
	bool left = cert->hooks != HOOKS_CHOSEN && (own & ~chosen);

	cert->hooks = left ? HOOKS_UNCONFIRMED : own ? HOOKS_CHOSEN : HOOKS_UNSAID;
	if (!left)
		record_set(&cert->hooks_by, own ? by : NULL);
}

int hooks_refuse(struct err *e)
{
	err_set(e, ERR_DENIED, "its scripts do not run: no administrator confirmed them");
	err_code(e, HOOKS_UNCONFIRMED_CODE);
	err_hint(e, "An administrator must review the scripts, then confirm, replace or remove them.");
	if (e)
		e->retry_at = clock_now() + DAY;
	return -1;
}

static int check(const struct rec_cert *cert, bool deploys, struct err *e)
{
	if (cert->hooks == HOOKS_CHOSEN)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (members[i].deploys == deploys && has(cert, &members[i]))
			return hooks_refuse(e);
	return 0;
}

int hooks_check_dns(const struct rec_cert *cert, struct err *e)
{
	return check(cert, false, e);
}

int hooks_check_deploy(const struct rec_cert *cert, struct err *e)
{
	return check(cert, true, e);
}
