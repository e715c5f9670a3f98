/* What a desk has for its requests. */
#include "webui/webui.h"

#include "webui/cert/counts.h"
#include "webui/cert/issued.h"
#include "webui/download/consumer.h"
#include "webui/http/face.h"
#include "webui/http/refusal.h"
#include "webui/http/stream.h"
#include "webui/page/trouble.h"

struct webui *webui_new(struct loop *loop, struct keeper_client *keeper, const struct webui_env *env,
			const struct webui_settings *settings)
{
	struct webui *w = xcalloc(1, sizeof(*w));

	*w = (struct webui){ .loop = loop, .keeper = keeper, .env = env, .settings = settings };
	w->bell = bell_new(env->store, loop, face_look, w);
	w->stream_bell = bell_new(env->store, loop, streams_look, w);
	w->consumers = consumers_new(loop, env->store);
	w->tally = tally_new();
	w->issued = issued_new();
	w->troubles = troubles_new();
	w->refusals = refusals_new();
	return w;
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
	refusals_free(w->refusals);
	free(w);
}
