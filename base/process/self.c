#include "base/process/self.h"

#include <limits.h>
#include <unistd.h>

char *self_folder(void)
{
	char own[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
	const char *name;

	if (len <= 0)
		return NULL;
	own[len] = '\0';
	name = strrchr(own, '/');
	return name ? xstrndup(own, (size_t)(name - own)) : NULL;
}
