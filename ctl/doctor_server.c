/* What the server knows. */
#include "ctl/doctor.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define DAY 86400
#define OPENS "The server has opened the store with it. "
#define KEEP_COPY "Keep a copy elsewhere: no backup has it."
#define BACKUP_AGE_MOST (8 * DAY)	/* where backup.every says nothing */

void doctor_server(struct doctor *d)
{
	const char *version = json_str(d->status, "version");
	struct err e = { 0 };

	if (!d->status) {
		_cleanup_json_ json_t *answer = ctl_request(d->ctl, "GET", "/api/v1/status", NULL, &e);

		doctor_fault(d, "Start it: systemctl start certera. If it ends again: journalctl -u certera.", "%s",
			     answer ? "The server has just been started." : e.message);
	} else if (!str_eq(version, VERSION)) {
		doctor_fault(d, "Restart it: systemctl restart certera.",
			     "The server that runs is version %s, but version " VERSION " is installed.", version);
	} else {
		doctor_fine(d, "Version %s answers at %s.", version, d->ctl->socket);
	}
}

void doctor_protection(struct doctor *d)
{
	const json_t *protection = json_object_get(d->status, "protection");
	const json_t *missing = json_object_get(protection, "missing"), *one;
	size_t i;

	json_array_foreach (missing, i, one)
		doctor_warn(d, "Start it with the systemd unit, and keep the defaults of server.user and server.users.",
			    "%s", json_string_value(one));
	if (!json_array_size(missing))
		doctor_fine(d, "The processes have users and limits of their own.");
}

static bool anybody_writes(struct doctor *d, const char *path)
{
	_cleanup_free_ char *mend = xasprintf("Run: chmod o-w %s. Then look for what was changed in it.", path);
	struct stat st;

	if (stat(path, &st) < 0 || !(st.st_mode & S_IWOTH))
		return false;
	doctor_fault(d, mend, "Everyone on this machine can change %s, and so everything here.", path);
	return true;
}

/* What others on this machine could read, or put in its place. */
void doctor_permissions(struct doctor *d)
{
	static const char *const parts[] = { "store",   "store/data.mdb", "keeper", "keeper/master.key",
					     "backups", "control",        "deploy", "tmp" };
	const char *state = doctor_setting(d, "server", "state_directory");
	const char *named = doctor_configuration_of(d);
	const char *configuration = named ? named : SYSCONFDIR "/certera/certera.yaml";
	bool fine = !anybody_writes(d, state);

	fine &= !anybody_writes(d, configuration);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", state, parts[i]),
				    *mend = xasprintf("Run: chmod o-rwx %s", path);
		struct stat st;

		if (stat(path, &st) < 0 || !(st.st_mode & S_IRWXO))
			continue;
		doctor_fault(d, mend, "Everyone on this machine may use %s.", path);
		fine = false;
	}
	if (fine)
		doctor_fine(d, "Only the server's users can read %s.", state);
}

