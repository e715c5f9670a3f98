/* A secret that is told once; what is kept of it is its hash. */
#ifndef KEEPER_WORD_H
#define KEEPER_WORD_H

#include "base/buf.h"
#include "base/digest.h"

/* Adds prefix and 32 random bytes in base64url to text, which the caller wipes, and hashes what it has added. */
void word_make(const char *prefix, struct buf *text, unsigned char hash[SHA256_SIZE]);

#endif
