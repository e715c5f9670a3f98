/* Answers before TLS: the first byte picks a protocol, the second where the answer is cut in two. */
#include "daemon/track/starttls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const protocols[] = { "smtp", "imap", "pop3", "ldap", "postgres", "xmpp" };
	_cleanup_buf_ struct buf in = BUF_INIT, out = BUF_INIT;
	struct starttls s;
	struct err e;
	size_t cut;

	if (size < 2)
		return 0;
	starttls_init(&s, protocols[data[0] % ARRAY_SIZE(protocols)], "host.example", "own.example");
	cut = MIN(size - 2, data[1]);
	buf_add(&in, data + 2, cut);
	for (int part = 0; part < 2; part++) {
		while (!starttls_is_over(&s)) {
			int step = s.step, heard;

			starttls_say(&s, &out);
			heard = starttls_hear(&s, &in, &e);
			if (heard < 0)
				return 0;
			if (!heard)
				break;
			if (s.step != step + 1)
				die("step %d follows %d", s.step, step);
		}
		if (starttls_is_over(&s) && in.len)
			die("%zu bytes came before TLS", in.len);
		buf_add(&in, data + 2 + cut, part ? 0 : size - 2 - cut);
		if (starttls_is_over(&s))
			return 0;
	}
	return 0;
}
