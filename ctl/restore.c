/* certeractl restore: the daemon does not run, so its program does it (certerad -r). */
#include "ctl/ctl.h"

#include "base/buf.h"

static void print_restored(const json_t *done)
{
	bool restored = json_bool(done, "restored", false);
	const char *former = json_str(done, "former");

	printf("%s: %lld records and %lld events verified.\n", json_str(done, "from"),
	       (long long)json_int(done, "records", 0), (long long)json_int(done, "events", 0));
	if (!restored)
		puts("The backup can be restored. Nothing was changed.");
	else if (former)
		printf("The backup is now the store. The former store is in %s; remove it when you no longer need "
		       "it.\n",
		       former);
	else
		puts("The backup is now the store.");
	if (restored)
		puts("Start the server: systemctl start certera");
}

int run_restore(struct ctl *ctl, json_t *none)
{
	const char *file = json_str(ctl->local, "config");
	const char *args[] = { "-r", ctl->args[0], file ? "-f" : NULL, file, NULL, NULL };
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ json_t *done = NULL;
	struct err e = { 0 };
	int code;

	if (json_bool(ctl->local, "dry_run", false))
		args[file ? 4 : 2] = "-t";
	code = certerad_run(args, CERTERAD_ANSWER, &text, &e);
	if (code < 0) {	/* LMDB believes what it reads */
		err_prefix(&e, "reading the backup %s", ctl->args[0]);
		err_hint(&e, "The backup is damaged. Nothing was changed. Restore a different one.");
	}
	if (code > 0)
		return code;
	done = code < 0 ? NULL : json_read(text.data, text.len, &e);
	if (!done)
		return ctl_fail(ctl, &e);
	if (!ctl_as_json(ctl, done))
		print_restored(done);
	return 0;
}
