#include "webui/http/same.h"

#include "webui/http/face.h"

int same_not(const char *what, const json_t *there, const char *member, struct err *e)
{
	err_set(e, ERR_CONFLICT, "there is already %s %s, with a different \"%s\"", what, json_str(there, "name"),
		member);
	err_hint(e, "Change the existing one, or choose a new name.");
	return err_field(e, "name");
}

int same_check(const json_t *body, const json_t *there, const json_t *wanted, const char *const *apart,
	       const char *what, struct err *e)
{
	const char *member;
	json_t *value;

	json_object_foreach ((json_t *)body, member, value) {
		const json_t *is = json_object_get(there, member);

		if (!strv_has((char *const *)apart, member) && !(is && json_equal(is, json_object_get(wanted, member))))
			return same_not(what, there, member, e);
	}
	return 0;
}

int same_reply(struct request *r, const char *member, json_t *there)
{
	json_t *answer = member ? json_object() : there;

	if (member)
		json_object_set_new(answer, member, there);
	json_put_bool(answer, "existing", true);
	return reply_json(r, 200, answer);
}
