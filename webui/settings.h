/* What the web UI is given: settings, and what all of its threads share. */
#ifndef WEBUI_SETTINGS_H
#define WEBUI_SETTINGS_H

#include "base/json.h"
#include "base/net.h"
#include "base/process/local_admin.h"
#include "pki/details.h"
#include "store/db/store.h"

/* What all threads share; lives longer than they do.  Replaced as a whole on reload (webui_configure). */
struct webui_settings {
	const char *hostname;			/* of this server */
	int https_port;				/* for redirects from http; 0: no https listener, no redirect */
	struct cidr_list admin, api, trusted_proxies;
	struct local_admins local_admins;       /* at the control socket, beside root and our user */
	const char *key_type;			/* default for new keys */
	bool www;				/* new certificates get the names with and without www. */
	struct csr_details details;		/* what requests say of new certificates besides their names */
	bool first_name_is_cn;			/* and that their first name is the common name */
	int64_t rotate_after;			/* seconds after which a key is old; 0: never */
	const char *deploy_hook;		/* script for certificates without one of their own; "": none */
	const char *dns_hook;			/* the same that sets TXT records */
	char *const *hook_variables, *const *deploy_variables;	/* names that certera.yaml sets in their environment */
	json_t *shown;				/* all settings, for people who look at them */
	const char *develop;			/* directory of html/ and static/ being worked on; "": the program's */
	bool mail;				/* e-mail can be sent */
	int64_t session_idle, session_most;	/* seconds until a session ends: without a request, and in any case */
	const char *windows;			/* in which certificates are renewed; "": always */
	bool app_required;			/* whoever signs in needs an app for codes */
};

struct webui_env {
	struct store *store;
	void (*wake)(void *arg);		/* the agenda has changed: any thread may call it */
	void *arg;
	const char *version;
	int64_t started;			/* unix seconds */
	/* May this setting have that value while running (daemon/config/config.h)?  *text: as it is shown, owned. */
	int (*check_setting)(const char *name, const char *value, char **text, struct err *);
	/* The first of those windows that is open at t or later, and until when (daemon/config/window.h). */
	int64_t (*window_span)(const char *windows, int64_t t, int64_t *until);
	/*
	 * Several servers (daemon/cluster/cluster.h): how they are, null if this one is alone; "init", "init anew",
	 * "join", "leave".
	 */
	json_t *(*cluster_status)(void *arg);
	int (*cluster_do)(void *arg, const char *what, struct err *);
	char *backups;				/* where they go; only local administrators may name other places */
	const char *configuration;		/* the file; NULL: there is none */
	/* what stands between our processes, and what is missing; to be copied */
	json_t *protection;
};

#endif
