/* What the servers of a cluster should have in common, and each has in files of its own: told by hashes, so that it can
 * be compared. */
#ifndef DAEMON_CLUSTER_LIKENESS_H
#define DAEMON_CLUSTER_LIKENESS_H

#include "daemon/config/config.h"

/* {"acme": "1f3a...", ...}: a hash for each group of settings that is not of one machine, and for the scripts; a new
 * reference. */
json_t *likeness_new(const struct config *);

#endif
