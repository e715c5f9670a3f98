/* The configuration: every type, and every mistake a person can make. */
#include "daemon/config/config.h"

#include <stdarg.h>
#include <setjmp.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "daemon/config/setting.h"

static void collect(void *arg, const char *line)
{
	buf_addf(arg, "%s\n", line);
}

/* A file with this text, read; "F:" stands for its name in what is said.  Returns the mistakes, owned. */
static char *read_bytes(struct config *c, const void *data, size_t len)
{
	char path[] = "/tmp/certera-config-XXXXXX";
	_cleanup_close_ int fd = mkstemp(path);
	_cleanup_buf_ struct buf said = BUF_INIT, shown = BUF_INIT;
	int mistakes, lines = 0;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	mistakes = config_read(c, path, collect, &said);
	unlink(path);
	for (const char *p = buf_str(&said); *p; p = strchr(p, '\n') + 1, lines++) {
		assert_true(str_starts(p, path));
		buf_addf(&shown, "F%.*s", (int)(strcspn(p, "\n") + 1 - strlen(path)), p + strlen(path));
	}
	assert_int_equal(mistakes, lines);
	return buf_detach(&shown);
}

static char *read_text(struct config *c, const char *text)
{
	return read_bytes(c, text, strlen(text));
}

/* The text gives exactly these complaints. */
static void expect(const char *text, const char *complaints)
{
	struct config c;
	_cleanup_free_ char *said = read_text(&c, text);

	assert_string_equal(said, complaints);
	config_release(&c);
}

static void test_defaults(void **state)
{
	struct config c;
	char text[ADDRESS_TEXT];

	assert_int_equal(config_read(&c, NULL, NULL, NULL), 0);
	assert_string_equal(c.server_hostname, "");
	assert_string_equal(c.server_state_directory, "/var/lib/certera");
	assert_string_equal(c.server_user, "certera");
	assert_int_equal(c.server_threads, 2);
	assert_int_equal(c.listen_http.count, 1);
	assert_int_equal(address_port(&c.listen_http.item[0]), 80);
	assert_true(address_any(&c.listen_https.item[0]));
	assert_non_null(strstr(address_text(text, &c.listen_https.item[0]), "443"));
	assert_int_equal(c.access_admin.count, 2);
	assert_int_equal(c.access_trusted_proxies.count, 0);
	assert_int_equal(c.acme_timeout, 30);
	assert_int_equal(c.renewal_before, 0);
	assert_string_equal(c.keys_type, "p256");
	assert_string_equal(c.log_level, "info");
	assert_string_equal(c.log_format, "text");
	config_release(&c);
}

static void test_values(void **state)
{
	struct config c;
	_cleanup_free_ char *said = read_text(&c,
		"server:\n"
		"  hostname: Certera.Example.ORG\n"
		"  state_directory: /srv/certera\n"
		"  user: \"\"\n"
		"  threads: 64\n"
		"listen: {http: \"127.0.0.1:8080, [::1]:8080\", https: [\"*:8443\", \"192.0.2.7:443\"]}\n"
		"access:\n"
		"  admin: 10.0.0.0/8 2001:db8::/32\n"
		"  api:\n"
		"    - 192.0.2.7\n"
		"    - 198.51.100.0/24, ::1\n"
		"  trusted_proxies: ~\n"
		"acme: {timeout: 5m}\n"
		"renewal: {before: 30d}\n"
		"keys: {type: rsa4096}\n"
		"log: {level: debug, format: json}\n");

	assert_string_equal(said, "");
	assert_string_equal(c.server_hostname, "certera.example.org");
	assert_string_equal(c.server_state_directory, "/srv/certera");
	assert_string_equal(c.server_user, "");
	assert_int_equal(c.server_threads, 64);
	assert_int_equal(c.listen_http.count, 2);
	assert_int_equal(address_port(&c.listen_http.item[1]), 8080);
	assert_int_equal(c.listen_https.count, 2);
	assert_int_equal(c.access_admin.count, 2);
	assert_int_equal(c.access_admin.item[0].bits, 8);
	assert_int_equal(c.access_api.count, 3);
	assert_int_equal(c.access_trusted_proxies.count, 0);
	assert_int_equal(c.acme_timeout, 300);
	assert_int_equal(c.renewal_before, 30 * 86400);
	assert_string_equal(c.keys_type, "rsa4096");
	assert_string_equal(c.log_format, "json");
	config_release(&c);
}

