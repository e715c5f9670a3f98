/* A text as a QR code. */
#ifndef WEBUI_PEOPLE_QR_H
#define WEBUI_PEOPLE_QR_H

#include "base/json.h"

/*
 * As what an SVG needs: "size", its side in modules with the quiet zone, and "path", the dark ones.
 * NULL: the text is too long.
 */
json_t *qr_svg(const char *text);

#endif
