#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <lmdb.h>

#include "base/log.h"
#include "store/gate.h"

#define MIB		((size_t)1024 * 1024)
#define MAP_LEAST	(64 * MIB)
#define READERS		256
#define LOCK_FILE_SIZE	(64 * 1024)	/* more than LMDB needs for that many readers */
#define NO_TABLE	UINT_MAX

static const char *const table_names[TABLES] = {
#define TABLE(name, doc) #name,
#include "store/tables.def"
#undef TABLE
};

struct store {
	char *directory;
	int lock_fd;
	MDB_env *env;			/* NULL: it broke and could not be opened again yet */
	MDB_dbi dbi[TABLES];		/* NO_TABLE: this store has no such table (yet) */
	int format;

	pthread_mutex_t writer;		/* held by the write transaction from begin to end */
	bool map_full;			/* the writer's: the map must grow before the next write */
	_Atomic uint64_t changes[TABLES];
	atomic_bool broken;		/* LMDB refuses everything until it is opened anew */
	struct gate gate;		/* the map is replaced only while no transaction is inside */
};

struct txn {
	struct store *store;
	MDB_txn *mdb;
	bool write;
	bool touched[TABLES];
	struct guest guest;
};

static const struct reason {
	int code;
	const char *text, *hint;
} reasons[] = {
	{ ENOSPC, "no space left on device", "Free some space there; nothing is half written, and the next change may work." },
	{ EDQUOT, "the disk quota is used up", "Raise the quota or free some space; nothing is half written." },
	{ EFBIG, "the file may not become that large here", "Raise the limit on file sizes (LimitFSIZE=, ulimit -f)." },
	{ EIO, "the disk reports an input/output error", "Look into the kernel's log, and have a backup at hand." },
	{ ENOMEM, "not enough memory to map it", "Raise the limit on address space (LimitAS=, ulimit -v)." },
	{ MDB_MAP_FULL, "the change is larger than the room left", "Try again: there is more room for the next change." },
	{ MDB_READERS_FULL, "too many things are reading it at once", "Try again in a moment." },
	{ MDB_INVALID, "data.mdb is not a store", "Restore a backup, or name another directory." },
	{ MDB_VERSION_MISMATCH, "data.mdb is of another version of LMDB", "Use the LMDB library that wrote it." },
	{ MDB_CORRUPTED, "it is damaged", "Restore a backup." },
	{ MDB_PAGE_NOTFOUND, "it is damaged", "Restore a backup." },
	{ MDB_PANIC, "an earlier write failed badly", "It is opened anew by itself; look into the kernel's log." },
	{ 0, NULL, NULL },
};

/* LMDB says EIO for a write that was cut short, which is what a full disk or a size limit does first. */
static int real_cause(const struct store *s, int rc)
{
	struct statvfs v;
	struct rlimit limit;

	if (rc != EIO)
		return rc;
	if (!statvfs(s->directory, &v) && (uint64_t)v.f_bavail * v.f_frsize < MIB)
		return ENOSPC;
	if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur != RLIM_INFINITY)
		return EFBIG;
	return EIO;
}

static int fail(const struct store *s, struct err *e, const char *doing, int rc)
{
	const struct reason *r = reasons;

	rc = real_cause(s, rc);
	while (r->code && r->code != rc)
		r++;
	err_set(e, ERR_STORAGE, "%s the store in %s: %s", doing, s->directory, r->text ? r->text : mdb_strerror(rc));
	if (r->hint)
		err_hint(e, "%s", r->hint);
	return -1;
}

/*
 * The map.
 */

static size_t map_for(size_t used, size_t map)
{
	while (map / 2 < used && map <= SIZE_MAX / 2)
		map *= 2;
	return map;
}

static int open_env(struct store *s)
{
	_cleanup_free_ char *file = xasprintf("%s/data.mdb", s->directory);
	struct stat st;
	size_t used = stat(file, &st) ? 0 : (size_t)st.st_size;
	mdb_filehandle_t fd;
	int rc = mdb_env_create(&s->env);

	if (!rc)
		rc = mdb_env_set_maxdbs(s->env, TABLES);
	if (!rc)
		rc = mdb_env_set_maxreaders(s->env, READERS);
	if (!rc)
		rc = mdb_env_set_mapsize(s->env, map_for(used, MAP_LEAST));
	if (!rc)
		rc = mdb_env_open(s->env, s->directory, MDB_NOTLS, 0600);
	if (!rc)
		rc = mdb_env_get_fd(s->env, &fd);
	if (!rc && fcntl(fd, F_SETFD, FD_CLOEXEC))	/* LMDB leaves this one to children */
		rc = errno;
	if (rc) {
		mdb_env_close(s->env);
		s->env = NULL;
	}
	return rc;
}

