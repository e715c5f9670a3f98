/* Records by what people call them. */
#include "store/record/type.h"

int rec_account_by_name(struct txn *txn, struct rec_account *rec, const char *name, struct err *e)
{
	return record_by_index(txn, &rec_account_type, rec, slice_str(name), e);
}

int rec_key_by_name(struct txn *txn, struct rec_key *rec, const char *name, struct err *e)
{
	return record_by_index(txn, &rec_key_type, rec, slice_str(name), e);
}

int rec_channel_by_name(struct txn *txn, struct rec_channel *rec, const char *name, struct err *e)
{
	return record_by_index(txn, &rec_channel_type, rec, slice_str(name), e);
}

int rec_cert_by_name(struct txn *txn, struct rec_cert *rec, const char *name, bool staging, struct err *e)
{
	const struct rec_cert sought = { .name = (char *)name, .staging = staging };
	_cleanup_buf_ struct buf key = BUF_INIT;

	record_index_key(&rec_cert_type, &sought, &key);
	return record_by_index(txn, &rec_cert_type, rec, slice_buf(&key), e);
}

int rec_user_by_name(struct txn *txn, struct rec_user *rec, const char *name, struct err *e)
{
	return record_by_index(txn, &rec_user_type, rec, slice_str(name), e);
}

int rec_token_by_name(struct txn *txn, struct rec_token *rec, const char *name, struct err *e)
{
	return record_by_index(txn, &rec_token_type, rec, slice_str(name), e);
}

int rec_plan_by_name(struct txn *txn, struct rec_plan *rec, const char *name, struct err *e)
{
	return record_by_index(txn, &rec_plan_type, rec, slice_str(name), e);
}
