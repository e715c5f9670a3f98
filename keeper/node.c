/*
 * The rows of proto.def about the nodes of a cluster, which all have this master key: that a node belongs to it, and
 * that a local administrator asks there.
 */
#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "keeper/call.h"
#include "keeper/peer.h"
#include "keeper/witness.h"
#include "keeper/word.h"

#define LABEL_NODE "certera node"
#define LABEL_VOUCHER "certera local administrator"
#define PREFIX "cvo_"

int op_node_mac(struct call *c, struct err *e)
{
	unsigned char mac[SHA256_SIZE];

	seal_mac(&c->room->seal, LABEL_NODE, call_in(c, "statement"), mac);
	buf_add(call_out(c, "mac"), mac, sizeof(mac));
	return 0;
}

/* cvo_TIME.RANDOM, for the node that is told. */
static void mac_of(const struct call *c, struct slice text, unsigned char mac[SHA256_SIZE])
{
	_cleanup_buf_wipe_ struct buf said = BUF_INIT;
	struct slice node = call_in(c, "for");

	buf_add(&said, node.data, node.len);
	buf_add_ch(&said, '\n');
	buf_add(&said, text.data, text.len);
	seal_mac(&c->room->seal, LABEL_VOUCHER, slice_buf(&said), mac);
}

int op_vouch(struct call *c, struct err *e)
{
	_cleanup_buf_ struct buf prefix = BUF_INIT;
	struct slice name = call_in(c, "name");
	struct buf *voucher = call_out(c, "voucher");
	unsigned char mac[SHA256_SIZE], unused[SHA256_SIZE];

	if (!call_by_peer(c))
		return err_set(e, ERR_DENIED, "only local administrators are vouched for");
	if (peer_check(c->proof_fd, c->room->daemon, &c->room->admins, c->room->user, e) < 0)
		return -1;
	if (name.len >= LOCAL_ADMIN_TEXT)
		return err_set(e, ERR_INVALID, "the name of the local administrator is too long");
	buf_addf(&prefix, PREFIX "%lld.", (long long)clock_now());
	base64url_add(&prefix, name.data, name.len);
	buf_add_ch(&prefix, '.');
	word_make(buf_str(&prefix), voucher, unused);
	mac_of(c, slice_buf(voucher), mac);
	buf_add_ch(voucher, '.');
	base64url_add(voucher, mac, sizeof(mac));
	return 0;
}

static bool is_ours(const struct call *c, const char *voucher, const char *end, unsigned char mac[SHA256_SIZE])
{
	_cleanup_buf_ struct buf shown = BUF_INIT;

	mac_of(c, slice(voucher, (size_t)(end - voucher)), mac);
	base64url_add(&shown, mac, SHA256_SIZE);
	return shown.len == strlen(end + 1) && same_secret(shown.data, end + 1, shown.len);
}

/* "cvo_TIME.NAME.RANDOM.MAC"; a node of an older version gives no NAME and no dot behind it.  end: the last dot. */
static int add_name(struct buf *name, const char *voucher, const char *end, struct err *e)
{
	const char *from = strchr(voucher, '.'), *to = strchr(from + 1, '.');

	if (from == end || to == end)
		return 0;
	if (base64url_decode(name, from + 1, (size_t)(to - from - 1)) < 0)
		return err_set(e, ERR_DENIED, "what vouches for the local administrator does not name them");
	return 0;
}

int op_vouched(struct call *c, struct err *e)
{
	const char *voucher = call_text(c, "voucher", e), *end = voucher ? strrchr(voucher, '.') : NULL;
	const struct witness admin = { .role = PERSON_ADMIN };
	unsigned char mac[SHA256_SIZE];
	int64_t apart;

	if (!voucher)
		return -1;
	if (!end || !str_starts(voucher, PREFIX) || !is_ours(c, voucher, end, mac))
		return err_set(e, ERR_DENIED, "no server of this cluster vouches for the local administrator");
	apart = clock_now() - strtoll(voucher + strlen(PREFIX), NULL, 10);
	if (apart > KEEPER_PROOF_SECONDS || apart < -KEEPER_PROOF_SECONDS) {
		err_set(e, ERR_DENIED, "the clocks of the two servers differ by %lld seconds",
			(long long)(apart < 0 ? -apart : apart));
		return err_hint(e, "Synchronise the clocks of both servers (NTP).");
	}
	if (add_name(call_out(c, "name"), voucher, end, e) < 0 || !witness_take_once(c->room->witnesses, mac, e))
		return -1;
	witness_add(c->room->witnesses, &admin, call_out(c, "proof"));
	log_debug("a local administrator of a different server is vouched for");
	return 0;
}
