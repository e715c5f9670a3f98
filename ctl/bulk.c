/* certeractl bulk and search: what concerns many things at once. */
#include <stdio.h>

#include "ctl/ctl.h"

static void print_names(const json_t *answer)
{
	const json_t *name;
	size_t i;

	json_array_foreach (json_object_get(answer, "names"), i, name)
		printf("  %s\n", json_string_value(name));
	if (json_int(answer, "others", 0))
		printf("  and %lld more\n", (long long)json_int(answer, "others", 0));
}

int show_bulk(struct ctl *ctl, json_t *answer)
{
	const json_t *failures = json_object_get(answer, "failures"), *one;
	size_t i;

	if (ctl_as_json(ctl, answer))
		return json_int(answer, "failed", 0) > 0;
	if (!failures) {
		printf("%lld match:\n", (long long)json_int(answer, "count", 0));
		print_names(answer);
		return 0;
	}
	printf("%lld of %lld done\n", (long long)json_int(answer, "done", 0), (long long)json_int(answer, "count", 0));
	json_array_foreach (failures, i, one)
		printf("  %s: %s\n", json_str(one, "name"), json_str(one, "detail"));
	return json_int(answer, "failed", 0) > 0;
}
