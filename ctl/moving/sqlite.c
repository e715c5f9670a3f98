#include "ctl/moving/sqlite.h"

#include <ctype.h>
#include <dlfcn.h>
#include <unistd.h>

#include "base/buf.h"

/* Its stable interface, as far as it is used (https://sqlite.org/c3ref/intro.html). */
#define SQLITE_OK 0
#define SQLITE_ROW 100
#define SQLITE_DONE 101
#define SQLITE_OPEN_READONLY 1
#define SQLITE_OPEN_URI 0x40
#define WAL_MODE 2

#define CALLS                                                                                                          \
	CALL(int, open_v2, (const char *, void **, int, const char *))                                                 \
	CALL(int, close, (void *))                                                                                     \
	CALL(int, prepare_v2, (void *, const char *, int, void **, const char **))                                     \
	CALL(int, step, (void *))                                                                                      \
	CALL(int, finalize, (void *))                                                                                  \
	CALL(int, column_count, (void *))                                                                              \
	CALL(const char *, column_name, (void *, int))                                                                 \
	CALL(const unsigned char *, column_text, (void *, int))                                                        \
	CALL(const char *, errmsg, (void *))

struct sqlite {
	void *library, *db, *statement;
#define CALL(type, name, args) type(*name) args;
	CALLS
#undef CALL
};

static int load(struct sqlite *s, struct err *e)
{
	s->library = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL);
	if (!s->library) {
		err_set(e, ERR_USAGE, "reading a SQLite file: the library libsqlite3 is not installed");
		return err_hint(e, "Install it: apt install libsqlite3-0");
	}
#define CALL(type, name, args)                                                                                         \
	s->name = (type(*) args)dlsym(s->library, "sqlite3_" #name);                                                   \
	if (!s->name)                                                                                                  \
		return err_set(e, ERR_INTERNAL, "libsqlite3 has no sqlite3_" #name);
	CALLS
#undef CALL
	return 0;
}

static void sqlite_release(struct sqlite *s)
{
	if (s->statement)
		s->finalize(s->statement);
	if (s->db)
		s->close(s->db);
	if (s->library)
		dlclose(s->library);
}

static int fail(const struct sqlite *s, const char *file, struct err *e)
{
	const char *why = s->db ? s->errmsg(s->db) : "it cannot be opened";

	err_set(e, ERR_USAGE, "reading %s: %s", file, why);
	if (strstr(why, "no such table") || strstr(why, "no such column"))
		err_hint(e, "It is a database, but not one of this program, or of a version that is not known.");
	else if (strstr(why, "unable to open") && !access(file, R_OK))
		err_hint(e, "Copy it, and NAME-wal if that is beside it, to a directory where you can write, and "
			    "import from there.");
	else if (strstr(why, "locked") || strstr(why, "readonly"))
		err_hint(e, "Stop the program, or import from a copy of the file; copy the files NAME-wal and NAME-shm "
			    "beside it, too.");
	return -1;
}

/* Does it keep its last changes in a file NAME-wal (https://sqlite.org/fileformat.html section 1.3.3), which is not
 * there? */
static bool is_at_rest(const char *file)
{
	_cleanup_free_ char *wal = xasprintf("%s-wal", file);
	_cleanup_fclose_ FILE *f = fopen(file, "re");
	char header[20];

	return f && fread(header, 1, sizeof(header), f) == sizeof(header) && header[18] == WAL_MODE &&
	       access(wal, F_OK);
}

/* Nothing is made beside a database whose program has ended: it is read as one that nobody changes. */
static char *uri_of(const char *file)
{
	const char *how = is_at_rest(file) ? "?immutable=1" : "";
	struct buf uri = BUF_INIT;

	buf_add_str(&uri, "file:");
	for (; *file; file++)
		buf_addf(&uri, isalnum((unsigned char)*file) || strchr("/._-", *file) ? "%c" : "%%%02X",
			 (unsigned char)*file);
	buf_add_str(&uri, how);
	return buf_detach(&uri);
}

static json_t *row(const struct sqlite *s)
{
	json_t *one = json_object();

	for (int i = 0; i < s->column_count(s->statement); i++) {
		const char *text = (const char *)s->column_text(s->statement, i);

		if (text)
			json_object_set_new(one, s->column_name(s->statement, i), json_string(text));
	}
	return one;
}

json_t *sqlite_rows(const char *file, const char *query, struct err *e)
{
	_cleanup_(sqlite_release) struct sqlite s = { .db = NULL };
	_cleanup_json_ json_t *rows = json_array();
	_cleanup_free_ char *uri = uri_of(file);
	int step;

	if (load(&s, e) < 0)
		return NULL;
	if (s.open_v2(uri, &s.db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) != SQLITE_OK ||
	    s.prepare_v2(s.db, query, -1, &s.statement, NULL) != SQLITE_OK)
		return fail(&s, file, e), NULL;
	while ((step = s.step(s.statement)) == SQLITE_ROW)
		json_array_append_new(rows, row(&s));
	if (step != SQLITE_DONE)
		return fail(&s, file, e), NULL;
	return TAKE(rows);
}
