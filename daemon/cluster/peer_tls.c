#include "daemon/cluster/peer_tls.h"

#include <errno.h>
#include <sys/socket.h>

#include <mbedtls/ssl.h>

#include "pki/cert.h"
#include "pki/key.h"
#include "pki/mbed.h"
#include "pki/trust/presented.h"

#define RECORD_MOST 16384

struct peer_identity {
	struct key *key;
	mbedtls_x509_crt certificate;
	mbedtls_ssl_config accepts, connects;
};

struct peer_tls {
	const struct peer_identity *identity;
	int fd;
	bool accepted, over;
	mbedtls_ssl_context ssl;
	struct presented presented;
	size_t unfinished;	/* bytes of a record that the socket did not take */
};

static int present(struct peer_identity *id, struct err *e)
{
	_cleanup_buf_ struct buf der = BUF_INIT;
	int code;

	id->key = key_generate(KEY_P256, e);
	if (!id->key || key_ready(id->key, e) < 0 || cert_self_signed(id->key, "node.invalid", &der, e) < 0)
		return -1;
	code = mbedtls_x509_crt_parse_der(&id->certificate, (const unsigned char *)der.data, der.len);
	if (!code)
		code = mbed_tls_defaults(&id->accepts, MBEDTLS_SSL_IS_SERVER);
	if (!code)
		code = mbedtls_ssl_conf_own_cert(&id->accepts, &id->certificate, key_mbedtls(id->key));
	if (!code)
		code = mbed_tls_defaults(&id->connects, MBEDTLS_SSL_IS_CLIENT);
	mbedtls_ssl_conf_authmode(&id->connects, MBEDTLS_SSL_VERIFY_NONE);
	return code ? mbed_err(e, ERR_INTERNAL, "preparing TLS between servers", code) : 0;
}

struct peer_identity *peer_identity_new(struct err *e)
{
	struct peer_identity *id = xcalloc(1, sizeof(*id));

	mbedtls_x509_crt_init(&id->certificate);
	mbedtls_ssl_config_init(&id->accepts);
	mbedtls_ssl_config_init(&id->connects);
	if (present(id, e) == 0)
		return id;
	peer_identity_free(id);
	return NULL;
}

void peer_identity_free(struct peer_identity *id)
{
	if (!id)
		return;
	mbedtls_ssl_config_free(&id->accepts);
	mbedtls_ssl_config_free(&id->connects);
	mbedtls_x509_crt_free(&id->certificate);
	key_free(id->key);
	free(id);
}

static int peer_tls_receive(void *arg, unsigned char *data, size_t len)
{
	const struct peer_tls *p = arg;
	ssize_t got = recv(p->fd, data, len, 0);

	if (got >= 0)
		return (int)got;
	return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_SSL_CONN_EOF;
}

static int peer_tls_transmit(void *arg, const unsigned char *data, size_t len)
{
	const struct peer_tls *p = arg;
	ssize_t sent = send(p->fd, data, len, MSG_NOSIGNAL);

	if (sent >= 0)
		return (int)sent;
	return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_SSL_CONN_EOF;
}

struct peer_tls *peer_tls_new(struct peer_identity *id, int fd, bool accepted)
{
	struct peer_tls *p = xcalloc(1, sizeof(*p));

	p->identity = id;
	p->fd = fd;
	p->accepted = accepted;
	mbedtls_ssl_init(&p->ssl);
	if (mbedtls_ssl_setup(&p->ssl, accepted ? &id->accepts : &id->connects))
		die("out of memory for a TLS connection");
	mbedtls_ssl_set_bio(&p->ssl, p, peer_tls_transmit, peer_tls_receive, NULL);
	return p;
}

void peer_tls_free(struct peer_tls *p)
{
	if (!p)
		return;
	if (!p->over)
		mbedtls_ssl_close_notify(&p->ssl);
	mbedtls_ssl_free(&p->ssl);
	free(p);
}

static enum peer_tls_result peer_tls_said(struct peer_tls *p, int code, struct err *e)
{
	switch (code) {
	case MBEDTLS_ERR_SSL_WANT_READ:
#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
	case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET:
#endif
		return PEER_TLS_WANTS_READ;
	case MBEDTLS_ERR_SSL_WANT_WRITE:
		return PEER_TLS_WANTS_WRITE;
	}
	p->over = true;
	if (!code || code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || code == MBEDTLS_ERR_SSL_CONN_EOF) {
		err_set(e, ERR_NETWORK, "the other server has closed the connection");
		return PEER_TLS_CLOSED;
	}
	mbed_err(e, ERR_NETWORK, "TLS", code);
	return PEER_TLS_BROKEN;
}

enum peer_tls_result peer_tls_handshake(struct peer_tls *p, struct err *e)
{
	int code = p->accepted ? mbedtls_ssl_handshake(&p->ssl) : presented_handshake(&p->presented, &p->ssl);

	if (!code)
		return PEER_TLS_DONE;
	if (!err_is_set(&p->presented.absurd))
		return peer_tls_said(p, code, e);
	p->over = true;
	*e = p->presented.absurd;
	return PEER_TLS_BROKEN;
}

void peer_tls_print(const struct peer_tls *p, unsigned char print[SHA256_SIZE])
{
	const mbedtls_x509_crt *c = p->accepted ? &p->identity->certificate : presented_chain(&p->ssl);

	if (!c)
		die("a handshake that is over has no certificate");
	sha256(c->raw.p, c->raw.len, print);
}

enum peer_tls_result peer_tls_read(struct peer_tls *p, struct buf *in, size_t most, struct err *e)
{
	while (in->len < most) {
		int code = mbedtls_ssl_read(&p->ssl, buf_reserve(in, RECORD_MOST), RECORD_MOST);

		if (code <= 0)
			return peer_tls_said(p, code, e);
		in->len += (size_t)code;
	}
	return PEER_TLS_DONE;
}

enum peer_tls_result peer_tls_write(struct peer_tls *p, struct slice out, size_t *sent, struct err *e)
{
	*sent = 0;
	while (*sent < out.len) {
		size_t len = p->unfinished ? p->unfinished : MIN(out.len - *sent, RECORD_MOST);
		int code = mbedtls_ssl_write(&p->ssl, (const unsigned char *)out.data + *sent, len);

		p->unfinished = code == MBEDTLS_ERR_SSL_WANT_WRITE ? len : 0;
		if (code <= 0)
			return peer_tls_said(p, code, e);
		*sent += (size_t)code;
	}
	return PEER_TLS_DONE;
}
