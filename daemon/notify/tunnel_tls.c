#include "daemon/notify/tunnel_tls.h"

#include <errno.h>
#include <sys/socket.h>

#include <mbedtls/oid.h>
#include <mbedtls/ssl.h>

#include "pki/file/load.h"
#include "pki/mbed.h"
#include "pki/regroup.h"
#include "pki/trust/presented.h"
#include "pki/trust/roots.h"

struct tls_link {
	int fd;
	struct regroup regroup;
	char *host;
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config config;
	mbedtls_x509_crt roots;
	struct presented presented;
	uint32_t faults;	/* of its certificate: MBEDTLS_X509_BADCERT_... */
};

static ssize_t tunnel_tls_hear(void *arg, void *data, size_t len)
{
	const struct tls_link *l = arg;

	return recv(l->fd, data, len, 0);
}

static int tunnel_tls_receive(void *arg, unsigned char *data, size_t len)
{
	struct tls_link *l = arg;
	ssize_t got = regroup_read(&l->regroup, data, len, tunnel_tls_hear, l);

	if (got >= 0)
		return (int)got;
	return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static int tunnel_tls_transmit(void *arg, const unsigned char *data, size_t len)
{
	const struct tls_link *l = arg;
	ssize_t put = send(l->fd, data, len, MSG_NOSIGNAL);

	if (put >= 0)
		return (int)put;
	return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static int read_roots(struct tls_link *l, const char *ca_file, struct err *e)
{
	_cleanup_buf_ struct buf pem = BUF_INIT;

	if (!ca_file)
		ca_file = roots_of_system();
	if (!ca_file) {
		err_set(e, ERR_CONFIG, "the system's trusted certificates were not found");
		return err_hint(e, "Install the package ca-certificates.");
	}
	if (roots_read(ca_file, &pem, e) < 0)
		return -1;
	if (!load_roots(&l->roots, slice_buf(&pem)))
		return err_set(e, ERR_CONFIG, "%s holds no certificate that can be read", ca_file);
	return 0;
}

/* What mbedTLS does itself when a certificate is required; here when the keys in the chain have been looked at. */
static int tunnel_tls_judge(void *arg, mbedtls_x509_crt *chain)
{
	struct tls_link *l = arg;
	int rc = mbedtls_x509_crt_verify(chain, &l->roots, NULL, l->host, &l->faults, NULL, NULL);

	if (mbedtls_x509_crt_check_extended_key_usage(chain, MBEDTLS_OID_SERVER_AUTH,
						      MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)))
		l->faults |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
	return !rc && l->faults ? MBEDTLS_ERR_X509_CERT_VERIFY_FAILED : rc;
}

static int set_up(struct tls_link *l, struct err *e)
{
	int rc = mbed_tls_defaults(&l->config, MBEDTLS_SSL_IS_CLIENT);

	l->presented = (struct presented){ .judge = tunnel_tls_judge, .arg = l };
	mbedtls_ssl_conf_authmode(&l->config, MBEDTLS_SSL_VERIFY_NONE);
	if (!rc)
		rc = mbedtls_ssl_setup(&l->ssl, &l->config);
	if (!rc)
		rc = mbedtls_ssl_set_hostname(&l->ssl, l->host);
	mbedtls_ssl_set_bio(&l->ssl, l, tunnel_tls_transmit, tunnel_tls_receive, NULL);
	return rc ? mbed_err(e, ERR_NETWORK, "setting up TLS", rc) : 0;
}

struct tls_link *tls_link_new(int fd, const char *host, const char *ca_file, struct err *e)
{
	struct tls_link *l = xcalloc(1, sizeof(*l));

	l->fd = fd;
	l->host = xstrdup(host);
	mbedtls_ssl_init(&l->ssl);
	mbedtls_ssl_config_init(&l->config);
	mbedtls_x509_crt_init(&l->roots);
	if (read_roots(l, ca_file && *ca_file ? ca_file : NULL, e) == 0 && set_up(l, e) == 0)
		return l;
	tls_link_free(l);
	return NULL;
}

void tls_link_free(struct tls_link *l)
{
	if (!l)
		return;
	mbedtls_ssl_close_notify(&l->ssl);
	mbedtls_ssl_free(&l->ssl);
	mbedtls_ssl_config_free(&l->config);
	mbedtls_x509_crt_free(&l->roots);
	regroup_release(&l->regroup);
	free(l->host);
	free(l);
}

/* Why the certificate was not accepted, in mbedTLS's words on one line. */
static int not_trusted(const struct tls_link *l, struct err *e)
{
	char why[400] = "";

	mbedtls_x509_crt_verify_info(why, sizeof(why), "", l->faults);
	for (char *p = why; *p; p++)
		if (*p == '\n')
			*p = p[1] ? ' ' : '\0';
	err_set(e, ERR_NETWORK, "the TLS certificate of %s is not accepted: %s", l->host, why);
	return err_hint(e, "It must be for that name and from an authority that is trusted: the system's, or those in "
			   "mail.ca_file.");
}

/* What a call of mbedTLS said, as ours. */
static int tls_result(struct tls_link *l, int rc, const char *doing, struct err *e)
{
	if (rc == MBEDTLS_ERR_SSL_WANT_READ)
		return LINK_WANTS_READ;
	if (rc == MBEDTLS_ERR_SSL_WANT_WRITE)
		return LINK_WANTS_WRITE;
#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
	if (rc == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
		return LINK_WANTS_READ;
#endif
	if (err_is_set(&l->presented.absurd))
		err_set(e, ERR_NETWORK, "%s %s", l->host, l->presented.absurd.message);
	else if (rc == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
		not_trusted(l, e);
	else if (l->regroup.too_long)
		err_set(e, ERR_NETWORK, "%s: a message of the handshake is longer than 16 KiB, which is not read here",
			doing);
	else if (rc == MBEDTLS_ERR_SSL_CONN_EOF)
		err_set(e, ERR_NETWORK, "%s: the connection was closed", doing);
	else
		mbed_err(e, ERR_NETWORK, doing, rc);
	return LINK_FAILED;
}

int tls_link_handshake(struct tls_link *l, struct err *e)
{
	int rc = presented_handshake(&l->presented, &l->ssl);

	return rc ? tls_result(l, rc, "agreeing on TLS", e) : 0;
}

ssize_t tls_link_read(struct tls_link *l, void *data, size_t len, struct err *e)
{
	int rc = mbedtls_ssl_read(&l->ssl, data, len);

	if (rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || rc == MBEDTLS_ERR_SSL_CONN_EOF)
		return 0;
	return rc < 0 ? tls_result(l, rc, "reading", e) : rc;
}

ssize_t tls_link_write(struct tls_link *l, const void *data, size_t len, struct err *e)
{
	int rc = mbedtls_ssl_write(&l->ssl, data, len);

	return rc < 0 ? tls_result(l, rc, "writing", e) : rc;
}

bool tls_link_pending(const struct tls_link *l)
{
	return mbedtls_ssl_check_pending(&l->ssl);
}
