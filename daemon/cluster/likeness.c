#include "daemon/cluster/likeness.h"

#include <dirent.h>

#include "base/digest.h"
#include "base/encode.h"

#define HASH_BYTES 6
#define SCRIPT_MOST (1024 * 1024)

/* Groups that are different by their nature. */
static bool is_own(const char *group)
{
	static const char *const own[] = { "server", "listen", "keeper", "cluster", "backup", "log", "webui" };

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (str_eq(group, own[i]))
			return true;
	return false;
}

static void put_hash(json_t *o, const char *name, const struct buf *text)
{
	unsigned char digest[SHA256_SIZE];
	_cleanup_free_ char *hex = NULL;

	sha256(text->data, text->len, digest);
	hex = hex_str(digest, HASH_BYTES);
	json_put_str(o, name, hex);
}

static void put_groups(json_t *o, const struct config *config)
{
	_cleanup_json_ json_t *groups = config_json(config);
	const json_t *group, *setting;
	size_t i, n;

	json_array_foreach (groups, i, group) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		if (is_own(json_str(group, "group")))
			continue;
		json_array_foreach (json_object_get(group, "settings"), n, setting)
			buf_addf(&text, "%s=%s\n", json_str(setting, "key"), json_str(setting, "value"));
		put_hash(o, json_str(group, "group"), &text);
	}
}

static void add_script(struct buf *text, const char *directory, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name);
	_cleanup_fclose_ FILE *file = *name == '.' ? NULL : fopen(path, "re");

	if (!file)
		return;
	buf_addf(text, "%s\n", name);
	text->len += fread(buf_reserve(text, SCRIPT_MOST), 1, SCRIPT_MOST, file);
}

static void put_scripts(json_t *o, const char *directory)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct dirent **names;
	int count = scandir(directory, &names, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		add_script(&text, directory, names[i]->d_name);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	put_hash(o, "scripts", &text);
}

json_t *likeness_new(const struct config *config)
{
	json_t *o = json_object();

	put_groups(o, config);
	put_scripts(o, config->hooks_directory);
	return o;
}
