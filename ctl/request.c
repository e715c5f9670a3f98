/* One request over the control socket, waited for. */
#include "ctl/ctl.h"

#include "base/buf.h"
#include "base/encode.h"
#include "base/fetch.h"

#define ANSWER_MOST (64 * 1024 * 1024)	/* thousands of certificates */

char *ctl_path(const struct ctl *ctl)
{
	struct buf path = BUF_INIT;
	const char *separator = "?";
	const char *key;
	json_t *value;

	for (const char *p = ctl->command->path; *p; p++) {
		if (p[0] == '{') {
			url_add(&path, ctl->args[p[1] - '1']);
			p += 2;
		} else {
			buf_add_ch(&path, *p);
		}
	}
	json_object_foreach(ctl->query, key, value) {
		buf_addf(&path, "%s%s=", separator, key);
		url_add(&path, json_string_value(value));
		separator = "&";
	}
	return buf_detach(&path);
}

struct waiting {
	struct loop *loop;
	struct err *e;
	json_t *answer;
	bool answered;
};

static void answered(void *arg, const struct fetch_reply *r)
{
	struct waiting *w = arg;

	w->answered = true;
	loop_stop(w->loop);
	if (r->err) {
		*w->e = *r->err;
		return;
	}
	w->answer = r->body_len ? json_read_most(r->body, r->body_len, ANSWER_MOST, w->e) : json_object();
	if (!w->answer) {
		err_prefix(w->e, "reading the daemon's answer");
	} else if (r->status >= 400 && !json_object_get(w->answer, "checks")) {	/* what is not well is an answer, too */
		json_problem_read(w->answer, w->e);
		if (!err_is_set(w->e))
			err_set(w->e, ERR_INTERNAL, "the daemon answered with status %d", r->status);
		json_decref(w->answer);
		w->answer = NULL;
	}
}

json_t *ctl_request(struct ctl *ctl, const char *method, const char *path, const json_t *body, struct err *e)
{
	_cleanup_free_ char *url = xasprintf("http://localhost%s", path);
	_cleanup_wipe_ char *text = body ? json_write(body) : NULL;
	const char *const headers[] = { "Accept: application/json", "Content-Type: application/json", NULL };
	struct fetch_request request = {
		.method = method, .url = url, .body = text, .body_len = text ? strlen(text) : 0, .headers = headers,
		.unix_socket = ctl->socket, .allow_http = true, .timeout_ms = 60000, .max_body = ANSWER_MOST,
	};
	struct loop *loop = loop_new();
	struct waiting w = { .loop = loop, .e = e };
	struct fetcher *fetcher = fetcher_new(loop, "certeractl/" VERSION);

	fetch_start(fetcher, &request, answered, &w);
	loop_run(loop);
	fetcher_free(fetcher);
	loop_free(loop);
	if (!w.answer && (e->kind == ERR_NETWORK || e->kind == ERR_DENIED)) {
		err_prefix(e, "asking the daemon at %s", ctl->socket);
		if (!e->hint[0] && e->kind == ERR_NETWORK)
			err_hint(e,
				 "Is certerad running? Give its control socket with --socket, or in $CERTERA_SOCKET; "
				 "only root and the daemon's own user may use it.");
	}
	return w.answer;
}

int ctl_fail(const struct err *e)
{
	fprintf(stderr, "certeractl: %s\n", e->message);
	if (e->detail[0])
		fprintf(stderr, "  %s\n", e->detail);
	if (e->hint[0])
		fprintf(stderr, "  %s\n", e->hint);
	return err_exit_code(e->kind);
}
