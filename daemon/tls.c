#include "daemon/tls.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>

#include "base/digest.h"
#include "base/log.h"
#include "pki/cert.h"
#include "pki/identifier.h"
#include "pki/mbed.h"

#ifndef MBEDTLS_THREADING_C
#error "mbedTLS is built without MBEDTLS_THREADING_C, but our threads share keys and tickets"
#endif

#define TICKET_LIFETIME (24 * 60 * 60)	/* seconds; mbedTLS changes the tickets' key in half that time */
#define RECORD_MAX 16384
#define HOST_MAX 255

/* A certificate with its key.  Many threads use it at once, so it is never changed. */
struct site {
	int refs;		/* under tls->mutex */
	char **names;
	mbedtls_x509_crt chain;
	struct key *key;
};

/* All we serve at one time: never changed, only replaced. */
struct table {
	int refs;		/* under tls->mutex */
	mbedtls_ssl_config config;
	struct site **site;	/* newest first: it wins where two have a name, and is for who asks for none of them */
	size_t count;
};

struct tls {
	pthread_mutex_t mutex;
	struct table *table;
	mbedtls_ssl_ticket_context tickets;
};

struct tls_conn {
	struct tls *tls;
	struct table *table;
	mbedtls_ssl_context ssl;
	struct evbuffer *received;
	int fd;
	bool open, broken;
	size_t unfinished;	/* bytes of the write that mbedTLS wants repeated */
};

static void site_unref(struct site *s)
{
	if (--s->refs)
		return;
	mbedtls_x509_crt_free(&s->chain);
	key_free(s->key);
	strv_free(s->names);
	free(s);
}

static void table_unref(struct table *t)
{
	if (--t->refs)
		return;
	for (size_t i = 0; i < t->count; i++)
		site_unref(t->site[i]);
	mbedtls_ssl_config_free(&t->config);
	free(t->site);
	free(t);
}

/* Does the site have the name, for a client that asks for `host`? */
static bool site_covers(const struct site *s, const char *host)
{
	for (char **name = s->names; name && *name; name++)
		if (identifier_covers(*name, host))
			return true;
	return false;
}

static int choose_by_name(void *arg, mbedtls_ssl_context *ssl, const unsigned char *name, size_t len)
{
	struct table *t = arg;
	_cleanup_free_ char *host = xstrndup((const char *)name, MIN(len, HOST_MAX));

	for (size_t i = 0; i < t->count; i++)
		if (site_covers(t->site[i], host))
			return mbedtls_ssl_set_hs_own_cert(ssl, &t->site[i]->chain, key_mbedtls(t->site[i]->key));
	return 0;	/* the table's own */
}

static void configure_versions(mbedtls_ssl_config *config)
{
	static const int suites[] = {
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
		MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
		MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
		MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
#endif
		MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		0
	};
	/* mbedTLS would begin with P-521, which costs ten times as much. */
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	static const uint16_t groups[] = {
		MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
		MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE
	};

	mbedtls_ssl_conf_groups(config, groups);
#else
	static const mbedtls_ecp_group_id groups[] = {
		MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_NONE
	};

	mbedtls_ssl_conf_curves(config, groups);
#endif
	mbedtls_ssl_conf_ciphersuites(config, suites);
}

static int table_configure(struct table *t, struct tls *tls, struct err *e)
{
	static const char *protocols[] = { "http/1.1", NULL };
	mbedtls_ssl_config *config = &t->config;
	int code = mbed_tls_defaults(config, MBEDTLS_SSL_IS_SERVER);

	if (!code)
		code = mbedtls_ssl_conf_own_cert(config, &t->site[0]->chain, key_mbedtls(t->site[0]->key));
	if (!code)
		code = mbedtls_ssl_conf_alpn_protocols(config, protocols);
	if (code)
		return mbed_err(e, ERR_INTERNAL, "configuring TLS", code);
	mbedtls_ssl_conf_sni(config, choose_by_name, t);
	mbedtls_ssl_conf_session_tickets_cb(config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse, &tls->tickets);
	configure_versions(config);
	return 0;
}

/* Does `newer` have all names of `older`? */
static bool replaces(const struct site *newer, const struct site *older)
{
	for (char **name = older->names; name && *name; name++)
		if (!strv_has(newer->names, *name) && !site_covers(newer, *name))
			return false;
	return true;
}

