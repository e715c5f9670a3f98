/*
 * Work on the store itself that takes a while: a backup, a check of everything in it.  A thread of its own does it, so
 * that neither orders nor answers wait; the record `upkeep` tells how it went.
 */
#include "daemon/engine/backup.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/engine/log_seal.h"
#include "store/event/history.h"
#include "store/verify.h"

#define BACKUP "backup" /* the row's id */

struct backup {
	struct job job;
	struct rec_upkeep rec;
	pthread_t thread;
	struct verify_count count;
	uint64_t position;	/* of the log, where the store of rec.against was equal */
	int64_t bytes;
	char *shelf;	/* where backups are that nobody gave a place; NULL: this one has one */
	int64_t keep;	/* so many there, as configured when it began: a reload may be under way */
	struct err err; /* what went wrong; else it is clear */
};

/*
 * The thread.  It touches the store and its own struct.
 */

/* In the copy, this very backup is still to be done: whoever restores it does not want that. */
static int forget_in(struct store *copy, const struct job *job, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(copy, &t, e) < 0 || agenda_delete(t, job->kind, job->id, e) < 0 ||
	    rec_upkeep_delete(t, job->id, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

/* What was written is what is read again, all of it. */
static int verify_copy(struct backup *u, const char *directory, struct err *e)
{
	_cleanup_free_ char *file = xasprintf("%s/data.mdb", directory);
	struct store *copy = NULL;
	struct stat st;
	int result;

	if (store_open(&copy, directory, e) < 0)
		return -1;
	result = forget_in(copy, &u->job, e) < 0 || store_settle(copy, e) < 0 ? -1 : store_verify(copy, &u->count, e);
	store_close_copy(copy);
	u->bytes = stat(file, &st) ? 0 : (int64_t)st.st_size;
	return result;
}

/* Those above it that are not there yet. */
static int make_parents(const char *directory, struct err *e)
{
	_cleanup_free_ char *path = xstrdup(directory);

	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0750) && errno != EEXIST)
			return err_errno(e, ERR_STORAGE, "making the directory %s", path);
		*slash = '/';
	}
	return 0;
}

/* Who is asked for a backup by root writes it as somebody else. */
static int hint_user(struct err *e)
{
	return *e->hint ? -1
			: err_hint(e,
				   "The server writes backups as the user it runs as, and under systemd only below its "
				   "state directory.");
}

static int backup(struct backup *u, struct err *e)
{
	const char *directory = u->rec.directory;
	_cleanup_free_ char *part = xasprintf("%s.part", directory);
	struct stat st;

	if (!stat(directory, &st))
		return err_set(e, ERR_CONFLICT, "%s exists already", directory);
	if (make_parents(directory, e) < 0)
		return hint_user(e);
	store_remove_copy(part);
	if (store_copy(u->job.engine->store, part, e) < 0)
		return hint_user(e);
	if (verify_copy(u, part, e) < 0)
		err_prefix(e, "reading the backup again");
	else if (rename(part, directory))
		err_errno(e, ERR_STORAGE, "naming the backup %s", directory);
	else
		return 0;
	store_remove_copy(part);
	return -1;
}

/* Those that are made by themselves have the time as their name. */
static int is_dated(const struct dirent *entry)
{
	int64_t t;

	return clock_parse_rfc3339(entry->d_name, &t) == 0;
}

/* Only so many stay. */
static void clear_shelf(const char *shelf, int64_t keep)
{
	struct dirent **entry;
	int count = scandir(shelf, &entry, is_dated, alphasort); /* the oldest first */

	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *directory = xasprintf("%s/%s", shelf, entry[i]->d_name);

		if (i < count - keep)
			store_remove_copy(directory);
		free(entry[i]);
	}
	if (count >= 0)
		free(entry);
}

static int check(struct backup *u, struct err *e)
{
	const struct engine *g = u->job.engine;
	const char *against = u->rec.against;

	if (store_verify(g->store, &u->count, e) < 0)
		return -1;
	return against && *against ? g->compare(g->arg, against, &u->position, e) : 0;
}

static void finished(void *arg);

static void *work(void *arg)
{
	struct backup *u = arg;

	if (err_is_set(&u->err)) {
		/* it has no place to be written to */
	} else if (u->job.kind == AGENDA_backup) {
		if (backup(u, &u->err) < 0)
			err_prefix(&u->err, "backing up the store");
		else if (u->shelf)
			clear_shelf(u->shelf, u->keep);
	} else if (check(u, &u->err) < 0) {
		err_prefix(&u->err, "checking the store");
	}
	loop_post(u->job.engine->loop, finished, u);
	return NULL;
}

/*
 * The engine's side.
 */

static void backup_free(struct backup *u)
{
	rec_upkeep_release(&u->rec);
	free(u->shelf);
	free(u);
}

/* Not ended halfway: it is soon over, and its row stays due. */
static void cancel(struct job *job)
{
	struct backup *u = (struct backup *)job;

	pthread_join(u->thread, NULL);
	backup_free(u);
}

/* The next one comes by itself, or there is none. */
static int backup_plan_next(const struct engine *g, struct txn *t, enum agenda_kind kind, const char *id, int64_t last,
		     struct err *e)
{
	int64_t every = g->config->backup_every;

	if (kind != AGENDA_backup || !every)
		return agenda_delete(t, kind, id, e);
	return agenda_set(t, kind, id, MAX(last + every, clock_now() + 1), e);
}

