#include "keeper/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/encode.h"

#define ID_SIZE 16
#define LEAST 64	/* places in the table */
#define LOCK_MS 1000
#define TRY_MS 50

struct mark {
	unsigned char id[ID_SIZE];
	uint32_t generation;	/* 0: this place is free */
	int64_t raised_ms;	/* 0: before this start */
};

struct marks {
	pthread_mutex_t lock;
	struct mark *place;	/* by the first bytes of the id, which is random */
	size_t places, used;
	int fd;
	off_t end;		/* of what was written whole */
};

/* In the file, one after the other: the newest of an id counts. */
struct marks_entry {
	unsigned char id[ID_SIZE];
	unsigned char generation[4];	/* big-endian */
	unsigned char check[4];		/* the first bytes of the SHA-256 of what is before it */
};

struct marks *marks_new(void)
{
	struct marks *m = xcalloc(1, sizeof(*m));

	pthread_mutex_init(&m->lock, NULL);
	m->places = LEAST;
	m->place = xcalloc(m->places, sizeof(*m->place));
	m->fd = -1;
	return m;
}

void marks_free(struct marks *m)
{
	if (!m)
		return;
	cleanup_close(&m->fd);
	pthread_mutex_destroy(&m->lock);
	free(m->place);
	free(m);
}

int marks_fd(const struct marks *m)
{
	return m->fd;
}

/*
 * The table.
 */

/* The mark of this id, or the free place for it. */
static struct mark *find(const struct marks *m, const unsigned char id[ID_SIZE])
{
	size_t at;

	memcpy(&at, id, sizeof(at));
	for (at &= m->places - 1; m->place[at].generation; at = (at + 1) & (m->places - 1))
		if (!memcmp(m->place[at].id, id, ID_SIZE))
			break;
	return &m->place[at];
}

static void grow(struct marks *m)
{
	struct mark *before = m->place;
	size_t count = m->places;

	m->places *= 2;
	m->place = xcalloc(m->places, sizeof(*m->place));
	for (size_t i = 0; i < count; i++)
		if (before[i].generation)
			*find(m, before[i].id) = before[i];
	free(before);
}

/* True: it is newer than what was known. */
static bool raise_mark(struct marks *m, const unsigned char id[ID_SIZE], uint32_t generation, int64_t now_ms)
{
	struct mark *k = find(m, id);

	if (generation <= k->generation)
		return false;
	if (!k->generation)
		m->used++;
	memcpy(k->id, id, ID_SIZE);
	k->generation = generation;
	k->raised_ms = now_ms;
	if (m->used * 4 > m->places * 3)
		grow(m);
	return true;
}

/*
 * The file.
 */

static void check_of(const struct marks_entry *n, unsigned char check[sizeof(n->check)])
{
	unsigned char hash[SHA256_SIZE];

	sha256(n, offsetof(struct marks_entry, check), hash);
	memcpy(check, hash, sizeof(n->check));
}

static struct marks_entry entry_of(const struct mark *k)
{
	struct marks_entry n;

	memcpy(n.id, k->id, ID_SIZE);
	for (size_t i = 0; i < sizeof(n.generation); i++)
		n.generation[i] = (unsigned char)(k->generation >> 8 * (3 - i));
	check_of(&n, n.check);
	return n;
}

static bool take_entry(struct marks *m, const struct marks_entry *n)
{
	unsigned char check[sizeof(n->check)];
	uint32_t generation = 0;

	check_of(n, check);
	if (memcmp(check, n->check, sizeof(check)))
		return false;
	for (size_t i = 0; i < sizeof(n->generation); i++)
		generation = generation << 8 | n->generation[i];
	raise_mark(m, n->id, generation, 0);
	return true;
}

/* What is behind the last whole entry was cut off by a full disk: it is written over. */
static size_t take_entries(struct marks *m, struct slice bytes)
{
	size_t damaged = 0;

	for (m->end = 0; (size_t)m->end + sizeof(struct marks_entry) <= bytes.len;
	     m->end += (off_t)sizeof(struct marks_entry)) {
		struct marks_entry n;

		memcpy(&n, (const char *)bytes.data + m->end, sizeof(n));
		damaged += !take_entry(m, &n);
	}
	return damaged;
}

