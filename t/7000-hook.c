/* Hooks: which scripts may run, arguments, lanes and limits, cancelling. */
#include "daemon/hook/hook.h"

#include <ftw.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/process/channel.h"
#include "daemon/hook/hook_script.h"
#include "daemon/hook/runner.h"

static char dir[] = "/tmp/certera-hook-XXXXXX";

static void write_script(const char *name, const char *text, mode_t mode)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	_cleanup_fclose_ FILE *f = fopen(path, "we");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", text);
	fchmod(fileno(f), mode);
}

static void test_split(void **state)
{
	struct err e = { 0 };
	static const struct {
		const char *text;
		const char *args[5];
	} cases[] = {
		{ "", { NULL } },
		{ "  a\tb ", { "a", "b" } },
		{ "\"a b\" c\"d e\"f \"\"", { "a b", "cd ef", "" } },
		{ "$HOME `id` ; *", { "$HOME", "`id`", ";", "*" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strv_ char **args = hook_split(cases[i].text, &e);
		size_t n = 0;

		assert_non_null(args);
		for (; cases[i].args[n]; n++)
			assert_string_equal(args[n], cases[i].args[n]);
		assert_int_equal(strv_len(args), n);
	}
	assert_null(hook_split("one \"two", &e));
}

static void test_path(void **state)
{
	static const char *const wrong[] = { "", "../x", "a/b", ".hidden", "nosuch", "open", "plain", "link", "folder" };
	_cleanup_free_ char *link = xasprintf("%s/link", dir), *folder = xasprintf("%s/folder", dir), *good = NULL;
	struct err e = { 0 };

	write_script("open", "", 0757);
	write_script("plain", "", 0644);
	write_script("good", "", 0755);
	assert_int_equal(symlink("good", link), 0);
	assert_int_equal(mkdir(folder, 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		err_clear(&e);
		assert_null(hook_path(dir, wrong[i], &e));
		assert_true(err_is_set(&e));
	}
	good = hook_path(dir, "good", &e);
	assert_non_null(good);
}

/* Others could put another directory in the place of one they can write. */
static void test_above(void **state)
{
	_cleanup_free_ char *above = xasprintf("%s/above", dir), *below = xasprintf("%s/above/hooks", dir);
	_cleanup_free_ char *script = xasprintf("%s/good", below), *link = xasprintf("%s/way", dir), *good = NULL;
	_cleanup_free_ char *by_link = NULL;
	struct err e = { 0 };

	assert_int_equal(mkdir(above, 0755), 0);
	assert_int_equal(mkdir(below, 0755), 0);
	assert_int_equal(symlink(below, link), 0);
	write_script("above/hooks/good", "", 0755);
	good = hook_path(below, "good", &e);
	assert_string_equal(good, script);
	by_link = hook_path(link, "good", &e);
	assert_non_null(by_link);

	assert_int_equal(chmod(above, 0777), 0);
	assert_null(hook_path(below, "good", &e));
	assert_non_null(strstr(e.message, "above can be written by others than its owner"));
	err_clear(&e);
	assert_null(hook_path(link, "good", &e));
	assert_non_null(strstr(e.message, "above can be written by others than its owner"));
	assert_int_equal(chmod(above, 01777), 0);	/* sticky: nobody else can move it away */
	free(TAKE(good));
	good = hook_path(below, "good", &e);
	assert_non_null(good);
	if (geteuid() == 0) {
		err_clear(&e);
		assert_int_equal(chmod(above, 0755) | chown(above, 65534, (gid_t)-1), 0);
		assert_null(hook_path(below, "good", &e));
		assert_non_null(strstr(e.message, "above belongs to neither root"));
	}
}

/* Lines that make programs run other code are refused where they come together, whoever let them in. */
static void test_environment(void **state)
{
	static const struct {
		const char *configured, *own, *said;
	} cases[] = {
		{ "A=1", "B=2\n", NULL },
		{ "HOME=/x", NULL, NULL },
		{ "A=1", "A=2\n", "A is set in certera.yaml" },
		{ "A=1", "B=2\nHOME=/x\n", "HOME cannot be set for one certificate" },
		{ "A=1", "LD_PRELOAD=/x\n", "LD_PRELOAD cannot be set" },
		{ "A=1", "CERTERA_OWN=\n", "CERTERA_OWN cannot be set" },
		{ "PYTHONPATH=/x", NULL, "PYTHONPATH cannot be set" },
		{ "PATH=/x", NULL, "PATH cannot be set" },
		{ "A=1", "no line\n", "not like NAME=VALUE" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strv_ char **environment = NULL, **secrets = NULL;
		char *configured[] = { (char *)cases[i].configured, NULL };
		struct err e = { 0 };
		int failed = hook_environment(configured, cases[i].own, &environment, &secrets, &e);

		assert_int_equal(failed < 0, cases[i].said != NULL);
		if (cases[i].said && !strstr(e.message, cases[i].said))
			fail_msg("\"%s\" does not say \"%s\"", e.message, cases[i].said);
		if (i)
			continue;
		assert_true(strv_eq(environment, (char *[]){ "A=1", "B=2", HOOK_OWN "=B", NULL }));
		assert_true(strv_eq(secrets, (char *[]){ "1", "2", NULL }));
	}
}

/* What a set of calls came to. */
struct seen {
	struct loop *loop;
	int wanted, ended, failed;
	struct buf output;
};

/* The runner's process; what it has inherited of ours is not its own, so it ends without looking back. */
static int connect_runner(void *arg, struct err *e)
{
	int ours, theirs;

	assert_int_equal(channel_pair(&ours, &theirs, e), 0);
	if (fork() == 0) {
		close(ours);
		runner_run(theirs, dir, NULL);
		_exit(0);
	}
	close(theirs);
	return ours;
}

static void seen_end(void *arg, const struct hook_end *end)
{
	struct seen *s = arg;

	s->failed += end->err != NULL;
	buf_add_str(&s->output, end->output);
	if (++s->ended == s->wanted)
		loop_stop(s->loop);
}

static struct hook *call(struct hooks *hooks, const char *script, const char *arg, const char *lane, int at_once, struct seen *s)
{
	char *args[] = { (char *)arg, NULL };

	return hook_start(hooks, &(struct hook_call){ .script = script, .args = args, .lane = lane,
			  .timeout = 10, .at_once = at_once }, seen_end, s);
}

static void test_lanes(void **state)
{
	struct loop *loop = loop_new();
	struct hooks *hooks = hooks_new(loop, NULL, connect_runner, NULL);
	struct seen s = { .loop = loop, .wanted = 6 };

	/* Two at once in the lane would meet in the directory; at most two run, though four lanes could. */
	write_script("lane", "mkdir \"lane-$1\" || exit 1; sleep 0.1; echo $1; rmdir \"lane-$1\"", 0755);
	for (int i = 0; i < 6; i++)
		call(hooks, "lane", i % 2 ? "b" : "a", i % 2 ? "b" : "a", 6, &s);
	loop_run(loop);
	assert_int_equal(s.ended, 6);
	assert_int_equal(s.failed, 0);

	s.ended = 0;
	write_script("two", "n=$(ls -d busy-* 2>/dev/null | wc -l); [ $n -lt 2 ] || exit 1; mkdir busy-$$; sleep 0.1; rmdir busy-$$", 0755);
	for (int i = 0; i < 6; i++)
		call(hooks, "two", "", NULL, 2, &s);
	loop_run(loop);
	assert_int_equal(s.failed, 0);
	buf_release(&s.output);
	hooks_free(hooks);
	loop_free(loop);
}

static void test_cancel(void **state)
{
	struct loop *loop = loop_new();
	struct hooks *hooks = hooks_new(loop, NULL, connect_runner, NULL);
	struct seen s = { .loop = loop, .wanted = 1 };
	struct hook *first, *second;
	int64_t began = clock_mono_ms();

	write_script("long", "sleep 60", 0755);
	write_script("short", "echo done", 0755);
	first = call(hooks, "long", "", "lane", 4, &s);
	second = call(hooks, "long", "", "lane", 4, &s);
	call(hooks, "short", "", "lane", 4, &s);
	hook_cancel(second);
	hook_cancel(first);	/* and the third begins */
	loop_run(loop);
	assert_string_equal(buf_str(&s.output), "done\n");
	assert_true(clock_mono_ms() - began < 20000);

	/* Closed: what waits stays where it is. */
	s.wanted = 99;
	first = call(hooks, "long", "", "lane", 4, &s);
	second = call(hooks, "short", "", "lane", 4, &s);
	hooks_close(hooks);
	hook_cancel(first);
	hook_cancel(second);
	assert_int_equal(s.ended, 1);
	buf_release(&s.output);
	hooks_free(hooks);
	loop_free(loop);
}

/* One of many, NUL, half a character: what is shown is text, of bounded length. */
static void test_output(void **state)
{
	struct loop *loop = loop_new();
	struct hooks *hooks = hooks_new(loop, NULL, connect_runner, NULL);
	struct seen s = { .loop = loop, .wanted = 1 };

	write_script("odd", "printf 'a\\0b\\303\\033[2J\\302\\233\\n'; head -c 100000 /dev/zero | tr '\\0' x; printf 'end\\302'", 0755);
	call(hooks, "odd", "", NULL, 1, &s);
	loop_run(loop);
	assert_true(str_starts(buf_str(&s.output), "a?b\xef\xbf\xbd [2J \nxxx"));
	assert_true(str_ends(buf_str(&s.output), "xend\xef\xbf\xbd"));
	assert_true(s.output.len < HOOK_OUTPUT_MAX + 100);
	assert_non_null(strstr(buf_str(&s.output), "bytes left out"));
	buf_release(&s.output);
	hooks_free(hooks);
	loop_free(loop);
}

/* A secret that stands where the middle is left out is not half shown. */
static void test_cut_secret(void **state)
{
	static const char secret[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	struct loop *loop = loop_new();
	struct hooks *hooks = hooks_new(loop, NULL, connect_runner, NULL);

	write_script("cut", "head -c $1 /dev/zero | tr '\\0' .; printf %s $S; head -c 50000 /dev/zero | tr '\\0' .; printf %s $S; "
			    "head -c $1 /dev/zero | tr '\\0' .", 0755);
	for (size_t part = 1; part <= sizeof(secret); part += 7) {
		_cleanup_free_ char *length = xasprintf("%zu", (size_t)HOOK_OUTPUT_MAX / 2 - part);
		char *args[] = { length, NULL }, *secrets[] = { (char *)secret, NULL };
		char *environment[] = { "S=0123456789abcdefghijklmnopqrstuvwxyz", NULL };
		struct seen s = { .loop = loop, .wanted = 1 };

		hook_start(hooks, &(struct hook_call){ .script = "cut", .args = args, .environment = environment,
			   .secrets = secrets, .timeout = 10, .at_once = 1 }, seen_end, &s);
		loop_run(loop);
		assert_int_equal(s.failed, 0);
		assert_non_null(strstr(buf_str(&s.output), "bytes left out]\n"));
		assert_null(strstr(buf_str(&s.output), ".0"));
		assert_null(strstr(buf_str(&s.output), "z."));
		buf_release(&s.output);
	}
	hooks_free(hooks);
	loop_free(loop);
}

/* The right to bind low ports, which the service manager gives us, ends with us. */
static void test_rights(void **state)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	struct loop *loop = loop_new();
	struct hooks *hooks = hooks_new(loop, NULL, connect_runner, NULL);
	struct seen s = { .loop = loop, .wanted = 1 };

	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	data[0].inheritable |= data[0].permitted & (1u << CAP_NET_BIND_SERVICE);
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) < 0)
		print_message("# this user cannot give such a right\n");
	write_script("rights", "sed -n 's/^CapAmb:[[:space:]]*0*//p' /proc/self/status", 0755);
	call(hooks, "rights", "", NULL, 1, &s);
	loop_run(loop);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	assert_string_equal(buf_str(&s.output), "\n");
	buf_release(&s.output);
	hooks_free(hooks);
	loop_free(loop);
}

static int set_up(void **state)
{
	return mkdtemp(dir) && chmod(dir, 0755) == 0 ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	return remove(path);
}

static int tear_down(void **state)
{
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_above),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_cut_secret),
		cmocka_unit_test(test_rights),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
