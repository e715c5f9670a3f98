#include "base/log.h"

#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/words.h"

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

	if (!stream)
		return false;
	if (fstat(STDERR_FILENO, &st) < 0)
		return to_journal;	/* a process that may not look any more */
	snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return str_eq(stream, ours);
}

void log_setup(enum log_level least, bool as_json)
{
	least_level = least;
	in_json = as_json;
	to_journal = stderr_is_journal();
}

struct log_format log_format(void)
{
	return (struct log_format){ least_level, in_json };
}

void log_role(const char *name)
{
	role = name;
}

/* One line stays one line, and no text from outside moves a terminal's cursor. */
static void add_clean(struct buf *line, const char *s)
{
	while (*s) {
		uint32_t point = 0;
		size_t len = utf8_char(s, strnlen(s, 4), &point);

		if (len && words_fit(point)) {
			buf_add(line, s, len);
		} else if (point == '\n') {
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

static void put_lines(json_t *o, const char *key, const char *text)
{
	_cleanup_buf_ struct buf fit = BUF_INIT;

	words_add_lines(&fit, text, strlen(text), SIZE_MAX);
	json_put_str(o, key, buf_str(&fit));
}

static void json_line(struct buf *line, enum log_level level, const struct err *e, const char *message)
{
	_cleanup_json_ json_t *o = json_object();
	_cleanup_free_ char *text = NULL;

	json_put_time(o, "time", clock_now());
	json_put_str(o, "level", levels[level].name);
	if (role)
		json_put_str(o, "role", role);
	put_lines(o, "message", message);
	if (e && *e->detail)
		put_lines(o, "detail", e->detail);
	if (e && *e->hint)
		put_lines(o, "hint", e->hint);
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

/*
 * Events.
 */

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static const char *or_dash(const char *text)
{
	return text && *text ? text : "-";
}

static void event_sentence(struct buf *out, const struct log_event *v)
{
	buf_addf(out, "event %s ", v->action);
	add_clean(out, or_dash(v->name));
	buf_add_str(out, " by ");
	add_clean(out, or_dash(v->actor));
	if (v->address && *v->address) {
		buf_add_str(out, " from ");
		add_clean(out, v->address);
	}
	buf_add_str(out, ": ");
	add_clean(out, or_dash(v->message));
}

static void add_field(struct buf *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_addf(out, "%s=", name);
	add_clean(out, value);
	buf_add_ch(out, '\n');
}

/* A datagram of lines NAME=VALUE: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/ */
static bool tell_journal(const struct log_event *v, const char *sentence)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
	_cleanup_buf_ struct buf fields = BUF_INIT;
	static int fd = -1;
	char number[32];

	if (fd < 0)
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(number, sizeof(number), "%lld", (long long)v->number);
	add_field(&fields, "MESSAGE", sentence);
	add_field(&fields, "PRIORITY", "6");
	add_field(&fields, "SYSLOG_IDENTIFIER", "certerad");
	add_field(&fields, "CERTERA_EVENT", v->action);
	add_field(&fields, "CERTERA_NUMBER", number);
	add_field(&fields, "CERTERA_NAME", v->name);
	add_field(&fields, "CERTERA_ACTOR", v->actor);
	add_field(&fields, "CERTERA_ADDRESS", v->address);
	return fd >= 0 && sendto(fd, fields.data, fields.len, MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof(to)) ==
				  (ssize_t)fields.len;
}

static void event_json(const struct log_event *v)
{
	_cleanup_json_ json_t *o = json_object();
	_cleanup_free_ char *text = NULL;

	json_put_time(o, "time", clock_now());
	json_put_str(o, "level", levels[LOG_LEVEL_INFO].name);
	put_lines(o, "message", or_dash(v->message));
	json_put_str(o, "event", v->action);
	json_put_int(o, "number", v->number);
	put_lines(o, "name", v->name ? v->name : "");
	put_lines(o, "actor", v->actor ? v->actor : "");
	put_lines(o, "address", v->address ? v->address : "");
	text = json_write(o);
	fprintf(stderr, "%s%s\n", to_journal ? "<6>" : "", text);
}

void log_event(const struct log_event *v)
{
	_cleanup_buf_ struct buf sentence = BUF_INIT;

	if (least_level > LOG_LEVEL_INFO)
		return;
	event_sentence(&sentence, v);
	if (to_journal && !in_json && tell_journal(v, buf_str(&sentence)))
		return;
	if (in_json)
		event_json(v);
	else
		log_info("%s", buf_str(&sentence));
}
