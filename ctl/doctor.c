#include "ctl/doctor.h"

#include <stdarg.h>

#include "base/buf.h"

enum needs { ALONE, SERVER };

static const struct doctor_check {
	const char *name;
	enum needs needs;
	void (*run)(struct doctor *);
} checks[] = {
#define CHECK(name, needs, text) { #name, needs, doctor_##name },
#include "ctl/doctor.def"
#undef CHECK
};

/*
 * What checks say.
 */

static void PRINTF_LIKE(4, 0)
	find(struct doctor *d, const char *state, const char *what_to_do, const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = xvasprintf(fmt, ap);
	json_t *finding = json_object();

	json_put_str(finding, "check", d->check);
	json_put_str(finding, "state", state);
	json_put_str(finding, "text", text);
	json_put_str(finding, "do", what_to_do);
	json_array_append_new(d->findings, finding);
}

void doctor_fine(struct doctor *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	find(d, "fine", NULL, fmt, ap);
	va_end(ap);
}

void doctor_warn(struct doctor *d, const char *what_to_do, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	find(d, "warning", what_to_do, fmt, ap);
	va_end(ap);
}

void doctor_fault(struct doctor *d, const char *what_to_do, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	find(d, "fault", what_to_do, fmt, ap);
	va_end(ap);
}

/*
 * What checks ask.
 */

const char *doctor_setting(const struct doctor *d, const char *group, const char *key)
{
	const char *value = json_str(json_object_get(d->settings, group), key);

	return value ? value : "";
}

const char *doctor_host(const struct doctor *d)
{
	const char *host = json_str(d->status, "hostname");

	return host ? host : "";
}

json_t *doctor_ask(struct doctor *d, const char *path, bool may_be_missing)
{
	struct err e = { 0 };
	json_t *answer = ctl_request(d->ctl, "GET", path, NULL, &e);

	if (!answer && !(may_be_missing && e.kind == ERR_MISSING))
		doctor_fault(d, e.hint[0] ? e.hint : NULL, "%s", e.message);
	return answer;
}

/* As the server has them in force, which need not be what the file says. */
static void learn_settings(struct doctor *d)
{
	struct err unsaid = { 0 };
	_cleanup_json_ json_t *answer = ctl_request(d->ctl, "GET", "/api/v1/settings", NULL, &unsaid);
	const json_t *group, *setting;
	size_t i, k;

	d->settings = json_object();
	json_array_foreach (json_object_get(answer, "groups"), i, group) {
		json_t *values = json_object();

		json_array_foreach (json_object_get(group, "settings"), k, setting)
			json_put_str(values, json_str(setting, "key"), json_str(setting, "value"));
		json_object_set_new(d->settings, json_str(group, "group"), values);
	}
}

/*
 * The command.
 */

static int count(const struct doctor *d, const char *state)
{
	const json_t *finding;
	int found = 0;
	size_t i;

	json_array_foreach (d->findings, i, finding)
		found += str_eq(json_str(finding, "state"), state);
	return found;
}

static void print(const struct doctor *d)
{
	const json_t *finding;
	size_t i;

	json_array_foreach (d->findings, i, finding) {
		printf("%s%-8s%s %-14s %s\n", terminal_colour(json_str(finding, "state")), json_str(finding, "state"),
		       terminal_plain(), json_str(finding, "check"), json_str(finding, "text"));
		if (json_str(finding, "do"))
			printf("%-23s   %s\n", "", json_str(finding, "do"));
	}
	printf("\nFaults: %d. Warnings: %d.\n", count(d, "fault"), count(d, "warning"));
}

int run_doctor(struct ctl *ctl, json_t *none)
{
	struct doctor d = { .ctl = ctl, .findings = json_array() };
	_cleanup_json_ json_t *answer = json_object();
	struct err said_by_check = { 0 };
	int faults;

	d.status = ctl_request(ctl, "GET", "/api/v1/status", NULL, &said_by_check);
	learn_settings(&d);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		d.check = checks[i].name;
		if (checks[i].needs == ALONE || d.status)
			checks[i].run(&d);
	}
	faults = count(&d, "fault");
	json_object_set(answer, "findings", d.findings);
	json_put_int(answer, "faults", faults);
	json_put_int(answer, "warnings", count(&d, "warning"));
	if (!ctl_as_json(ctl, answer))
		print(&d);
	json_decref(d.findings);
	json_decref(d.settings);
	json_decref(d.status);
	return faults ? 1 : 0;
}
