/* What a desk has for its requests. */
#include "webui/webui.h"

#include "webui/cert/counts.h"
#include "webui/cert/issued.h"
#include "webui/download/consumer.h"
#include "webui/gate/refusal.h"
#include "webui/http/face.h"
#include "webui/http/session.h"
#include "webui/http/stream.h"
#include "webui/list/facets.h"
#include "webui/page/trouble.h"

struct webui *webui_new(struct loop *loop, struct keeper_client *keeper, const struct webui_env *env,
			const struct webui_settings *settings)
{
	struct webui *w = xcalloc(1, sizeof(*w));

	*w = (struct webui){ .loop = loop, .keeper = keeper, .env = env, .settings = settings };
	w->bell = bell_new(env->store, loop, face_look, w);
	w->stream_bell = bell_new(env->store, loop, streams_look, w);
	w->consumers = consumers_new(w);
	w->tally = tally_new();
	w->issued = issued_new();
	w->troubles = troubles_new();
	w->facets = facet_cache_new();
	w->refusals = refusals_new();
	return w;
}

void webui_elsewhere(struct webui *w, webui_take_fn *take, webui_note_fn *note, void *arg)
{
	w->take = take;
	w->note = note;
	w->elsewhere = arg;
}

bool webui_flush(struct webui *w)
{
	return consumers_flush(w->consumers);
}

void webui_noted(void *webui, struct slice note)
{
	struct webui *w = webui;
	_cleanup_json_ json_t *o = json_read(note.data, note.len, NULL);

	if (str_eq(json_str(o, "note"), CONSUMER_NOTE))
		consumers_noted(w->consumers, o);
	else
		session_noted(w, o);
}

void webui_configure(struct webui *w, const struct webui_settings *settings)
{
	w->settings = settings;
}

void webui_end_streams(struct webui *w)
{
	streams_end(w);
}

void webui_free(struct webui *w)
{
	if (!w)
		return;
	requests_drop(w);
	timer_stop(&w->stream_pause);
	bell_free(w->stream_bell);
	bell_free(w->bell);
	consumers_free(w->consumers);
	tally_free(w->tally);
	issued_free(w->issued);
	troubles_free(w->troubles);
	facet_cache_free(w->facets);
	refusals_free(w->refusals);
	free(w);
}
