/* What is in a file that was decoded, in the words of the page that shows the same. */
#include "ctl/ctl.h"

/* A member without a row has its name as title. */
static const struct {
	const char *member, *title;
} titles[] = {
	{ "not_before", "valid from" },
	{ "not_after", "valid until" },
	{ "serial", "serial number" },
	{ "sha256", "SHA-256" },
	{ "sha1", "SHA-1" },
	{ "spki_pin", "pin of the key" },
	{ "usages", "key usage" },
	{ "extended_usages", "for" },
	{ "ca", "of a CA" },
	{ "ski", "key identifier" },
	{ "aki", "issuer's key id" },
	{ "scts", "CT logs" },
	{ "ocsp", "OCSP" },
	{ "crl", "CRL" },
	{ "ca_issuers", "issuer's cert" },
};

static const char *title_of(const char *member)
{
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		if (str_eq(titles[i].member, member))
			return titles[i].title;
	return member;
}

/* All members of an object that say something, one a line. */
static void print_members(const json_t *obj)
{
	const char *name;
	json_t *value, *one;
	size_t i;

	json_object_foreach ((json_t *)obj, name, value) {
		const char *title = title_of(name);

		if (json_is_string(value))
			printf("  %-16s %s\n", title, json_string_value(value));
		else if (json_is_integer(value))
			printf("  %-16s %lld\n", title, (long long)json_integer_value(value));
		else if (json_is_boolean(value))
			printf("  %-16s %s\n", title, json_is_true(value) ? "yes" : "no");
		json_array_foreach (value, i, one)
			printf("  %-16s %s\n", i ? "" : title, json_string_value(one));
	}
}

static void print_contents(const json_t *answer)
{
	static const struct {
		const char *member, *title;
	} lists[] = { { "certificates", "certificate" }, { "keys", "key" } };
	json_t *one;
	size_t i;

	for (size_t n = 0; n < ARRAY_SIZE(lists); n++)
		json_array_foreach(json_object_get(answer, lists[n].member), i, one) {
			printf("%s %zu\n", lists[n].title, i + 1);
			print_members(one);
		}
	if (json_is_object(json_object_get(answer, "request"))) {
		puts("certificate request");
		print_members(json_object_get(answer, "request"));
	}
}

static void print_findings(const json_t *answer)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(answer, "findings"), i, one)
		printf("! %s\n", json_string_value(one));
}

int show_decoded(struct ctl *ctl, json_t *answer)
{
	if (ctl_as_json(ctl, answer))
		return 0;
	print_contents(answer);
	if (!json_array_size(json_object_get(answer, "findings")))
		puts("No problems found.");
	print_findings(answer);
	return 0;
}

int show_checked(struct ctl *ctl, json_t *answer)
{
	const json_t *contents = json_object_get(answer, "contents");
	json_t *one;
	size_t i;

	if (ctl_as_json(ctl, answer))
		return 0;
	print_contents(contents);
	print_findings(contents);
	json_array_foreach(json_object_get(answer, "fits"), i, one)
		printf("%s %s\n", json_bool(one, "ok", false) ? " " : "!", json_str(one, "says"));
	if (json_bool(answer, "orders", false))
		show_order_plan(answer);
	print_findings(answer);
	return 0;
}

/* How a certificate is installed on a type of server. */
int show_install(struct ctl *ctl, json_t *answer)
{
	if (ctl_as_json(ctl, answer))
		return 0;
	printf("# %s, format %s: run this once, with the API keys filled in\n%s", json_str(answer, "label"),
	       json_str(answer, "format"), json_str(answer, "setup"));
	if (json_str(answer, "configuration"))
		printf("\n# in %s\n%s", json_str(answer, "file"), json_str(answer, "configuration"));
	if (json_str(answer, "note"))
		printf("\n# %s\n", json_str(answer, "note"));
	return 0;
}
