/* For the tests of pki/: a CA with a row of intermediates, made by openssl in the test's directory. */
#ifndef T_LIB_CHAIN_H
#define T_LIB_CHAIN_H

#include "pki/cert.h"
#include "t/lib/pki.h"

#define INTERMEDIATES 4

/*
 * root.pem, ca1.pem (by the root) ... ca4.pem (by ca3), their keys *.key; by caN: rsaN.pem, ecN.pem with rsa.key, ec.key.
 * chain files: rsa-chainN.pem, ec-chainN.pem: N certificates, leaf first.
 */
static UNUSED int chains_make(void **state)
{
	if (directory_make(state))
		return -1;
	SH("printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=critical,keyCertSign,cRLSign\\n' >ca.ext; "
	   "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca0.key -out ca0.pem -days 99 "
	   "-subj '/O=Test/CN=root' -addext keyUsage=critical,keyCertSign,cRLSign; cp ca0.pem root.pem; "
	   "openssl ecparam -name prime256v1 -genkey -noout -out ec.key; openssl genrsa -out rsa.key 2048");
	for (int i = 1; i <= INTERMEDIATES; i++)
		SH("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca%d.key -out ca.csr -subj '/O=Test/CN=ca%d' && "
		   "openssl x509 -req -in ca.csr -CA ca%d.pem -CAkey ca%d.key -CAcreateserial -extfile ca.ext -days 98 -out ca%d.pem",
		   i, i, i - 1, i - 1, i);
	for (int i = 0; i <= INTERMEDIATES; i++)
		SH("for k in rsa ec; do openssl req -new -key $k.key -out leaf.csr -subj /CN=shop.example && "
		   "printf 'subjectAltName=DNS:shop.example,DNS:www.shop.example\\n' >leaf.ext && "
		   "openssl x509 -req -in leaf.csr -CA ca%d.pem -CAkey ca%d.key -CAcreateserial -extfile leaf.ext -days 97 -out ${k}%d.pem && "
		   "cp ${k}%d.pem $k-chain%d.pem && "
		   "for n in $(seq %d -1 1); do cat ca$n.pem >>$k-chain%d.pem; done || exit 1; done",
		   i, i, i, i, i + 1, i, i + 1);
	return 0;
}

static UNUSED struct chain chain_read(const char *name)
{
	_cleanup_buf_ struct buf pem = file_read(name);
	struct chain chain;
	struct err e = { 0 };

	if (chain_parse(&chain, slice_buf(&pem), &e))
		fail_msg("%s: %s", name, e.message);
	return chain;
}

static UNUSED struct key *key_read(const char *name)
{
	_cleanup_buf_ struct buf pem = file_read(name);
	struct err e = { 0 };
	struct key *key = key_parse(slice_buf(&pem), NULL, &e);

	if (!key)
		fail_msg("%s: %s", name, e.message);
	return key;
}

#endif