/* Puts the site in front of those served now, less those it replaces.  Takes the site, also on failure. */
static int serve(struct tls *tls, struct site *site, struct err *e)
{
	struct table *old = tls->table;
	struct table *t = xcalloc(1, sizeof(*t));
	int result;

	mbedtls_ssl_config_init(&t->config);
	t->refs = 1;
	t->site = xcalloc(1 + (old ? old->count : 0), sizeof(struct site *));
	t->site[t->count++] = site;

	pthread_mutex_lock(&tls->mutex);
	for (size_t i = 0; old && i < old->count; i++) {
		if (replaces(site, old->site[i]))
			continue;
		old->site[i]->refs++;
		t->site[t->count++] = old->site[i];
	}
	result = table_configure(t, tls, e);
	if (!result) {
		tls->table = t;
		t = old;
	}
	if (t)
		table_unref(t);
	pthread_mutex_unlock(&tls->mutex);
	return result;
}

static struct site *site_new(char *const *names, const struct chain *chain, struct key *key, struct err *e)
{
	struct site *s = xcalloc(1, sizeof(*s));
	_cleanup_buf_ struct buf spki = BUF_INIT, signature = BUF_INIT;

	s->refs = 1;
	s->names = strv_dup(names);
	s->key = key;
	mbedtls_x509_crt_init(&s->chain);
	for (size_t i = 0; i < chain->count; i++) {
		const struct buf *der = &chain->cert[i].der;
		int code = mbedtls_x509_crt_parse_der(&s->chain, (const unsigned char *)der->data, der->len);

		if (code) {
			mbed_err(e, ERR_INTERNAL, "reading the certificate", code);
			goto out;
		}
	}
	/* The first signature makes mbedTLS 2.28 keep a table with the key; after it threads only read the key. */
	if (key_spki(key, &spki, e) < 0 || key_sign(key, slice_str("ready"), &signature, e) < 0)
		goto out;
	if (slice_eq(slice_buf(&spki), slice_buf(&chain->cert[0].spki)))
		return s;
	err_set(e, ERR_INVALID, "the certificate is for another key");
out:
	site_unref(s);
	return NULL;
}

int tls_set_certificate(struct tls *tls, char *const *names, struct slice chain_pem, struct slice key_der,
			struct err *e)
{
	_cleanup_chain_ struct chain chain = { NULL, 0 };
	struct site *site;
	struct key *key;

	if (chain_parse(&chain, chain_pem, e) < 0)
		return -1;
	key = key_parse(key_der, NULL, e);
	if (!key)
		return -1;
	site = site_new(names, &chain, key, e);
	return site ? serve(tls, site, e) : -1;
}

/* Nobody asks for a self-signed one by name, and whatever comes next replaces it: it has no names. */
static int serve_self_signed(struct tls *tls, const char *hostname, struct err *e)
{
	struct cert cert = { 0 };
	struct chain chain = { &cert, 1 };
	_cleanup_buf_ struct buf der = BUF_INIT;
	_cleanup_key_ struct key *key = key_generate(KEY_P256, e);
	struct site *site = NULL;

	if (key && cert_self_signed(key, hostname, &der, e) == 0 && cert_parse(&cert, slice_buf(&der), e) == 0)
		site = site_new(NULL, &chain, TAKE(key), e);
	cert_release(&cert);
	return site ? serve(tls, site, e) : -1;
}

struct tls *tls_new(const char *hostname, struct err *e)
{
	struct tls *tls = xcalloc(1, sizeof(*tls));
	int code;

	mbed_begin();
	pthread_mutex_init(&tls->mutex, NULL);
	mbedtls_ssl_ticket_init(&tls->tickets);
	code = mbedtls_ssl_ticket_setup(&tls->tickets, random_mbedtls, NULL, MBEDTLS_CIPHER_AES_256_GCM,
					TICKET_LIFETIME);
	if (!(code ? mbed_err(e, ERR_INTERNAL, "preparing session tickets", code) :
		     serve_self_signed(tls, hostname, e)))
		return tls;
	err_prefix(e, "preparing TLS");
	tls_free(tls);
	return NULL;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	if (tls->table)
		table_unref(tls->table);
	mbedtls_ssl_ticket_free(&tls->tickets);
	pthread_mutex_destroy(&tls->mutex);
	free(tls);
}

