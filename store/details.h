/* What the requests of a certificate say besides its names, as its record has it. */
#ifndef STORE_DETAILS_H
#define STORE_DETAILS_H

#include "pki/details.h"
#include "store/record/record.h"

/* Borrowed from the record. */
struct csr_details details_of(const struct rec_cert *);

#endif