/* Finds the tables that are there. */
static int open_tables(struct store *s)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);

	if (rc)
		return rc;
	for (size_t i = 0; i < TABLES; i++) {
		rc = mdb_dbi_open(txn, table_names[i], 0, &s->dbi[i]);
		if (rc == MDB_NOTFOUND)
			s->dbi[i] = NO_TABLE;
		else if (rc)
			break;
	}
	if (rc && rc != MDB_NOTFOUND) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);	/* an abort would close the handles */
}

static int reopen(struct store *s)
{
	int rc;

	mdb_env_close(s->env);
	s->env = NULL;
	rc = open_env(s);
	if (!rc && (rc = open_tables(s)) != 0) {
		mdb_env_close(s->env);
		s->env = NULL;
	}
	if (!rc) {
		s->broken = false;
		log_warn("the store in %s was opened anew after a failed write", s->directory);
	}
	return rc;
}

static size_t map_used(const struct store *s, size_t *size)
{
	MDB_envinfo info;
	MDB_stat stat;

	mdb_env_info(s->env, &info);
	mdb_env_stat(s->env, &stat);
	*size = info.me_mapsize;
	return (info.me_last_pgno + 1) * stat.ms_psize;
}

static int grow_map(struct store *s, size_t size)
{
	/* LMDB gives up the old map before it has the new one; there is no way back, so try first. */
	void *trial = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int rc;

	if (trial == MAP_FAILED)
		return ENOMEM;
	munmap(trial, size);
	rc = mdb_env_set_mapsize(s->env, size);
	if (rc)
		die("mapping the store in %s again with %zu MiB: %s", s->directory, size / MIB, mdb_strerror(rc));
	s->map_full = false;
	return 0;
}

/*
 * The writer sees to it that half the map is free.  As long as a quarter is, it only takes the chance
 * of a moment without readers; else it keeps new ones out until the last one has left.
 */
static int make_room(struct store *s)
{
	size_t size, used = map_used(s, &size);
	int rc;

	if (!s->map_full && used <= size / 2)
		return 0;
	if (!gate_close(&s->gate, s->map_full || used > size / 4 * 3))
		return 0;
	rc = grow_map(s, map_for(used, size * 2));
	gate_open(&s->gate);
	return s->map_full ? rc : 0;
}

/* With the writer's mutex held. */
static int repair(struct store *s)
{
	int rc;

	if (!s->broken)
		return 0;
	if (!gate_close(&s->gate, true))
		return MDB_PANIC;
	rc = reopen(s);
	gate_open(&s->gate);
	return rc;
}

/*
 * Transactions.
 */

static int begin(struct store *s, bool write, struct txn **out)
{
	struct txn *t = xcalloc(1, sizeof(*t));
	int rc;

	t->store = s;
	t->write = write;
	gate_enter(&s->gate, &t->guest, write);
	rc = s->env ? mdb_txn_begin(s->env, NULL, write ? 0 : MDB_RDONLY, &t->mdb) : MDB_PANIC;
	if (rc) {
		gate_leave(&s->gate, &t->guest);
		free(t);
		t = NULL;
	}
	*out = t;
	return rc;
}

int store_read(struct store *s, struct txn **out, struct err *e)
{
	int rc = 0;

	*out = NULL;
	if (s->broken && !gate_is_inside(&s->gate)) {
		pthread_mutex_lock(&s->writer);
		rc = repair(s);
		pthread_mutex_unlock(&s->writer);
	}
	if (!rc)
		rc = begin(s, false, out);
	return rc ? fail(s, e, "reading", rc) : 0;
}

int store_write(struct store *s, struct txn **out, struct err *e)
{
	int rc;

	*out = NULL;
	gate_pin(&s->gate);
	pthread_mutex_lock(&s->writer);
	rc = repair(s);
	if (!rc)
		rc = make_room(s);
	if (!rc)
		rc = begin(s, true, out);
	if (!rc)
		return 0;
	pthread_mutex_unlock(&s->writer);
	return fail(s, e, "writing", rc);
}

/* What a failed write asks of the next transaction. */
static void note_failure(struct txn *t, int rc)
{
	struct store *s = t->store;
	MDB_txn *probe;

	if (rc == MDB_MAP_FULL)
		s->map_full = true;
	rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &probe);
	if (rc == MDB_PANIC)
		s->broken = true;
	else if (!rc)
		mdb_txn_abort(probe);
}