static int read_all(int fd, struct buf *bytes)
{
	struct stat st;
	ssize_t got = 0;

	if (fstat(fd, &st))
		return -1;
	buf_reserve(bytes, (size_t)st.st_size + 1);
	while (bytes->len < (size_t)st.st_size &&
	       (got = read(fd, bytes->data + bytes->len, (size_t)st.st_size - bytes->len)) > 0)
		bytes->len += (size_t)got;
	return got < 0 ? -1 : 0;
}

/* Only what counts, in a file of its own that then takes the place of the first. */
static int write_anew(struct marks *m, const char *file)
{
	_cleanup_free_ char *fresh = xasprintf("%s.new", file);
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	_cleanup_close_ int fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	for (size_t i = 0; i < m->places; i++) {
		const struct marks_entry n = entry_of(&m->place[i]);

		if (m->place[i].generation)
			buf_add(&bytes, &n, sizeof(n));
	}
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) ||
	    write(fd, bytes.data, bytes.len) != (ssize_t)bytes.len || fsync(fd) || rename(fresh, file))
		return -1;
	close(m->fd);
	m->fd = fd;
	fd = -1;
	m->end = (off_t)bytes.len;
	return 0;
}

/* After kill -9 a former keeper may need a moment to end, too. */
static int lock_patiently(int fd)
{
	int locked = flock(fd, LOCK_EX | LOCK_NB);

	for (int tries = 0; locked < 0 && errno == EWOULDBLOCK && tries < LOCK_MS / TRY_MS; tries++) {
		nanosleep(&(struct timespec){ .tv_nsec = TRY_MS * 1000000L }, NULL);
		locked = flock(fd, LOCK_EX | LOCK_NB);
	}
	return locked;
}

int marks_open(struct marks *m, const char *file, size_t *damaged, struct err *e)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	_cleanup_close_ int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	*damaged = 0;
	if (fd < 0 || lock_patiently(fd) < 0 || read_all(fd, &bytes))
		return err_errno(e, ERR_STORAGE, "opening %s", file);
	*damaged = take_entries(m, slice_buf(&bytes));
	m->fd = fd;
	fd = -1;
	if ((size_t)m->end > 2 * m->used * sizeof(struct marks_entry) + 4096)
		write_anew(m, file);	/* it can stay as it is, too */
	return 0;
}

/* A place where nothing whole was written is written to again. */
static void write_on(struct marks *m, const struct mark *k)
{
	const struct marks_entry n = entry_of(k);

	if (m->fd >= 0 && pwrite(m->fd, &n, sizeof(n), m->end) == (ssize_t)sizeof(n))
		m->end += (off_t)sizeof(n);
}

/*
 * From outside.
 */

static bool read_id(struct slice id, unsigned char raw[ID_SIZE])
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;

	if (memchr(id.data, '\0', id.len) || hex_decode(&bytes, id.data) < 0 || bytes.len != ID_SIZE)
		return false;
	memcpy(raw, bytes.data, ID_SIZE);
	return true;
}

int marks_check(struct marks *m, struct slice id, uint32_t generation, int64_t now_ms, struct err *e)
{
	unsigned char raw[ID_SIZE] = { 0 };
	const struct mark *k;
	bool good;

	if (!read_id(id, raw) && generation)
		return err_set(e, ERR_INVALID, "this is no id");
	pthread_mutex_lock(&m->lock);
	k = find(m, raw);
	good = generation >= k->generation ||
	       (generation + 1 == k->generation && k->raised_ms && now_ms < k->raised_ms + MARKS_GRACE_MS);
	pthread_mutex_unlock(&m->lock);
	if (good)
		return 0;
	err_set(e, ERR_STORAGE,
		"what the store holds is older than what it held before: an old password, role or API key was put "
		"back");
	return err_hint(e, "If you put an older store back yourself, stop Certera, remove the file " MARKS_FILE
			   " in the state directory, and start it. certeractl restore does this.");
}

void marks_raise(struct marks *m, struct slice id, uint32_t generation, int64_t now_ms)
{
	unsigned char raw[ID_SIZE];

	if (!generation || !read_id(id, raw))
		return;
	pthread_mutex_lock(&m->lock);
	if (raise_mark(m, raw, generation, now_ms))
		write_on(m, find(m, raw));
	pthread_mutex_unlock(&m->lock);
}
