#include "webui/http/noted.h"

#include "webui/http/request.h"

enum webui_noted noted_elsewhere(const struct webui *w, json_t *note)
{
	_cleanup_json_ json_t *owned = note;
	_cleanup_free_ char *text = NULL;

	if (!w->note)
		return WEBUI_NOTE_HERE;
	text = json_write(owned);
	return w->note(w->elsewhere, slice_str(text));
}
