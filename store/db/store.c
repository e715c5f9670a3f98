#include "store/db/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "store/db/bell.h"
#include "store/db/env.h"
#include "store/db/format.h"
#include "store/db/queue.h"

#define LOCK_FILE_SIZE	(64 * 1024)	/* more than LMDB needs for that many readers */

bool store_exists(const char *directory)
{
	_cleanup_free_ char *file = xasprintf("%s/data.mdb", directory);
	struct stat st;

	return !stat(file, &st) && st.st_size > 0;
}

/* Makes the names in a directory survive a power cut. */
static int sync_directory(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -1 : 0;
}

/* A directory above that we may not read is not ours: who made this one there has seen to it. */
static int sync_parent(const char *path)
{
	_cleanup_free_ char *parent = xasprintf("%s/..", path);

	return sync_directory(parent) < 0 && errno != EACCES ? -1 : 0;
}

static int make_directory(const char *path, struct err *e)
{
	struct stat st;

	if (!mkdir(path, 0700))
		return 0;
	if (errno != EEXIST)
		return err_errno(e, ERR_STORAGE, "making the store's directory %s", path);
	if (stat(path, &st))
		return err_errno(e, ERR_STORAGE, "opening the store in %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_STORAGE, "opening the store in %s: it is not a directory", path);
	if (st.st_mode & 077)
		log_warn("the store's directory %s is open to other users: \"chmod 700 %s\" closes it", path, path);
	return 0;
}

int store_lock(const char *directory, int *fd, struct err *e)
{
	_cleanup_free_ char *file = xasprintf("%s/lock", directory);
	char text[16] = "";
	int len;

	*fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*fd < 0)
		return err_errno(e, ERR_STORAGE, "opening %s", file);
	if (flock(*fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return err_errno(e, ERR_STORAGE, "locking %s", file);
		if (pread(*fd, text, sizeof(text) - 1, 0) <= 0)
			snprintf(text, sizeof(text), "unknown");
		return err_set(e, ERR_CONFLICT, "a different certerad (pid %.*s) is using %s", (int)strcspn(text, "\n"),
			       text, directory);
	}
	len = snprintf(text, sizeof(text), "%d\n", getpid());
	if (ftruncate(*fd, 0) || pwrite(*fd, text, len, 0) != len)	/* a full disk */
		log_debug("%s could not be written: a second certerad will not know our pid", file);
	return 0;
}

/* LMDB writes to this file through memory: without blocks of its own, a full disk would be a SIGBUS. */
static int reserve_lock_file(struct store *s, struct err *e)
{
	_cleanup_free_ char *file = xasprintf("%s/lock.mdb", s->directory);
	_cleanup_close_ int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int rc = fd < 0 ? errno : posix_fallocate(fd, 0, LOCK_FILE_SIZE);

	return rc ? env_fail(s, e, "opening", rc) : 0;
}

static int create_tables(struct store *s, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(s, &t, e) < 0 || format_make_tables(t, e) < 0 || txn_commit(TAKE(t), e) < 0 ||
	    store_settle(s, e) < 0)
		return -1;
	if (sync_directory(s->directory) || sync_parent(s->directory))
		return err_errno(e, ERR_STORAGE, "writing the store in %s", s->directory);
	return 0;
}

static int open_locked(struct store *s, struct err *e)
{
	MDB_stat stat;
	int rc;

	if (reserve_lock_file(s, e) < 0)
		return -1;
	rc = env_open(s);
	if (!rc)
		rc = env_open_tables(s);
	if (!rc)
		rc = mdb_env_stat(s->env, &stat);
	if (rc)
		return env_fail(s, e, "opening", rc);
	if (!stat.ms_entries)
		return create_tables(s, e);
	if (s->dbi[TABLE_meta] == NO_TABLE)
		err_set(e, ERR_STORAGE, "data.mdb is of LMDB, but not of Certera");
	else if (format_check(s, e) == 0)
		return 0;
	return err_prefix(e, "opening the store in %s", s->directory);
}

/* What a first start could not finish is no store. */
static void remove_unborn(const char *directory)
{
	_cleanup_free_ char *data = xasprintf("%s/data.mdb", directory), *lock = xasprintf("%s/lock.mdb", directory);

	unlink(data);
	unlink(lock);
}

