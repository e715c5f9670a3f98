/*
 * Who has proved it lately: words that only the memory of the keeper knows, the newest code of each user,
 * wrong ones in a row.
 */
#include "keeper/witness.h"

#include <pthread.h>

#include "base/clock.h"
#include "keeper/keeper.h"
#include "keeper/word.h"

#define WORDS 256	/* at one time; then the oldest is forgotten */
#define PEOPLE 1024	/* of whom something is remembered; then the oldest is forgotten */
#define WRONG_MOST 60	/* passwords and codes in a row, and one more a ... */
#define WRONG_MS 60000
#define TRIES 10		/* codes for a new password, of one user ... */
#define TRY_PERIOD_MS (24 * 3600 * 1000LL)	/* ... in this time */
#define VOUCHERS 1024	/* within KEEPER_PROOF_SECONDS on either side */
#define WORD_PREFIX "ckw_"
#define SETUP_PREFIX "cst_"
#define HALF_PREFIX "ckh_"

#define ID_SIZE 33	/* 32 hex digits */

struct proof {
	unsigned char hash[SHA256_SIZE];
	struct witness who;
	int64_t until_ms;
	char id[KEEPER_PROOF_IDS][ID_SIZE];	/* of what it is for */
	size_t ids;
};

struct half_proof {
	unsigned char hash[SHA256_SIZE];
	char id[ID_SIZE];
	int64_t until_ms;
};

struct witness_known {		/* of one user */
	char id[sizeof(((struct witness *)0)->id)];
	int64_t step;		/* of the newest code used */
	int64_t wrong_ms;	/* until when what was wrong counts */
	int64_t tries_until_ms;
	int tries;
};

struct voucher {
	unsigned char mac[SHA256_SIZE];
	int64_t until_ms;	/* then it is too old anyway */
};

struct witnesses {
	pthread_mutex_t lock;
	struct proof word[WORDS];
	struct half_proof half[WORDS];
	struct witness_known known[PEOPLE];
	struct voucher voucher[VOUCHERS];
	unsigned next_word, next_half, next_known, next_voucher;
	bool setup_made, setup_open;
	unsigned char setup[SHA256_SIZE];
};

struct witnesses *witnesses_new(void)
{
	struct witnesses *w = xcalloc(1, sizeof(*w));

	pthread_mutex_init(&w->lock, NULL);
	return w;
}

void witnesses_free(struct witnesses *w)
{
	if (!w)		/* the keeper did not get that far */
		return;
	pthread_mutex_destroy(&w->lock);
	wipe(w, sizeof(*w));
	free(w);
}

void witness_add(struct witnesses *w, const struct witness *who, struct buf *proof)
{
	struct proof *word;

	pthread_mutex_lock(&w->lock);
	word = &w->word[w->next_word++ % WORDS];
	*word = (struct proof){ .who = *who, .until_ms = clock_mono_ms() + KEEPER_PROOF_SECONDS * 1000 };
	word_make(WORD_PREFIX, proof, word->hash);
	pthread_mutex_unlock(&w->lock);
}

/* The one word that is good; locked. */
static struct proof *find_word(struct witnesses *w, struct slice proof)
{
	unsigned char hash[SHA256_SIZE];
	int64_t now = clock_mono_ms();
	struct proof *found = NULL;

	sha256(proof.data, proof.len, hash);
	for (int i = 0; i < WORDS; i++)
		if (w->word[i].until_ms > now && same_secret(hash, w->word[i].hash, SHA256_SIZE))
			found = &w->word[i];
	return found;
}

bool witness_find(struct witnesses *w, struct slice proof, struct witness *who)
{
	const struct proof *word;

	if (!proof.len || !str_starts(proof.data, WORD_PREFIX))
		return false;
	pthread_mutex_lock(&w->lock);
	word = find_word(w, proof);
	if (word)
		*who = word->who;
	pthread_mutex_unlock(&w->lock);
	return word;
}

static bool is_for(const struct proof *word, struct slice id)
{
	for (size_t i = 0; i < word->ids; i++)
		if (slice_eq(id, slice_str(word->id[i])))
			return true;
	return false;
}

