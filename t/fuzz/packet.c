/*
 * What one of our processes says to the next: a line's packets, messages to the front and to the runner.  What is read as a request or
 * an answer is text that cannot end a line, and says the same when it is written and read once more.
 */
#include "base/http/packet.h"
#include "daemon/front/front_tell.h"
#include "daemon/hook/errand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	for (; text && *text; text++)
		if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
			die("byte %d", *text);
}

static void check_request(const struct packet *p)
{
	char *text = xmalloc(packet_text_size(p)), *again = NULL;
	struct http_request r, s;
	struct buf out = BUF_INIT;
	struct packet q;

	if (packet_request(p, &r, text) == 0) {
		if (http_request_size(&r) >= packet_text_size(p) || r.socket != -1 || r.face == FACE_CONTROL)
			die("a request of %zu bytes", http_request_size(&r));
		check_text(http_path(&r));
		check_text(http_query(&r));
		for (enum http_field f = 0; f < HTTP_FIELDS; f++)
			check_text(http_field(&r, f));
		packet_add_request(&out, p->id, &r);
		if (packet_take(&q, slice_buf(&out)) != (ssize_t)out.len)
			die("it cannot be written");
		again = xmalloc(packet_text_size(&q));
		if (packet_request(&q, &s, again) < 0 || !str_eq(http_path(&r), http_path(&s)) ||
		    !slice_eq(http_body(&r), http_body(&s)))
			die("it is another request");
	}
	buf_release(&out);
	free(again);
	free(text);
}

static void check_answer(const struct packet *p)
{
	struct http_answer a, b;
	struct buf out = BUF_INIT;
	struct packet q;
	size_t len, again;

	if (packet_answer(p, &a, &len) < 0)
		return;
	check_text(a.type);
	if (memmem(a.fields.data, a.fields.len, "\r\n\r\n", 4) || (a.fields.len && memchr(a.fields.data, '\0', a.fields.len)))
		die("headers that end too soon");
	if (a.body.len == len) {
		packet_add_answer(&out, p->id, &a, p->kind == PACKET_BEGIN);
		if (packet_take(&q, slice_buf(&out)) != (ssize_t)out.len || packet_answer(&q, &b, &again) < 0 ||
		    again != len || a.applied != b.applied || !slice_eq(a.body, b.body) || !slice_eq(a.fields, b.fields) || !str_eq(a.type, b.type))
			die("it is another answer");
	}
	buf_release(&out);
}

static void check_tell(const struct tell_table *table, struct slice bytes)
{
	struct tell t;
	int64_t number;

	if (tell_read(&t, table, bytes, true) < 0 && tell_read(&t, table, bytes, false) < 0)
		return;
	for (size_t i = 0; i < TELL_FIELDS; i++)
		if (t.field[i].data) {
			char *text = tell_get_text(&t, i), **list = tell_get_list(&t, i), **texts = tell_get_texts(&t, i);

			tell_get_number(&t, i, &number);
			free(text);
			strv_free(list);
			strv_free(texts);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet p;
	size_t used = 0;
	ssize_t one;

	if (size) {
		check_tell(&front_tells, slice(data, size));
		check_tell(&errands, slice(data, size));
	}
	while ((one = packet_take(&p, slice(data + used, size - used))) > 0) {
		if (p.kind == PACKET_REQUEST)
			check_request(&p);
		if (p.kind == PACKET_ANSWER || p.kind == PACKET_BEGIN)
			check_answer(&p);
		used += (size_t)one;
	}
	return 0;
}
