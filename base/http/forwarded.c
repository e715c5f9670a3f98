#include "base/http/forwarded.h"

/* One item: an address, in brackets or with a port behind it as some proxies write it.  Every address is no address. */
static int parse_item(struct address *a, const char *item)
{
	if (address_parse_host(a, item) == 0)
		return 0;
	if (*item != '*' && *item != ':' && address_parse(a, item, NULL) == 0)
		return 0;
	if (*item == '[') {
		_cleanup_free_ char *inner = xstrndup(item + 1, strcspn(item + 1, "]"));

		if (item[strlen(inner) + 1] == ']' && !item[strlen(inner) + 2])
			return address_parse_host(a, inner);
	}
	return -1;
}

void forwarded_client(struct address *client, const char *forwarded, const struct cidr_list *trusted)
{
	_cleanup_strv_ char **item = strv_split(forwarded ? forwarded : "", ", \t");

	for (size_t i = strv_len(item); i-- > 0 && cidr_list_has(trusted, (const struct sockaddr *)&client->sa);) {
		if (parse_item(client, item[i]) == 0)
			continue;
		*client = (struct address){ .len = 0 };
		client->sa.ss_family = AF_UNSPEC;
	}
}