static void test_nothing_said(void **state)
{
	expect("", "");
	expect("# only a comment\n", "");
	expect("---\n", "");
	expect("server:\nlog:\n", "");
	expect("\xef\xbb\xbfserver:\r\n  threads: 3\r\n", "");
	expect("log: &both {level: warn}\n...\n", "");
}

static void test_all_mistakes_at_once(void **state)
{
	expect("server:\n"
	       "  threads: 0\n"
	       "  treads: 3\n"
	       "  state_directory: here\n"
	       "access:\n"
	       "  admin: 10.0.0.1/8, 192.0.2.0/33, me\n"
	       "  api: [\n"
	       "    127.0.0.1,\n"
	       "    you]\n",
	       "F:2: server.threads: 0 is too small; a number from 1 to 64 is expected\n"
	       "F:3: server.treads: there is no such setting; did you mean threads?\n"
	       "F:4: server.state_directory: here does not start with /; an absolute path is expected\n"
	       "F:6: access.admin: \"10.0.0.1/8\": the address has bits set behind the first 8\n"
	       "F:6: access.admin: \"192.0.2.0/33\": behind the slash belongs a number from 0 to 32\n"
	       "F:6: access.admin: \"me\" is not a network: write 192.0.2.0/24 or 2001:db8::/32\n"
	       "F:9: access.api: \"you\" is not a network: write 192.0.2.0/24 or 2001:db8::/32\n");
}

static void test_a_mistake_leaves_the_default(void **state)
{
	struct config c;
	_cleanup_free_ char *said = read_text(&c,
		"server: {state_directory: here, threads: 99}\naccess: {api: \"10.0.0.0/8, x\"}\nkeys: {type: dsa}\n");

	assert_non_null(strstr(said, "keys.type"));
	assert_string_equal(c.server_state_directory, "/var/lib/certera");
	assert_int_equal(c.server_threads, 2);
	assert_int_equal(c.access_api.count, 2);
	assert_string_equal(c.keys_type, "p256");
	config_release(&c);
}

static void test_names(void **state)
{
	expect("sevrer: {}\n", "F:1: sevrer: there is no such group; did you mean server?\n");
	expect("lgo: {}\n", "F:1: lgo: there is no such group; did you mean log?\n");
	expect("tax: {}\n", "F:1: tax: there is no such group; certera.yaml(5) lists them\n");
	expect("threads: 3\n",
	       "F:1: threads: belongs in the group server, as `threads:` indented below `server:`\n");
	expect("server.threads: 3\n",
	       "F:1: server.threads: belongs in the group server, as `threads:` indented below `server:`\n");
	expect("log:\n  levle: info\n", "F:2: log.levle: there is no such setting; did you mean level?\n");
	expect("log:\n  threads: 3\n", "F:2: log.threads: belongs in the group server\n");
	expect("log:\n  colour: no\n", "F:2: log.colour: there is no such setting; certera.yaml(5) lists them\n");
	expect("log:\n  aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee: 1\n",
	       "F:2: log.aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee: there is no such setting; "
	       "certera.yaml(5) lists them\n");
}

static void test_twice(void **state)
{
	expect("server:\n  threads: 2\n  threads: 3\n", "F:3: server.threads: is given twice, first in line 2\n");
	expect("log: {level: info}\nkeys:\nlog: {format: json}\n", "F:3: log: is given twice, first in line 1\n");
}