static void end(struct txn *t)
{
	struct store *s = t->store;
	bool write = t->write;

	gate_leave(&s->gate, &t->guest);
	free(t);
	if (write)
		pthread_mutex_unlock(&s->writer);
}

int txn_commit(struct txn *t, struct err *e)
{
	struct store *s = t->store;
	bool write = t->write;
	int rc = mdb_txn_commit(t->mdb);

	if (rc)
		note_failure(t, rc);
	for (size_t i = 0; i < TABLES; i++)
		s->changes[i] += t->touched[i];
	end(t);
	if (rc)
		return fail(s, e, write ? "writing" : "reading", rc);
	return 0;
}

void txn_abort(struct txn *t)
{
	if (!t)
		return;
	mdb_txn_abort(t->mdb);
	end(t);
}

void cleanup_txn(struct txn **t)
{
	txn_abort(*t);
}

/*
 * Keys and values.
 */

static MDB_val to_val(struct slice s)
{
	return (MDB_val){ s.len, (void *)s.data };
}

static struct slice from_val(MDB_val v)
{
	return slice(v.mv_data, v.mv_size);
}

static bool key_fits(const struct txn *t, struct slice key)
{
	return key.len > 0 && key.len <= (size_t)mdb_env_get_maxkeysize(t->store->env);
}

int txn_get(struct txn *t, enum table table, struct slice key, struct slice *value, struct err *e)
{
	MDB_val k = to_val(key), v;
	int rc;

	*value = slice(NULL, 0);
	if (t->store->dbi[table] == NO_TABLE || !key_fits(t, key))
		return 0;
	rc = mdb_get(t->mdb, t->store->dbi[table], &k, &v);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc)
		return fail(t->store, e, "reading", rc);
	*value = from_val(v);
	return 1;
}

static int check_write(const struct txn *t, enum table table, struct err *e)
{
	if (!t->write)
		die("a change of table %s in a read transaction", table_names[table]);
	if (t->store->dbi[table] == NO_TABLE)
		return err_set(e, ERR_STORAGE, "the store in %s has no table %s before it is upgraded",
			       t->store->directory, table_names[table]);
	return 0;
}

int txn_put(struct txn *t, enum table table, struct slice key, struct slice value, struct err *e)
{
	MDB_val k = to_val(key), v = to_val(value);
	int rc;

	if (check_write(t, table, e) < 0)
		return -1;
	if (!key_fits(t, key))
		return err_set(e, ERR_INVALID, "a key of %zu bytes does not fit into table %s of the store: 1 to %d do",
			       key.len, table_names[table], mdb_env_get_maxkeysize(t->store->env));
	rc = mdb_put(t->mdb, t->store->dbi[table], &k, &v, 0);
	if (rc) {
		note_failure(t, rc);
		return fail(t->store, e, "writing", rc);
	}
	t->touched[table] = true;
	return 0;
}

int txn_delete(struct txn *t, enum table table, struct slice key, struct err *e)
{
	MDB_val k = to_val(key);
	int rc;

	if (check_write(t, table, e) < 0)
		return -1;
	if (!key_fits(t, key))
		return 0;
	rc = mdb_del(t->mdb, t->store->dbi[table], &k, NULL);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc) {
		note_failure(t, rc);
		return fail(t->store, e, "writing", rc);
	}
	t->touched[table] = true;
	return 0;
}

uint64_t store_changes(const struct store *s, enum table table)
{
	return s->changes[table];
}

size_t txn_count(struct txn *t, enum table table)
{
	MDB_stat stat;

	if (t->store->dbi[table] == NO_TABLE || mdb_stat(t->mdb, t->store->dbi[table], &stat))
		return 0;
	return stat.ms_entries;
}

/*
 * Walks.
 */

