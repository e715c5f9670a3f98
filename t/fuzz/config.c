/*
 * The configuration file: each mistake is one line that names the file, and what was read can be shown, printed and taken over,
 * whatever stood in it.
 */
#include "daemon/config/config.h"

#include <sys/mman.h>
#include <unistd.h>

#include "daemon/config/setting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MOST 4096

struct mistakes {
	const char *file;
	int count;
};

static void complain(void *arg, const char *line)
{
	struct mistakes *m = arg;

	if (!str_starts(line, m->file) || strchr(line, '\n'))
		die("a mistake is no line: %s", line);
	m->count++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mistakes said = { 0 };
	struct config config, fresh;
	char file[64];
	int fd;

	if (size > FILE_MOST)
		return 0;
	fd = memfd_create("configuration", MFD_CLOEXEC);
	snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);
	said.file = file;
	if (write(fd, data, size) != (ssize_t)size)
		die("the file cannot be written");
	if (config_read(&config, file, complain, &said) != said.count)
		die("mistakes were not counted");
	for (size_t i = 0; i < SETTING_COUNT; i++)
		free(config_text(&config, settings[i].group, settings[i].key));
	json_decref(config_json(&config));
	config_read(&fresh, NULL, complain, &said);
	config_reload(&config, &fresh);
	config_release(&config);
	close(fd);
	return 0;
}
