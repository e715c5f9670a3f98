#include "daemon/overrides.h"

#include "base/log.h"
#include "pki/details.h"
#include "store/db/bell.h"
#include "store/record/record.h"

struct overrides {
	struct bell *bell;
};

static int add_setting(void *arg, void *rec, struct err *e)
{
	const struct rec_setting *setting = rec;
	_cleanup_free_ char *line = xasprintf("%s=%s", setting->id, setting->value ? setting->value : "");

	strv_add(arg, line);
	return 0;
}

static void warn(void *arg, const char *line)
{
	log_warn("%s", line);
}

int overrides_apply(struct store *store, struct config *config, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_strv_ char **lines = NULL;

	if (store_read(store, &t, e) < 0 || record_each(t, &rec_setting_type, "", false, add_setting, &lines, e) < 0)
		return err_prefix(e, "reading the settings in the store");
	config_keep(config, lines, warn, NULL);
	return 0;
}

/* A detail of requests: what would be refused of every new certificate is refused here. */
static int check_detail(const char *key, const char *value, struct err *e)
{
	struct csr_details details = { 0 };
	const struct {
		const char *key, **to;
	} members[] = {
		{ "country", &details.c },
		{ "state", &details.st },
		{ "locality", &details.l },
		{ "organization", &details.o },
		{ "organizational_unit", &details.ou },
		{ "email", &details.email },
	};
	const char *member = "";

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (str_eq(members[i].key, key))
			*members[i].to = value;
	if (details_check(&details, NULL, &member, e) == 0)
		return 0;
	e->kind = ERR_INVALID;
	return err_prefix(e, "csr.%s", key);
}

int overrides_check(const char *name, const char *value, char **text, struct err *e)
{
	if (config_check_kept(name, value, text, e) < 0)
		return -1;
	if (!str_starts(name, "csr.") || check_detail(name + strlen("csr."), *text, e) == 0)
		return 0;
	free(TAKE(*text));
	return -1;
}

struct overrides *overrides_new(struct store *store, struct loop *loop, void (*changed)(void *arg), void *arg)
{
	struct overrides *o = xcalloc(1, sizeof(*o));

	o->bell = bell_new(store, loop, changed, arg);
	bell_watch(o->bell, TABLE_setting, true);
	return o;
}

void overrides_free(struct overrides *o)
{
	if (!o)
		return;
	bell_free(o->bell);
	free(o);
}
