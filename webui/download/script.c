/* GET /api/deploy/FILE: the scripts with which servers download certificates, for the lines that people paste there. */
#include "webui/http/reply.h"
#include "webui/page/files.h"

int page_deploy_script(struct request *r, struct err *e)
{
	struct files own = { .directory = NULL };
	_cleanup_free_ char *name = xasprintf("contrib/deploy/%s", params_get(&r->path, "file"));
	const char *text = files_get(&own, name);

	if (!text)
		return err_set(e, ERR_MISSING, "there is no such script");
	return reply(r, 200, "text/plain; charset=utf-8", slice_str(text));
}
