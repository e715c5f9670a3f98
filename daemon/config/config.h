/*
 * The configuration: one YAML file of groups with keys, all in config.def.
 *
 * Reading never stops at the first mistake: each is one line
 * "file:line: group.key: what is wrong, and what was expected".
 */
#ifndef DAEMON_CONFIG_CONFIG_H
#define DAEMON_CONFIG_CONFIG_H

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/net.h"

struct config_addresses {
	struct address *item;
	size_t count;
};

#define CONFIG_TYPE_TEXT      char *
#define CONFIG_TYPE_PATH      char *
#define CONFIG_TYPE_HOST      char *
#define CONFIG_TYPE_WORD      char *
#define CONFIG_TYPE_WINDOWS   char *
#define CONFIG_TYPE_DAYS      char *
#define CONFIG_TYPE_DAYTIME   char *
#define CONFIG_TYPE_INT       int64_t
#define CONFIG_TYPE_BOOL      bool
#define CONFIG_TYPE_DURATION  int64_t	/* seconds */
#define CONFIG_TYPE_SIZE      int64_t	/* bytes */
#define CONFIG_TYPE_ADDRESSES struct config_addresses
#define CONFIG_TYPE_NETWORKS  struct cidr_list
#define CONFIG_TYPE_LINES     char **

/* config->server_hostname, config->listen_http, ... */
struct config {
#define GROUP(group, sentence)
#define SETTING(group, key, type, value, least, most, when, kept, sentence) CONFIG_TYPE_##type group##_##key;
#include "daemon/config/config.def"
#undef GROUP
#undef SETTING
	char **lines;		/* "server.threads=12": in which line the file sets it */
	/* "server.threads=4": what the file says and counts after a restart; see config_reload() */
	char **after_restart;
	char **file;		/* "renewal.before=0s": what counts without the store; of settings that it may keep */
	char **kept;		/* "renewal.before=20d": what the store says, and counts; see config_keep() */
};

/* Fills every setting with its default, then reads the file (NULL: defaults only).
 * Mistakes are handed to complain() one by one; returns how many there were. */
int config_read(struct config *, const char *file, void (*complain)(void *arg, const char *line), void *arg);
void config_release(struct config *);
/*
 * What the file says now (fresh, taken over) counts, but for the settings that need a restart: those keep their values,
 * and are noted in config->after_restart.
 */
void config_reload(struct config *config, struct config *fresh);

/*
 * Settings that an administrator changed while running, in the store: NAME=VALUE.  They count instead of what the file
 * says; without them, that counts again.  What cannot be (an older or newer program's) is one line for complain(), and
 * the file counts.
 */
void config_keep(struct config *, char *const *kept, void (*complain)(void *arg, const char *line), void *arg);
/* May the store keep this value of that setting?  *text: as it is shown, owned. */
int config_check_kept(const char *name, const char *value, char **text, struct err *);

size_t config_line(const struct config *, const char *setting);	/* of "server.threads" in the file; 0: not in it */

/* What depends on other settings or the surroundings, worked out; owned. */
char *config_control_socket(const struct config *);
char *config_store(const struct config *);	/* the directory of the store */
char *config_master_key(const struct config *);
char *config_backups(const struct config *);	/* where backups go that nobody names a place for */
char *config_hostname(const struct config *);
enum log_level config_log_level(const struct config *);
char *config_text(const struct config *, const char *group, const char *key);	/* NULL: there is no such setting */
char *config_mail_password(const struct config *);	/* the file; NULL: there is none */
char *config_servers(const struct config_addresses *);	/* with commas between them, as dns/query.h wants them */

/*
 * What is in force, by groups, without what may be secret:
 * [{group, sentence, settings: [{key, value, default, ...}]}].  Owned.
 */
json_t *config_json(const struct config *);

/* The commented example file / the settings section of certera.yaml(5) (mdoc), out of config.def. */
void config_print_example(FILE *);
void config_print_manual(FILE *);

#endif
