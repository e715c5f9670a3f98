/* The program that runs. */
#ifndef BASE_PROCESS_SELF_H
#define BASE_PROCESS_SELF_H

#include "base/base.h"

/* The folder that it is in, owned; NULL: nobody knows.  Also when its file was replaced since. */
char *self_folder(void);

#endif
