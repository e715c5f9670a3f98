#include "daemon/notify/mime.h"

#include <time.h>

#include "base/encode.h"
#include "pki/file/mailbox.h"

#define LINE_MOST 76			/* of encoded text; headers may have two more */
#define WORD_MOST 45			/* bytes in an encoded word: 60 of base64, 12 around it */

static bool mime_is_plain(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			return false;
	return !strstr(text, "=?");
}

/* Control characters become spaces, what is no UTF-8 a question mark; owned. */
static char *make_clean(const char *text)
{
	struct buf clean = BUF_INIT;

	while (*text) {
		size_t len = utf8_len(text);

		if (len == 1 && ((unsigned char)*text < 0x20 || *text == 0x7f))
			buf_add_ch(&clean, ' ');
		else if (len)
			buf_add(&clean, text, len);
		else
			buf_add_ch(&clean, '?');
		text += MAX(len, 1);
	}
	buf_add(&clean, "", 0);
	return buf_detach(&clean);
}

/* Words of plain text; a line is broken between them where it would get too long. */
static void add_folded(struct buf *out, size_t column, const char *text)
{
	while (*text) {
		size_t blanks = strspn(text, " ");
		size_t len = blanks + strcspn(text + blanks, " ");

		if (column > 1 && blanks && text[blanks] && column + len > LINE_MOST) {
			buf_add_str(out, "\r\n");
			column = 0;
		}
		buf_add(out, text, len);
		column += len;
		text += len;
	}
}

/* Encoded words (RFC 2047 section 2), each a line, no character split between two. */
static void add_encoded(struct buf *out, const char *text)
{
	for (bool first = true; *text; first = false) {
		size_t len = 0, room = first ? WORD_MOST - 15 : WORD_MOST;

		while (text[len] && len + utf8_len(text + len) <= room)
			len += utf8_len(text + len);
		buf_add_str(out, first ? "=?utf-8?B?" : "\r\n =?utf-8?B?");
		base64_add(out, text, len);
		buf_add_str(out, "?=");
		text += len;
	}
}

void mime_header(struct buf *out, const char *name, const char *value)
{
	_cleanup_free_ char *clean = make_clean(value);

	buf_addf(out, "%s: ", name);
	if (mime_is_plain(clean))
		add_folded(out, strlen(name) + 2, clean);
	else
		add_encoded(out, clean);
	buf_add_str(out, "\r\n");
}

/* One character of quoted-printable (RFC 2045 section 6.7) at the end of *column. */
static void quote_char(struct buf *out, size_t *column, unsigned char c, bool last)
{
	char text[4];
	size_t len;

	if ((c >= 0x21 && c <= 0x7e && c != '=') || (c == ' ' && !last))
		len = (size_t)snprintf(text, sizeof(text), "%c", c);
	else
		len = (size_t)snprintf(text, sizeof(text), "=%02X", c);
	if (*column + len >= LINE_MOST) {
		buf_add_str(out, "=\r\n");
		*column = 0;
	}
	buf_add(out, text, len);
	*column += len;
}

void mime_quote(struct buf *out, const char *text)
{
	size_t column = 0;

	for (; *text; text++) {
		if (*text == '\r' && text[1] == '\n')
			continue;
		if (*text == '\n') {
			buf_add_str(out, "\r\n");
			column = 0;
			continue;
		}
		quote_char(out, &column, (unsigned char)*text, !text[1] || text[1] == '\n' || text[1] == '\r');
	}
	if (column)
		buf_add_str(out, "\r\n");
}

/* The name in front of the address; "" if there is none.  Owned. */
static char *display_name(const char *text)
{
	const char *open = strrchr(text, '<');
	size_t len = open ? (size_t)(open - text) : 0;

	while (len && (text[len - 1] == ' ' || text[len - 1] == '"'))
		len--;
	while (len && (*text == ' ' || *text == '"')) {
		text++;
		len--;
	}
	return xstrndup(text, len);
}

static int add_mailbox(struct buf *out, const char *header, const char *text, struct err *e)
{
	_cleanup_free_ char *address = mailbox_address(text, e), *name = NULL, *clean = NULL;

	if (!address)
		return -1;
	name = display_name(text);
	clean = make_clean(name);
	buf_addf(out, "%s: ", header);
	if (*clean && mime_is_plain(clean) && !strpbrk(clean, "\"\\"))
		buf_addf(out, "\"%s\"\r\n ", clean);
	else if (*clean) {
		add_encoded(out, clean);
		buf_add_str(out, "\r\n ");
	}
	buf_addf(out, *clean ? "<%s>\r\n" : "%s\r\n", address);
	return 0;
}

/* Always in English, whatever the locale: RFC 5322 section 3.3. */
static void add_date(struct buf *out, int64_t t)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)t;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	buf_addf(out, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * tm.tm_wday, tm.tm_mday,
		 months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void add_part(struct buf *out, const char *boundary, const char *type, const char *text)
{
	buf_addf(out,
		 "--%s\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
		 boundary, type);
	mime_quote(out, text);
}

/* In base64, lines of 76 characters (RFC 2045 section 6.8). */
static void add_file(struct buf *out, const char *boundary, const struct mime_message *m)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_addf(out,
		 "--%s\r\nContent-Type: text/csv; charset=utf-8; header=present\r\n"
		 "Content-Disposition: attachment; filename=\"%s\"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		 boundary, m->file_name);
	base64_add(&text, m->file.data, m->file.len);
	for (size_t i = 0; i < text.len; i += LINE_MOST)
		buf_addf(out, "%.*s\r\n", (int)MIN(text.len - i, LINE_MOST), text.data + i);
}

/* Text and HTML, as alternatives. */
static void add_alternatives(struct buf *out, const char *boundary, const struct mime_message *m)
{
	buf_addf(out, "Content-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n", boundary);
	add_part(out, boundary, "plain", m->text);
	if (m->html)
		add_part(out, boundary, "html", m->html);
	buf_addf(out, "--%s--\r\n", boundary);
}

int mime_compose(const struct mime_message *m, struct buf *out, struct err *e)
{
	/* "=_" is never in quoted-printable (RFC 2045 section 6.7), nor "_" in base64. */
	_cleanup_free_ char *boundary = xasprintf("=_%s", m->key), *outer = xasprintf("=_m%s", m->key);

	add_date(out, m->time);
	if (add_mailbox(out, "From", m->from, e) < 0 || add_mailbox(out, "To", m->to, e) < 0)
		return -1;
	mime_header(out, "Subject", m->subject);
	buf_addf(out,
		 "Message-ID: <%s@%s>\r\n"
		 "Auto-Submitted: auto-generated\r\n"
		 "MIME-Version: 1.0\r\n",
		 m->key, m->host);
	if (!m->file_name) {
		add_alternatives(out, boundary, m);
		return 0;
	}
	buf_addf(out, "Content-Type: multipart/mixed;\r\n boundary=\"%s\"\r\n\r\n--%s\r\n", outer, outer);
	add_alternatives(out, boundary, m);
	add_file(out, outer, m);
	buf_addf(out, "--%s--\r\n", outer);
	return 0;
}