static int compare(struct slice a, struct slice b)
{
	size_t shared = MIN(a.len, b.len);
	int order = shared ? memcmp(a.data, b.data, shared) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* The first key at or after `from`. */
static int seek(MDB_cursor *c, struct slice from, MDB_val *key, MDB_val *value)
{
	*key = to_val(from);
	return mdb_cursor_get(c, key, value, from.len ? MDB_SET_RANGE : MDB_FIRST);
}

/* The last key before `end`; no end: the last of all. */
static int seek_before(MDB_cursor *c, struct slice end, MDB_val *key, MDB_val *value)
{
	int rc = end.len ? seek(c, end, key, value) : MDB_NOTFOUND;

	return rc && rc != MDB_NOTFOUND ? rc : mdb_cursor_get(c, key, value, rc ? MDB_LAST : MDB_PREV);
}

/* The first key after `here`, which may be gone. */
static int seek_after(MDB_cursor *c, struct slice here, MDB_val *key, MDB_val *value)
{
	int rc = seek(c, here, key, value);

	return rc || compare(from_val(*key), here) ? rc : mdb_cursor_get(c, key, value, MDB_NEXT);
}

static void cleanup_cursor(MDB_cursor **c)
{
	if (*c)
		mdb_cursor_close(*c);
}

int txn_range(struct txn *t, enum table table, struct slice first, struct slice end, bool backwards, txn_walk_fn *fn,
	      void *arg, struct err *e)
{
	_cleanup_(cleanup_cursor) MDB_cursor *c = NULL;
	_cleanup_buf_ struct buf here = BUF_INIT;
	MDB_val key, value;
	int rc, result;

	if (t->store->dbi[table] == NO_TABLE)
		return 0;
	rc = mdb_cursor_open(t->mdb, t->store->dbi[table], &c);
	if (!rc)
		rc = backwards ? seek_before(c, end, &key, &value) : seek(c, first, &key, &value);
	while (!rc) {
		struct slice k = from_val(key);

		if (backwards ? compare(k, first) < 0 : end.len && compare(k, end) >= 0)
			return 0;
		if (t->write) {		/* fn may change the table: keep the key, and find the place again by it */
			buf_clear(&here);
			buf_add(&here, k.data, k.len);
			k = slice_buf(&here);
		}
		result = fn(arg, k, from_val(value), e);
		if (result)
			return MIN(result, 0);
		if (!t->write)
			rc = mdb_cursor_get(c, &key, &value, backwards ? MDB_PREV : MDB_NEXT);
		else
			rc = backwards ? seek_before(c, k, &key, &value) : seek_after(c, k, &key, &value);
	}
	return rc == MDB_NOTFOUND ? 0 : fail(t->store, e, "reading", rc);
}

int txn_walk(struct txn *t, enum table table, struct slice prefix, bool backwards, txn_walk_fn *fn, void *arg,
	     struct err *e)
{
	_cleanup_buf_ struct buf end = BUF_INIT;

	/* The first key behind all with the prefix: the prefix with its last byte raised by one. */
	buf_add(&end, prefix.data, prefix.len);
	while (end.len && (unsigned char)end.data[end.len - 1] == 0xff)
		end.len--;
	if (end.len)
		end.data[end.len - 1]++;
	return txn_range(t, table, prefix, slice_buf(&end), backwards, fn, arg, e);
}

/*
 * Formats.
 */

static int make_tables(struct txn *t, struct err *e)
{
	for (size_t i = 0; i < TABLES; i++) {
		int rc = mdb_dbi_open(t->mdb, table_names[i], MDB_CREATE, &t->store->dbi[i]);

		if (rc) {
			note_failure(t, rc);
			return fail(t->store, e, "writing", rc);
		}
	}
	return 0;
}

/* Format 0 is a store whose first start did not get as far as naming a format. */
static const struct migration {
	int from;
	int (*fn)(struct txn *, struct err *);
} migrations[] = {
	{ 0, make_tables },
};

static const struct migration *migration_from(int format)
{
	for (size_t i = 0; i < ARRAY_SIZE(migrations); i++)
		if (migrations[i].from == format)
			return &migrations[i];
	return NULL;
}

/* -1: not a number we could have written. */
static int parse_format(struct slice text)
{
	const char *digit = text.data;
	int format = 0;

	if (text.len < 1 || text.len > 9)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (digit[i] < '0' || digit[i] > '9')
			return -1;
		format = format * 10 + (digit[i] - '0');
	}
	return format;
}

static int read_format(struct store *s, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	struct slice value;
	int found;

	if (store_read(s, &t, e) < 0)
		return -1;
	found = txn_get(t, TABLE_meta, slice_str("format"), &value, e);
	if (found < 0)
		return -1;
	s->format = found ? parse_format(value) : 0;
	return s->format < 0 ? err_set(e, ERR_STORAGE, "its format is not a number") : 0;
}

/* Is this a store that store_upgrade() can bring to our format? */
static int check_format(struct store *s, struct err *e)
{
	if (read_format(s, e) < 0)
		return -1;
	if (s->format > STORE_FORMAT) {
		err_set(e, ERR_STORAGE, "it has format %d, and this program knows formats up to %d", s->format,
			STORE_FORMAT);
		return err_hint(e, "Use the newer Certera that wrote it, or a backup from before.  Nothing was changed.");
	}
	for (int format = s->format; format < STORE_FORMAT; format++) {
		if (migration_from(format))
			continue;
		err_set(e, ERR_STORAGE, "it has format %d, and this program (format %d) has no way on from format %d",
			s->format, STORE_FORMAT, format);
		return err_hint(e, "Start a Certera between the two versions once.  Nothing was changed.");
	}
	for (size_t i = 0; i < TABLES; i++)
		if (s->format == STORE_FORMAT && s->dbi[i] == NO_TABLE)
			return err_set(e, ERR_STORAGE, "its table %s is missing", table_names[i]);
	return 0;
}

