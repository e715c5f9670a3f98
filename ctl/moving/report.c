/* What was taken, what was there, what was left and why. */
#include "ctl/moving/moving.h"

static const char *result_of(const json_t *one, bool dry_run)
{
	const char *result = json_str(one, "result");

	return dry_run && str_eq(result, "taken") ? "would be taken"
	       : str_eq(result, "there")          ? "already there"
						  : result;
}

static void print_names(const json_t *cert)
{
	const json_t *name;
	size_t i;

	json_array_foreach (json_object_get(cert, "names"), i, name) {
		if (i == 3) {
			printf(" and %zu more", json_array_size(json_object_get(cert, "names")) - i);
			break;
		}
		printf("%s%s", i ? ", " : "  ", json_string_value(name));
	}
}

static void print_all(const char *title, const json_t *list, bool dry_run)
{
	const json_t *one, *note;
	size_t i, k;

	if (json_array_size(list))
		printf("%s:\n", title);
	json_array_foreach (list, i, one) {
		printf("  %-14s %s", result_of(one, dry_run), json_str(one, "name"));
		print_names(one);
		if (json_str(one, "account"))
			printf("  renewed from %s", json_str(one, "account"));
		puts("");
		if (str_eq(json_str(one, "result"), "there"))
			continue;
		json_array_foreach (json_object_get(one, "notes"), k, note)
			printf("  %-14s   %s\n", "", json_string_value(note));
	}
}

static void print_left(const json_t *left)
{
	const json_t *one;
	size_t i;

	if (json_array_size(left))
		puts("Not taken:");
	json_array_foreach (left, i, one)
		printf("  %s: %s\n", json_str(one, "what"), json_str(one, "why"));
}

static int count(const json_t *list, const char *result)
{
	const json_t *one;
	int found = 0;
	size_t i;

	json_array_foreach (list, i, one)
		found += str_eq(json_str(one, "result"), result);
	return found;
}

void moving_report(struct moving *m, bool dry_run)
{
	print_all("Accounts", m->accounts, dry_run);
	print_all("Certificates", m->certificates, dry_run);
	print_all("Sites", m->sites, dry_run);
	print_left(m->left);
	printf("\nAccounts: %d taken, %d already there, %d left. Certificates: %d taken, %d already there, %d left.\n",
	       count(m->accounts, "taken"), count(m->accounts, "there"), count(m->accounts, "left"),
	       count(m->certificates, "taken"), count(m->certificates, "there"), count(m->certificates, "left"));
	if (dry_run)
		puts("Nothing was changed.");
	else if (count(m->certificates, "taken") && !json_str(m->ctl->local, "api_keys_file"))
		puts("Each certificate has new API keys: certeractl apikey rotate shows one.");
}
