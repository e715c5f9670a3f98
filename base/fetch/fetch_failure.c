#include "base/fetch/fetch_failure.h"

#include <errno.h>

static const struct failure {
	CURLcode code;
	enum err_kind kind;
	bool quote;
	const char *doing, *what;
} failures[] = {
#define FAILURE(...) { __VA_ARGS__ },
#include "base/fetch/fetch_failure.def"
#undef FAILURE
};
static const struct failure *find_failure(CURLcode code)
{
	const struct failure *row = failures;

	while (row->code != CURLE_OK && row->code != code)
		row++;
	return row;
}

static void timed_out(const struct fetch_failure *f, struct err *e)
{
	curl_off_t looked_up = 0, connected = 0, total = 0;
	const char *doing = "connecting to";

	curl_easy_getinfo(f->easy, CURLINFO_NAMELOOKUP_TIME_T, &looked_up);
	curl_easy_getinfo(f->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
	curl_easy_getinfo(f->easy, CURLINFO_TOTAL_TIME_T, &total);
	if (connected)	/* over a connection that was there, nothing was looked up */
		doing = "asking";
	else if (!looked_up && !f->local)
		doing = "looking up";
	err_set(e, ERR_TIMEOUT, "%s %s: timed out after %.1f seconds", doing, f->who, (double)total / 1e6);
}

static void not_trusted(const struct fetch_failure *f, struct err *e)
{
	err_set(e, ERR_NETWORK, "connecting to %s: its TLS certificate is not trusted: %s", f->who, f->said);
	err_hint(e, "If your own authority signs the TLS certificate of this server, name the PEM file with its "
			  "root: for a CA in its account, for webhooks in notify.ca_file.");
}

static void bad_ca_file(const struct fetch_failure *f, struct err *e)
{
	if (f->ca_file)
		err_set(e, ERR_CONFIG, "reading the trusted certificates in %s: no readable PEM file",
			f->ca_file);
	else
		err_set(e, ERR_CONFIG, "reading the system's trusted certificates: none found");
	err_hint(e,
		 f->ca_file ? "Name a PEM file with root certificates there." : "Install the package ca-certificates.");
}

void fetch_failure_tell(const struct fetch_failure *f, struct err *e)
{
	CURLcode code = f->code;
	const struct failure *row = find_failure(code);
	long number = 0, status = 0;

	curl_easy_getinfo(f->easy, CURLINFO_OS_ERRNO, &number);
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	errno = (int)number;
	if (code == CURLE_OPERATION_TIMEDOUT)
		timed_out(f, e);
	else if ((code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK) && *f->refused)
		err_set(e, ERR_DENIED, "connecting to %s: its address %s is not a public one", f->who, f->refused);
	else if (code == CURLE_PEER_FAILED_VERIFICATION)
		not_trusted(f, e);
	else if (code == CURLE_SSL_CACERT_BADFILE)
		bad_ca_file(f, e);
	else if (code == CURLE_UNSUPPORTED_PROTOCOL && status / 100 == 3)
		err_set(e, ERR_PROTOCOL, "asking %s: a redirect leads to what is not fetched: %s", f->who,
			f->said);
	else if (code == CURLE_COULDNT_CONNECT && errno)
		err_errno(e, errno == ETIMEDOUT ? ERR_TIMEOUT : ERR_NETWORK, "%s %s", row->doing, f->who);
	else
		err_set(e, row->kind, "%s %s: %s%s%s", row->doing, f->who, row->what,
			row->quote && *f->said ? ": " : "", row->quote ? f->said : "");
}