static void add_id(struct proof *word, struct slice id)
{
	if (id.len == ID_SIZE - 1 && word->ids < KEEPER_PROOF_IDS)
		snprintf(word->id[word->ids++], ID_SIZE, "%.*s", (int)id.len, (const char *)id.data);
}

bool witness_opens(struct witnesses *w, struct slice proof, struct slice id)
{
	struct proof *word;
	bool opens;

	pthread_mutex_lock(&w->lock);
	word = find_word(w, proof);
	if (word && !is_for(word, id))
		add_id(word, id);
	opens = word && (is_for(word, id) || slice_eq(id, slice_str(word->who.id)));
	pthread_mutex_unlock(&w->lock);
	return opens;
}

int witness_unconfirmed(struct err *e)
{
	err_set(e, ERR_DENIED, "this needs your password again");
	err_hint(e, "Confirm your password, then repeat the request.");
	return err_code(e, KEEPER_UNCONFIRMED);
}

int witness_check_stale(struct witnesses *w, struct slice proof, struct err *e)
{
	struct witness who;

	if (!proof.len || !str_starts(proof.data, WORD_PREFIX) || witness_find(w, proof, &who))
		return 0;
	return witness_unconfirmed(e);
}

void witness_half(struct witnesses *w, struct slice id, struct buf *half)
{
	struct half_proof *h;

	pthread_mutex_lock(&w->lock);
	h = &w->half[w->next_half++ % WORDS];
	*h = (struct half_proof){ .until_ms = clock_mono_ms() + KEEPER_PROOF_SECONDS * 1000 };
	snprintf(h->id, sizeof(h->id), "%.*s", (int)id.len, (const char *)id.data);
	word_make(HALF_PREFIX, half, h->hash);
	pthread_mutex_unlock(&w->lock);
}

/* Locked. */
static struct half_proof *find_half(struct witnesses *w, struct slice half)
{
	unsigned char hash[SHA256_SIZE];
	int64_t now = clock_mono_ms();
	struct half_proof *found = NULL;

	sha256(half.data, half.len, hash);
	for (int i = 0; i < WORDS; i++)
		if (w->half[i].until_ms > now && same_secret(hash, w->half[i].hash, SHA256_SIZE))
			found = &w->half[i];
	return found;
}

bool witness_is_half(struct witnesses *w, struct slice id, struct slice half)
{
	const struct half_proof *found;
	bool is;

	pthread_mutex_lock(&w->lock);
	found = find_half(w, half);
	is = found && slice_eq(id, slice_str(found->id));
	pthread_mutex_unlock(&w->lock);
	return is;
}

void witness_half_over(struct witnesses *w, struct slice half)
{
	struct half_proof *found;

	pthread_mutex_lock(&w->lock);
	found = find_half(w, half);
	if (found)
		wipe(found, sizeof(*found));
	pthread_mutex_unlock(&w->lock);
}

void witness_forget(struct witnesses *w, struct slice id, struct slice but)
{
	unsigned char hash[SHA256_SIZE];

	sha256(but.data, but.len, hash);
	pthread_mutex_lock(&w->lock);
	for (int i = 0; i < WORDS; i++)
		if (slice_eq(id, slice_str(w->word[i].who.id)) && !same_secret(hash, w->word[i].hash, SHA256_SIZE))
			wipe(&w->word[i], sizeof(w->word[i]));
	for (int i = 0; i < WORDS; i++)
		if (slice_eq(id, slice_str(w->half[i].id)))
			wipe(&w->half[i], sizeof(w->half[i]));
	pthread_mutex_unlock(&w->lock);
}

/* What is remembered of a user; locked. */
static struct witness_known *known(struct witnesses *w, struct slice id)
{
	struct witness_known *k;

	for (int i = 0; i < PEOPLE; i++)
		if (slice_eq(id, slice_str(w->known[i].id)))
			return &w->known[i];
	k = &w->known[w->next_known++ % PEOPLE];
	*k = (struct witness_known){ .step = 0 };
	snprintf(k->id, sizeof(k->id), "%s", (const char *)id.data);
	return k;
}

