#include "base/log.h"

#include <stdarg.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/json.h"

static const struct {
	const char *name;
	int syslog; /* sd-daemon(3): "<6>" in front of a line */
} levels[] = {
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_WARN] = { "warn", 4 },
	[LOG_LEVEL_ERROR] = { "error", 3 },
};

static enum log_level least_level = LOG_LEVEL_INFO;
static bool in_json, to_journal;
static _Thread_local const char *role;

/* The journal is what JOURNAL_STREAM names, if stderr still leads there (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return str_eq(stream, ours);
}

void log_setup(enum log_level least, bool as_json)
{
	least_level = least;
	in_json = as_json;
	to_journal = stderr_is_journal();
}

void log_role(const char *name)
{
	role = name;
}

/* One line stays one line, and no text from outside moves a terminal's cursor. */
static void add_clean(struct buf *line, const char *s)
{
	while (*s) {
		size_t len = utf8_len(s);
		unsigned char c = (unsigned char)s[0];
		bool control = c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)s[1] < 0xa0);

		if (len && !control) {
			buf_add(line, s, len);
		} else if (c == '\n') {
			buf_add_str(line, "\\n");
		} else {
			len = MAX(len, 1);
			for (size_t i = 0; i < len; i++)
				buf_addf(line, "\\x%02x", (unsigned char)s[i]);
		}
		s += MAX(len, 1);
	}
}

static void text_line(struct buf *line, enum log_level level, const struct err *e, const char *message)
{
	char when[CLOCK_RFC3339_SIZE];

	if (!to_journal)
		buf_addf(line, "%s ", clock_rfc3339(when, clock_now()));
	buf_addf(line, "%-5s ", levels[level].name);
	if (role)
		buf_addf(line, "%s: ", role);
	add_clean(line, message);
	if (e && *e->detail) {
		buf_add_str(line, " | it said: ");
		add_clean(line, e->detail);
	}
	if (e && *e->hint) {
		buf_add_str(line, " | hint: ");
		add_clean(line, e->hint);
	}
}

static void json_line(struct buf *line, enum log_level level, const struct err *e, const char *message)
{
	_cleanup_json_ json_t *o = json_object();
	_cleanup_free_ char *text = NULL;

	json_put_time(o, "time", clock_now());
	json_put_str(o, "level", levels[level].name);
	if (role)
		json_put_str(o, "role", role);
	json_put_str(o, "message", message);
	if (e && *e->detail)
		json_put_str(o, "detail", e->detail);
	if (e && *e->hint)
		json_put_str(o, "hint", e->hint);
	text = json_write(o);
	buf_add_str(line, text);
}

/* stderr is unbuffered, so one fwrite() is one write(2), and stdio's lock keeps the lines of threads apart. */
static void write_line(enum log_level level, const struct err *e, const char *message)
{
	_cleanup_buf_ struct buf line = BUF_INIT;

	if (to_journal)
		buf_addf(&line, "<%d>", levels[level].syslog);
	(in_json ? json_line : text_line)(&line, level, e, message);
	buf_add_ch(&line, '\n');
	fwrite(line.data, 1, line.len, stderr);
}

static PRINTF_LIKE(2, 0) void log_text(enum log_level level, const char *fmt, va_list ap)
{
	_cleanup_free_ char *message = NULL;

	if (level < least_level)
		return;
	if (vasprintf(&message, fmt, ap) < 0) {
		message = NULL;
		return;
	}
	write_line(level, NULL, message);
}

#define LOG_FUNCTION(name, level)                                                                                      \
	void name(const char *fmt, ...)                                                                                \
	{                                                                                                              \
		va_list ap;                                                                                            \
                                                                                                                       \
		va_start(ap, fmt);                                                                                     \
		log_text(level, fmt, ap);                                                                              \
		va_end(ap);                                                                                            \
	}

LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)

void log_err(enum log_level level, const struct err *e)
{
	if (level >= least_level)
		write_line(level, e, e->message);
}
