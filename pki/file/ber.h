/*
 * BER (X.690 section 8) into DER: other programs write PFX and PKCS#7 files as streams, with lengths that are not known
 * when an element begins and with octet strings in pieces.  Goes in front of whatever reads a file that people bring.
 * Private to pki/.
 */
#ifndef PKI_FILE_BER_H
#define PKI_FILE_BER_H

#include "base/buf.h"

#define BER_MOST (1024 * 1024)	/* bytes; more is left as it is, as is what is nested deeper than this: */
#define BER_DEPTH 32

/*
 * The first element with definite lengths and octet strings in one piece, then what stands behind it.  What is DER
 * stays, byte for byte (it may be signed).  Returns `in` itself if nothing had to change or it is no BER; else what it
 * has put into `room`, which is empty before, and may hold secrets afterwards.
 */
struct slice ber_normal(struct slice in, struct buf *room);

#endif
