/* The file with the master key. */
#ifndef KEEPER_MASTER_H
#define KEEPER_MASTER_H

#include "base/err.h"
#include "keeper/seal.h"

/*
 * Reads 64 hex digits or 32 raw bytes.  A missing file is made (mode 0600, on disk before this returns) if
 * may_create, else it is an error: a new key would not open what the old one sealed.
 */
int master_load(const char *file, bool may_create, unsigned char key[SEAL_KEY_SIZE], struct err *);

#endif