/* A backup is done when it is elsewhere, too, if that is wanted: daemon/hook/offsite.c goes on with it. */
static int backup_plan_copy(struct backup *u, struct txn *t, struct err *e)
{
	record_set(&u->rec.state, "copying");
	return agenda_set(t, AGENDA_offsite, u->job.id, clock_now(), e);
}

static int backup_note_passed(const struct backup *u, struct txn *t, const struct event_of *event, struct err *e)
{
	bool is_backup = u->job.kind == AGENDA_backup;
	_cleanup_free_ char *equal = u->position ? xasprintf("; the store of %s is equal at entry %llu of the log",
							     u->rec.against, (unsigned long long)u->position)
						 : xstrdup("");

	return history_add(t, event, e, "%s%s%lld records and %lld events verified%s",
			   is_backup ? u->rec.directory : "", is_backup ? ": " : "", (long long)u->count.records,
			   (long long)u->count.events, equal);
}

static int backup_put_result(struct backup *u, struct err *e)
{
	bool failed = err_is_set(&u->err), is_backup = u->job.kind == AGENDA_backup;
	_cleanup_free_ char *problem = failed ? error_text(&u->err) : NULL;
	struct event_of event = {
		.actor = u->rec.actor,
		.action = failed      ? is_backup ? "store.backup_failed" : "store.check_failed"
			  : is_backup ? "store.backup"
				      : "store.checked",
	};
	_cleanup_txn_ struct txn *t = NULL;

	record_set(&u->rec.state, failed ? "failed" : "passed");
	record_set(&u->rec.error, problem);
	u->rec.ended = clock_now();
	u->rec.records = u->count.records;
	u->rec.events = u->count.events;
	u->rec.bytes = u->bytes;
	if (store_write(u->job.engine->store, &t, e) < 0)
		return -1;
	if (is_backup && !failed && *u->job.engine->config->backup_hook && backup_plan_copy(u, t, e) < 0)
		return -1;
	if (rec_upkeep_put(t, &u->rec, e) < 0 ||
	    backup_plan_next(u->job.engine, t, u->job.kind, u->job.id, u->rec.began, e) < 0)
		return -1;
	if (failed ? history_add(t, &event, e, "%s", u->err.message) < 0 : backup_note_passed(u, t, &event, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static void finished(void *arg)
{
	struct backup *u = arg;
	struct err e = { 0 };

	pthread_join(u->thread, NULL);
	if (!err_is_set(&u->err) && log_seal_trouble(u->job.engine->log_seal))
		u->err = *log_seal_trouble(u->job.engine->log_seal);
	if (err_is_set(&u->err))
		log_err(LOG_LEVEL_ERROR, &u->err);
	if (backup_put_result(u, &e) < 0)
		engine_hold(u->job.engine, &e);
	engine_end(&u->job);
	backup_free(u);
}

/* Nothing is known of it. */
static int backup_forget(struct engine *g, const struct agenda_row *row, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || agenda_delete(t, row->kind, row->id, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

/* Where nobody said where: beside the store or as configured, by the time. */
static int choose_directory(struct engine *g, struct backup *u, struct err *e)
{
	char time[CLOCK_RFC3339_SIZE];

	if (u->rec.directory && *u->rec.directory)
		return 0;
	u->keep = g->config->backup_keep;
	u->shelf = config_backups(g->config);
	if (mkdir(u->shelf, 0700) && errno != EEXIST)
		return err_errno(e, ERR_STORAGE, "making the directory %s", u->shelf);
	free(u->rec.directory);
	u->rec.directory = xasprintf("%s/%s", u->shelf, clock_rfc3339(time, u->rec.began));
	return 0;
}

/* One that nobody asked for: its turn has come. */
static int begin_by_itself(struct engine *g, const struct agenda_row *row, struct rec_upkeep *rec, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	rec_upkeep_release(rec);
	record_set(&rec->id, row->id);
	record_set(&rec->state, "open");
	record_set(&rec->actor, "engine");
	rec->began = clock_now();
	if (store_write(g->store, &t, e) < 0 || rec_upkeep_put(t, rec, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static int backup_look_up(struct engine *g, const struct agenda_row *row, struct rec_upkeep *rec, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	return store_read(g->store, &t, e) < 0 ? -1 : rec_upkeep_get(t, rec, row->id, e);
}

int backup_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct backup *u = xcalloc(1, sizeof(*u));
	bool found = backup_look_up(g, row, &u->rec, e) == 0;

	if (!found && e->kind != ERR_MISSING) {
		backup_free(u);
		return -1;
	}
	if (!found || !str_eq(u->rec.state, "open")) {
		bool backup = row->kind == AGENDA_backup && g->config->backup_every;

		if (!backup || begin_by_itself(g, row, &u->rec, e) < 0) {
			backup_free(u);
			return backup ? -1 : backup_forget(g, row, e);
		}
	}
	err_clear(e);
	engine_begin(g, &u->job, row, cancel);
	u->job.stays = true;
	if (row->kind == AGENDA_backup && choose_directory(g, u, &u->err) < 0)
		err_prefix(&u->err, "backing up the store");
	if (pthread_create(&u->thread, NULL, work, u))
		die("no thread for the upkeep of the store could be started");
	return 0;
}

static int plan_backup(struct engine *g, struct txn *t, struct err *e)
{
	_cleanup_(rec_upkeep_release) struct rec_upkeep last = { 0 };

	rec_upkeep_get(t, &last, BACKUP, NULL);
	return backup_plan_next(g, t, AGENDA_backup, BACKUP, last.began, e);
}

/* One that was asked for is due. */
void backup_plan(struct engine *g)
{
	engine_plan(g, AGENDA_backup, BACKUP, plan_backup);
}
