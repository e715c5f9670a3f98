/*
 * Single settings: the rows of config.def, and how the text of a value becomes a field of struct config.
 * Private to the configuration (config*.c).
 */
#ifndef DAEMON_CONFIG_SETTING_H
#define DAEMON_CONFIG_SETTING_H

#include "base/buf.h"
#include "daemon/config/config.h"

struct setting;

struct setting_type {
	bool is_list;		/* read() adds one item to what the field holds */
	bool may_be_empty;	/* even if the default is not */
	/* 0, or -1 and a sentence of what is wrong and what is expected. */
	int (*read)(const struct setting *, const char *text, void *field, struct err *);
	void (*release)(void *field);	/* frees and zeroes; NULL: there is nothing to free */
	void (*expect)(const struct setting *, struct buf *);	/* NULL: anything goes */
};

enum {
	SETTING_TEXT, SETTING_PATH, SETTING_HOST, SETTING_WORD, SETTING_INT, SETTING_BOOL,
	SETTING_DURATION, SETTING_SIZE, SETTING_ADDRESSES, SETTING_NETWORKS, SETTING_LINES,
	SETTING_WINDOWS, SETTING_DAYTIME, SETTING_DAYS
};
extern const struct setting_type setting_types[];

enum setting_when { SETTING_RELOAD, SETTING_RESTART };
enum setting_kept { SETTING_FILE, SETTING_STORE };

struct setting {
	const char *group, *key;
	const struct setting_type *type;
	const char *value;	/* default; all allowed words of a WORD, separated by | */
	int64_t least, most;
	enum setting_when when;
	enum setting_kept kept;	/* STORE: it may also be changed while running */
	const char *sentence;
	size_t offset, size;	/* of the field in struct config */
};

enum {
	SETTING_COUNT = 0
#define GROUP(group, sentence)
#define SETTING(...) + 1
#include "daemon/config/config.def"
#undef GROUP
#undef SETTING
	,
	SETTING_GROUP_COUNT = 0
#define GROUP(...) + 1
#define SETTING(...)
#include "daemon/config/config.def"
#undef GROUP
#undef SETTING
};

extern const struct setting settings[SETTING_COUNT];
extern const struct setting_group {
	const char *name, *sentence;
} setting_groups[SETTING_GROUP_COUNT];

char *setting_default(const struct setting *);		/* as text; owned */
/* its value as text, of LINES the names; owned */
char *setting_text(const struct setting *, const struct config *);
/* "a number from 1 to 64" */
void setting_expectation(const struct setting *, struct buf *);

/* The items of a list, which are separated by commas or spaces; of any other type the text itself.  Owned. */
char **setting_items(const struct setting *, const char *text);
/* Puts one item into a field that is zeroed or released, or a list; what it then holds can be released in any case. */
int setting_read(const struct setting *, void *field, const char *item, struct err *);
void setting_release(const struct setting *, void *field);

/* The one with this name, "renewal.before"; NULL: there is none. */
const struct setting *setting_by_name(const char *name);
char *setting_name(const struct setting *);	/* owned */
/* Its value becomes this text; -1: it stays as it was. */
int setting_assign(const struct setting *, struct config *, const char *text, struct err *);

/* After the file was read: what it says of the settings that the store may keep (config->file). */
void config_note_file(struct config *);
/* The value of that name in a list of NAME=VALUE; NULL: it is not there. */
const char *config_find(char *const *list, const char *name);

/* The field of a setting in a config. */
static inline void *setting_field(const struct setting *s, struct config *c)
{
	return (char *)c + s->offset;
}

#endif
