/* From method and path to the row of routes.def, and who may use it. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "webui/gate/gate.h"
#include "webui/http/call.h"

static const struct route rows[] = {
#define ROUTE(method, path, page, role, effect, template) { METHOD_##method, path, page, ROLE_##role, EFFECT_##effect, template },
#include "webui/routes.def"
#undef ROUTE
};

/*
 * The router.
 */

/* The row's path with "x1" for each parameter. */
static char *example(const char *path)
{
	struct buf out = BUF_INIT;

	for (; *path; path++) {
		buf_add_ch(&out, *path == ':' || *path == '*' ? 'x' : *path);
		if (*path == ':' || *path == '*') {
			buf_add_ch(&out, '1');
			path += strcspn(path, "/") - 1;
		}
	}
	return buf_detach(&out);
}

static void test_every_row_is_found(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *path = example(rows[i].path);
		struct match m;

		router_find(&m, rows[i].method, path);
		assert_non_null(m.route);
		assert_string_equal(m.route->path, rows[i].path);
		assert_ptr_equal(m.route->page, rows[i].page);
		assert_ptr_equal(call_of(m.route)->page, rows[i].page);
		match_release(&m);
	}
}

static void test_parameters(void **state)
{
	struct match m;

	router_find(&m, METHOD_POST, "/api/v1/keys/a%2Db/apikeys/2");
	assert_string_equal(params_get(&m.params, "name"), "a-b");
	assert_string_equal(params_get(&m.params, "slot"), "2");
	match_release(&m);
	router_find(&m, METHOD_GET, "/static/../a%20b/c");
	assert_string_equal(params_get(&m.params, "file"), "../a%20b/c");
	match_release(&m);
	router_find(&m, METHOD_GET, "/static/");
	assert_non_null(m.route);
	assert_string_equal(params_get(&m.params, "file"), "");
	match_release(&m);
}

static void test_no_such_path(void **state)
{
	static const char *const paths[] = {
		"",
		"/api",
		"/api/",
		"/api/certificate",
		"/api/certificate/",
		"/api/certificate/a/",
		"/api/certificate/a/b",
		"/api/certificate/a%00",
		"/api/certificate/%",
		"/API/certificate/a",
		"//api/certificate/a",
		"/api//certificate/a",
		"api/certificate/a",
		"/api/v1/keys/a/apikeys/1/2",
		"/static",
		"/staticx/a",
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct match m;

		router_find(&m, METHOD_GET, paths[i]);
		assert_null(m.path);
		assert_null(m.route);
		match_release(&m);
	}
}

static void test_other_methods(void **state)
{
	_cleanup_free_ char *methods = NULL;
	struct match m;

	router_find(&m, METHOD_OTHER, "/api/v1/keys/a");
	assert_null(m.route);
	methods = router_methods(m.path);
	assert_string_equal(methods, "GET, HEAD, POST, DELETE");
	match_release(&m);
}

/*
 * The gate.
 */

static struct cidr_list list_of(const char *const *text)
{
	struct cidr_list list = { NULL, 0 };
	struct err e = { 0 };

	for (; *text; text++) {
		list.item = xreallocarray(list.item, list.count + 1, sizeof(*list.item));
		assert_int_equal(cidr_parse(&list.item[list.count++], *text, &e), 0);
	}
	return list;
}
#define LIST(...) list_of((const char *const[]){ __VA_ARGS__, NULL })

static struct webui_settings settings;

static int set_up(void **state)
{
	settings.admin = LIST("192.0.2.1", "127.0.0.0/8");
	settings.api = LIST("198.51.100.0/24", "2001:db8::/32");
	settings.trusted_proxies = LIST("10.0.0.0/8", "fd00::1");
	return 0;
}

static int tear_down(void **state)
{
	cidr_list_release(&settings.admin);
	cidr_list_release(&settings.api);
	cidr_list_release(&settings.trusted_proxies);
	return 0;
}

static struct visitor visit(enum face face, const char *peer, const char *forwarded)
{
	_cleanup_free_ char *text = xasprintf(" %s", forwarded ? forwarded : "");
	struct http_request r = { .face = face, .socket = -1, .text = text };
	struct visitor v;

	assert_int_equal(address_parse_host(&r.peer, peer), 0);
	r.field[HTTP_forwarded_for] = forwarded ? 1 : 0;
	gate_visitor(&v, &r, &settings);
	return v;
}

