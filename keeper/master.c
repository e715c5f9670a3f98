#include "keeper/master.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/encode.h"

#define HEX_SIZE (2 * SEAL_KEY_SIZE)
#define FILE_MAX 256	/* more than 64 digits and some white space is no master key */

/* A new file is not safe before its name is: that is in the directory. */
static int sync_directory_of(const char *file)
{
	_cleanup_free_ char *copy = xstrdup(file);
	_cleanup_close_ int dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? -1 : fsync(dir);
}

static int create(const char *file, struct err *e)
{
	_cleanup_close_ int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	_cleanup_wipe_ char *hex = NULL;
	char line[HEX_SIZE + 1];
	bool written;

	if (fd < 0)
		return err_errno(e, ERR_CONFIG, "making the master key file %s", file);
	hex = random_hex(SEAL_KEY_SIZE);
	memcpy(line, hex, HEX_SIZE);
	line[HEX_SIZE] = '\n';
	written = write(fd, line, sizeof(line)) == (ssize_t)sizeof(line);
	wipe(line, sizeof(line));
	if (written && !fsync(fd) && !sync_directory_of(file))
		return 0;
	err_errno(e, ERR_CONFIG, "writing the master key file %s", file);
	unlink(file);
	return -1;
}

/* systemd shows its credentials with the group's read bit set; only the service can reach them. */
static bool is_credential(const char *file)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	size_t len = dir ? strlen(dir) : 0;

	return len && !strncmp(file, dir, len) && file[len] == '/' && !strstr(file + len, "/../");
}

static int check_file(int fd, const char *file, struct err *e)
{
	mode_t too_open = S_IWGRP | S_IROTH | S_IWOTH | (is_credential(file) ? 0 : S_IRGRP);
	struct stat st;

	if (fstat(fd, &st))
		return err_errno(e, ERR_CONFIG, "looking at the master key file %s", file);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CONFIG, "the master key file %s is not a regular file", file);
	if (st.st_mode & too_open) {
		err_set(e, ERR_CONFIG, "the master key file %s is open to others (mode %04o)", file,
			(unsigned)(st.st_mode & 07777));
		return err_hint(e, "Run `chmod 600 %s`; if others could have read it, make a new installation.", file);
	}
	return 0;
}

static bool all_hex(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	return true;
}

static int parse(const char *text, size_t len, unsigned char key[SEAL_KEY_SIZE])
{
	_cleanup_buf_wipe_ struct buf raw = BUF_INIT;
	_cleanup_wipe_ char *digits = NULL;

	/* 32 hex digits are half a key as text, not a whole raw one. */
	if (len == SEAL_KEY_SIZE && !all_hex(text, len)) {
		memcpy(key, text, SEAL_KEY_SIZE);
		return 0;
	}
	for (; len && isspace((unsigned char)*text); text++, len--)
		;
	for (; len && isspace((unsigned char)text[len - 1]); len--)
		;
	if (len != HEX_SIZE || !all_hex(text, len))
		return -1;
	digits = xstrndup(text, len);
	if (hex_decode(&raw, digits))
		return -1;
	memcpy(key, raw.data, SEAL_KEY_SIZE);
	return 0;
}

static int read_key(int fd, const char *file, unsigned char key[SEAL_KEY_SIZE], struct err *e)
{
	char text[FILE_MAX];
	ssize_t n = read(fd, text, sizeof(text));
	int parsed = n > 0 ? parse(text, (size_t)n, key) : -1;

	wipe(text, sizeof(text));
	if (!parsed)
		return 0;
	if (n < 0)
		return err_errno(e, ERR_CONFIG, "reading the master key file %s", file);
	err_set(e, ERR_CONFIG, "the master key file %s holds no master key", file);
	if (!n)
		return err_hint(e, "It is empty. If the very first start was interrupted, remove it and start again; "
				"otherwise put it back from a backup.");
	return err_hint(e, "It must hold %d hex digits, or %d raw bytes. Put it back from a backup.", HEX_SIZE,
			SEAL_KEY_SIZE);
}

int master_load(const char *file, bool may_create, unsigned char key[SEAL_KEY_SIZE], struct err *e)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT && may_create) {
		if (create(file, e) < 0)
			return -1;
		fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	}
	if (fd < 0) {
		err_errno(e, ERR_CONFIG, "reading the master key file %s", file);
		if (errno == ENOENT)
			err_hint(e, "Put back the master key file of this store, from a backup: without it nothing "
				    "that the store keeps secret can be opened. To begin anew, remove the store too.");
		return -1;
	}
	if (check_file(fd, file, e) < 0)
		return -1;
	return read_key(fd, file, key, e);
}
