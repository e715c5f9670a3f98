#include "pki/trust/roots.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"

#define LOOK_MS 60000
#define FILE_MAX (8 * 1024 * 1024)

/* Where systems keep theirs: Debian and Alpine, Fedora, others. */
static const char *const usual[] = {
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
};

struct roots {
	char *file;
	struct timespec changed;
	int64_t looked;		/* clock_mono_ms(); 0: never */
	struct trust *trust;
};

struct roots *roots_new(void)
{
	return xcalloc(1, sizeof(struct roots));
}

void roots_free(struct roots *r)
{
	if (!r)
		return;
	trust_free(r->trust);
	free(r->file);
	free(r);
}

const char *roots_of_system(void)
{
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		if (stat(usual[i], &st) == 0)
			return usual[i];
	return NULL;
}

int roots_read(const char *path, struct buf *text, struct err *e)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	size_t got;

	if (!f)
		return err_errno(e, ERR_CONFIG, "reading the roots in %s", path);
	do {
		got = fread(buf_reserve(text, BUFSIZ), 1, BUFSIZ, f);
		text->len += got;
	} while (got && text->len <= FILE_MAX);
	return 0;
}

static struct trust *read_file(const char *path, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct trust *trust;

	if (roots_read(path, &text, e) < 0)
		return NULL;
	trust = trust_new(slice_buf(&text), e);
	if (!trust)
		err_prefix(e, "reading the roots in %s", path);
	return trust;
}

/* Also when that fails: nothing is judged by roots that should not be there any more. */
static void load(struct roots *r, const char *path)
{
	struct err e = { 0 };

	trust_free(r->trust);
	r->trust = read_file(path, &e);
	if (!r->trust)
		log_err(LOG_LEVEL_ERROR, &e);
}

struct trust *roots_get(struct roots *r, const char *file)
{
	const char *own = roots_of_system(), *path = *file ? file : own ? own : usual[0];
	bool same = str_eq(r->file, path);
	struct stat st = { 0 };

	if (same && r->looked && clock_mono_ms() < r->looked + LOOK_MS)
		return r->trust;
	r->looked = clock_mono_ms();
	if (stat(path, &st) < 0)
		st.st_mtim = (struct timespec){ 0 };
	if (same && !memcmp(&st.st_mtim, &r->changed, sizeof(r->changed)))
		return r->trust;
	r->changed = st.st_mtim;
	if (!same) {
		free(r->file);
		r->file = xstrdup(path);
	}
	load(r, path);
	return r->trust;
}
