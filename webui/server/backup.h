/* Work on the store itself, as API and pages show it. */
#ifndef WEBUI_SERVER_BACKUP_H
#define WEBUI_SERVER_BACKUP_H

#include "webui/http/request.h"

/* With the output of the backup hook, for administrators. */
json_t *backup_json(const struct request *, const struct rec_upkeep *);

#endif
