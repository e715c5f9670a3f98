/*
 * How far the names of a certificate lead (base/net.h): what we connect to for them is chosen by whoever typed them.
 *
 * The web UI notes it with the names: administrators may have every address looked at, others those that are public or
 * that a setting lists.  Users with a plan get no further than public addresses, also with names they had before.
 */
#ifndef STORE_RECORD_REACH_H
#define STORE_RECORD_REACH_H

#include "base/net.h"
#include "store/record/record.h"

int reach_of_cert(struct txn *, const struct rec_cert *, enum reach *, struct err *);

#endif
