/* The forms in which a certificate is handed out: by the download API and to admins. */
#ifndef WEBUI_DOWNLOAD_FORMAT_H
#define WEBUI_DOWNLOAD_FORMAT_H

#include "pki/cert.h"
#include "store/record/record.h"
#include "webui/http/ask.h"

struct format {
	const char *word;
	const char *type;	/* MIME type of what is sent */
	const char *binary;	/* that of its bytes, if it is sent as base64 unless asked for; else NULL */
	const char *extension;
	bool with_key;		/* the private key is in it: made by the keeper */
	const char *sentence;	/* why it is not offered; NULL: it is */
};

struct format_wish {
	const struct format *format;
	const char *chain;	/* "true", "false", "only"; NULL: true */
	const char *password;	/* NULL: none */
	bool legacy;		/* PFX for old readers */
};

/* What is asked for in the words of the API (NULL: the default); -1 if it makes no sense. */
int format_choose(struct format_wish *, const char *word, const char *chain, const char *password, bool legacy,
		  struct err *);
/* The bytes of one without the private key. */
int format_write(const struct format_wish *, const struct rec_version *, struct buf *, struct err *);
/*
 * Asks the keeper for one with it.  proof: an API key, or KEEPER_PROOF_PEER.  The answer's only field is the file.
 * 0, or -1 if the store has no such key.
 */
int format_pack(struct request *, struct txn *, const struct format_wish *, const struct rec_cert *,
		const struct rec_version *, const char *proof, answer_fn *, struct err *);

#endif
