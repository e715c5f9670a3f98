/* What needs no server: the configuration, the machine. */
#include "ctl/doctor.h"

#include <sys/timex.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/process/sandbox.h"

#define FILTERS "/proc/sys/kernel/seccomp/actions_avail"
#define CHECK_AGAIN "Correct it, then check again with certerad -t."

const char *doctor_configuration_of(const struct doctor *d)
{
	const char *named = json_str(d->ctl->local, "config"), *of_server = json_str(d->status, "configuration");

	return named || !of_server || *of_server != '/' ? named : of_server;
}

void doctor_configuration(struct doctor *d)
{
	const char *file = doctor_configuration_of(d);
	const char *const args[] = { "-t", file ? "-f" : NULL, file, NULL };
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_strv_ char **lines = NULL;
	struct err e = { 0 };
	int code = certerad_run(args, CERTERAD_ALL, &text, &e);

	if (code < 0) {
		doctor_fault(d, NULL, "%s", e.message);
		return;
	}
	lines = strv_split(buf_str(&text), "\n");
	for (char **line = lines; line && *line; line++) {
		if (str_starts(*line, "warning: "))
			doctor_warn(d, CHECK_AGAIN, "%s", *line + strlen("warning: "));
		else if (code)
			doctor_fault(d, CHECK_AGAIN, "%s", *line);
		else
			doctor_fine(d, "%s.", *line);
	}
}

void doctor_kernel(struct doctor *d)
{
	if (access(FILTERS, R_OK) < 0)
		doctor_warn(d, "Use a kernel with CONFIG_SECCOMP_FILTER.",
			    "This kernel shows no system-call filters (" FILTERS "): the keeper may run without one.");
	else if (!sandbox_landlock())
		doctor_warn(
			d, "Use a kernel with CONFIG_SECURITY_LANDLOCK, and with landlock in its parameter lsm=.",
			"This kernel has no Landlock: scripts and processes can use all files that their users can.");
	else
		doctor_fine(d, "The kernel has system-call filters and Landlock.");
}

void doctor_clock(struct doctor *d)
{
	struct timex t = { 0 };

	if (adjtimex(&t) == TIME_ERROR || t.status & STA_UNSYNC)
		doctor_warn(d, "Start a time service: systemd-timesyncd, chrony.",
			    "The clock is not synchronised; renewals and codes of authenticator apps depend on it.");
	else
		doctor_fine(d, "The clock is synchronised.");
}
