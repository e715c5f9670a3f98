/*
 * What the new process is told by who starts it: one packet on its channel, and the channels of its clients, one a
 * packet.  It answers with a struct err (ERR_NONE: ready), then keeps the channel open until it ends.  Both programs
 * are of one version.
 */
#ifndef KEEPER_BOOT_H
#define KEEPER_BOOT_H

#include <limits.h>

#include "base/log.h"
#include "base/process/local_admin.h"
#include "base/process/user.h"

struct boot {
	char master_key_file[PATH_MAX];
	char marks_file[PATH_MAX];	/* "": none */
	char credentials[PATH_MAX];	/* systemd's directory of them; "": none */
	struct log_format log;
	struct system_user user;
	struct local_admins admins;
	bool become;			/* that user */
	bool may_create, forget_marks, roles;
	int clients;			/* 1 .. BOOT_CLIENTS */
};
#define BOOT_CLIENTS 256

#endif
