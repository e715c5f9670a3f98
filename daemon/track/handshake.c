#include "daemon/track/handshake.h"

#include <ctype.h>
#include <errno.h>
#include <sys/socket.h>

#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>

#include "base/words.h"
#include "pki/mbed.h"
#include "pki/regroup.h"
#include "pki/trust/presented.h"

#define CERTS_MAX 10
#define ALERT_RECORD 0x15
#define HANDSHAKE_RECORD 0x16
#define HEAD 7		/* bytes: of a record with an alert, all */

struct handshakes {
	mbedtls_ssl_config config;
};

struct handshake {
	int fd;
	mbedtls_ssl_context ssl;
	struct regroup regroup;
	struct presented presented;
	unsigned char head[HEAD];	/* the first bytes the server sent */
	size_t head_len;
	int error;			/* errno of the socket; -1: the server closed it */
	bool done;
};

/* Whatever servers may have; the cheap ones first. */
static void configure(mbedtls_ssl_config *config)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	static const uint16_t groups[] = {
		MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
		MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1,
		MBEDTLS_SSL_IANA_TLS_GROUP_NONE
	};

	mbedtls_ssl_conf_groups(config, groups);
#else
	static const mbedtls_ecp_group_id groups[] = {
		MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1,
		MBEDTLS_ECP_DP_NONE
	};

	mbedtls_ssl_conf_curves(config, groups);
#endif
	mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_session_tickets(config, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
}

struct handshakes *handshakes_new(void)
{
	struct handshakes *all = xcalloc(1, sizeof(*all));

	mbedtls_ssl_config_init(&all->config);
	if (mbed_tls_defaults(&all->config, MBEDTLS_SSL_IS_CLIENT))
		die("out of memory for TLS");
	configure(&all->config);
	return all;
}

void handshakes_free(struct handshakes *all)
{
	if (!all)
		return;
	mbedtls_ssl_config_free(&all->config);
	free(all);
}

