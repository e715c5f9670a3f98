/* What a form brought about is shown to the session that sent it, and to no other; who sends many pushes out only their own. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "webui/page/shown.h"

#define MANY 300	/* more than there are places */

static struct request request_of(const char *user, const char *session)
{
	struct request r = { .form = NULL };

	snprintf(r.visitor.user_id, sizeof(r.visitor.user_id), "%s", user);
	snprintf(r.visitor.session, sizeof(r.visitor.session), "%s", session);
	return r;
}

/* Its id, owned. */
static char *keep(const char *user, const char *session, const char *secret)
{
	_cleanup_json_ json_t *answer = json_object();
	struct request r = request_of(user, session);
	_cleanup_free_ char *path = NULL;

	json_put_str(answer, "secret", secret);
	path = shown_keep(&r, answer);
	assert_non_null(path);
	return xstrdup(path + strlen("/shown/"));
}

static bool is_shown(const char *id, const char *user, const char *session)
{
	struct request r = request_of(user, session);
	_cleanup_json_ json_t *answer = shown_find(&r, id);

	json_decref(r.form);
	params_release(&r.path);
	return answer;
}

static void others_are_not_pushed_out(void **state)
{
	_cleanup_free_ char *mine = keep("alice", "a1", "s1"), *last = NULL;

	for (int i = 0; i < MANY; i++) {
		free(last);
		last = keep("bob", i % 2 ? "b1" : "b2", "x");
	}
	assert_true(is_shown(mine, "alice", "a1"));
	assert_true(is_shown(mine, "alice", "a1"));
	assert_false(is_shown(mine, "bob", "b1"));
	assert_true(is_shown(last, "bob", "b1"));
	shown_forget("a1");
	assert_false(is_shown(mine, "alice", "a1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(others_are_not_pushed_out) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
