#include <stdarg.h>

#include "base/log.h"

void die(const char *fmt, ...)
{
	char *sentence;
	va_list ap;

	va_start(ap, fmt);
	sentence = xvasprintf(fmt, ap);
	va_end(ap);
	log_error("%s", sentence);
	abort();
}
