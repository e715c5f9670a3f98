/* The first start, and those after it until somebody can sign in. */
#ifndef DAEMON_FIRST_USER_H
#define DAEMON_FIRST_USER_H

#include "keeper/keeper.h"
#include "store/db/store.h"

/*
 * Takes the keeper's token for the first user: it is given once, so it must be asked for before anybody else can.  NULL
 * in *token if there is a user already.  index: a channel to which nobody is attached yet.
 */
int first_user_token(struct store *, struct keeper *, int index, char **token, struct err *);
/* The link, in the log, and from where it works: the addresses of access.admin; wipes and frees the token. */
void first_user_tell(const char *hostname, int https_port, const char *admin, char *token);

#endif
