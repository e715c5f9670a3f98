/* Who is at the other end of a local connection, as the kernel tells. */
#ifndef KEEPER_PEER_H
#define KEEPER_PEER_H

#include "base/process/local_admin.h"

/*
 * 0 if fd is a connection accepted on a named Unix socket whose other end is root, `user` or one of the admins
 * and neither the process `daemon` nor this one; else -1 and ERR_DENIED.
 */
int peer_check(int fd, pid_t daemon, const struct local_admins *, uid_t user, struct err *);

#endif
