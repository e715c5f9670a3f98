#include "daemon/front/tls.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>

#include "base/digest.h"
#include "base/log.h"
#include "pki/cert.h"
#include "pki/identifier.h"
#include "pki/mbed.h"
#include "pki/regroup.h"

#ifndef MBEDTLS_THREADING_C
#error "mbedTLS is built without MBEDTLS_THREADING_C, but our threads share keys and tickets"
#endif

#define TICKET_LIFETIME (24 * 60 * 60)	/* seconds; mbedTLS changes the tickets' key in half that time */
#define RECORD_MAX 16384
#define HOST_MAX 255

/* A certificate with its key.  Many threads use it at once, so it is never changed. */
struct tls_site {
	int refs;		/* under tls->mutex */
	char *id;		/* NULL: self-signed */
	char **names;
	mbedtls_x509_crt chain;
	struct key *key;
};

/* All we serve at one time: never changed, only replaced. */
struct site_table {
	int refs;		/* under tls->mutex */
	mbedtls_ssl_config config;
	struct tls_site **site;	/* newest first: it wins where two have a name, and is for who asks for none of them */
	size_t count;
};

struct tls {
	pthread_mutex_t mutex;
	struct site_table *table;
	mbedtls_ssl_ticket_context tickets;
	char *hostname;
};

struct tls_conn {
	struct tls *tls;
	struct site_table *table;
	mbedtls_ssl_context ssl;
	struct slice received;	/* and not read yet */
	struct buf kept;	/* of it what an earlier call has not read */
	struct regroup regroup;
	int fd;
	bool open, broken;
	size_t unfinished;	/* bytes of the write that mbedTLS wants repeated */
};

static void site_unref(struct tls_site *s)
{
	if (--s->refs)
		return;
	mbedtls_x509_crt_free(&s->chain);
	key_free(s->key);
	strv_free(s->names);
	free(s->id);
	free(s);
}

static void table_unref(struct site_table *t)
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
static bool site_covers(const struct tls_site *s, const char *host)
{
	for (char **name = s->names; name && *name; name++)
		if (identifier_covers(*name, host))
			return true;
	return false;
}

