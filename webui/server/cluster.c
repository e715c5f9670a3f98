/* /api/v1/cluster: how the servers that work as one are, and how this one joins them and leaves. */
#include "webui/http/body.h"
#include "webui/http/handler.h"

int page_cluster(struct request *r, struct err *e)
{
	const struct webui_env *env = r->webui->env;
	json_t *status = env->cluster_status(env->arg);

	if (json_is_object(status))
		json_put_bool(status, "member", !str_eq(json_str(status, "role"), "not a member"));
	return reply_json(r, 200, json_pack("{s:o}", "cluster", status));
}

static int act(struct request *r, const char *what, struct err *e)
{
	const struct webui_env *env = r->webui->env;

	if (env->cluster_do(env->arg, what, e) < 0)
		return -1;
	return reply_json(r, 202, json_pack("{s:o}", "cluster", env->cluster_status(env->arg)));
}

int page_cluster_init(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);

	return body ? act(r, json_bool(body, "new", false) ? "init anew" : "init", e) : -1;
}

int page_cluster_join(struct request *r, struct err *e)
{
	return act(r, "join", e);
}

int page_cluster_leave(struct request *r, struct err *e)
{
	return act(r, "leave", e);
}
