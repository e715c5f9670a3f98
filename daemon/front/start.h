/* The front's process. */
#ifndef DAEMON_FRONT_START_H
#define DAEMON_FRONT_START_H

#define FRONT_ROLE "front"	/* argv[1] of certerad as the front */

/* In the new process (base/process/spawn.h): from its start to its end. */
int front_main(void);

#endif
