#include "daemon/cluster/hello.h"

#include "base/encode.h"

#define MAGIC "certera-peer"
#define PROTOCOL 1	/* a different one is not understood: packets, and what is above */
#define NONE "-"	/* in place of a cluster's id */

static const char *const uses[] = {
#define PEER_USE(use) #use,
#include "daemon/cluster/peer_use.def"
#undef PEER_USE
};

void hello_nonce(char nonce[HELLO_NONCE + 1])
{
	_cleanup_free_ char *hex = random_hex(HELLO_NONCE / 2);

	memcpy(nonce, hex, HELLO_NONCE + 1);
}

static const char *cluster_word(const struct hello_side *side)
{
	return *side->cluster ? side->cluster : NONE;
}

void hello_statement(const struct hello *h, bool accepted, struct buf *out)
{
	buf_addf(out, "%s\n%s\n", accepted ? "accepted" : "connected", uses[h->use]);
	hex_add(out, h->print, sizeof(h->print));
	buf_addf(out, "\n%s\n%s\n%s\n%s\n", h->asked, h->answered, h->connected.name, cluster_word(&h->connected));
	if (accepted)
		buf_addf(out, "%s\n%s\n", h->accepted.name, cluster_word(&h->accepted));
}

/*
 * Lines.
 */

/* As many words as wanted, each put where it belongs; the sizes are those of the places. */
struct word {
	char *at;
	size_t size;
};

static int take_words(const char *line, const char *first, const struct word *word, size_t count)
{
	_cleanup_strv_ char **found = strv_split(line, " ");

	if (strv_len(found) != count + 1 || !str_eq(found[0], first))
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (strlen(found[i + 1]) >= word[i].size)
			return -1;
		snprintf(word[i].at, word[i].size, "%s", found[i + 1]);
	}
	return 0;
}
#define PLACE(array) { array, sizeof(array) }

static int not_understood(struct err *e)
{
	return err_set(e, ERR_PROTOCOL, "what answers there is no server of a cluster");
}

void hello_greet(const struct hello *h, struct buf *out)
{
	buf_addf(out, MAGIC " %d %s\n", PROTOCOL, h->asked);
}

int hello_read_greeting(struct hello *h, const char *line, struct err *e)
{
	char protocol[12];
	const struct word words[] = { PLACE(protocol), PLACE(h->asked) };

	if (take_words(line, MAGIC, words, ARRAY_SIZE(words)) < 0)
		return not_understood(e);
	if (strtol(protocol, NULL, 10) == PROTOCOL)
		return 0;
	err_set(e, ERR_CONFLICT, "the other server speaks version %s of the protocol between servers, this one %d",
		protocol, PROTOCOL);
	return err_hint(e, "Install the same version of Certera on all servers.");
}

void hello_say(const struct hello *h, struct buf *out)
{
	buf_addf(out, "hello %s %s %s %s %s\n", uses[h->use], h->connected.name, cluster_word(&h->connected),
		 h->answered, h->connected.mac);
}

static void take_cluster(struct hello_side *side)
{
	if (str_eq(side->cluster, NONE))
		*side->cluster = '\0';
}

int hello_read(struct hello *h, const char *line, struct err *e)
{
	char use[16];
	const struct word words[] = {
		PLACE(use),         PLACE(h->connected.name), PLACE(h->connected.cluster),
		PLACE(h->answered), PLACE(h->connected.mac),
	};

	if (take_words(line, "hello", words, ARRAY_SIZE(words)) < 0)
		return not_understood(e);
	take_cluster(&h->connected);
	for (h->use = 0; h->use < PEER_USES; h->use++)
		if (str_eq(uses[h->use], use))
			return 0;
	return not_understood(e);
}

void hello_welcome(const struct hello *h, struct buf *out)
{
	buf_addf(out, "welcome %s %s %s\n", h->accepted.name, cluster_word(&h->accepted), h->accepted.mac);
}

void hello_refuse(const struct err *e, struct buf *out)
{
	buf_addf(out, "no %.*s\n", HELLO_LINE_MOST - 8, e->message);
}

int hello_read_welcome(struct hello *h, const char *line, struct err *e)
{
	const struct word words[] = { PLACE(h->accepted.name), PLACE(h->accepted.cluster), PLACE(h->accepted.mac) };

	if (str_starts(line, "no "))
		return err_set(e, ERR_DENIED, "the other server refuses: %s", line + 3);
	if (take_words(line, "welcome", words, ARRAY_SIZE(words)) < 0)
		return not_understood(e);
	take_cluster(&h->accepted);
	return 0;
}
