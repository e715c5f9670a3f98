#include "daemon/first.h"

#include "base/log.h"
#include "webui/setup.h"

int first_token(struct store *store, struct keeper *keeper, int index, char **token, struct err *e)
{
	struct buf out[KEEPER_FIELDS];
	_cleanup_txn_ struct txn *t = NULL;
	int asked = keeper_ask_now(keeper, index, KEEPER_setup_open, NULL, 0, out, e);

	*token = NULL;
	if (asked == 0 && store_read(store, &t, e) < 0)
		asked = -1;
	if (asked == 0 && setup_open(t))
		*token = xstrdup(buf_str(&out[0]));
	for (size_t i = 0; i < ARRAY_SIZE(out); i++)
		buf_wipe(&out[i]);
	return asked;
}

void first_tell(const char *hostname, int https_port, char *token)
{
	_cleanup_wipe_ char *owned = token;
	char port[16] = "";

	if (https_port != 443)
		snprintf(port, sizeof(port), ":%d", https_port);
	if (owned)
		log_info("nobody can sign in yet: to set up, open https://%s%s" SETUP_PATH "?token=%s "
			 "(good once, until the next start)",
			 hostname, port, owned);
}