static void test_numbers(void **state)
{
	expect("server: {threads: -1}\n",
	       "F:1: server.threads: -1 is too small; a number from 1 to 64 is expected\n");
	expect("server: {threads: 65}\n",
	       "F:1: server.threads: 65 is too large; a number from 1 to 64 is expected\n");
	expect("server: {threads: 99999999999999999999}\n",
	       "F:1: server.threads: 99999999999999999999 is too large; a number from 1 to 64 is expected\n");
	expect("server: {threads: two}\n",
	       "F:1: server.threads: two is no number; a number from 1 to 64 is expected\n");
	expect("server: {threads: 2x}\n",
	       "F:1: server.threads: 2x has an unknown unit; a number from 1 to 64 is expected\n");
	expect("server: {threads: 0x10}\n",
	       "F:1: server.threads: 0x10 is no whole number; a number from 1 to 64 is expected\n");
	expect("server:\n  threads:\n",
	       "F:2: server.threads: is empty; a number from 1 to 64 is expected\n");
}

static void test_durations(void **state)
{
	static const char wanted[] = "a duration (like 90s, 5m, 12h or 30d) from 1s to 5m is expected";
	static const struct {
		const char *text, *what;
	} cases[] = {
		{ "30", "30 has no unit" },
		{ "30x", "30x has an unknown unit" },
		{ "1h30m", "1h30m is no number with a unit" },
		{ "0", "0 is too small" },
		{ "301s", "301s is too large" },
		{ "9223372036854775807d", "9223372036854775807d is too large" },
		{ "soon", "soon is no number" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = xasprintf("acme: {timeout: %s}\n", cases[i].text);
		_cleanup_free_ char *complaint = xasprintf("F:1: acme.timeout: %s; %s\n", cases[i].what, wanted);

		expect(text, complaint);
	}
	expect("renewal: {before: 0}\n", "");
	expect("renewal: {before: 8784h}\n",
	       "F:1: renewal.before: 8784h is too large; a duration (like 90s, 5m, 12h or 30d) from 0s to 365d is expected\n");
}

/* Types that no setting has at present, and corners of those that have. */
static void test_types(void **state)
{
	static const struct setting size = { "g", "k", &setting_types[SETTING_SIZE], "64M", 1024, 1LL << 40, SETTING_RELOAD, SETTING_FILE, "", 0, 0 };
	static const struct setting truth = { "g", "k", &setting_types[SETTING_BOOL], "no", 0, 0, SETTING_RELOAD, SETTING_FILE, "", 0, 0 };
	int64_t bytes;
	bool yes = false;
	struct err e;

	assert_int_equal(setting_read(&size, &bytes, "64M", &e), 0);
	assert_int_equal(bytes, 64 << 20);
	assert_int_equal(setting_read(&size, &bytes, "2048", &e), 0);
	assert_int_equal(bytes, 2048);
	assert_int_equal(setting_read(&size, &bytes, "1T", &e), 0);
	assert_int_equal(setting_read(&size, &bytes, "2T", &e), -1);
	assert_string_equal(e.message, "2T is too large; a size (like 512K, 64M or 2G) from 1K to 1T is expected");
	assert_int_equal(setting_read(&size, &bytes, "1000", &e), -1);
	assert_int_equal(setting_read(&size, &bytes, "64MB", &e), -1);
	assert_int_equal(setting_read(&truth, &yes, "yes", &e), 0);
	assert_true(yes);
	assert_int_equal(setting_read(&truth, &yes, "False", &e), 0);
	assert_false(yes);
	assert_int_equal(setting_read(&truth, &yes, "perhaps", &e), -1);
	assert_string_equal(e.message, "perhaps is neither; true or false is expected");
}

static void test_hosts(void **state)
{
	static const char *const good[] = { "a", "localhost", "a-b.example", "xn--bcher-kva.example", "192.0.2.7" };
	static const char *const bad[] = { "-a", "a-", "a..b", ".a", "a.", "a_b", "a b", "https://a", "a:80", "b\xc3\xbc.example",
		"a-.example", "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234.example" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_free_ char *text = xasprintf("server: {hostname: \"%s\"}\n", good[i]);

		expect(text, "");
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = xasprintf("server: {hostname: \"%s\"}\n", bad[i]);
		_cleanup_free_ char *complaint = xasprintf("F:1: server.hostname: %s is no host name; a host name like "
			"certera.example.org (international names in their xn-- form) is expected\n", bad[i]);

		expect(text, complaint);
	}
}

static void test_words_and_addresses(void **state)
{
	expect("log: {level: loud}\n",
	       "F:1: log.level: loud is not known; one of info, debug, warn, error is expected\n");
	expect("listen: {http: \"localhost:80\"}\n",
	       "F:1: listen.http: \"localhost:80\" is not an IP address and a port (names are not looked up here)\n");
	expect("listen: {http: \"*\"}\n",
	       "F:1: listen.http: \"*\" has no port: write ADDRESS:PORT, for instance *:443\n");
	expect("server: {state_directory: \"\"}\n",
	       "F:1: server.state_directory: is empty; an absolute path is expected\n");
	expect("server: {control_socket: \"\"}\nlisten: {http: \"\", https: []}\n", "");
}

static void test_shapes(void **state)
{
	expect("just text\n", "F:1: groups with settings are expected, like `server:` and `threads: 2` indented below it\n");
	expect("- server\n", "F:1: groups with settings are expected, like `server:` and `threads: 2` indented below it\n");
	expect("server: 3\n", "F:1: server: is a group; lines of `key: value` are expected, indented, below it\n");
	expect("server:\n  threads: [1]\n", "F:2: server.threads: a list was found; one value is expected\n");
	expect("server:\n  threads: {a: b}\n", "F:2: server.threads: a group was found; one value is expected\n");
	expect("access:\n  api:\n  - {a: b}\n", "F:3: access.api: a group was found; one value is expected\n");
	expect("server:\n  ? [a]\n  : b\n", "F:2: server: a list was found; one value is expected\n");
	expect("server:\n  user: \"a\\nb\"\n",
	       "F:2: server.user: the value contains a line break or a control character\n");
	expect("server:\n  user: \"a\\0b\"\n",
	       "F:2: server.user: the value contains a line break or a control character\n");
	expect("server: {}\n---\nlog: {}\n", "F:3: a second document starts here; only one is expected\n");
	expect("server: &s {user: *s}\n", "F:1: server.user: a group was found; one value is expected\n");
}

static void test_syntax(void **state)
{
	expect("listen:\n  http: *:80\n",
	       "F:2: this is not YAML: did not find expected alphabetic or numeric character; "
	       "a value that starts with *, [ or a similar sign needs quotes, like \"*:80\"\n");
	expect("server:\n  threads: 2\nlisten:\n  http: [::1]:80\n",
	       "F:4: this is not YAML: did not find expected node content; "
	       "a value that starts with *, [ or a similar sign needs quotes, like \"*:80\"\n");
	expect("server:\n\tthreads: 1\n",
	       "F:2: this is not YAML: found character that cannot start any token; indent with spaces, not with tabs\n");
	expect("server:\n  user: \"a\n", "F:3: this is not YAML: found unexpected end of stream\n");
	expect("server:\n  user: a: b\n", "F:2: this is not YAML: mapping values are not allowed in this context\n");
	expect("server: *nobody\n",
	       "F:1: this is not YAML: found undefined alias; "
	       "a value that starts with *, [ or a similar sign needs quotes, like \"*:80\"\n");
	expect("server:\n  user: \xff\n", "F:2: this is no UTF-8 text: invalid leading UTF-8 octet\n");
}

static void test_nul_byte(void **state)
{
	static const char text[] = "server:\n  us\0er: x\n";
	struct config c;
	_cleanup_free_ char *said = read_bytes(&c, text, sizeof(text) - 1);

	assert_string_equal(said, "F:2: this is no UTF-8 text: control characters are not allowed\n");
	config_release(&c);
}

static void test_files(void **state)
{
	_cleanup_buf_ struct buf said = BUF_INIT;
	_cleanup_free_ char *large = xcalloc(1, (1 << 20) + 2), *text = NULL;
	struct config c;

	assert_int_equal(config_read(&c, "/nonexistent/certera.yaml", collect, &said), 1);
	assert_string_equal(buf_str(&said), "/nonexistent/certera.yaml: No such file or directory\n");
	assert_int_equal(c.server_threads, 2);
	config_release(&c);
	buf_clear(&said);
	assert_int_equal(config_read(&c, "/", collect, &said), 1);
	assert_string_equal(buf_str(&said), "/: Is a directory\n");
	config_release(&c);
	memset(large, '#', (1 << 20) + 1);
	text = read_text(&c, large);
	assert_string_equal(text, "F: is larger than 1 MiB; that cannot be a configuration\n");
	config_release(&c);
}

static void test_worked_out(void **state)
{
	struct config c;
	char directory[] = "/tmp/certera-config-XXXXXX";
	_cleanup_free_ char *said = read_text(&c, "server: {state_directory: /srv/c}\n"), *path = NULL, *credential = NULL;
	FILE *f;

	unsetenv("CREDENTIALS_DIRECTORY");
	path = config_control_socket(&c);
	assert_string_equal(path, "/srv/c/control/control.sock");
	free(TAKE(path));
	path = config_master_key(&c);
	assert_string_equal(path, "/srv/c/keeper/master.key");
	free(TAKE(path));

	assert_non_null(mkdtemp(directory));
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
	path = config_master_key(&c);
	assert_string_equal(path, "/srv/c/keeper/master.key");
	free(TAKE(path));
	credential = xasprintf("%s/master.key", directory);
	f = fopen(credential, "w");
	assert_non_null(f);
	fclose(f);
	path = config_master_key(&c);
	assert_string_equal(path, credential);
	free(TAKE(path));
	config_release(&c);

	free(TAKE(said));
	said = read_text(&c, "server: {control_socket: /run/c.sock, hostname: c.example}\nkeeper: {master_key: /etc/k}\n");
	path = config_master_key(&c);
	assert_string_equal(path, "/etc/k");
	free(TAKE(path));
	path = config_control_socket(&c);
	assert_string_equal(path, "/run/c.sock");
	free(TAKE(path));
	path = config_hostname(&c);
	assert_string_equal(path, "c.example");
	config_release(&c);
	unlink(credential);
	rmdir(directory);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_machine_name(void **state)
{
	struct config c;
	_cleanup_free_ char *name = NULL;

	config_read(&c, NULL, NULL, NULL);
	name = config_hostname(&c);
	assert_true(*name);
	config_release(&c);
}

/* What is printed as an example says nothing new, commented out or not; the manual names every setting. */
static void test_documents(void **state)
{
	_cleanup_free_ char *example = NULL, *manual = NULL;
	size_t size;
	FILE *f = open_memstream(&example, &size);

	config_print_example(f);
	fclose(f);
	expect(example, "");
	for (char *p = example; (p = strstr(p, "    #")); p += 5) {
		if (p[5] != ' ')
			p[4] = ' ';
	}
	expect(example, "");

	f = open_memstream(&manual, &size);
	config_print_manual(f);
	fclose(f);
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		_cleanup_free_ char *item = xasprintf(".It Cm %s\n", settings[i].key);

		assert_non_null(strstr(manual, item));
	}
}

/*
 * What may be changed at the web UI decides neither who may do what, nor where we connect to, what runs, or which files
 * are used.
 */
static void test_what_the_store_may_keep(void **state)
{
	static const char *const never[] = { "listen", "access", "keeper", "hooks", "webui", "log", "mail", "dns", "limits" };
	size_t kept = 0;

	for (const struct setting *s = settings; s < settings + SETTING_COUNT; s++) {
		_cleanup_free_ char *name = setting_name(s), *text = NULL;
		long type = s->type - setting_types;
		struct err e;

		assert_ptr_equal(setting_by_name(name), s);
		if (s->kept != SETTING_STORE) {
			assert_int_equal(config_check_kept(name, "1", &text, &e), -1);
			assert_int_equal(e.kind, ERR_DENIED);
			continue;
		}
		kept++;
		if (s->when != SETTING_RELOAD || type == SETTING_PATH || type == SETTING_NETWORKS || type == SETTING_ADDRESSES ||
		    type == SETTING_LINES || (str_eq(s->group, "server") && !str_eq(s->key, "hostname")) ||
		    (type == SETTING_HOST && !str_eq(s->group, "server")) || str_eq(s->key, "port"))
			fail_msg("%s must stay in the file", name);
		for (size_t i = 0; i < ARRAY_SIZE(never); i++)
			if (str_eq(s->group, never[i]))
				fail_msg("%s must stay in the file: its group is %s", name, never[i]);
	}
	assert_true(kept > 10);
}

/* As it is shown, a value can be said again: resetting is that. */
static void test_values_can_be_kept(void **state)
{
	struct config c;

	config_read(&c, NULL, NULL, NULL);
	for (const struct setting *s = settings; s < settings + SETTING_COUNT; s++) {
		_cleanup_free_ char *name = setting_name(s), *value = setting_text(s, &c), *text = NULL;
		struct err e = { 0 };

		if (s->kept != SETTING_STORE)
			continue;
		if (config_check_kept(name, value, &text, &e) < 0)
			fail_msg("%s", e.message);
		assert_string_equal(text, value);
	}
	config_release(&c);
}

static void test_kept_over_the_file(void **state)
{
	char *kept[] = { "renewal.before=10d", "session.app=required", "access.api=0.0.0.0/0", "keys.type=dsa", NULL };
	_cleanup_buf_ struct buf said = BUF_INIT;
	struct config c, fresh;

	free(read_text(&c, "renewal: {before: 20d}\nkeys: {type: p384}\n"));
	config_keep(&c, kept, collect, &said);
	assert_int_equal(c.renewal_before, 10 * 86400);
	assert_string_equal(c.session_app, "required");
	assert_string_equal(c.keys_type, "p384");
	assert_int_equal(c.access_api.count, 2);
	assert_non_null(strstr(buf_str(&said), "keys.type"));
	assert_null(strstr(buf_str(&said), "renewal.before"));

	free(read_text(&fresh, "renewal: {before: 25d}\n"));
	config_keep(&fresh, kept, collect, &said);
	config_reload(&c, &fresh);
	assert_int_equal(c.renewal_before, 10 * 86400);

	config_keep(&c, NULL, collect, &said);
	assert_int_equal(c.renewal_before, 25 * 86400);
	assert_string_equal(c.session_app, "optional");
	config_release(&c);
}

static void test_what_cannot_be_kept(void **state)
{
	static const struct {
		const char *name, *value, *said;
	} wrong[] = {
		{ "renewal.before", "soon", "renewal.before: soon is no number" },
		{ "renewal.before", "", "renewal.before: is empty" },
		{ "renewal.fallback_after", "101", "is too large" },
		{ "keys.type", "dsa", "one of p256, p384" },
		{ "notify.expiring", "7 x", "notify.expiring" },
		{ "renewal.windows", "never", "renewal.windows" },
		{ "server.hostname", "a_b", "is no host name" },
		{ "server.threads", "3", "server.threads can only be changed in the configuration file" },
		{ "renewal", "3", "there is no setting" },
		{ "renewal.windows", "a\nb", "line break" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_free_ char *text = NULL;
		struct err e = { 0 };

		assert_int_equal(config_check_kept(wrong[i].name, wrong[i].value, &text, &e), -1);
		if (!strstr(e.message, wrong[i].said))
			fail_msg("\"%s\" does not say \"%s\"", e.message, wrong[i].said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_values), cmocka_unit_test(test_nothing_said),
		cmocka_unit_test(test_all_mistakes_at_once), cmocka_unit_test(test_a_mistake_leaves_the_default),
		cmocka_unit_test(test_names), cmocka_unit_test(test_twice), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_durations), cmocka_unit_test(test_types), cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_words_and_addresses), cmocka_unit_test(test_shapes), cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_nul_byte), cmocka_unit_test(test_files), cmocka_unit_test(test_worked_out),
		cmocka_unit_test(test_machine_name), cmocka_unit_test(test_documents),
		cmocka_unit_test(test_what_the_store_may_keep), cmocka_unit_test(test_values_can_be_kept),
		cmocka_unit_test(test_kept_over_the_file), cmocka_unit_test(test_what_cannot_be_kept),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
