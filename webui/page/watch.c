#include "webui/page/watch.h"

#include "base/clock.h"
#include "base/digest.h"
#include "store/agenda.h"
#include "webui/http/stream.h"

#define SILENCE_MS 10000	/* then something is sent, so that it shows whether anybody listens */
#define LONGEST_MS 300000	/* then the browser asks again by itself */
#define SOON 2			/* seconds until what is due is taken up */

struct http_watch {
	char *id;
	unsigned char seen[SHA256_SIZE];
	int64_t begun, said;	/* ms */
};

static void watch_release(void *state)
{
	struct http_watch *w = state;

	free(w->id);
}

static bool is_due(struct txn *t, enum agenda_kind kind, const char *id)
{
	int64_t due;

	return agenda_due(t, kind, id, &due, NULL) == 1 && due <= clock_now() + SOON;
}

static bool is_being_revoked(struct txn *t, const struct rec_cert *cert)
{
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current);

	return cert->current && is_due(t, AGENDA_revoke, id);
}

/* An order, a check, a revocation; or about to begin. */
static bool is_live(struct txn *t, const struct rec_cert *cert)
{
	if (cert->open_order && !cert->waiting)
		return true;
	return is_due(t, AGENDA_check, cert->id) || is_being_revoked(t, cert) ||
	       (!cert->disabled && !cert->waiting && is_due(t, AGENDA_issue, cert->id));
}

void watch_put_url(json_t *o, struct txn *t, const struct rec_cert *cert)
{
	_cleanup_free_ char *url =
		xasprintf("/api/v1/certificates/%s/watch?staging=%s", cert->name, cert->staging ? "true" : "false");

	json_put_str(o, "watch", is_live(t, cert) ? url : NULL);
}

/* The records that a page shows, in brief: as they are stored, for a thousand may look. */
static void look(struct txn *t, const struct rec_cert *cert, unsigned char digest[SHA256_SIZE])
{
	_cleanup_free_ char *order = record_child_id(cert->id, cert->orders);
	struct slice stored[3] = { 0 };

	txn_get(t, TABLE_cert, slice_str(cert->id), &stored[0], NULL);
	txn_get(t, TABLE_order, slice_str(order), &stored[1], NULL);
	txn_get(t, TABLE_check, slice_str(cert->id), &stored[2], NULL);
	sha256_slices(stored, ARRAY_SIZE(stored), digest);
}

static void say(struct http_watch *w, struct buf *out, const char *event)
{
	buf_addf(out, "event: %s\ndata: {}\n\n", event);
	w->said = clock_mono_ms();
}

/* 1: there is nothing to wait for any more, or nobody may know. */
static int more(struct request *r, struct buf *out)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	unsigned char now[SHA256_SIZE];
	struct http_watch *w = r->state;

	if (clock_mono_ms() - w->begun > LONGEST_MS)
		return 1;
	if (store_read(r->webui->env->store, &t, NULL) < 0 || rec_cert_get(t, &cert, w->id, NULL) < 0 ||
	    !is_live(t, &cert)) {
		say(w, out, "end");
		return 1;
	}
	look(t, &cert, now);
	if (memcmp(now, w->seen, sizeof(now)))
		say(w, out, "change");
	else if (clock_mono_ms() - w->said > SILENCE_MS)
		say(w, out, "nothing");
	memcpy(w->seen, now, sizeof(now));
	return 0;
}

int page_cert_watch(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	struct http_watch *w;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	w = request_state(r, sizeof(*w), watch_release);
	w->id = xstrdup(cert.id);
	w->begun = clock_mono_ms();
	return stream_reply(r, more, e);
}
