/*
 * Which libraries this program runs with: for `certerad -V`, and for the bill of materials (contrib/sbom) made of it.
 */
#ifndef DAEMON_LIBRARIES_H
#define DAEMON_LIBRARIES_H

#include <stdio.h>

#include "base/base.h"

void libraries_print(FILE *);	/* one a line: its name, its version as it says itself */

#endif
