/* POST /api/v1/decode: what is in a file, and what is wrong with it.  Nothing of it is kept. */
#include "pki/file/decode.h"

#include "base/clock.h"
#include "pki/file/collect.h"
#include "pki/file/pfx.h"
#include "webui/http/handler.h"
#include "webui/http/upload.h"

struct decoding {
	struct decoded decoded;
	struct buf file;
};

static void decoding_release(void *state)
{
	struct decoding *d = state;

	decode_release(&d->decoded);
	buf_wipe(&d->file);
}

static int show(struct request *r, struct decoding *d, struct err *e)
{
	if (decode_is_empty(&d->decoded))
		return err_set(e, ERR_INVALID, "there is no certificate, request or key in it");
	return reply_json(r, 200, decode_show(&d->decoded, clock_now()));
}

/* What the keeper saw of the private part. */
static int inspected(struct request *r, const struct slice *field, struct err *e)
{
	struct decoding *d = r->state;

	if (decode_add(&d->decoded, field[0], e) < 0 || decode_add(&d->decoded, field[1], e) < 0)
		return -1;
	d->decoded.refused = strv_split(field[2].data, "\n");
	return show(r, d, e);
}

int page_decode(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	struct decoding *d = request_state(r, sizeof(*d), decoding_release);
	const char *password = json_str(body, "password");
	struct slice file;
	bool public;

	if (!body || body_at("file", upload_read(&d->file, "file", json_str(body, "file"), e), e) < 0)
		return -1;
	file = slice_buf(&d->file);
	public = !pfx_is(file) && decode_add(&d->decoded, file, e) == 0;
	if (!collect_has_key(file))
		return public ? show(r, d, e) : -1;
	if (!public)
		decode_release(&d->decoded);
	err_clear(e);
	return REQUEST_ASK(r, inspect, -1, inspected, file, slice_str(password ? password : ""),
			   slice_str(visitor_id(&r->visitor)));
}
