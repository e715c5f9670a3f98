#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "ctl/moving/moving.h"

#define FILE_MOST (1024 * 1024)

/* The folder may be anybody's: what is no file, such as a pipe that nobody writes to, is not waited for. */
static FILE *open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	FILE *file = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;

	if (!file && fd >= 0)
		close(fd);
	return file;
}

char *file_text(const char *fmt, ...)
{
	_cleanup_buf_wipe_ struct buf text = BUF_INIT;
	_cleanup_free_ char *path = NULL;
	_cleanup_fclose_ FILE *file = NULL;
	va_list ap;
	size_t got;

	va_start(ap, fmt);
	path = xvasprintf(fmt, ap);
	va_end(ap);
	file = open_file(path);
	if (!file)
		return NULL;
	do {
		got = fread(buf_reserve(&text, 4096), 1, 4096, file);
		text.len += got;
	} while (got && text.len <= FILE_MOST);
	if (ferror(file) || text.len > FILE_MOST || (text.len && memchr(text.data, '\0', text.len)))
		return NULL;
	buf_add(&text, "", 0);
	return buf_detach(&text);
}

bool file_never_was(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 && errno == ENOENT;
}

const char *file_trouble(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && errno == ENOENT && !lstat(path, &st))
		return "it is a link that leads nowhere";
	if (fd < 0 || fstat(fd, &st) < 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? "it is a directory" : "it is no file";
	return st.st_size ? "it is no text, or too long" : "it is empty";
}

bool file_is(const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	va_list ap;

	va_start(ap, fmt);
	path = xvasprintf(fmt, ap);
	va_end(ap);
	return !access(path, F_OK);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

char **file_names(const char *directory)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, not_hidden, alphasort);
	char **names = NULL;

	if (count < 0)
		return NULL;
	for (int i = 0; i < count; i++) {
		strv_add(&names, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	errno = 0;
	return names;
}

/* A value as a shell or configobj reads it: without its quotes, or up to a comment. */
static char *unquote(const char *value)
{
	size_t len;

	while (isblank((unsigned char)*value))
		value++;
	if (*value == '"' || *value == '\'') {
		const char *end = strchr(value + 1, *value);

		return end ? xstrndup(value + 1, (size_t)(end - value - 1)) : xstrdup(value + 1);
	}
	len = strcspn(value, "#");
	while (len && isspace((unsigned char)value[len - 1]))
		len--;
	return xstrndup(value, len);
}

json_t *file_assignments(const char *text)
{
	_cleanup_strv_ char **lines = strv_split(text, "\r\n");
	json_t *values = json_object();

	for (char **line = lines; line && *line; line++) {
		char *name = *line + strspn(*line, " \t"), *equals = strchr(name, '=');
		_cleanup_wipe_ char *value = NULL;
		size_t len;

		if (str_starts(name, "export "))
			name += strlen("export ");
		if (!equals || *name == '#' || equals <= name)
			continue;
		len = strcspn(name, " \t=");
		value = unquote(equals + 1);
		name[len] = '\0';
		json_put_str(values, name, value);
	}
	return values;
}

char *file_name_of(const char *text)
{
	char *name = xstrdup(*text ? text : "_");

	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			*p = '_';
	if (*name == '.' || *name == '-')
		*name = '_';
	if (strlen(name) > 100)
		name[100] = '\0';
	return name;
}

char *url_host(const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + strlen("://") : url;
	return xstrndup(host, strcspn(host, "/"));
}

const char *url_path(const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + strlen("://") : url;
	return host + strcspn(host, "/");
}

const char *known_directory(const char *host)
{
	static const char *const known[] = {
		"https://acme-v02.api.letsencrypt.org/directory",
		"https://acme-staging-v02.api.letsencrypt.org/directory",
		"https://acme.zerossl.com/v2/DV90",
		"https://dv.acme-v02.api.pki.goog/directory",
		"https://acme.sectigo.com/v2/DV",
		"https://acme-api.actalis.com/acme/directory",
		"https://api.buypass.com/acme/directory",
		"https://api.test4.buypass.no/acme/directory",
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		_cleanup_free_ char *its = url_host(known[i]);

		if (!strcasecmp(its, host))
			return known[i];
	}
	return NULL;
}
