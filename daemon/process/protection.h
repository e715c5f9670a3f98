/* What stands between the processes, for people: what is in force here, and what is missing. */
#ifndef DAEMON_PROCESS_PROTECTION_H
#define DAEMON_PROCESS_PROTECTION_H

#include "base/json.h"
#include "daemon/process/users.h"

/*
 * {processes: [{name, user, alone}], system_calls, files: are they limited, missing: [sentences]}.  In the core, after
 * cage_core(); the kernel offers all processes the same.  Owned.
 */
json_t *protection_json(const struct process_users *, int landlock);

#endif
