#include "pki/trust/presented.h"

#include "pki/rsa.h"

#if MBEDTLS_VERSION_NUMBER < 0x03000000
static bool is_over(mbedtls_ssl_context *ssl)
{
	return ssl->state == MBEDTLS_SSL_HANDSHAKE_OVER;
}
#else
static bool is_over(mbedtls_ssl_context *ssl)
{
	return mbedtls_ssl_is_handshake_over(ssl);
}
#endif

/* Until the handshake is over, a chain is in no other place. */
mbedtls_x509_crt *presented_chain(const mbedtls_ssl_context *ssl)
{
	const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(ssl);
	const mbedtls_ssl_session *session = ssl->MBEDTLS_PRIVATE(session_negotiate);

	return crt || !session ? (mbedtls_x509_crt *)crt : session->MBEDTLS_PRIVATE(peer_cert);
}

/* mbedTLS reads no RSA key beyond its own bounds; its words for that name no cause. */
static bool is_unreadable_key(int code)
{
	return code < 0 && -(-code & 0xff80) == MBEDTLS_ERR_PK_INVALID_PUBKEY;
}

static int refuse(struct presented *p, mbedtls_ssl_context *ssl)
{
	err_prefix(&p->absurd, "presents a certificate that is not usable");
	mbedtls_ssl_send_alert_message(ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
	return MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
}

static int look(struct presented *p, mbedtls_ssl_context *ssl, mbedtls_x509_crt *chain)
{
	p->seen = true;
	for (const mbedtls_x509_crt *crt = chain; crt; crt = crt->next)
		if (rsa_check_spki(slice(crt->pk_raw.p, crt->pk_raw.len), &p->absurd) < 0)
			return refuse(p, ssl);
	return p->judge ? p->judge(p->arg, chain) : 0;
}

int presented_handshake(struct presented *p, mbedtls_ssl_context *ssl)
{
	while (!is_over(ssl)) {
		int code = mbedtls_ssl_handshake_step(ssl);
		mbedtls_x509_crt *chain = p->seen ? NULL : presented_chain(ssl);

		if (is_unreadable_key(code)) {
			err_set(&p->absurd, ERR_INVALID, "its key cannot be read here, or has more than %d bits",
				RSA_BITS_MOST);
			return refuse(p, ssl);
		}
		if (!code && chain)
			code = look(p, ssl, chain);
		if (code)
			return code;
	}
	return p->seen ? 0 : MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
}
