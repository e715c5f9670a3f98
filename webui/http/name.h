/* Names of accounts, keys and certificates: they stand in URLs, file names and on command lines. */
#ifndef WEBUI_HTTP_NAME_H
#define WEBUI_HTTP_NAME_H

#include "base/err.h"

/* 1 to 100 of A-Z a-z 0-9 . _ -, and neither . nor - first. */
int name_check(const char *, struct err *);

#endif
