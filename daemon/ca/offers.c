#include "daemon/ca/offers.h"

#include "base/clock.h"
#include "base/words.h"
#include "pki/extension.h"
#include "pki/identifier.h"

#define CAA_MOST 10

static void read_profiles(struct rec_account *account, const struct acme *ca)
{
	const char *name;
	json_t *text;

	strv_free(TAKE(account->profiles));
	json_object_foreach ((json_t *)acme_profiles(ca), name, text) {
		const char *words = json_string_value(text);
		_cleanup_free_ char *line = xasprintf("%s: %s", name, words ? words : "");

		strv_add(&account->profiles, line);
	}
}

void offers_read(struct rec_account *account, const struct acme *ca)
{
	const json_t *meta = acme_meta(ca), *one;
	const char *website = json_str(meta, "website");
	size_t i;

	if (!acme_offers(ca, "newOrder"))
		return;
	read_profiles(account, ca);
	account->offers_read = clock_now();
	account->offers_ari = acme_offers(ca, "renewalInfo");
	account->needs_eab = json_bool(meta, "externalAccountRequired", false);
	free(account->website);
	account->website = website ? words_line(website, WORDS_SOME) : NULL;
	strv_free(TAKE(account->caa));
	json_array_foreach (json_object_get(meta, "caaIdentities"), i, one) {
		_cleanup_free_ char *line = i < CAA_MOST && json_is_string(one) ?
						    words_line(json_string_value(one), WORDS_SOME) : NULL;

		if (line)
			strv_add(&account->caa, line);
	}
}

static int learn_word(char ***list, const char *word)
{
	if (strv_has(*list, word))
		return 0;
	strv_add(list, word);
	return 1;
}

static int learn_flag(bool *flag, bool seen)
{
	bool news = seen && !*flag;

	*flag |= seen;
	return news;
}

static int learn_revocation(struct rec_account *account, const struct cert *leaf)
{
	_cleanup_strv_ char **ocsp = extension_urls(leaf, EXTENSION_URL_OCSP),
			    **crl = extension_urls(leaf, EXTENSION_URL_CRL);

	return (ocsp ? learn_word(&account->seen_revocation, "OCSP") : 0) |
	       (crl ? learn_word(&account->seen_revocation, "CRL") : 0);
}

int offers_learn(struct rec_account *account, const struct order *order, const struct cert *leaf)
{
	_cleanup_free_ char *key = spki_text(slice_buf(&leaf->spki));
	int64_t life = leaf->not_after - leaf->not_before + 1;
	int news = account->seen_life != life;

	for (char *const *type = order_offered(order); type && *type; type++)
		news |= learn_word(&account->seen_challenges, *type);
	for (char *const *name = leaf->names; name && *name; name++) {
		news |= learn_flag(&account->seen_wildcard, identifier_is_wildcard(*name));
		news |= learn_flag(&account->seen_ip, identifier_is_ip(*name));
	}
	account->seen_life = life;
	return news | learn_word(&account->seen_keys, key) | learn_revocation(account, leaf);
}
