/* For the tests of the keeper: a directory, a keeper, and questions asked one after the other. */
#ifndef T_LIB_KEEPER_H
#define T_LIB_KEEPER_H

#include "keeper/keeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/process/spawn.h"

/* The programs are where the tests' folder is. */
__attribute__((constructor)) static void find_programs(void)
{
	static char own[PATH_MAX];

	if (readlink("/proc/self/exe", own, sizeof(own) - 1) < 0)
		return;
	for (int up = 0; up < 2; up++)
		*strrchr(own, '/') = '\0';
	spawn_programs = own;
}

struct reply {			/* an answer that was copied */
	bool came;
	struct err err;
	struct buf field[KEEPER_FIELDS];
	size_t fields;
};

struct fixture {
	char dir[64], key_file[96], socket[96];
	struct loop *loop;
	struct keeper *keeper;
	struct keeper_client *client;
	int deaths;
};

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline void make_dir(struct fixture *f)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(f->dir, sizeof(f->dir), "%s/keeper-XXXXXX", tmp && strlen(tmp) < 32 ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->key_file, sizeof(f->key_file), "%s/master.key", f->dir);
	snprintf(f->socket, sizeof(f->socket), "%s/socket", f->dir);
}

static inline void remove_dir(struct fixture *f)
{
	nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void on_death(void *arg)
{
	struct fixture *f = arg;

	f->deaths++;
	loop_stop(f->loop);
}

static inline struct keeper *start_keeper(const struct fixture *f, int clients)
{
	struct keeper_options options = { .master_key_file = f->key_file, .may_create = true, .clients = clients };
	struct err e = { 0 };
	struct keeper *k = keeper_start(&options, &e);

	if (!k)
		fail_msg("%s", e.message);
	return k;
}

static inline int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	make_dir(f);
	f->keeper = start_keeper(f, 2);
	f->loop = loop_new();
	f->client = keeper_attach(f->keeper, 0, f->loop, on_death, f);
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	keeper_detach(f->client);
	keeper_stop(f->keeper);
	loop_free(f->loop);
	remove_dir(f);
	free(f);
	return 0;
}

static inline void copy_answer(struct reply *r, const struct keeper_answer *a)
{
	assert_false(r->came);
	r->came = true;
	r->err = a->err ? *a->err : (struct err){ 0 };
	r->fields = a->fields;
	for (size_t i = 0; i < a->fields; i++) {
		assert_int_equal(((const char *)a->field[i].data)[a->field[i].len], '\0');
		buf_add(&r->field[i], a->field[i].data, a->field[i].len);
	}
}

static inline void release_reply(struct reply *r)
{
	for (int i = 0; i < KEEPER_FIELDS; i++)
		buf_wipe(&r->field[i]);
	*r = (struct reply){ 0 };
}

struct waiting {
	struct fixture *f;
	struct reply *reply;
};

static inline void on_answer(void *arg, const struct keeper_answer *a)
{
	struct waiting *w = arg;

	copy_answer(w->reply, a);
	loop_stop(w->f->loop);
}

static inline enum err_kind ask_fields(struct fixture *f, struct reply *r, enum keeper_op op, int proof_fd,
				       const struct slice *fields, size_t count)
{
	struct waiting w = { f, r };

	release_reply(r);
	keeper_ask(f->client, op, fields, count, proof_fd, on_answer, &w);
	assert_false(r->came);
	loop_run(f->loop);
	assert_true(r->came);
	return r->err.kind;
}

/* Asks and waits; the kind of the error, ERR_NONE if all is well. */
#define ASK(f, reply, op, proof_fd, ...) \
	ask_fields(f, reply, KEEPER_##op, proof_fd, (const struct slice[]){ __VA_ARGS__ }, \
		   sizeof((const struct slice[]){ __VA_ARGS__ }) / sizeof(struct slice))
/* A question without fields. */
#define ASK_BARE(f, reply, op) ask_fields(f, reply, KEEPER_##op, -1, NULL, 0)

/* cmocka's own skip() prints "not ok". */
#define SKIP(why) \
	do { \
		printf("# skipped: %s\n", why); \
		return; \
	} while (0)

#define S(text) slice_str(text)
#define F(reply, index) slice_buf(&(reply)->field[index])

#endif
