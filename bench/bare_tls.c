/*
 * The limit for a handshake: mbedTLS alone, one connection after the other, with the curves and the kind of key that
 * the front has.
 *
 *	bare_tls KEY.pem CHAIN.pem		prints its port, then serves until it is ended
 */
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>

#include "base/buf.h"
#include "pki/cert.h"
#include "pki/key.h"
#include "pki/mbed.h"

static void must(bool well, const char *what)
{
	if (!well)
		die("bare_tls: %s did not go well", what);
}

static struct buf read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	struct buf b = BUF_INIT;
	char some[4096];
	size_t n;

	must(f, path);
	while ((n = fread(some, 1, sizeof(some), f)) > 0)
		buf_add(&b, some, n);
	fclose(f);
	return b;
}

static void configure(mbedtls_ssl_config *config, const char *key_file, const char *chain_file)
{
	static mbedtls_x509_crt leaf;
	struct buf key_pem = read_file(key_file), chain_pem = read_file(chain_file);
	struct chain chain = { NULL, 0 };
	struct err e = { 0 };
	struct key *key = key_parse(slice_buf(&key_pem), NULL, &e);

	must(key && key_ready(key, &e) == 0 && chain_parse(&chain, slice_buf(&chain_pem), &e) == 0,
	     "reading key and chain");
	mbedtls_x509_crt_init(&leaf);
	for (size_t i = 0; i < chain.count; i++)
		must(mbedtls_x509_crt_parse_der(&leaf, (const unsigned char *)chain.cert[i].der.data,
						chain.cert[i].der.len) == 0,
		     "the chain");
	must(mbed_tls_defaults(config, MBEDTLS_SSL_IS_SERVER) == 0 &&
	     mbedtls_ssl_conf_own_cert(config, &leaf, key_mbedtls(key)) == 0, "configuring");
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	static const uint16_t groups[] = { MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_NONE };

	mbedtls_ssl_conf_groups(config, groups);
#else
	static const mbedtls_ecp_group_id groups[] = { MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_NONE };

	mbedtls_ssl_conf_curves(config, groups);
#endif
}

/* A handshake, then whatever comes until the other side closes. */
static void serve(const mbedtls_ssl_config *config, int fd)
{
	mbedtls_net_context net = { .fd = fd };
	mbedtls_ssl_context ssl;
	unsigned char some[1024];

	mbedtls_ssl_init(&ssl);
	must(mbedtls_ssl_setup(&ssl, config) == 0, "setting up");
	mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
	if (mbedtls_ssl_handshake(&ssl) == 0)
		while (mbedtls_ssl_read(&ssl, some, sizeof(some)) > 0)
			;
	mbedtls_ssl_free(&ssl);
	close(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(here);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	mbedtls_ssl_config config;

	must(argc == 3, "reading the two arguments");
	signal(SIGPIPE, SIG_IGN);
	mbedtls_ssl_config_init(&config);
	configure(&config, argv[1], argv[2]);
	must(bind(listener, (struct sockaddr *)&here, sizeof(here)) == 0 && listen(listener, 64) == 0 &&
	     getsockname(listener, (struct sockaddr *)&here, &len) == 0, "listening");
	printf("%d\n", ntohs(here.sin_port));
	fflush(stdout);
	for (;;)
		serve(&config, accept(listener, NULL, NULL));
}
