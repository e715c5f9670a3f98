#include "webui/order/dry.h"

#include "webui/order/preview.h"

int dry_read(struct request *r, bool *dry, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	const char *text;

	if (admin_query(r, &query, e) < 0)
		return -1;
	text = params_get(&query, "dry_run");
	*dry = text && !str_eq(text, "false");
	if (!text || !*text || str_eq(text, "true") || !*dry)
		return 0;
	return body_at("dry_run",
		       err_set(e, ERR_USAGE, "dry_run=%.40s is not understood; it is true or false", text), e);
}

int dry_reply(struct request *r, struct txn *t, const struct rec_cert *cert, const char *changes, bool orders,
	      struct err *e)
{
	_cleanup_json_ json_t *answer = json_object();

	json_put_bool(answer, "dry_run", true);
	json_put_bool(answer, "existing", false);
	json_put_str(answer, "changes", *changes ? changes : NULL);
	json_put_bool(answer, "orders", orders);
	json_object_set_new(answer, "certificate", admin_show_one_cert(t, cert));
	json_object_set_new(answer, "findings", json_array());
	if (orders && preview_put(answer, t, cert, r->webui->settings->dns_hook, e) < 0)
		return -1;
	return reply_json(r, 200, TAKE(answer));
}
