/* Problem documents of a CA, into our error and on into the problem document of our API, which must say the same. */
#include "acme/problem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_ json_t *json = json_read(data, size, NULL);
	struct err e = { 0 }, again = { 0 };

	if (!problem_is(json))
		return 0;
	problem_read(json, 400, &e, "https://ca.example/o");
	for (const char *c = e.detail; *c; c++)
		if ((unsigned char)*c < ' ')
			die("a control character in \"%s\"", e.detail);
	{
		_cleanup_json_ json_t *ours = json_problem(&e);

		json_problem_read(ours, &again);
	}
	if (strcmp(e.message, again.message) || strcmp(e.code, again.code))
		die("\"%s\" became \"%s\"", e.message, again.message);
	return 0;
}
