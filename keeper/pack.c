#include "keeper/pack.h"

#include "pki/file/pfx.h"
#include "pki/file/zip.h"

static int write_pfx(const struct pack *p, struct buf *file, struct err *e)
{
	return pfx_write(p->key, p->chain, &(struct pfx_options){ .password = p->password, .name = p->name }, file, e);
}

static int write_legacy_pfx(const struct pack *p, struct buf *file, struct err *e)
{
	return pfx_write(p->key, p->chain,
			 &(struct pfx_options){ .password = p->password, .name = p->name, .legacy = true }, file, e);
}

static int put_key(const struct pack *p, struct buf *pem, struct err *e)
{
	return *p->password ? key_pem_encrypted(p->key, p->password, pem, e) : key_pem(p->key, pem, e);
}

static int write_bundle(const struct pack *p, struct buf *file, struct err *e)
{
	if (put_key(p, file, e) < 0)
		return -1;
	chain_pem(p->chain, 0, p->chain->count, file);
	return 0;
}

static int write_zip(const struct pack *p, struct buf *file, struct err *e)
{
	_cleanup_buf_wipe_ struct buf key = BUF_INIT;
	_cleanup_buf_ struct buf leaf = BUF_INIT, others = BUF_INIT, all = BUF_INIT;
	_cleanup_zip_ struct zip zip = ZIP_INIT;

	if (put_key(p, &key, e) < 0)
		return -1;
	chain_pem(p->chain, 0, 1, &leaf);
	chain_pem(p->chain, 1, p->chain->count, &others);
	chain_pem(p->chain, 0, p->chain->count, &all);
	zip_add(&zip, "certificate.crt", 0644, slice_buf(&leaf));
	zip_add(&zip, "private.key", 0600, slice_buf(&key));
	zip_add(&zip, "ca_bundle.crt", 0644, slice_buf(&others));
	zip_add(&zip, "fullchain.pem", 0644, slice_buf(&all));
	zip_finish(&zip, file);
	return 0;
}

static const struct {
	const char *word;
	int (*write)(const struct pack *, struct buf *file, struct err *);
} formats[] = {
	{ "pfx", write_pfx },
	{ "pfx-legacy", write_legacy_pfx },
	{ "bundle", write_bundle },
	{ "zip", write_zip },
};

int pack_write(const char *format, const struct pack *p, struct buf *file, struct err *e)
{
	_cleanup_buf_ struct buf spki = BUF_INIT;

	if (key_spki(p->key, &spki, e) < 0)
		return -1;
	if (!p->chain->count || !slice_eq(slice_buf(&spki), slice_buf(&p->chain->cert[0].spki)))
		return err_set(e, ERR_CONFLICT, "the private key does not belong to the certificate");
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (str_eq(format, formats[i].word))
			return formats[i].write(p, file, e);
	return err_set(e, ERR_USAGE, "there is no format \"%.40s\" with a private key in it", format);
}
