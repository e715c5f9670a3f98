/* One request over the control socket, waited for. */
#include "ctl/ctl.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/fetch/fetch.h"
#include "base/words.h"

#define ANSWER_MOST (64 * 1024 * 1024)	/* thousands of certificates */

char *ctl_path_of(const struct ctl *ctl, const char *of)
{
	struct buf path = BUF_INIT;

	for (const char *p = of; *p; p++) {
		if (p[0] == '{') {
			url_add(&path, ctl->args[p[1] - '1']);
			p += 2;
		} else {
			buf_add_ch(&path, *p);
		}
	}
	return buf_detach(&path);
}

char *ctl_path(const struct ctl *ctl)
{
	_cleanup_free_ char *plain = ctl_path_of(ctl, ctl->command->path);
	struct buf path = BUF_INIT;
	const char *separator = "?";
	const char *key;
	json_t *value;

	buf_add_str(&path, plain);
	json_object_foreach(ctl->query, key, value) {
		buf_addf(&path, "%s%s=", separator, key);
		url_add(&path, json_string_value(value));
		separator = "&";
	}
	return buf_detach(&path);
}

struct request_waiting {
	struct loop *loop;
	struct err *e;
	json_t *answer;
	bool answered, unreached, as_json;	/* unreached: no answer came */
};

/* Much of an answer was said by strangers, or typed by other people: it goes to a terminal. */
static void make_fit(json_t *value)
{
	_cleanup_buf_wipe_ struct buf fit = BUF_INIT;
	const char *key;
	json_t *one;
	size_t i;

	json_array_foreach (value, i, one)
		make_fit(one);
	json_object_foreach (value, key, one)
		make_fit(one);
	if (!json_is_string(value))
		return;
	words_add_lines(&fit, json_string_value(value), json_string_length(value), SIZE_MAX);
	if (!str_eq(buf_str(&fit), json_string_value(value)))
		json_string_set(value, buf_str(&fit));
}

static void answered(void *arg, const struct fetch_reply *r)
{
	struct request_waiting *w = arg;

	w->answered = true;
	loop_stop(w->loop);
	if (r->err) {
		*w->e = *r->err;
		w->unreached = true;
		return;
	}
	w->answer = r->body_len ? json_read_most(r->body, r->body_len, ANSWER_MOST, w->e) : json_object();
	if (!w->as_json)
		make_fit(w->answer);
	if (!w->answer && r->status >= 400) {	/* refused before anybody was asked: a sentence, no document */
		err_set(w->e, r->status == 413 ? ERR_USAGE : ERR_INTERNAL, "the server answered: %.*s",
			(int)strcspn(r->body, "\r\n"), r->body);
	} else if (!w->answer) {
		err_prefix(w->e, "reading the server's answer");
	} else if (r->status >= 400 && !json_object_get(w->answer, "checks")) {	/* what is not well is an answer, too */
		json_problem_read(w->answer, w->e);
		if (!err_is_set(w->e))
			err_set(w->e, ERR_INTERNAL, "the server answered with status %d", r->status);
		json_decref(w->answer);
		w->answer = NULL;
	}
}

/* Whoever waits asks again and again: here is where --timeout ends it. */
static bool is_too_late(const struct ctl *ctl, int *timeout_ms, struct err *e)
{
	int64_t left = ctl->deadline - clock_mono_ms();

	if (!ctl->deadline)
		return false;
	*timeout_ms = (int)MAX(1, MIN(left, *timeout_ms));
	if (left > 0)
		return false;
	err_set(e, ERR_TIMEOUT, "not finished within --timeout");
	err_hint(e, "The operation continues. See certeractl status.");
	return true;
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
	struct request_waiting w = { .e = e, .as_json = ctl->as_json };
	struct fetcher *fetcher;
	struct loop *loop;

	if (is_too_late(ctl, &request.timeout_ms, e))
		return NULL;
	w.loop = loop = loop_new();
	fetcher = fetcher_new(loop, "certeractl/" VERSION);
	fetch_start(fetcher, &request, answered, &w);
	loop_run(loop);
	fetcher_free(fetcher);
	loop_free(loop);
	if (!w.answer && w.unreached && (e->kind == ERR_NETWORK || e->kind == ERR_DENIED)) {
		err_prefix(e, "asking the server at %s", ctl->socket);
		if (!e->hint[0] && e->kind == ERR_NETWORK)
			err_hint(e,
				 "Is certerad running? Give its control socket with --socket, or in $CERTERA_SOCKET; "
				 "only root and members of server.admin_group may use it.");
	}
	return w.answer;
}

int ctl_fail(const struct ctl *ctl, const struct err *e)
{
	_cleanup_json_ json_t *problem = ctl->as_json && !ctl->printed ? json_problem(e) : NULL;
	_cleanup_free_ char *text = problem ? json_write_pretty(problem) : NULL;
	struct err said = *e;

	if (text)
		puts(text);
	slip_own_words(ctl->command, &said);
	fprintf(stderr, "certeractl: %s\n", said.message);
	if (said.detail[0])
		fprintf(stderr, "  %s\n", said.detail);
	if (said.hint[0])
		fprintf(stderr, "  %s\n", said.hint);
	return err_exit_code(e->kind);
}
