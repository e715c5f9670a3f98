/* The sockets between nodes: the one that listens, and what all of them have in common. */
#ifndef DAEMON_CLUSTER_PEER_SOCKET_H
#define DAEMON_CLUSTER_PEER_SOCKET_H

#include "base/err.h"

/* Neither a cut cable nor a machine that has stopped is noticed by a socket alone: the kernel asks. */
void peer_socket_notice_silence(int fd);
/* See peers_listen(). */
int peer_socket_listen(const char *address, struct err *);

#endif
