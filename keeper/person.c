#include "keeper/person.h"

#define FORMAT 1
#define GENERATION_SIZE 4

/* the inside of a blob; always of one size; no generation (zeros) in those from before there were any */
enum {
	AT_ROLE = 1,
	AT_TOTP = AT_ROLE + 1,
	AT_HASH = AT_TOTP + 1,
	AT_GENERATION = AT_HASH + PERSON_HASH_SIZE,
	AT_SECRET = AT_GENERATION + GENERATION_SIZE,
	AT_RECOVERY = AT_SECRET + PERSON_SECRET_SIZE,
	BLOB_SIZE = AT_RECOVERY + PERSON_CODES * SHA256_SIZE,
};

static const char *const words[] = {
	[PERSON_VIEWER] = "viewer", [PERSON_OPERATOR] = "operator", [PERSON_ADMIN] = "admin"
};

const char *person_role_word(enum person_role role)
{
	return words[role];
}

int person_role(struct slice word, enum person_role *role, struct err *e)
{
	for (*role = PERSON_VIEWER; *role <= PERSON_ADMIN; ++*role)
		if (slice_eq(word, slice_str(words[*role])))
			return 0;
	return err_set(e, ERR_INVALID, "a user is a viewer, an operator or an admin");
}

void person_close(const struct person *p, const struct seal *seal, struct slice id, struct buf *blob)
{
	unsigned char inside[BLOB_SIZE] = { FORMAT };

	inside[AT_ROLE] = (unsigned char)p->role;
	inside[AT_TOTP] = p->totp;
	memcpy(inside + AT_HASH, p->hash, PERSON_HASH_SIZE);
	for (int i = 0; i < GENERATION_SIZE; i++)
		inside[AT_GENERATION + i] = (unsigned char)(p->generation >> 8 * i);
	memcpy(inside + AT_SECRET, p->secret, PERSON_SECRET_SIZE);
	memcpy(inside + AT_RECOVERY, p->recovery, sizeof(p->recovery));
	seal_close(seal, PERSON_BLOB, id, slice(inside, BLOB_SIZE), blob);
	wipe(inside, sizeof(inside));
}

int person_open(struct person *p, const struct seal *seal, struct slice id, struct slice blob, struct err *e)
{
	_cleanup_buf_wipe_ struct buf inside = BUF_INIT;

	memset(p, 0, sizeof(*p));
	if (seal_open(seal, PERSON_BLOB, id, blob, &inside, e) < 0)
		return -1;
	if (inside.len != BLOB_SIZE || inside.data[0] != FORMAT || (unsigned char)inside.data[AT_ROLE] > PERSON_ADMIN)
		return err_set(e, ERR_STORAGE, "the sealed data of a user is not understood");
	p->role = (enum person_role)inside.data[AT_ROLE];
	p->totp = inside.data[AT_TOTP];
	memcpy(p->hash, inside.data + AT_HASH, PERSON_HASH_SIZE - 1);
	for (int i = 0; i < GENERATION_SIZE; i++)
		p->generation |= (uint32_t)(unsigned char)inside.data[AT_GENERATION + i] << 8 * i;
	memcpy(p->secret, inside.data + AT_SECRET, PERSON_SECRET_SIZE);
	memcpy(p->recovery, inside.data + AT_RECOVERY, sizeof(p->recovery));
	return 0;
}