static void test_who_asks(void **state)
{
	static const struct {
		const char *peer, *forwarded, *counts;
	} cases[] = {
		{ "192.0.2.9", NULL, "192.0.2.9" },
		{ "192.0.2.9", "", "192.0.2.9" },
		{ "192.0.2.9", "127.0.0.1", "192.0.2.9" },
		{ "::ffff:192.0.2.9", NULL, "192.0.2.9" },
		{ "10.0.0.1", NULL, "10.0.0.1" },
		{ "10.0.0.1", "198.51.100.7", "198.51.100.7" },
		{ "::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7" },
		{ "fd00::1", "2001:db8::7", "2001:db8::7" },
		{ "10.0.0.1", "127.0.0.1, 203.0.113.5", "203.0.113.5" },
		{ "10.0.0.1", "127.0.0.1, 203.0.113.5, 10.9.9.9", "203.0.113.5" },
		{ "10.0.0.1", "127.0.0.1,203.0.113.5,,10.9.9.9 ,fd00::1", "203.0.113.5" },
		{ "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3" },
		{ "10.0.0.1", "203.0.113.5:4711", "203.0.113.5" },
		{ "10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7" },
		{ "10.0.0.1", "[2001:db8::7]", "2001:db8::7" },
		{ "10.0.0.1", "unknown", "unknown" },
		{ "10.0.0.1", "127.0.0.1, _hidden", "unknown" },
		{ "10.0.0.1", "127.0.0.1, 203.0.113.5x", "unknown" },
		{ "10.0.0.1", "[2001:db8::7", "unknown" },
		{ "10.0.0.1", "203.0.113.5, unknown, 10.0.0.2", "unknown" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct visitor v = visit(FACE_HTTPS, cases[i].peer, cases[i].forwarded);
		char text[ADDRESS_TEXT];

		assert_string_equal(gate_visitor_text(&v, text), cases[i].counts);
		assert_false(v.admin);
	}
}

static void test_roles(void **state)
{
	static const struct {
		enum face face;
		const char *peer, *forwarded;
		bool apikey, known;
	} cases[] = {
		{ FACE_HTTPS, "203.0.113.5", NULL, false, false },
		{ FACE_HTTPS, "198.51.100.7", NULL, true, false },
		{ FACE_HTTPS, "192.0.2.1", NULL, false, true },
		{ FACE_HTTP, "203.0.113.5", NULL, false, false },
		{ FACE_HTTP, "198.51.100.7", NULL, false, true },
		{ FACE_HTTP, "192.0.2.1", NULL, false, true },
		{ FACE_HTTPS, "10.0.0.1", "198.51.100.7", true, false },
		{ FACE_HTTPS, "10.0.0.1", "nonsense", false, false },
		{ FACE_HTTPS, "10.0.0.1", NULL, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct visitor v = visit(cases[i].face, cases[i].peer, cases[i].forwarded);

		assert_int_equal(gate_lets_in(&v, ROLE_APIKEY, &settings), cases[i].apikey);
		assert_int_equal(gate_knows(&v, &settings), cases[i].known);
		assert_false(gate_lets_in(&v, ROLE_ADMIN, &settings));
	}
}

/* Who may what is a matter of the role, but only from where the role may come. */
static void test_signed_in(void **state)
{
	static const struct {
		enum face face;
		const char *peer;
		bool bearer, admitted;
	} cases[] = {
		{ FACE_HTTPS, "192.0.2.1", false, true },
		{ FACE_HTTPS, "192.0.2.1", true, true },
		{ FACE_HTTPS, "198.51.100.7", false, false },
		{ FACE_HTTPS, "198.51.100.7", true, true },
		{ FACE_HTTPS, "203.0.113.5", true, false },
		{ FACE_HTTP, "192.0.2.1", true, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct visitor v = visit(cases[i].face, cases[i].peer, NULL);

		v.bearer = cases[i].bearer;
		assert_int_equal(gate_lets_in(&v, ROLE_GUEST, &settings), cases[i].admitted);
		for (enum role has = ROLE_VIEWER; has <= ROLE_ADMIN; has++)
			for (enum role wanted = ROLE_VIEWER; wanted <= ROLE_ADMIN; wanted++) {
				v.role = has;
				assert_int_equal(gate_lets_in(&v, wanted, &settings), cases[i].admitted && has >= wanted);
			}
		v.role = ROLE_ANYONE;
		assert_false(gate_lets_in(&v, ROLE_VIEWER, &settings));
		visitor_release(&v);
	}
}

static void test_actions(void **state)
{
	static const struct {
		enum method method;
		const char *path, *action;
	} cases[] = {
		{ METHOD_GET, "/api/v1/certificates/x/export", "read" },
		{ METHOD_POST, "/api/v1/certificates", "create" },
		{ METHOD_POST, "/api/v1/certificates/x", "change" },
		{ METHOD_DELETE, "/api/v1/certificates/x", "delete" },
		{ METHOD_POST, "/api/v1/certificates/x/issue", "issue" },
		{ METHOD_POST, "/api/v1/certificates/x/apikeys/1", "apikeys" },
		{ METHOD_POST, "/api/v1/decode", "create" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct visitor v = { .actions = NULL };
		struct match m;

		router_find(&m, cases[i].method, cases[i].path);
		assert_true(gate_allows(&v, m.route));
		strv_add(&v.actions, "nothing");
		assert_false(gate_allows(&v, m.route));
		strv_add(&v.actions, cases[i].action);
		assert_true(gate_allows(&v, m.route));
		match_release(&m);
		visitor_release(&v);
	}
}

static void test_control_socket(void **state)
{
	struct http_request r = { .face = FACE_CONTROL };
	char text[ADDRESS_TEXT];
	struct visitor v;
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	r.socket = fd[0];
	gate_visitor(&v, &r, &settings);
	assert_true(gate_lets_in(&v, ROLE_ADMIN, &settings));
	assert_string_equal(gate_visitor_text(&v, text), "local");
	close(fd[0]);
	close(fd[1]);

	/* The kernel cannot say who is there. */
	r.socket = -1;
	gate_visitor(&v, &r, &settings);
	assert_false(gate_lets_in(&v, ROLE_ADMIN, &settings));
	assert_false(gate_lets_in(&v, ROLE_APIKEY, &settings));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_is_found),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_no_such_path),
		cmocka_unit_test(test_other_methods),
		cmocka_unit_test(test_who_asks),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_signed_in),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_control_socket),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
