/* The servers that work as one: certeractl cluster. */
#include "ctl/ctl.h"

/* What the table has no member for. */
static void put_texts(json_t *node)
{
	_cleanup_free_ char *clock = NULL, *differs = NULL;
	const json_t *one;
	struct buf list = BUF_INIT;
	size_t i;

	json_array_foreach (json_object_get(node, "differs"), i, one)
		buf_addf(&list, "%s%s", i ? " " : "", json_string_value(one));
	differs = buf_detach(&list);
	clock = json_bool(node, "clock_off", false)
			? xasprintf("off by %lld s", (long long)json_int(node, "clock_ms", 0) / 1000)
			: xstrdup("");
	json_put_str(node, "role",
		     json_bool(node, "leader", false)   ? "leader"
		     : json_bool(node, "member", false) ? "follower"
							: "not a member");
	json_put_str(node, "clock", clock);
	json_put_str(node, "differs", differs);
}

static void print_nodes(json_t *nodes)
{
	static const struct column columns[] = {
		{ "SERVER", "name" }, { "ROLE", "role" },   { "ADDRESS", "address" },    { "VERSION", "version" },
		{ "LAG", "lag" },     { "CLOCK", "clock" }, { "DIFFERS IN", "differs" },
	};
	json_t *node;
	size_t i;

	json_array_foreach (nodes, i, node)
		put_texts(node);
	print_table(nodes, columns, ARRAY_SIZE(columns), "No server has reported to etcd.");
}

/* Of servers that cannot reach the leader; this one's is the cluster's.  True: there is one. */
static bool print_troubles(const json_t *nodes)
{
	const json_t *node;
	bool any = false;
	size_t i;

	json_array_foreach ((json_t *)nodes, i, node)
		if (json_str(node, "trouble") && !json_bool(node, "self", false)) {
			printf("%s\n", json_str(node, "trouble"));
			any = true;
		}
	return any;
}

int show_cluster(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = { { "ETCD", "endpoint" },
						 { "VERSION", "version" },
						 { "STATE", "text" } };
	const json_t *cluster = json_object_get(answer, "cluster");
	const char *trouble = json_str(cluster, "trouble");
	bool troubles;

	if (ctl_as_json(ctl, answer))
		return 0;
	if (!json_is_object(cluster)) {
		printf("This server is alone: certera.yaml has no cluster.endpoints.\n");
		return 0;
	}
	printf("This server, %s: %s.\n", json_str(cluster, "name"), json_str(cluster, "role"));
	if (trouble)
		printf("%s\n", trouble);
	troubles = print_troubles(json_object_get(cluster, "nodes"));
	printf("\n");
	print_nodes(json_object_get(cluster, "nodes"));
	printf("\n");
	print_table(json_object_get(cluster, "etcd"), columns, ARRAY_SIZE(columns), "No member of etcd is known.");
	return trouble || troubles ? 1 : 0;
}

int show_cluster_asked(struct ctl *ctl, json_t *answer)
{
	if (!ctl_as_json(ctl, answer))
		printf("Started. To see the progress: certeractl cluster status\n");
	return 0;
}