static const char *advice_on(const char *check)
{
	static const struct {
		const char *check, *advice;
	} rows[] = {
		{ "agenda",
		  "See what is late: certeractl agenda. If it stays so, restart: systemctl restart certera." },
		{ "disk",
		  "Free space on the disk of server.state_directory: until then, nothing can be changed or renewed." },
		{ "certificates", "See which: certeractl cert list --status failed (or expired, expiring, "
				  "compromised); certeractl cert show NAME "
				  "says why." },
		{ "accounts", "See which: certeractl account list; certeractl account show NAME says why." },
		{ "backup", "See why: certeractl events --action store.backup_failed." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (str_eq(rows[i].check, check))
			return rows[i].advice;
	return "See certeractl status.";
}

void doctor_health(struct doctor *d)
{
	_cleanup_json_ json_t *answer = doctor_ask(d, "/api/v1/health", false);
	const json_t *check;
	size_t i;

	json_array_foreach (json_object_get(answer, "checks"), i, check) {
		if (json_bool(check, "well", false))
			doctor_fine(d, "%s", json_str(check, "text"));
		else
			doctor_fault(d, advice_on(json_str(check, "name")), "%s", json_str(check, "text"));
	}
}

/* How many of a list there are; -1: not known. */
static int64_t total(struct doctor *d, const char *path)
{
	_cleanup_json_ json_t *answer = doctor_ask(d, path, false);

	return answer ? json_int(answer, "total", 0) : -1;
}

void doctor_users(struct doctor *d)
{
	int64_t users = total(d, "/api/v1/users?limit=1");

	if (!users)
		doctor_warn(d, "Create the first administrator: certeractl setup NAME.",
			    "There is no user: nobody can sign in.");
	else if (users > 0)
		doctor_fine(d, "Users: %lld.", (long long)users);
}

void doctor_scripts(struct doctor *d)
{
	const json_t *certs = json_object_get(d->status, "certificates");
	long long unconfirmed = json_int(certs, "unconfirmed", 0), undelivered = json_int(certs, "undelivered", 0);

	if (unconfirmed)
		doctor_fault(d, "Review them: certeractl cert list --status unconfirmed, certeractl cert scripts NAME.",
			     "%lld certificates have scripts that no administrator confirmed; they do not run.",
			     unconfirmed);
	if (undelivered)
		doctor_warn(d,
			    "See certeractl cert list --status undelivered; certeractl cert show NAME has the output "
			    "of the deploy hook.",
			    "%lld certificates are issued, but neither seen live nor fetched.", undelivered);
	if (!unconfirmed && !undelivered)
		doctor_fine(d, "No certificate waits for a script.");
}

static bool mails(const json_t *channels)
{
	const json_t *channel;
	size_t i;

	json_array_foreach (json_object_get(channels, "channels"), i, channel)
		if (str_eq(json_str(channel, "kind"), "email"))
			return true;
	return false;
}

void doctor_notifications(struct doctor *d)
{
	_cleanup_json_ json_t *channels = doctor_ask(d, "/api/v1/channels", false);
	long long dead = json_int(json_object_get(d->status, "outbox"), "dead", 0);

	if (!channels)
		return;
	if (!json_int(channels, "total", 0))
		doctor_warn(d,
			    "Add a channel: certeractl channel add NAME --kind email --to ADDRESS; then certeractl "
			    "channel test NAME.",
			    "There is no notification channel: nobody learns of failures.");
	else if (mails(channels) && !*doctor_setting(d, "mail", "host"))
		doctor_fault(d, "Set mail.host and mail.from in the configuration.",
			     "A channel sends e-mail, but mail.host is not set.");
	else
		doctor_fine(d, "Notification channels: %lld.", (long long)json_int(channels, "total", 0));
	if (dead)
		doctor_fault(d, "See certeractl outbox list --state dead, certeractl outbox resend CHANNEL NUMBER.",
			     "Messages that could not be delivered: %lld.", dead);
}

/* "1d" as the configuration prints it; 0: there is none. */
static int64_t seconds_of(const char *duration)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', DAY } };
	char *end;
	int64_t n = strtoll(duration, &end, 10);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (*end == units[i].letter)
			return n * units[i].seconds;
	return n;
}

/* The event of the last time that a backup was put in place of the store; NULL: never, as far as the audit log goes
 * back. */
static json_t *restore_of(struct doctor *d)
{
	struct err unsaid = { 0 };
	_cleanup_json_ json_t *events =
		ctl_request(d->ctl, "GET", "/api/v1/events?limit=1&action=store.restored", NULL, &unsaid);

	return json_incref(json_array_get(json_object_get(events, "events"), 0));
}

static int64_t seconds_at(const json_t *event)
{
	int64_t at = 0;

	return json_str(event, "time") && clock_parse_rfc3339(json_str(event, "time"), &at) == 0 ? at : 0;
}

void doctor_backups(struct doctor *d)
{
	static const char how[] = "Set backup.every in the configuration, or run certeractl backup DIR regularly.";
	_cleanup_json_ json_t *last = doctor_ask(d, "/api/v1/backup", true);
	int64_t every = seconds_of(doctor_setting(d, "backup", "every")), ended = 0;
	_cleanup_json_ json_t *restored = restore_of(d);
	const char *when = json_str(last, "ended");

	if (!last || (when && clock_parse_rfc3339(when, &ended) < 0))
		ended = 0;
	if (restored && ended < seconds_at(restored))
		doctor_warn(d,
			    every ? "Make one now (certeractl backup DIR); the following ones come by backup.every."
				  : how,
			    "This store was %s, at %s, and there is no backup since.", json_str(restored, "message"),
			    json_str(restored, "time"));
	else if (!last || (!ended && !str_eq(json_str(last, "state"), "open")))
		doctor_warn(d, how, "There is no backup.");
	else if (str_eq(json_str(last, "state"), "failed"))
		doctor_fault(d, "See certeractl events --action store.backup_failed.", "The last backup failed, at %s.",
			     when);
	else if (ended && clock_now() - ended > (every ? 2 * every : BACKUP_AGE_MOST))
		doctor_warn(d, how, "The last backup is of %s.", when);
	else if (!*doctor_setting(d, "backup", "hook"))
		doctor_warn(d, "Set backup.hook (backup-rsync, backup-rclone), or copy it by other means.",
			    "The last backup is of %s, in %s; Certera does not copy it to a different machine.",
			    when ? when : "now", json_str(last, "directory"));
	else
		doctor_fine(d, "The last backup is of %s, in %s.", when ? when : "now", json_str(last, "directory"));
}

void doctor_master_key(struct doctor *d)
{
	const char *configured = doctor_setting(d, "keeper", "master_key");
	_cleanup_free_ char *usual = xasprintf("%s/keeper/master.key", doctor_setting(d, "server", "state_directory"));

	if (*configured)
		doctor_fine(d, OPENS "It is in %s. " KEEP_COPY, configured);
	else if (!access(usual, F_OK) || errno == EACCES)
		doctor_fine(d, OPENS "It is in %s. " KEEP_COPY, usual);
	else
		doctor_fine(d, OPENS "It is a systemd credential. " KEEP_COPY);
}
