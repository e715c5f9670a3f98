#include "webui/download/chain.h"

int chain_part(const char *word, size_t count, size_t *from, size_t *to, struct err *e)
{
	bool all = !word || str_eq(word, "true");

	if (!all && !str_eq(word, "false") && !str_eq(word, "only"))
		return err_set(e, ERR_USAGE, "chain=%.40s is not understood; it is true, false or only", word);
	*from = str_eq(word, "only") ? 1 : 0;
	*to = str_eq(word, "false") ? 1 : count;
	return 0;
}