static struct store *store_new(const char *directory)
{
	static atomic_uint_fast64_t number;
	struct store *s = xcalloc(1, sizeof(*s));

	s->number = ++number;
	s->directory = xstrdup(directory);
	s->lock_fd = -1;
	pthread_mutex_init(&s->body, NULL);
	gate_init(&s->gate);
	return s;
}

int store_open(struct store **out, const char *directory, struct err *e)
{
	struct store *s;
	bool unborn;

	*out = NULL;
	if (make_directory(directory, e) < 0)
		return -1;
	s = store_new(directory);
	if (store_lock(directory, &s->lock_fd, e) < 0) {
		store_close(s);
		return -1;
	}
	unborn = !store_exists(directory);
	if (queue_begin(s, e) < 0 || open_locked(s, e) < 0) {
		queue_end(s);
		if (unborn)
			remove_unborn(directory);
		store_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void store_finish(struct store *s)
{
	queue_end(s);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	queue_end(s);
	gate_release(&s->gate);
	mdb_env_close(s->env);
	cleanup_close(&s->lock_fd);
	pthread_mutex_destroy(&s->body);
	free(s->directory);
	free(s);
}

void store_size(struct store *s, struct store_size *size)
{
	_cleanup_free_ char *file = xasprintf("%s/data.mdb", s->directory);
	struct statvfs v;
	struct stat st;

	size->used = stat(file, &st) ? 0 : (int64_t)st.st_size;
	size->left = statvfs(s->directory, &v) ? 0 : (int64_t)((uint64_t)v.f_bavail * v.f_frsize);
}

/*
 * Copies.
 */

static int copy_to(struct store *s, const char *file)
{
	_cleanup_close_ int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc = fd < 0 ? errno : mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT);

	if (!rc && fsync(fd))
		rc = errno;
	return rc;
}

int store_copy(struct store *s, const char *directory, struct err *e)
{
	_cleanup_free_ char *file = xasprintf("%s/data.mdb", directory);
	_cleanup_txn_ struct txn *t = NULL;	/* keeps the map in place meanwhile */
	int rc;

	if (store_settle(s, e) < 0 || store_read(s, &t, e) < 0)
		return -1;
	if (mkdir(directory, 0700))
		return errno == EEXIST ?
			       err_set(e, ERR_CONFLICT, "copying the store to %s: it exists already", directory) :
			       err_errno(e, ERR_STORAGE, "copying the store to %s", directory);
	rc = copy_to(s, file);
	if (!rc && (sync_directory(directory) || sync_parent(directory)))
		rc = errno;
	if (!rc)
		return 0;
	unlink(file);
	rmdir(directory);
	env_fail(s, e, "copying", rc);
	return err_prefix(e, "making a copy in %s", directory);
}

static void remove_file(const char *directory, const char *name)
{
	_cleanup_free_ char *file = xasprintf("%s/%s", directory, name);

	unlink(file);
}

void store_close_copy(struct store *s)
{
	_cleanup_free_ char *directory = s ? xstrdup(s->directory) : NULL;

	store_close(s);
	if (directory) {
		remove_file(directory, "lock.mdb");
		remove_file(directory, "lock");
	}
}

void store_remove_copy(const char *directory)
{
	remove_file(directory, "data.mdb");
	remove_file(directory, "lock.mdb");
	remove_file(directory, "lock");
	rmdir(directory);
}

int store_replace(const char *directory, const char *copy, const char *former, struct err *e)
{
	_cleanup_free_ char *now = xasprintf("%s/data.mdb", directory), *next = xasprintf("%s/data.mdb", copy);
	_cleanup_free_ char *then = xasprintf("%s/data.mdb", former);

	if (store_exists(directory) && (mkdir(former, 0700) || link(now, then) || sync_directory(former) ||
					sync_parent(former)))
		return err_errno(e, ERR_STORAGE, "keeping the former store in %s", former);
	remove_file(directory, "lock.mdb");	/* it knows pages of the former one */
	if (rename(next, now) || sync_directory(directory))
		return err_errno(e, ERR_STORAGE, "putting the store in its place, %s", directory);
	rmdir(copy);
	return 0;
}