static int handshake_transmit(void *arg, const unsigned char *data, size_t len)
{
	struct handshake *h = arg;
	ssize_t sent = send(h->fd, data, len, MSG_NOSIGNAL);

	if (sent >= 0)
		return (int)sent;
	if (errno == EAGAIN || errno == EINTR)
		return MBEDTLS_ERR_SSL_WANT_WRITE;
	h->error = errno;
	return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static ssize_t handshake_hear(void *arg, void *data, size_t len)
{
	struct handshake *h = arg;
	ssize_t got = recv(h->fd, data, len, 0);
	size_t room = HEAD - h->head_len, kept = got > 0 ? MIN(room, (size_t)got) : 0;

	memcpy(h->head + h->head_len, data, kept);
	h->head_len += kept;
	return got;
}

static int handshake_receive(void *arg, unsigned char *data, size_t len)
{
	struct handshake *h = arg;
	ssize_t got = regroup_read(&h->regroup, data, len, handshake_hear, h);

	if (got > 0)
		return (int)got;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return MBEDTLS_ERR_SSL_WANT_READ;
	h->error = got < 0 ? errno : -1;
	return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

struct handshake *handshake_new(struct handshakes *all, int fd, const char *host)
{
	struct handshake *h = xcalloc(1, sizeof(*h));

	h->fd = fd;
	mbedtls_ssl_init(&h->ssl);
	if (mbedtls_ssl_setup(&h->ssl, &all->config) || mbedtls_ssl_set_hostname(&h->ssl, host))
		die("out of memory for a TLS connection");
	mbedtls_ssl_set_bio(&h->ssl, h, handshake_transmit, handshake_receive, NULL);
	return h;
}

void handshake_free(struct handshake *h)
{
	if (!h)
		return;
	if (h->done)
		mbedtls_ssl_close_notify(&h->ssl);
	mbedtls_ssl_free(&h->ssl);
	regroup_release(&h->regroup);
	free(h);
}

/* RFC 8446 section 6; those a server sends to a client that has done nothing wrong. */
static const char *alert_text(unsigned char alert)
{
	static const struct {
		unsigned char alert;
		const char *text;
	} alerts[] = {
		{ 40, "handshake failure" }, { 70, "protocol version" }, { 71, "insufficient security" },
		{ 80, "internal error" }, { 112, "unrecognized name" }, { 116, "certificate required" },
		{ 120, "no application protocol" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(alerts); i++)
		if (alerts[i].alert == alert)
			return alerts[i].text;
	return "no common words";
}

/* Of nothing we know: what it looks like. */
static int no_tls(const struct handshake *h, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	words_add(&text, h->head, h->head_len, WORDS_SOME);
	return err_set(e, ERR_PROTOCOL, "does not speak TLS: it says \"%s...\"", buf_str(&text));
}

/*
 * In TLS 1.3 messages are encrypted.  Those in pieces mbedTLS reads since 3.6.3, and says before that that it cannot;
 * of one that is too long for it, that we gave it no room.
 */
static bool is_unreadable(const struct handshake *h, int code)
{
	return h->regroup.too_long || code == MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE ||
	       code == MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
}

static enum handshake_state explain(const struct handshake *h, int code, struct err *e)
{
	bool refused = h->head_len == HEAD && h->head[0] == ALERT_RECORD;
	char said[128];

	if (err_is_set(&h->presented.absurd)) {
		if (e)
			*e = h->presented.absurd;
		return HANDSHAKE_FAILED;
	}
	if (is_unreadable(h, code))
		return HANDSHAKE_UNREADABLE;
#if MBEDTLS_VERSION_NUMBER < 0x03000000
	/* We offered TLS 1.2: who finds that too old has only 1.3. */
	if (refused && h->head[6] == 70)
		return HANDSHAKE_NEWER;
#endif
	if (refused)
		err_set(e, ERR_PROTOCOL, "refuses the TLS handshake: alert %d, %s", h->head[6], alert_text(h->head[6]));
	else if (h->error > 0)
		err_set(e, ERR_NETWORK, "breaks off the TLS handshake: %s", strerror(h->error));
	else if (h->error < 0)
		err_set(e, ERR_NETWORK, "closes the connection during the TLS handshake");
	else if (h->head_len && h->head[0] != HANDSHAKE_RECORD && h->head[0] != ALERT_RECORD)
		no_tls(h, e);
	else if (h->head_len > 2 && h->head[0] == HANDSHAKE_RECORD && h->head[2] < 3)
		err_set(e, ERR_PROTOCOL, "speaks only TLS 1.1 or older, which clients refuse");
	else {
		mbedtls_strerror(code, said, sizeof(said));
		err_set(e, ERR_PROTOCOL, "fails at the TLS handshake: %s", said);
	}
	return HANDSHAKE_FAILED;
}

enum handshake_state handshake_go(struct handshake *h, struct err *e)
{
	int code = presented_handshake(&h->presented, &h->ssl);

	if (code == MBEDTLS_ERR_SSL_WANT_READ)
		return HANDSHAKE_READS;
	if (code == MBEDTLS_ERR_SSL_WANT_WRITE)
		return HANDSHAKE_WRITES;
	h->done = !code;
	return code ? explain(h, code, e) : HANDSHAKE_DONE;
}

/* What was sent, also if the handshake failed behind it: a server may want a certificate of ours. */
void handshake_chain(const struct handshake *h, struct chain *chain)
{
	*chain = (struct chain){ NULL, 0 };
	if (err_is_set(&h->presented.absurd))
		return;
	for (const mbedtls_x509_crt *crt = presented_chain(&h->ssl); crt && chain->count < CERTS_MAX; crt = crt->next) {
		struct cert cert;

		if (cert_parse(&cert, slice(crt->raw.p, crt->raw.len), NULL) < 0) {
			if (!chain->count)
				return;		/* without its leaf it says nothing */
			continue;
		}
		chain->cert = xreallocarray(chain->cert, chain->count + 1, sizeof(*chain->cert));
		chain->cert[chain->count++] = cert;
	}
}

const char *handshake_version(const struct handshake *h)
{
	return mbedtls_ssl_get_version(&h->ssl);
}

const char *handshake_cipher(const struct handshake *h)
{
	return mbedtls_ssl_get_ciphersuite(&h->ssl);
}
