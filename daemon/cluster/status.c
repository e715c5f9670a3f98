#include "base/clock.h"
#include "daemon/cluster/inside.h"

#define SKEW_MS 5000 /* a clock that is off by more is said */

const char *cluster_role_word(enum cluster_role role)
{
	static const char *const words[] = {
		[CLUSTER_ALONE] = "alone",       [CLUSTER_LEADER] = "leader",
		[CLUSTER_FOLLOWER] = "follower", [CLUSTER_WITHOUT_LEADER] = "no leader",
		[CLUSTER_BEHIND] = "behind",     [CLUSTER_STRANGER] = "not a member",
	};

	return words[role];
}

/* What it has otherwise than we do. */
static json_t *differences(const struct cluster *c, const json_t *said)
{
	const json_t *theirs = json_object_get(said, "likeness"), *hash;
	json_t *list = json_array();
	const char *name;

	json_object_foreach (c->likeness, name, hash)
		if (theirs && !json_equal(hash, json_object_get(theirs, name)))
			json_array_append_new(list, json_string(name));
	return list;
}

char *status_unreached(const struct cluster *c, const char *node, const char *leader, const char *why)
{
	const char *address = leader && str_eq(leader, c->known.leader) ? c->known.leader_address : NULL;

	if (!address || str_eq(node, leader))
		return NULL;
	return xasprintf("%s cannot reach the leader, %s: %s. Changes that are requested at %s are refused. "
			 "Allow connections from %s to %s.",
			 node, leader, why, node, node, address);
}

static json_t *node_json(const struct cluster *c, const struct known_node *n)
{
	_cleanup_free_ char *trouble =
		status_unreached(c, n->node.name, json_str(n->said, "unreached"), json_str(n->said, "why"));
	int64_t applied = n->node.self ? (int64_t)store_applied(c->store) : json_int(n->said, "applied", 0);
	json_t *o = json_object();

	json_put_str(o, "name", n->node.name);
	json_put_str(o, "address", n->node.address);
	json_put_bool(o, "self", n->node.self);
	json_put_bool(o, "leader", n->node.leader);
	json_put_bool(o, "member", json_bool(n->said, "member", false));
	json_put_str(o, "version", json_str(n->said, "version"));
	json_put_int(o, "applied", applied);
	json_put_int(o, "lag", MAX((int64_t)c->known.head - applied, 0));
	json_put_int(o, "clock_ms", n->node.self ? 0 : n->skew_ms);
	json_put_bool(o, "clock_off", !n->node.self && llabs(n->skew_ms) > SKEW_MS);
	json_object_set_new(o, "differs", differences(c, n->said));
	json_put_str(o, "trouble", trouble);
	return o;
}

static const char *member_text(const struct etcd_member *m)
{
	if (!m->asked)
		return "not asked yet";
	if (err_is_set(&m->err))
		return m->err.message;
	if (m->full)
		return "no space left: its quota is used up";
	if (m->without_leader)
		return "it has no leader: no quorum";
	return m->nearly_full ? "nearly full" : m->leader ? "leader" : "follower";
}

static json_t *member_json(const struct cluster *c, size_t i)
{
	const struct etcd_member *m = &c->members[i];
	json_t *o = json_object();

	json_put_str(o, "endpoint", etcd_endpoint(c->etcd, i));
	json_put_bool(o, "well", m->asked && !err_is_set(&m->err) && !m->full && !m->without_leader && !m->nearly_full);
	json_put_str(o, "text", member_text(m));
	json_put_str(o, "version", m->version);
	json_put_int(o, "size", m->size);
	json_object_set_new(o, "size_text", json_sprintf("%.1f MiB", (double)m->size / (1024 * 1024)));
	json_put_int(o, "used", m->used);
	json_put_int(o, "took_ms", m->took_ms);
	return o;
}

json_t *status_json(struct cluster *c)
{
	json_t *o = json_object(), *nodes = json_array(), *members = json_array();

	json_put_str(o, "role", cluster_role_word(c->view.role));
	json_put_str(o, "id", *c->view.id ? c->view.id : NULL);
	json_put_str(o, "name", c->name);
	json_put_str(o, "leader", *c->view.leader ? c->view.leader : NULL);
	json_put_int(o, "applied", (int64_t)store_applied(c->store));
	json_put_int(o, "head", (int64_t)c->known.head);
	json_put_str(o, "trouble", *c->view.trouble ? c->view.trouble : NULL);
	json_object_set_new(o, "nodes", nodes);
	json_object_set_new(o, "etcd", members);
	for (size_t i = 0; i < c->known.count; i++)
		json_array_append_new(nodes, node_json(c, &c->known.nodes[i]));
	for (size_t i = 0; i < c->member_count; i++)
		json_array_append_new(members, member_json(c, i));
	return o;
}
