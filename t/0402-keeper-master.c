/* The master key file: made once, read in its two forms, refused with a sentence otherwise. */
#include "t/lib/keeper.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "base/encode.h"
#include "keeper/master.h"

static struct fixture dir;
static unsigned char key[SEAL_KEY_SIZE];
static struct err e;

static int load(bool may_create)
{
	wipe(key, sizeof(key));
	err_clear(&e);
	return master_load(dir.key_file, may_create, key, &e);
}

static void put(const void *data, size_t len, mode_t mode)
{
	int fd;

	unlink(dir.key_file);
	fd = open(dir.key_file, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void put_text(const char *text)
{
	put(text, strlen(text), 0600);
}

static void refused(const char *word)
{
	assert_int_equal(load(true), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.message, dir.key_file));
	assert_non_null(strstr(e.message, word));
	assert_true(*e.hint);
}

static void made_once(void **state)
{
	unsigned char first[SEAL_KEY_SIZE], zero[SEAL_KEY_SIZE] = { 0 };
	struct stat st;

	unlink(dir.key_file);
	assert_int_equal(load(true), 0);
	memcpy(first, key, sizeof(first));
	assert_memory_not_equal(first, zero, sizeof(zero));
	assert_int_equal(stat(dir.key_file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 65);
	assert_int_equal(load(true), 0);
	assert_memory_equal(first, key, sizeof(first));
	assert_int_equal(load(false), 0);
	assert_memory_equal(first, key, sizeof(first));
}

static void missing(void **state)
{
	unlink(dir.key_file);
	assert_int_equal(load(false), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.message, dir.key_file));
	assert_non_null(strstr(e.hint, "backup"));
	assert_int_equal(access(dir.key_file, F_OK), -1);
}

static void no_directory(void **state)
{
	assert_int_equal(master_load("/nonexistent/master.key", true, key, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.message, "/nonexistent/master.key"));
}

static void two_forms(void **state)
{
	static const char hex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
	unsigned char expected[SEAL_KEY_SIZE];
	_cleanup_free_ char *padded = xasprintf(" \t%s\r\n\n", hex);

	for (size_t i = 0; i < sizeof(expected); i++)
		expected[i] = (unsigned char)i;
	put_text(hex);
	assert_int_equal(load(false), 0);
	assert_memory_equal(key, expected, sizeof(key));
	put_text(padded);
	assert_int_equal(load(false), 0);
	assert_memory_equal(key, expected, sizeof(key));
	put(expected, sizeof(expected), 0400);
	assert_int_equal(load(false), 0);
	assert_memory_equal(key, expected, sizeof(key));
}

static void no_key_in_it(void **state)
{
	static const char *const texts[] = {
		"short\n",
		"00112233445566778899aabbccddeeff",	/* hex, but half of it */
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeef",
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00",
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg",
		"00112233445566778899aabbccddeeff 00112233445566778899aabbccddeef",
	};
	char big[1000];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put_text(texts[i]);
		refused("holds no master key");
		assert_null(strstr(e.message, texts[i]));
	}
	memset(big, 'a', sizeof(big));
	put(big, sizeof(big), 0600);
	refused("holds no master key");
	put("", 0, 0600);
	refused("holds no master key");
	assert_non_null(strstr(e.hint, "empty"));
}

static void open_to_others(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0644, 0666 };
	_cleanup_free_ char *chmod_it = xasprintf("chmod 600 %s", dir.key_file);
	char raw[SEAL_KEY_SIZE] = "raw raw raw";

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		put(raw, sizeof(raw), modes[i]);
		refused("open to others");
		assert_non_null(strstr(e.hint, chmod_it));
	}
}

static void credential(void **state)
{
	char raw[SEAL_KEY_SIZE] = "raw raw raw";

	put(raw, sizeof(raw), 0440);
	setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1);
	refused("open to others");
	setenv("CREDENTIALS_DIRECTORY", dir.dir, 1);
	assert_int_equal(load(false), 0);
	put(raw, sizeof(raw), 0444);
	refused("open to others");
	put(raw, sizeof(raw), 0460);
	refused("open to others");
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void not_a_file(void **state)
{
	unlink(dir.key_file);
	assert_int_equal(mkfifo(dir.key_file, 0600), 0);
	assert_int_equal(load(true), -1);
	assert_non_null(strstr(e.message, "not a regular file"));
	unlink(dir.key_file);
	assert_int_equal(mkdir(dir.key_file, 0700), 0);
	assert_int_equal(load(true), -1);
	rmdir(dir.key_file);
}

/* What keeps the keeper from starting reaches its parent, and no process is left. */
static void keeper_says_why(void **state)
{
	struct keeper_options o = { .master_key_file = dir.key_file, .clients = 1 };

	unlink(dir.key_file);
	assert_null(keeper_start(&o, &e));
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.message, dir.key_file));
	assert_true(*e.hint);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static int group_set_up(void **state)
{
	make_dir(&dir);
	unsetenv("CREDENTIALS_DIRECTORY");
	return 0;
}

static int group_tear_down(void **state)
{
	remove_dir(&dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_once), cmocka_unit_test(missing),
		cmocka_unit_test(no_directory), cmocka_unit_test(two_forms),
		cmocka_unit_test(no_key_in_it), cmocka_unit_test(open_to_others),
		cmocka_unit_test(credential), cmocka_unit_test(not_a_file),
		cmocka_unit_test(keeper_says_why),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("keeper master key", tests, group_set_up, group_tear_down);
}
