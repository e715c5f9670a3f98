/* A message of the outbox as values: what templates are filled with, and what webhooks are sent. */
#ifndef DAEMON_NOTIFY_ALERT_JSON_H
#define DAEMON_NOTIFY_ALERT_JSON_H

#include "store/notify/alert.h"

/*
 * {id, alert, level, time, server, subject, text, todo, name, object, facts: {...}, items: [...]}, a new reference.
 * server: the name of ours.
 */
json_t *alert_json(const struct rec_outbox *, const char *server);
/* The body that a kind of channel wants for it; owned. */
char *alert_body(enum channel_kind, const json_t *alert);

#endif
