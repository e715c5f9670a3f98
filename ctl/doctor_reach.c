/* What is on the way: DNS, our own ports as others see them, CAs. */
#include "ctl/doctor.h"

#include <netdb.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fetch/fetch.h"

#define CHALLENGE "/.well-known/acme-challenge/certeractl-doctor"
#define OUR_ANSWER "There is no such challenge."	/* daemon/front/exchange.c says that, and no other server */
#define PROBE_MS 10000
#define SKEW_MOST 300	/* seconds */

/* One request, and what is kept of its reply. */
struct reach_probe {
	struct loop *loop;
	struct err err;		/* set if there was no reply */
	int status;
	bool ours;		/* a challenge was refused in our words */
	int64_t date;		/* of the server; 0: it gave none */
};

static void probe_replied(void *arg, const struct fetch_reply *r)
{
	struct reach_probe *p = arg;
	const char *date = r->err ? NULL : fetch_header(r, "Date", 0);
	struct tm tm = { 0 };

	loop_stop(p->loop);
	if (r->err) {
		p->err = *r->err;
		return;
	}
	p->status = r->status;
	p->ours = r->status == 404 && r->body_len && strstr(r->body, OUR_ANSWER);
	if (date && strptime(date, "%a, %d %b %Y %H:%M:%S", &tm))
		p->date = timegm(&tm);
}

static void probe(struct reach_probe *p, const char *url, const char *ca_file)
{
	const struct fetch_request request = {
		.url = url, .ca_file = ca_file && *ca_file ? ca_file : NULL, .allow_http = true, .timeout_ms = PROBE_MS,
		.max_redirects = 0,
	};
	struct fetcher *fetcher;

	p->loop = loop_new();
	fetcher = fetcher_new(p->loop, "certeractl/" VERSION);
	fetch_start(fetcher, &request, probe_replied, p);
	loop_run(p->loop);
	fetcher_free(fetcher);
	loop_free(p->loop);
}

void doctor_hostname(struct doctor *d)
{
	const char *host = doctor_host(d);
	_cleanup_free_ char *publish =
		xasprintf("Publish an A or AAAA record of %s with this server's public address, or correct "
			  "server.hostname.",
			  host);
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int failed = getaddrinfo(host, NULL, &hints, &found);
	char text[NI_MAXHOST];

	if (failed)
		doctor_fault(d, publish, "The name %s has no address: %s.", host, gai_strerror(failed));
	for (struct addrinfo *a = found; a; a = a->ai_next) {
		if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST))
			continue;
		if (address_is_public(a->ai_addr))
			doctor_fine(d, "The name %s leads to %s.", host, text);
		else
			doctor_warn(d, publish, "Seen from here, %s leads to %s, which no CA on the internet reaches.",
				    host, text);
	}
	if (found)
		freeaddrinfo(found);
}

/* What the check of the host name has found is one fault, and not three. */
static bool has_address(const char *host)
{
	struct addrinfo *found = NULL;
	bool has = !getaddrinfo(host, NULL, &(const struct addrinfo){ .ai_socktype = SOCK_STREAM }, &found);

	if (found)
		freeaddrinfo(found);
	return has;
}

/* From this machine, by the name: what a CA sees, unless a router in between treats us differently. */
void doctor_http(struct doctor *d)
{
	_cleanup_free_ char *url = xasprintf("http://%s" CHALLENGE, doctor_host(d));
	struct reach_probe p = { 0 };

	if (!has_address(doctor_host(d)))
		return;
	probe(&p, url, NULL);
	if (err_is_set(&p.err))
		doctor_fault(d, "Open port 80 in the firewall, and forward it to this server if it is behind a router.",
			     "%s cannot be fetched: %s.", url, p.err.message);
	else if (p.ours)
		doctor_fine(d, "%s is answered by Certera.", url);
	else
		doctor_fault(d,
			     "Check which program has port 80 at the addresses of this name, and what it forwards to "
			     "Certera.",
			     "%s is not answered by Certera, but with status %d by a different server.", url, p.status);
}

void doctor_https(struct doctor *d)
{
	_cleanup_free_ char *url = xasprintf("https://%s" CHALLENGE, doctor_host(d));
	_cleanup_free_ char *order = xasprintf(
		"Order a certificate for the name: certeractl cert add NAME --names %s --account ACCOUNT. If there "
		"is one (certeractl cert list --search %s), see why it is not renewed: certeractl cert show NAME.",
		doctor_host(d), doctor_host(d));
	struct reach_probe p = { 0 };

	if (!has_address(doctor_host(d)))
		return;
	probe(&p, url, NULL);
	if (err_is_set(&p.err))
		doctor_warn(d,
			    strstr(p.err.message, "certificate") ? order
								 : "Open port 443 in the firewall, and forward it to "
								   "this server if it is behind a router.",
			    "https://%s cannot be opened as browsers and deploy scripts do: %s.", doctor_host(d),
			    p.err.message);
	else
		doctor_fine(d, "https://%s has a valid certificate.", doctor_host(d));
}

static void look_at_ca(struct doctor *d, const json_t *account)
{
	const char *directory = json_str(account, "directory"), *name = json_str(account, "name");
	_cleanup_free_ char *peer = fetch_url_peer(directory);
	struct reach_probe p = { 0 };
	int64_t skew;

	probe(&p, directory, json_str(account, "ca_file"));
	skew = p.date ? clock_now() - p.date : 0;
	if (err_is_set(&p.err))
		doctor_fault(d, "Check DNS, the firewall for outgoing connections, and --ca-file of the account.",
			     "The CA of account %s (%s) does not answer: %s.", name, peer, p.err.message);
	else if (p.status >= 400)
		doctor_fault(d, "Check the URL of its directory: certeractl account show NAME.",
			     "The CA of account %s (%s) answers with status %d.", name, peer, p.status);
	else if (llabs(skew) > SKEW_MOST)
		doctor_fault(d, "Correct the clock: timedatectl.",
			     "The clock is %lld seconds %s that of the CA of account %s (%s).", llabs(skew),
			     skew > 0 ? "ahead of" : "behind", name, peer);
	else
		doctor_fine(d, "The CA of account %s (%s) answers, and its clock agrees.", name, peer);
}

void doctor_ca(struct doctor *d)
{
	_cleanup_json_ json_t *answer = doctor_ask(d, "/api/v1/accounts", false), *seen = json_object();
	const json_t *account;
	size_t i;

	if (answer && !json_int(answer, "total", 0))
		doctor_warn(d, "Add one: certeractl account add NAME --ca letsencrypt --agree-terms.",
			    "There is no account at a CA.");
	json_array_foreach (json_object_get(answer, "accounts"), i, account) {
		const char *directory = json_str(account, "directory");

		if (!directory || json_object_get(seen, directory))
			continue;
		json_object_set_new(seen, directory, json_true());
		look_at_ca(d, account);
	}
}
