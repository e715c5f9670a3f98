/* X-Forwarded-For: who a request is from when trusted proxies handed it on. */
#ifndef BASE_HTTP_FORWARDED_H
#define BASE_HTTP_FORWARDED_H

#include "base/net.h"

/*
 * client: the peer's address, in place of it that of the last one in the list who is no trusted proxy.  AF_UNSPEC: a
 * trusted proxy says something that is no address.
 */
void forwarded_client(struct address *client, const char *forwarded, const struct cidr_list *trusted);

#endif
