#include "daemon/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/keycheck.h"
#include "store/db/replica.h"
#include "store/event/history.h"
#include "store/upgrade.h"
#include "store/verify.h"

#define BLOCK (1024 * 1024)

static int copy_bytes(int from, int to)
{
	_cleanup_free_ char *block = xmalloc(BLOCK);
	ssize_t got;

	while ((got = read(from, block, BLOCK)) > 0)
		for (ssize_t put = 0, n; put < got; put += n)
			if ((n = write(to, block + put, got - put)) < 0)
				return -1;
	return got < 0 ? -1 : fsync(to);
}

/* Only here: opening it writes to it, and the backup stays as it is. */
static int copy_backup(const struct restore *r, const char *copy, struct err *e)
{
	_cleanup_free_ char *file = xasprintf("%s/data.mdb", copy);
	_cleanup_close_ int fd = -1;

	store_remove_copy(copy);	/* of one that was interrupted */
	if (mkdir(copy, 0700))
		return err_errno(e, ERR_STORAGE, "making the directory %s", copy);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 || copy_bytes(r->fd, fd) < 0 ? err_errno(e, ERR_STORAGE, "copying the backup to %s", copy) : 0;
}

static int note(struct store *s, const struct restore *r, struct err *e)
{
	const struct event_of event = { .actor = "local admin", .action = "store.restored" };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(s, &t, e) < 0 || history_add(t, &event, e, "restored from the backup %s", r->from) < 0 ||
	    txn_commit(TAKE(t), e) < 0)
		return -1;
	return store_join(s, NULL, 0, e);	/* a cluster has gone on without it */
}

/* Older backups are upgraded as an older store is; what comes out is read again, all of it. */
static int examine(const struct restore *r, struct store *s, struct verify_count *count, struct err *e)
{
	if (keycheck_verify(s, r->keeper, r->client, e) < 0 || store_upgrade(s, e) < 0 || note(s, r, e) < 0)
		return -1;
	return store_verify(s, count, e);
}

static int prepare(const struct restore *r, const char *copy, struct verify_count *count, struct err *e)
{
	struct store *s = NULL;
	int failed;

	if (copy_backup(r, copy, e) < 0)
		return -1;
	failed = store_open(&s, copy, e) < 0 || examine(r, s, count, e) < 0;
	store_close_copy(s);
	return failed ? err_prefix(e, "reading the backup %s", r->from) : 0;
}

/* Named by the time; a second one in that second gets a number. */
static char *choose_former(const char *shelf)
{
	char time[CLOCK_RFC3339_SIZE];
	char *name = xasprintf("%s/%s", shelf, clock_rfc3339(time, clock_now()));

	for (int n = 2; !access(name, F_OK); n++) {
		free(name);
		name = xasprintf("%s/%s-%d", shelf, time, n);
	}
	return name;
}

/* Without a store so far, there is no former one. */
static int replace(const struct restore *r, const char *copy, char **former, struct err *e)
{
	_cleanup_free_ char *shelf = xasprintf("%s/former", r->directory), *name = NULL;
	bool had_one = store_exists(r->directory);

	if (mkdir(shelf, 0700) && errno != EEXIST)
		return err_errno(e, ERR_STORAGE, "making the directory %s", shelf);
	name = choose_former(shelf);
	if (store_replace(r->directory, copy, name, e) < 0)
		return -1;
	*former = had_one ? TAKE(name) : NULL;
	return 0;
}

json_t *restore_run(const struct restore *r, struct err *e)
{
	_cleanup_free_ char *copy = xasprintf("%s/restore.part", r->directory), *former = NULL;
	_cleanup_close_ int lock = -1;
	struct verify_count count = { 0 };
	json_t *done;

	if (!r->only_check && store_lock(r->directory, &lock, e) < 0) {
		if (e->kind == ERR_CONFLICT)
			err_hint(e, "Stop it first (systemctl stop certera), then restore. Nothing was changed.");
		return NULL;
	}
	if (prepare(r, copy, &count, e) < 0 || (!r->only_check && replace(r, copy, &former, e) < 0)) {
		store_remove_copy(copy);
		return NULL;
	}
	if (r->only_check)
		store_remove_copy(copy);
	done = json_object();
	json_put_str(done, "from", r->from);
	json_put_bool(done, "restored", !r->only_check);
	json_put_int(done, "records", count.records);
	json_put_int(done, "events", count.events);
	json_put_str(done, "former", former);
	return done;
}
