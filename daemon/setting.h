/*
 * Single settings: the rows of config.def, and how the text of a value becomes a field of struct config.
 * Private to the configuration (config*.c).
 */
#ifndef DAEMON_SETTING_H
#define DAEMON_SETTING_H

#include "base/buf.h"
#include "daemon/config.h"

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
	SETTING_WINDOWS, SETTING_DAYTIME
};
extern const struct setting_type setting_types[];

struct setting {
	const char *group, *key;
	const struct setting_type *type;
	const char *value;	/* default; all allowed words of a WORD, separated by | */
	int64_t least, most;
	const char *sentence;
	size_t offset;		/* of the field in struct config */
};

enum {
	SETTING_COUNT = 0
#define GROUP(group, sentence)
#define SETTING(...) + 1
#include "daemon/config.def"
#undef GROUP
#undef SETTING
	,
	SETTING_GROUP_COUNT = 0
#define GROUP(...) + 1
#define SETTING(...)
#include "daemon/config.def"
#undef GROUP
#undef SETTING
};

extern const struct setting settings[SETTING_COUNT];
extern const struct setting_group {
	const char *name, *sentence;
} setting_groups[SETTING_GROUP_COUNT];

char *setting_default(const struct setting *);		/* as text; owned */
/* "a number from 1 to 64" */
void setting_expectation(const struct setting *, struct buf *);

/* The items of a list, which are separated by commas or spaces; of any other type the text itself.  Owned. */
char **setting_items(const struct setting *, const char *text);
/* Puts one item into a field that is zeroed or released, or a list; what it then holds can be released in any case. */
int setting_read(const struct setting *, void *field, const char *item, struct err *);
void setting_release(const struct setting *, void *field);

/* The field of a setting in a config. */
static inline void *setting_field(const struct setting *s, struct config *c)
{
	return (char *)c + s->offset;
}

#endif
