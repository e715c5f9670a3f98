/* E-mail addresses as mail servers take them. */
#ifndef PKI_FILE_MAILBOX_H
#define PKI_FILE_MAILBOX_H

#include "base/err.h"

/*
 * "local@domain" out of "Name <local@domain>", its domain as A-labels; owned.  NULL and e: it is no address, or one
 * that needs SMTPUTF8.
 */
char *mailbox_address(const char *text, struct err *);

#endif
