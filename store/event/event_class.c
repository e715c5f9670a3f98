/* What became of a certificate, in the words of event_class.def. */
#include "store/event/history.h"

static const struct {
	const char *class, *subclass;
} classes[] = {
#define EVENT_CLASS(word, class, subclass, doc) { class, subclass },
#include "store/event/event_class.def"
#undef EVENT_CLASS
};

const char *history_subclass(enum event_class class)
{
	return classes[class].subclass;
}

const char *history_class(const char *subclass)
{
	for (size_t i = 0; i < EVENT_CLASSES; i++)
		if (str_eq(classes[i].subclass, subclass))
			return classes[i].class;
	return NULL;
}

bool history_is_class(const char *word)
{
	for (size_t i = 0; i < EVENT_CLASSES; i++)
		if (str_eq(classes[i].class, word) || str_eq(classes[i].subclass, word))
			return true;
	return false;
}

static bool has_new_names(struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current);

	return rec_version_get(t, &version, id, NULL) == 0 && !strv_eq(version.names, cert->names);
}

const char *history_issue_subclass(struct txn *t, const struct rec_cert *cert, bool successful)
{
	enum event_class success = !cert->current ? EVENT_request_successful :
				   cert->rekey || cert->new_key || has_new_names(t, cert) ? EVENT_reissue_successful :
											    EVENT_renew_successful;

	return classes[successful ? success : success + 1].subclass;	/* the failure stands behind it */
}
