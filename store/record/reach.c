#include "store/record/reach.h"

int reach_of_cert(struct txn *t, const struct rec_cert *cert, enum reach *reach, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user owner = { 0 };

	*reach = (enum reach)cert->reach;
	if (*reach != REACH_LISTED || !cert->owner_id || !*cert->owner_id)
		return 0;
	if (rec_user_get(t, &owner, cert->owner_id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	if (owner.plan_id && *owner.plan_id && strcmp(owner.role, "admin"))
		*reach = REACH_PUBLIC;
	return 0;
}
