/*
 * GET /api/v1/certificates/NAME/hooks: its own scripts, and their environment.  The values of that are secrets, and
 * shown only while nobody has confirmed them: who is to do so must see them.
 */
#include "base/variable.h"
#include "store/hooks.h"
#include "webui/http/handler.h"

#define ENVIRONMENTS 2

struct scripts {
	struct rec_cert cert;
	json_t *lines[ENVIRONMENTS];	/* NULL: not opened yet */
};

static void scripts_release(void *state)
{
	struct scripts *s = state;

	rec_cert_release(&s->cert);
	for (int i = 0; i < ENVIRONMENTS; i++)
		json_decref(s->lines[i]);
}

/* Nothing in it moves a terminal's cursor: whoever set it may not want to be read. */
static json_t *show_line(char *line, bool with_value)
{
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return with_value ? json_string(line) : json_sprintf("%.*s=***", (int)variable_name_len(line), line);
}

static json_t *show_lines(const struct scripts *s, const char *text)
{
	_cleanup_strv_ char **lines = strv_split(text, "\n");
	json_t *list = json_array();

	for (char **line = lines; line && *line; line++) {
		json_array_append_new(list, show_line(*line, s->cert.hooks == HOOKS_UNCONFIRMED));
		wipe(*line, strlen(*line));
	}
	return list;
}

static int show(struct request *r, struct scripts *s)
{
	json_t *o = json_object();

	json_put_str(o, "name", s->cert.name);
	json_put_bool(o, "staging", s->cert.staging);
	json_put_bool(o, "unconfirmed", s->cert.hooks == HOOKS_UNCONFIRMED);
	json_put_str(o, "by", s->cert.hooks_by);
	json_put_str(o, "hook_set", s->cert.hook_set);
	json_put_str(o, "hook_cleanup", s->cert.hook_cleanup);
	json_put_str(o, "hook_arguments", s->cert.hook_arguments);
	json_object_set(o, "hook_variables", s->lines[0]);
	json_put_str(o, "propagation", s->cert.no_propagation ? "off" : "on");
	json_put_str(o, "deploy_hook", s->cert.deploy_hook);
	json_object_set(o, "deploy_variables", s->lines[1]);
	return reply_json(r, 200, o);
}

static int open_next(struct request *r, struct scripts *s);

static int opened(struct request *r, const struct slice *field, struct err *e)
{
	struct scripts *s = r->state;

	s->lines[s->lines[0] ? 1 : 0] = show_lines(s, field[0].data);
	return open_next(r, s);
}

static int open_next(struct request *r, struct scripts *s)
{
	const struct buf *sealed[] = { &s->cert.hook_environment, &s->cert.deploy_environment };

	for (int i = 0; i < ENVIRONMENTS; i++) {
		if (s->lines[i])
			continue;
		if (sealed[i]->len)
			return REQUEST_ASK(r, open, -1, opened, slice_str(s->cert.id), slice_buf(sealed[i]));
		s->lines[i] = json_array();
	}
	return show(r, s);
}

int page_cert_scripts(struct request *r, struct err *e)
{
	struct scripts *s = request_state(r, sizeof(*s), scripts_release);
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &s->cert, e) < 0)
		return -1;
	txn_abort(TAKE(t));
	return open_next(r, s);
}