static int receive(void *arg, unsigned char *data, size_t len)
{
	struct tls_conn *c = arg;
	int got = evbuffer_remove(c->received, data, len);

	return got > 0 ? got : MBEDTLS_ERR_SSL_WANT_READ;
}

/* Not through the socket's bufferevent: evhttp closes as soon as it has handed its last byte on, sent or not. */
static int transmit(void *arg, const unsigned char *data, size_t len)
{
	struct tls_conn *c = arg;
	ssize_t sent = send(c->fd, data, len, MSG_NOSIGNAL);

	if (sent >= 0)
		return (int)sent;
	return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

struct tls_conn *tls_conn_new(struct tls *tls, struct evbuffer *received)
{
	struct tls_conn *c = xcalloc(1, sizeof(*c));

	c->tls = tls;
	c->received = received;
	pthread_mutex_lock(&tls->mutex);
	c->table = tls->table;
	c->table->refs++;
	pthread_mutex_unlock(&tls->mutex);
	mbedtls_ssl_init(&c->ssl);
	if (mbedtls_ssl_setup(&c->ssl, &c->table->config))
		die("out of memory for a TLS connection");
	mbedtls_ssl_set_bio(&c->ssl, c, transmit, receive, NULL);
	return c;
}

void tls_conn_free(struct tls_conn *c)
{
	if (!c)
		return;
	mbedtls_ssl_free(&c->ssl);
	pthread_mutex_lock(&c->tls->mutex);
	table_unref(c->table);
	pthread_mutex_unlock(&c->tls->mutex);
	free(c);
}

bool tls_conn_is_open(const struct tls_conn *c)
{
	return c->open;
}

static enum tls_result judge(struct tls_conn *c, int code)
{
	char said[128];

	switch (code) {
	case MBEDTLS_ERR_SSL_WANT_READ:
		return TLS_IDLE;
	case MBEDTLS_ERR_SSL_WANT_WRITE:
		return TLS_BLOCKED;
	case 0:
	case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
		return TLS_CLOSED;
	}
	mbedtls_strerror(code, said, sizeof(said));
	log_debug("TLS %s failed: %s", c->open ? "connection" : "handshake", said);
	c->broken = true;
	return TLS_BROKEN;
}

enum tls_result tls_conn_read(struct tls_conn *c, int fd, struct evbuffer *in, ssize_t most)
{
	unsigned char data[RECORD_MAX];
	ssize_t added = 0;
	int code;

	if (c->broken)
		return TLS_BROKEN;
	c->fd = fd;
	if (!c->open) {
		code = mbedtls_ssl_handshake(&c->ssl);
		if (code)
			return judge(c, code);
		c->open = true;
	}
	/* Beyond `most` what is decrypted already is taken too: nothing would ask for it again. */
	while (most < 0 || added < most || mbedtls_ssl_get_bytes_avail(&c->ssl)) {
		code = mbedtls_ssl_read(&c->ssl, data, sizeof(data));
		if (code <= 0)
			return judge(c, code);
		evbuffer_add(in, data, (size_t)code);
		added += code;
	}
	return TLS_IDLE;
}

enum tls_result tls_conn_write(struct tls_conn *c, int fd, struct evbuffer *out)
{
	size_t left;

	if (c->broken)
		return TLS_BROKEN;
	if (!c->open)
		return TLS_IDLE;
	c->fd = fd;
	while ((left = evbuffer_get_length(out)) > 0) {
		size_t len = c->unfinished ? c->unfinished : MIN(left, RECORD_MAX);
		int code = mbedtls_ssl_write(&c->ssl, evbuffer_pullup(out, (ssize_t)len), len);

		c->unfinished = code == MBEDTLS_ERR_SSL_WANT_WRITE ? len : 0;
		if (code <= 0)
			return judge(c, code);
		evbuffer_drain(out, (size_t)code);
	}
	return TLS_IDLE;
}

void tls_conn_say_goodbye(struct tls_conn *c, int fd)
{
	c->fd = fd;
	if (c->open && !c->broken)
		mbedtls_ssl_close_notify(&c->ssl);
	c->broken = true;
}
