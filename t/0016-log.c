/* The log: one event, one line, whatever is in it and whoever writes beside it. */
#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json.h"

/* Points stderr to a fresh file, calls fn, and returns what was written. */
static char *logged(void (*fn)(void))
{
	char name[] = "/tmp/certera-log-XXXXXX";
	int file = mkstemp(name), kept = dup(STDERR_FILENO);
	struct buf text = BUF_INIT;
	ssize_t n;

	assert_true(file >= 0 && kept >= 0);
	unlink(name);
	dup2(file, STDERR_FILENO);
	fn();
	dup2(kept, STDERR_FILENO);
	close(kept);
	lseek(file, 0, SEEK_SET);
	while ((n = read(file, buf_reserve(&text, 65536), 65536)) > 0)
		text.len += (size_t)n;
	close(file);
	buf_add_str(&text, "");
	return buf_detach(&text);
}

static void at_every_level(void)
{
	log_debug("d%d", 1);
	log_info("i%d", 2);
	log_warn("w%d", 3);
	log_error("e%d", 4);
}

static void levels(void **state)
{
	_cleanup_free_ char *few = NULL, *all = NULL;

	log_setup(LOG_LEVEL_WARN, false);
	few = logged(at_every_level);
	assert_null(strstr(few, "d1"));
	assert_null(strstr(few, "i2"));
	assert_non_null(strstr(few, " warn  w3\n"));
	assert_non_null(strstr(few, " error e4\n"));
	log_setup(LOG_LEVEL_DEBUG, false);
	all = logged(at_every_level);
	assert_non_null(strstr(all, " debug d1\n"));
	assert_non_null(strstr(all, " info  i2\n"));
	assert_int_equal(strspn(all, "0123456789-"), strlen("2026-11-21"));
}

static void an_error(void)
{
	struct err e;

	err_set(&e, ERR_CA, "renewing www");
	err_detail(&e, "no\ngood");
	err_hint(&e, "Wait.");
	log_role("engine");
	log_err(LOG_LEVEL_INFO, &e);
	log_err(LOG_LEVEL_DEBUG, &e);
	log_role(NULL);
}

static void nasty_text(void)
{
	log_info("%s", "a\nb\r\x1b[31m\x7f\xc2\x9b\xe2\x80\xae\xc3\xa4\xff\t.");
}

static void as_text(void **state)
{
	_cleanup_free_ char *error = NULL, *nasty = NULL;

	log_setup(LOG_LEVEL_INFO, false);
	error = logged(an_error);
	assert_string_equal(error + strlen("2026-11-21T00:00:00Z "),
			    "info  engine: renewing www | it said: no\\ngood | hint: Wait.\n");
	nasty = logged(nasty_text);
	assert_string_equal(nasty + strlen("2026-11-21T00:00:00Z info  "),
			    "a\\nb\\x0d\\x1b[31m\\x7f\\xc2\\x9b\\xe2\\x80\\xae\xc3\xa4\\xff\\x09.\n");
}

static void as_json(void **state)
{
	_cleanup_free_ char *error = NULL, *nasty = NULL;
	_cleanup_json_ json_t *e = NULL, *n = NULL;

	log_setup(LOG_LEVEL_INFO, true);
	error = logged(an_error);
	nasty = logged(nasty_text);
	assert_ptr_equal(strchr(error, '\n'), error + strlen(error) - 1);
	e = json_read(error, strlen(error), NULL);
	assert_int_equal(strlen(json_str(e, "time")), strlen("2026-11-21T00:00:00Z"));
	assert_string_equal(json_str(e, "level"), "info");
	assert_string_equal(json_str(e, "role"), "engine");
	assert_string_equal(json_str(e, "message"), "renewing www");
	assert_string_equal(json_str(e, "detail"), "no\ngood");
	assert_string_equal(json_str(e, "hint"), "Wait.");
	assert_ptr_equal(strchr(nasty, '\n'), nasty + strlen(nasty) - 1);
	n = json_read(nasty, strlen(nasty), NULL);
	assert_string_equal(json_str(n, "message"), "a\nb  [31m  \xc3\xa4\xef\xbf\xbd\t.");
	assert_null(json_object_get(n, "role"));
	assert_null(json_object_get(n, "hint"));
}

static void in_the_journal(void)
{
	struct stat st;
	char stream[64];

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_setup(LOG_LEVEL_DEBUG, false);
	at_every_level();
}

static void beside_the_journal(void)
{
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_setup(LOG_LEVEL_DEBUG, false);
	at_every_level();
	unsetenv("JOURNAL_STREAM");
}

static void priorities(void **state)
{
	_cleanup_free_ char *in = logged(in_the_journal), *beside = logged(beside_the_journal);

	assert_string_equal(in, "<7>debug d1\n<6>info  i2\n<4>warn  w3\n<3>error e4\n");
	assert_null(strchr(beside, '<'));
}

#define THREADS 8
#define LINES 200

static void *writer(void *arg)
{
	log_role(arg);
	for (int i = 0; i < LINES; i++)
		log_info("%0*d", 3000, i);
	return NULL;
}

static void from_many_threads(void)
{
	static const char *const roles[THREADS] = { "0", "1", "2", "3", "4", "5", "6", "7" };
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, writer, (void *)(uintptr_t)roles[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

static void threads(void **state)
{
	_cleanup_free_ char *all = NULL;
	_cleanup_strv_ char **lines = NULL;
	int next[THREADS] = { 0 };

	log_setup(LOG_LEVEL_INFO, false);
	all = logged(from_many_threads);
	lines = strv_split(all, "\n");
	assert_int_equal(strv_len(lines), THREADS * LINES);
	for (char **line = lines; *line; line++) {
		const char *text = *line + strlen("2026-11-21T00:00:00Z info  ");
		int role = text[0] - '0';

		assert_in_range(role, 0, THREADS - 1);
		assert_int_equal(strlen(text), strlen("0: ") + 3000);
		assert_int_equal(strtol(text + 3, NULL, 10), next[role]);
		next[role]++;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels),     cmocka_unit_test(as_text), cmocka_unit_test(as_json),
		cmocka_unit_test(priorities), cmocka_unit_test(threads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
