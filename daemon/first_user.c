#include "daemon/first_user.h"

#include "base/log.h"
#include "webui/people/setup.h"

#define TUNNEL "8443"

int first_user_token(struct store *store, struct keeper *keeper, int index, char **token, struct err *e)
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

void first_user_tell(const char *hostname, int https_port, const char *admin, char *token)
{
	_cleanup_wipe_ char *owned = token;
	char port[16] = "";

	if (https_port != 443)
		snprintf(port, sizeof(port), ":%d", https_port);
	if (!owned)
		return;
	log_info("no user exists yet: to set up, open https://%s%s" SETUP_PATH "?token=%s "
		 "(it works once, until the next start, from the addresses in access.admin: %s)",
		 hostname, port, owned, admin && *admin ? admin : "none");
	log_info("to set up from your own computer, run there: ssh -L " TUNNEL ":localhost:%d %s, and open "
		 "https://localhost:" TUNNEL SETUP_PATH "?token=%s", https_port, hostname, owned);
}
