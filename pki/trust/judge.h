/* Would a browser believe what this server shows?  Chain, name, dates, strength; in plain words. */
#ifndef PKI_TRUST_JUDGE_H
#define PKI_TRUST_JUDGE_H

#include "pki/cert.h"

struct trust;
/* The roots in a PEM text, what is not a certificate passed over; NULL if there is none. */
struct trust *trust_new(struct slice pem, struct err *);
void trust_free(struct trust *);	/* NULL is fine */

enum fault {
#define FAULT(fault, word, hint) FAULT_##fault,
#include "pki/trust/fault.def"
#undef FAULT
	FAULTS
};
const char *fault_word(enum fault);
const char *fault_hint(enum fault);

struct judgement {
	char *says[FAULTS];	/* a sentence; NULL: that is not wrong.  Owned */
};
/*
 * The chain as it was sent, leaf first (at least one), to who asked for `host` (an identifier in stored form, or a
 * single label).  The intermediates may stand in any order.  Only one thread may use a trust at a time.
 */
void judge_chain(struct judgement *, struct trust *, const struct chain *, const char *host, int64_t now);
void judgement_release(struct judgement *);
/* The worst of it; FAULTS: nothing is wrong. */
enum fault judgement_worst(const struct judgement *);

#endif
