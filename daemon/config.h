/*
 * The configuration: one YAML file of groups with keys, all in config.def.
 *
 * Reading never stops at the first mistake: each is one line
 * "file:line: group.key: what is wrong, and what was expected".
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include "base/err.h"
#include "base/json.h"
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
#define SETTING(group, key, type, value, least, most, sentence) CONFIG_TYPE_##type group##_##key;
#include "daemon/config.def"
#undef GROUP
#undef SETTING
};

/* Fills every setting with its default, then reads the file (NULL: defaults only).
 * Mistakes are handed to complain() one by one; returns how many there were. */
int config_read(struct config *, const char *file, void (*complain)(void *arg, const char *line), void *arg);
void config_release(struct config *);

/* What depends on other settings or the surroundings, worked out; owned. */
char *config_control_socket(const struct config *);
char *config_master_key(const struct config *);
char *config_hostname(const struct config *);
char *config_mail_password(const struct config *);	/* the file; NULL: there is none */
char *config_servers(const struct config_addresses *);	/* with commas between them, as dns_query.h wants them */

/*
 * What is in force, by groups, without what may be secret:
 * [{group, sentence, settings: [{key, value, default, ...}]}].  Owned.
 */
json_t *config_json(const struct config *);

/* The commented example file / the settings section of certera.yaml(5) (mdoc), out of config.def. */
void config_print_example(FILE *);
void config_print_manual(FILE *);

#endif
