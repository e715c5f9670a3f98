#include "base/words.h"

#include "base/encode.h"

#define NOT_UTF8 "\xef\xbf\xbd"
#define CUT "..."

enum fitness { STAYS, BLANK, GOES };

static const struct {
	uint32_t first, last;
	enum fitness fitness;
} unfit[] = {
	{ 0x0000, 0x001f, BLANK },	/* C0 */
	{ 0x007f, 0x009f, BLANK },	/* DEL, C1 */
	{ 0x061c, 0x061c, GOES },	/* bidirectional controls, UAX #9 section 2 */
	{ 0x200e, 0x200f, GOES },
	{ 0x2028, 0x2029, BLANK },	/* separators of lines and paragraphs */
	{ 0x202a, 0x202e, GOES },
	{ 0x2066, 0x2069, GOES },
	{ 0xfeff, 0xfeff, GOES },	/* byte order mark */
	{ 0xe0000, 0xe007f, GOES },	/* tags: text that nobody sees */
};

static enum fitness fitness_of(uint32_t point)
{
	if (point >= ' ' && point < 0x7f)
		return STAYS;
	for (size_t i = 0; i < ARRAY_SIZE(unfit); i++)
		if (point >= unfit[i].first && point <= unfit[i].last)
			return unfit[i].fitness;
	return STAYS;
}

bool words_fit(uint32_t point)
{
	return fitness_of(point) == STAYS;
}

static bool may_stay(uint32_t point, bool lines)
{
	return (lines && (point == '\n' || point == '\t')) || words_fit(point);
}

static void add(struct buf *out, const char *said, size_t len, size_t most, bool lines)
{
	size_t begin = out->len, fits = begin, n;

	for (const char *p = said, *end = said + len; p < end; p += MAX(n, 1)) {
		uint32_t point = 0;

		n = utf8_char(p, (size_t)(end - p), &point);
		if (lines && point == '\r' && p + 1 < end && p[1] == '\n')
			continue;
		if (!n)
			buf_add_str(out, NOT_UTF8);
		else if (may_stay(point, lines))
			buf_add(out, p, n);
		else if (fitness_of(point) == BLANK)
			buf_add_ch(out, ' ');
		if (out->len - begin > most) {
			out->len = fits;
			buf_add_str(out, CUT);
			return;
		}
		if (out->len - begin + strlen(CUT) <= most)
			fits = out->len;
	}
}

void words_add(struct buf *out, const void *said, size_t len, size_t most)
{
	add(out, said, len, most, false);
}

void words_add_lines(struct buf *out, const void *said, size_t len, size_t most)
{
	add(out, said, len, most, true);
}

char *words_line(const char *said, size_t most)
{
	struct buf out = BUF_INIT;

	if (!said)
		return NULL;
	words_add(&out, said, strlen(said), most);
	return buf_detach(&out);
}
