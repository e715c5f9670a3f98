#include "store/db/env.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/log.h"

#define MIB		((size_t)1024 * 1024)
#define MAP_LEAST	(64 * MIB)
#define READERS		256

const char *table_name(enum table table)
{
	static const char *const names[TABLES] = {
#define TABLE(name, doc) #name,
#include "store/db/tables.def"
#undef TABLE
	};

	return names[table];
}

static const struct reason {
	int code;
	const char *text, *hint;
} reasons[] = {
	{ ENOSPC, "no space left on device",
	  "Free some space there; nothing is half written, and the next change may work." },
	{ EDQUOT, "the disk quota is used up", "Raise the quota or free some space; nothing is half written." },
	{ EFBIG, "the file may not become that large here", "Raise the limit on file sizes (LimitFSIZE=, ulimit -f)." },
	{ EIO, "the disk reports an input/output error", "See the kernel log, and prepare a backup." },
	{ EBUSY, "the disk is too slow for the pending writes", "Try again in a moment." },
	{ EACCES, "its files cannot be opened: permission denied",
	  "Give data.mdb and its directory to the user certerad runs as (server.user)." },
	{ ENOMEM, "not enough memory to map it", "Raise the limit on address space (LimitAS=, ulimit -v)." },
	{ MDB_MAP_FULL, "the change is larger than the room left",
	  "Try again: there is more room for the next change." },
	{ MDB_READERS_FULL, "too many things are reading it at once", "Try again in a moment." },
	{ MDB_INVALID, "data.mdb is not a store", "Restore a backup, or use a different directory." },
	{ MDB_VERSION_MISMATCH, "data.mdb is of a different version of LMDB", "Use the LMDB library that wrote it." },
	{ MDB_CORRUPTED, "it is damaged", "Restore a backup." },
	{ MDB_PAGE_NOTFOUND, "it is damaged", "Restore a backup." },
	{ MDB_PANIC, "an earlier write failed badly", "Certera reopens the store automatically; see the kernel log." },
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

int env_fail(const struct store *s, struct err *e, const char *doing, int rc)
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

int env_open(struct store *s)
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
int env_open_tables(struct store *s)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);

	if (rc)
		return rc;
	for (size_t i = 0; i < TABLES; i++) {
		rc = mdb_dbi_open(txn, table_name(i), 0, &s->dbi[i]);
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

int env_make_tables(struct store *s, MDB_txn *txn)
{
	int rc = 0;

	for (size_t i = 0; i < TABLES && !rc; i++)
		rc = mdb_dbi_open(txn, table_name(i), MDB_CREATE, &s->dbi[i]);
	return rc;
}

static int reopen(struct store *s)
{
	int rc;

	mdb_env_close(s->env);
	s->env = NULL;
	rc = env_open(s);
	if (!rc && (rc = env_open_tables(s)) != 0) {
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
int env_make_room(struct store *s, size_t bytes)
{
	size_t size, used = map_used(s, &size) + bytes;
	int rc;

	if (!s->map_full && used <= size / 2)
		return 0;
	if (!gate_close(&s->gate, s->map_full || used > size / 4 * 3))
		return 0;
	rc = grow_map(s, map_for(used, size * 2));
	gate_open(&s->gate);
	return s->map_full ? rc : 0;
}

int env_repair(struct store *s)
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

void env_note_failure(struct store *s, int rc)
{
	MDB_txn *probe;

	if (rc == MDB_MAP_FULL)
		s->map_full = true;
	rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &probe);
	if (rc == MDB_PANIC)
		s->broken = true;
	else if (!rc)
		mdb_txn_abort(probe);
}
