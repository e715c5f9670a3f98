#include "store/event/reader.h"

char *reader_id(const char *whose, const char *name)
{
	return xasprintf("%s/%s", whose, name);
}

const char *reader_name(const struct rec_reader *reader)
{
	const char *slash = strrchr(reader->id, '/');

	return slash ? slash + 1 : reader->id;
}

struct forgetting {
	struct txn *txn;
};

static int forget_one(void *arg, void *rec, struct err *e)
{
	const struct forgetting *f = arg;

	return rec_reader_delete(f->txn, ((const struct rec_reader *)rec)->id, e);
}

int reader_forget(struct txn *t, const char *whose, struct err *e)
{
	_cleanup_free_ char *prefix = xasprintf("%s/", whose);
	struct forgetting f = { t };

	return record_each(t, &rec_reader_type, prefix, false, forget_one, &f, e);
}
