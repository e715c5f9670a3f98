#include "pki/revocation/reason.h"

static const struct {
	const char *word;
	int number;
} reasons[] = {
#define REVOCATION(word, number) { #word, number },
#include "pki/revocation/reason.def"
#undef REVOCATION
};

int revocation_number(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (str_eq(reasons[i].word, word))
			return reasons[i].number;
	return -1;
}

const char *revocation_words(void)
{
#define REVOCATION(word, number) ", " #word
	static const char words[] =
#include "pki/revocation/reason.def"
		;
#undef REVOCATION

	return words + 2;
}