int witness_check_guesses(struct witnesses *w, struct slice id, struct err *e)
{
	int64_t now = clock_mono_ms();
	struct witness_known *k;
	bool may;

	pthread_mutex_lock(&w->lock);
	k = known(w, id);
	k->wrong_ms = MAX(k->wrong_ms, now);
	may = k->wrong_ms + WRONG_MS <= now + (int64_t)WRONG_MOST * WRONG_MS;
	if (may)
		k->wrong_ms += WRONG_MS;
	pthread_mutex_unlock(&w->lock);
	if (may)
		return 0;
	err_set(e, ERR_LIMIT, "too many wrong passwords and codes of one user: the keeper looks at one a minute now");
	return err_hint(e,
			"Someone is guessing; the server log has the address. A restart of the server ends the wait.");
}

void witness_was_right(struct witnesses *w, struct slice id)
{
	pthread_mutex_lock(&w->lock);
	known(w, id)->wrong_ms = 0;
	pthread_mutex_unlock(&w->lock);
}

bool witness_may_try(struct witnesses *w, struct slice id)
{
	int64_t now = clock_mono_ms();
	struct witness_known *k;
	bool may;

	pthread_mutex_lock(&w->lock);
	k = known(w, id);
	if (k->tries_until_ms <= now) {
		k->tries_until_ms = now + TRY_PERIOD_MS;
		k->tries = 0;
	}
	may = k->tries++ < TRIES;
	pthread_mutex_unlock(&w->lock);
	return may;
}

bool witness_take_step(struct witnesses *w, struct slice id, int64_t step)
{
	struct witness_known *k;
	bool newer;

	pthread_mutex_lock(&w->lock);
	k = known(w, id);
	newer = step > k->step;
	if (newer)
		k->step = step;
	pthread_mutex_unlock(&w->lock);
	return newer;
}

bool witness_take_once(struct witnesses *w, const unsigned char mac[SHA256_SIZE], struct err *e)
{
	int64_t now = clock_mono_ms();
	bool used = false, full;
	struct voucher *v;

	pthread_mutex_lock(&w->lock);
	for (int i = 0; i < VOUCHERS; i++)
		used |= w->voucher[i].until_ms > now && !memcmp(w->voucher[i].mac, mac, SHA256_SIZE);
	v = &w->voucher[w->next_voucher % VOUCHERS];
	full = v->until_ms > now;
	if (!used && !full) {
		memcpy(v->mac, mac, SHA256_SIZE);
		v->until_ms = now + 2 * KEEPER_PROOF_SECONDS * 1000;	/* it may be from a clock that is ahead */
		w->next_voucher++;
	}
	pthread_mutex_unlock(&w->lock);
	if (used)
		err_set(e, ERR_DENIED, "what vouches for the local administrator was used before");
	else if (full)
		err_set(e, ERR_LIMIT,
			"local administrators of other servers have asked for too much in the last minutes");
	return !used && !full;
}

/*
 * The first user.
 */

int setup_make(struct witnesses *w, struct buf *token, struct err *e)
{
	bool made;

	pthread_mutex_lock(&w->lock);
	made = w->setup_made;
	w->setup_made = w->setup_open = true;
	if (!made)
		word_make(SETUP_PREFIX, token, w->setup);
	pthread_mutex_unlock(&w->lock);
	return made ? err_set(e, ERR_DENIED, "the token for the first user is made once, at start") : 0;
}

bool setup_is(struct witnesses *w, struct slice token)
{
	unsigned char hash[SHA256_SIZE];
	bool is;

	sha256(token.data, token.len, hash);
	pthread_mutex_lock(&w->lock);
	is = same_secret(hash, w->setup, SHA256_SIZE) && w->setup_open && str_starts(token.data, SETUP_PREFIX);
	pthread_mutex_unlock(&w->lock);
	return is;
}

bool setup_was(struct slice token)
{
	return str_starts(token.data, SETUP_PREFIX);
}

bool setup_use(struct witnesses *w)
{
	bool was_open;

	pthread_mutex_lock(&w->lock);
	was_open = w->setup_open;
	w->setup_open = false;
	wipe(w->setup, sizeof(w->setup));
	pthread_mutex_unlock(&w->lock);
	return was_open;
}
