#include "pki/file/pem.h"

#include "base/encode.h"

#define BEGIN "-----BEGIN "
#define END "-----END "
#define DASHES "-----"
#define DEK "DEK-Info:"
#define LABEL_MAX 64
#define LINE 64

static const char *find(struct slice in, const char *what)
{
	return in.len ? memmem(in.data, in.len, what, strlen(what)) : NULL;
}

/* The part of `all` that starts at p. */
static struct slice from(struct slice all, const char *p)
{
	return slice(p, (size_t)((const char *)all.data + all.len - p));
}

bool pem_is(struct slice text)
{
	return find(text, BEGIN) != NULL;
}

int pem_next(struct slice *text, struct pem_block *b, struct err *e)
{
	const char *begin = find(*text, BEGIN), *label, *dashes, *end;
	char footer[sizeof(END) + LABEL_MAX + sizeof(DASHES)];

	if (!begin)
		return 0;
	label = begin + strlen(BEGIN);
	dashes = find(from(*text, label), DASHES);
	if (!dashes || dashes - label > LABEL_MAX || memchr(label, '\n', (size_t)(dashes - label)))
		return err_set(e, ERR_INVALID, "a PEM block starts with a broken BEGIN line");
	b->before = slice(text->data, (size_t)(begin - (const char *)text->data));
	b->label = slice(label, (size_t)(dashes - label));
	snprintf(footer, sizeof(footer), END "%.*s" DASHES, (int)b->label.len, label);
	end = find(from(*text, dashes + strlen(DASHES)), footer);	/* its dashes are not those of the BEGIN line */
	if (!end)
		return err_set(e, ERR_INVALID, "the PEM block \"%.*s\" has no END line: the text is cut off",
			       (int)b->label.len, label);
	b->body = slice(dashes + strlen(DASHES), (size_t)(end - dashes) - strlen(DASHES));
	*text = from(*text, end + strlen(footer));
	return 1;
}

bool pem_label_is(const struct pem_block *b, const char *label)
{
	return slice_eq(b->label, slice_str(label));
}

bool pem_label_ends(const struct pem_block *b, const char *end)
{
	size_t len = strlen(end);

	return b->label.len >= len && !memcmp((const char *)b->label.data + b->label.len - len, end, len);
}

bool pem_encrypted(const struct pem_block *b, struct slice *dek, struct pem_block *inner)
{
	const char *at = find(b->body, DEK), *end = (const char *)b->body.data + b->body.len;

	if (!at)
		return false;
	at += strlen(DEK);
	while (at < end && *at == ' ')
		at++;
	*dek = slice(at, 0);
	while (at + dek->len < end && at[dek->len] != '\r' && at[dek->len] != '\n')
		dek->len++;
	*inner = *b;
	inner->body = from(b->body, at + dek->len);
	return true;
}

int pem_decode(const struct pem_block *b, struct buf *der, struct err *e)
{
	if (base64_decode(der, b->body.data, b->body.len) < 0 || !der->len)
		return err_set(e, ERR_INVALID, "the PEM block \"%.*s\" holds something that is not base64",
			       (int)b->label.len, (const char *)b->label.data);
	return 0;
}

void pem_add(struct buf *pem, const char *label, struct slice der)
{
	_cleanup_buf_wipe_ struct buf text = BUF_INIT;

	base64_add(&text, der.data, der.len);
	buf_addf(pem, BEGIN "%s" DASHES "\n", label);
	for (size_t at = 0; at < text.len; at += LINE) {
		buf_add(pem, text.data + at, MIN(text.len - at, LINE));
		buf_add_ch(pem, '\n');
	}
	buf_addf(pem, END "%s" DASHES "\n", label);
}