static int migrate(struct store *s, struct err *e)
{
	const struct migration *m = migration_from(s->format);
	_cleanup_txn_ struct txn *t = NULL;
	char text[16];

	if (!m)
		die("no migration from format %d: store_open() let it pass", s->format);
	snprintf(text, sizeof(text), "%d", s->format + 1);
	if (store_write(s, &t, e) < 0 ||
	    m->fn(t, e) < 0 ||
	    txn_put(t, TABLE_meta, slice_str("format"), slice_str(text), e) < 0 ||
	    txn_commit(TAKE(t), e) < 0)
		return -1;
	s->format++;
	return 0;
}

int store_upgrade(struct store *s, struct err *e)
{
	while (s->format < STORE_FORMAT) {
		if (migrate(s, e) < 0) {
			if (s->env)
				open_tables(s);		/* handles made in a transaction that failed are none */
			return err_prefix(e, "upgrading it from format %d to %d", s->format, s->format + 1);
		}
	}
	return 0;
}

/*
 * Opening and closing.
 */

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

static int sync_parent(const char *path)
{
	_cleanup_free_ char *parent = xasprintf("%s/..", path);

	return sync_directory(parent);
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

/* One daemon a store: the kernel drops this lock when the process ends, however it ends. */
static int lock_directory(struct store *s, struct err *e)
{
	_cleanup_free_ char *file = xasprintf("%s/lock", s->directory);
	char text[16] = "";
	int len;

	s->lock_fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0)
		return err_errno(e, ERR_STORAGE, "opening %s", file);
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return err_errno(e, ERR_STORAGE, "locking %s", file);
		if (pread(s->lock_fd, text, sizeof(text) - 1, 0) <= 0)
			snprintf(text, sizeof(text), "unknown");
		return err_set(e, ERR_CONFLICT, "another certerad (pid %.*s) is using %s", (int)strcspn(text, "\n"),
			       text, s->directory);
	}
	len = snprintf(text, sizeof(text), "%d\n", getpid());
	if (ftruncate(s->lock_fd, 0) || pwrite(s->lock_fd, text, len, 0) != len)
		log_debug("%s could not be written: a second certerad will not know our pid", file);	/* a full disk */
	return 0;
}

/* LMDB writes to this file through memory: without blocks of its own, a full disk would be a SIGBUS. */
static int reserve_lock_file(struct store *s, struct err *e)
{
	_cleanup_free_ char *file = xasprintf("%s/lock.mdb", s->directory);
	_cleanup_close_ int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int rc = fd < 0 ? errno : posix_fallocate(fd, 0, LOCK_FILE_SIZE);

	return rc ? fail(s, e, "opening", rc) : 0;
}

static int create_tables(struct store *s, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(s, &t, e) < 0 || make_tables(t, e) < 0 || txn_commit(TAKE(t), e) < 0)
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
	rc = open_env(s);
	if (!rc)
		rc = open_tables(s);
	if (!rc)
		rc = mdb_env_stat(s->env, &stat);
	if (rc)
		return fail(s, e, "opening", rc);
	if (!stat.ms_entries)
		return create_tables(s, e);
	if (s->dbi[TABLE_meta] == NO_TABLE)
		err_set(e, ERR_STORAGE, "data.mdb is of LMDB, but not of Certera");
	else if (!check_format(s, e))
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

int store_open(struct store **out, const char *directory, struct err *e)
{
	struct store *s;
	bool unborn;

	*out = NULL;
	if (make_directory(directory, e) < 0)
		return -1;
	s = xcalloc(1, sizeof(*s));
	s->directory = xstrdup(directory);
	s->lock_fd = -1;
	pthread_mutex_init(&s->writer, NULL);
	gate_init(&s->gate);
	if (lock_directory(s, e) < 0) {
		store_close(s);
		return -1;
	}
	unborn = !store_exists(directory);
	if (open_locked(s, e) < 0) {
		if (unborn)
			remove_unborn(directory);
		store_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	gate_release(&s->gate);
	mdb_env_close(s->env);
	cleanup_close(&s->lock_fd);
	pthread_mutex_destroy(&s->writer);
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

	if (store_read(s, &t, e) < 0)
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
	fail(s, e, "copying", rc);
	return err_prefix(e, "making a copy in %s", directory);
}
