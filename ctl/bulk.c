/* certeractl bulk and search: what concerns many things at once. */
#include <stdio.h>

#include "ctl/ctl.h"

int show_search(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = { { "NAME", "name" }, { "STATE", "state" }, { "ALSO", "also" } };
	const json_t *group;
	size_t i, kinds = 0;

	if (ctl_as_json(ctl, answer))
		return 0;
	json_array_foreach (json_object_get(answer, "groups"), i, group) {
		const char *kind = json_str(group, "kind");

		if (str_eq(kind, "pages") || str_eq(kind, "actions") || str_eq(kind, "orders"))
			continue;
		printf("%s%s (%lld)\n", kinds++ ? "\n" : "", json_str(group, "label"),
		       (long long)json_int(group, "total", 0));
		print_table(json_object_get(group, "results"), columns, ARRAY_SIZE(columns), "");
	}
	if (!kinds)
		puts("nothing found");
	return 0;
}

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
