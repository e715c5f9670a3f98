/* What the core and the runner say to each other: errand.def. */
#ifndef DAEMON_HOOK_ERRAND_H
#define DAEMON_HOOK_ERRAND_H

#include "base/process/tell.h"

enum errand_kind {
#define ERRAND(kind, fields, descriptor) ERRAND_##kind,
#include "daemon/hook/errand.def"
#undef ERRAND
	ERRAND_KINDS
};

static const struct tell_row errand_rows[] = {
#define ERRAND(kind, fields, descriptor) { fields, descriptor },
#include "daemon/hook/errand.def"
#undef ERRAND
};

static const struct tell_table errands = { errand_rows, ERRAND_KINDS };

#endif
