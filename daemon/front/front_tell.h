/* What the core and the front say to each other: tell.def. */
#ifndef DAEMON_FRONT_FRONT_TELL_H
#define DAEMON_FRONT_FRONT_TELL_H

#include "base/process/tell.h"

enum tell_kind {
#define TELL(kind, fields, descriptor) TELL_##kind,
#include "daemon/front/tell.def"
#undef TELL
	TELL_KINDS
};

static const struct tell_row front_rows[] = {
#define TELL(kind, fields, descriptor) { fields, descriptor },
#include "daemon/front/tell.def"
#undef TELL
};

static const struct tell_table front_tells = { front_rows, TELL_KINDS };

#endif
