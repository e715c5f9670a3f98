#include "webui/people/qr.h"

#include <qrencode.h>

#include "base/buf.h"

#define QUIET 4		/* modules of nothing around it, as ISO/IEC 18004 wants */

json_t *qr_svg(const char *text)
{
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	_cleanup_buf_wipe_ struct buf path = BUF_INIT;
	json_t *o;

	if (!code)
		return NULL;
	for (int y = 0; y < code->width; y++)
		for (int x = 0; x < code->width; x++)
			if (code->data[y * code->width + x] & 1)
				buf_addf(&path, "M%d %dh1v1h-1z", x + QUIET, y + QUIET);
	o = json_object();
	json_put_int(o, "size", code->width + 2 * QUIET);
	json_put_str(o, "path", buf_str(&path));
	QRcode_free(code);
	return o;
}
