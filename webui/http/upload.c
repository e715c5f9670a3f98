#include "webui/http/upload.h"

#include "base/encode.h"

int upload_read(struct buf *out, const char *member, const char *text, struct err *e)
{
	if (!text)
		return 0;
	if (strstr(text, "-----BEGIN "))
		buf_add_str(out, text);
	else if (base64_decode(out, text, strlen(text)) < 0 || !out->len)
		return err_set(e, ERR_INVALID, "\"%s\" is neither PEM nor a file in base64", member);
	return 0;
}