static int choose_by_name(void *arg, mbedtls_ssl_context *ssl, const unsigned char *name, size_t len)
{
	struct site_table *t = arg;
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

static int table_configure(struct site_table *t, struct tls *tls, struct err *e)
{
	static const char *protocols[] = { "http/1.1", "http/1.0", NULL };
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

/* Does `newer` have all names of `older`, or is it the next version of it? */
static bool replaces(const struct tls_site *newer, const struct tls_site *older)
{
	if (newer->id && older->id && str_eq(newer->id, older->id))
		return true;
	for (char **name = older->names; name && *name; name++)
		if (!strv_has(newer->names, *name) && !site_covers(newer, *name))
			return false;
	return true;
}

static bool is_among(const struct tls_site *s, char *const *ids)
{
	return s->id && strv_has(ids, s->id);
}

/*
 * Puts `first` (NULL: none) in front of those served now; of these, only those with one of the ids stay or, without
 * any given, those that it does not replace.  Takes it, also on failure.
 */
static int tls_serve(struct tls *tls, struct tls_site *first, char *const *ids, struct err *e)
{
	struct site_table *old = tls->table;
	struct site_table *t = xcalloc(1, sizeof(*t));
	int result;

	mbedtls_ssl_config_init(&t->config);
	t->refs = 1;
	t->site = xcalloc(1 + (old ? old->count : 0), sizeof(struct tls_site *));
	if (first)
		t->site[t->count++] = first;

	pthread_mutex_lock(&tls->mutex);
	for (size_t i = 0; old && i < old->count; i++) {
		if (ids ? !is_among(old->site[i], ids) : replaces(first, old->site[i]))
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

static struct tls_site *site_new(const char *id, char *const *names, const struct chain *chain, struct key *key,
			     struct err *e)
{
	struct tls_site *s = xcalloc(1, sizeof(*s));
	_cleanup_buf_ struct buf spki = BUF_INIT;

	s->refs = 1;
	s->id = id ? xstrdup(id) : NULL;
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
	if (key_spki(key, &spki, e) < 0 || key_ready(key, e) < 0)
		goto out;
	if (slice_eq(slice_buf(&spki), slice_buf(&chain->cert[0].spki)))
		return s;
	err_set(e, ERR_INVALID, "the certificate is for a different key");
out:
	site_unref(s);
	return NULL;
}

int tls_set_certificate(struct tls *tls, const char *id, char *const *names, struct slice chain_pem,
			struct slice key_der, struct err *e)
{
	_cleanup_chain_ struct chain chain = { NULL, 0 };
	struct tls_site *site;
	struct key *key;

	if (chain_parse(&chain, chain_pem, e) < 0)
		return -1;
	key = key_parse(key_der, NULL, e);
	if (!key)
		return -1;
	site = site_new(id, names, &chain, key, e);
	return site ? tls_serve(tls, site, NULL, e) : -1;
}

/* Nobody asks for a self-signed one by name, and whatever comes next replaces it: it has no names. */
static struct tls_site *self_signed(const char *hostname, struct err *e)
{
	struct cert cert = { 0 };
	struct chain chain = { &cert, 1 };
	_cleanup_buf_ struct buf der = BUF_INIT;
	_cleanup_key_ struct key *key = key_generate(KEY_P256, e);
	struct tls_site *site = NULL;

	if (key && cert_self_signed(key, hostname, &der, e) == 0 && cert_parse(&cert, slice_buf(&der), e) == 0)
		site = site_new(NULL, NULL, &chain, TAKE(key), e);
	cert_release(&cert);
	return site;
}

int tls_keep_certificates(struct tls *tls, char *const *ids, struct err *e)
{
	char *const none[] = { NULL };
	const struct site_table *now = tls->table;
	size_t left = 0, gone = 0;
	struct tls_site *first = NULL;

	ids = ids ? ids : none;
	for (size_t i = 0; i < now->count; i++) {
		left += is_among(now->site[i], ids);
		gone += now->site[i]->id && !is_among(now->site[i], ids);
	}
	if (!gone)
		return 0;
	if (!left && !(first = self_signed(tls->hostname, e)))
		return -1;
	return tls_serve(tls, first, ids, e);
}

static int begin_self_signed(struct tls *tls, struct err *e)
{
	struct tls_site *site = self_signed(tls->hostname, e);

	return site ? tls_serve(tls, site, NULL, e) : -1;
}

struct tls *tls_new(const char *hostname, struct err *e)
{
	struct tls *tls = xcalloc(1, sizeof(*tls));
	int code;

	mbed_begin();
	tls->hostname = xstrdup(hostname);
	pthread_mutex_init(&tls->mutex, NULL);
	mbedtls_ssl_ticket_init(&tls->tickets);
	code = mbedtls_ssl_ticket_setup(&tls->tickets, random_mbedtls, NULL, MBEDTLS_CIPHER_AES_256_GCM,
					TICKET_LIFETIME);
	if (!(code ? mbed_err(e, ERR_INTERNAL, "preparing session tickets", code) :
		     begin_self_signed(tls, e)))
		return tls;
	err_prefix(e, "preparing TLS");
	tls_free(tls);
	return NULL;
}

int tls_rename(struct tls *tls, const char *hostname, struct err *e)
{
	if (str_eq(tls->hostname, hostname))
		return 0;
	free(tls->hostname);
	tls->hostname = xstrdup(hostname);
	return tls->table->site[0]->id ? 0 : begin_self_signed(tls, e);
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	if (tls->table)
		table_unref(tls->table);
	mbedtls_ssl_ticket_free(&tls->tickets);
	pthread_mutex_destroy(&tls->mutex);
	free(tls->hostname);
	free(tls);
}

static ssize_t take_received(void *arg, void *data, size_t len)
{
	struct tls_conn *c = arg;
	size_t some = MIN(len, c->received.len);

	if (some)
		memcpy(data, c->received.data, some);
	c->received = slice((const char *)c->received.data + some, c->received.len - some);
	return (ssize_t)some;
}

static int tls_receive(void *arg, unsigned char *data, size_t len)
{
	struct tls_conn *c = arg;
	ssize_t got = regroup_read(&c->regroup, data, len, take_received, c);

	return got > 0 ? (int)got : MBEDTLS_ERR_SSL_WANT_READ;
}

static int tls_transmit(void *arg, const unsigned char *data, size_t len)
{
	struct tls_conn *c = arg;
	ssize_t sent = send(c->fd, data, len, MSG_NOSIGNAL);

	if (sent >= 0)
		return (int)sent;
	return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

struct tls_conn *tls_conn_new(struct tls *tls, int fd)
{
	struct tls_conn *c = xcalloc(1, sizeof(*c));

	c->tls = tls;
	c->fd = fd;
	pthread_mutex_lock(&tls->mutex);
	c->table = tls->table;
	c->table->refs++;
	pthread_mutex_unlock(&tls->mutex);
	mbedtls_ssl_init(&c->ssl);
	if (mbedtls_ssl_setup(&c->ssl, &c->table->config))
		die("out of memory for a TLS connection");
	mbedtls_ssl_set_bio(&c->ssl, c, tls_transmit, tls_receive, NULL);
	return c;
}

void tls_conn_free(struct tls_conn *c)
{
	if (!c)
		return;
	mbedtls_ssl_free(&c->ssl);
	regroup_release(&c->regroup);
	pthread_mutex_lock(&c->tls->mutex);
	table_unref(c->table);
	pthread_mutex_unlock(&c->tls->mutex);
	buf_release(&c->kept);
	free(c);
}

bool tls_conn_is_open(const struct tls_conn *c)
{
	return c->open;
}

static enum tls_result tls_judge(struct tls_conn *c, int code)
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

static enum tls_result read_all(struct tls_conn *c, struct buf *in)
{
	int code = c->open ? 0 : mbedtls_ssl_handshake(&c->ssl);

	c->open |= !code;
	while (!code) {
		code = mbedtls_ssl_read(&c->ssl, buf_reserve(in, RECORD_MAX), RECORD_MAX);
		if (code <= 0)
			break;
		in->len += (size_t)code;
		code = 0;
	}
	return tls_judge(c, code);
}

enum tls_result tls_conn_read(struct tls_conn *c, struct slice received, struct buf *in)
{
	_cleanup_buf_ struct buf before = c->kept;
	enum tls_result result;

	if (c->broken)
		return TLS_BROKEN;
	c->kept = (struct buf)BUF_INIT;
	if (before.len)
		buf_add(&before, received.data, received.len);
	c->received = before.len ? slice_buf(&before) : received;
	result = read_all(c, in);
	if (c->received.len)
		buf_add(&c->kept, c->received.data, c->received.len);
	c->received = slice(NULL, 0);
	return result;
}

enum tls_result tls_conn_write(struct tls_conn *c, struct slice out, size_t *sent)
{
	const unsigned char *data = out.data;

	*sent = 0;
	if (c->broken)
		return TLS_BROKEN;
	while (*sent < out.len) {
		size_t len = c->unfinished ? c->unfinished : MIN(out.len - *sent, RECORD_MAX);
		int code = mbedtls_ssl_write(&c->ssl, data + *sent, len);

		c->unfinished = code == MBEDTLS_ERR_SSL_WANT_WRITE ? len : 0;
		if (code <= 0)
			return tls_judge(c, code);
		*sent += (size_t)code;
	}
	return TLS_IDLE;
}

void tls_conn_say_goodbye(struct tls_conn *c)
{
	if (c->open && !c->broken)
		mbedtls_ssl_close_notify(&c->ssl);
	c->broken = true;
}
