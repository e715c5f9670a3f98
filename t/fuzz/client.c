/*
 * A CA that answers whatever it likes: an account, an order, renewal information, a list of orders and a revocation against
 * replies out of the input, in a world without time.  Nothing may crash, everything must end.
 *
 * The input is replies, each ended by a line "---": status, header lines, an empty line, the body.  Behind the last one, the
 * network is down.
 */
#include "t/lib/world.h"

#include "acme/acme.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	char *text, *at;
	int ended;
} input;

/* The next piece up to `end`; NULL: there is none. */
static char *piece(char **at, const char *end)
{
	char *begin = *at, *found = begin ? strstr(begin, end) : NULL;

	if (!begin)
		return NULL;
	*at = found ? found + strlen(end) : NULL;
	if (found)
		*found = '\0';
	return begin;
}

void world_serve(struct exchange *x)
{
	char *reply = piece(&input.at, "\n---\n"), *head, *line;

	x->takes_ms = 10;
	if (!reply || !*reply) {
		err_set(&x->lost, ERR_NETWORK, "the network is down");
		return;
	}
	head = piece(&reply, "\n\n");
	line = piece(&head, "\n");
	x->status = (int)(strtoul(line, NULL, 10) % 600);
	while ((line = piece(&head, "\n")))
		if (strstr(line, ": "))
			strv_add(&x->answer_headers, line);
	if (reply)
		buf_add_str(&x->answer, reply);
}

/* The env: all works at once, or when the loop turns. */

struct later {
	struct timer timer;
	acme_bytes_cb *cb;
	void *arg;
};

static void later_now(void *arg)
{
	struct later *l = arg;
	struct slice bytes = slice_str("signature");

	l->cb(l->arg, &bytes, NULL);
	free(l);
}

static void later(acme_bytes_cb *cb, void *arg)
{
	struct later *l = xcalloc(1, sizeof(*l));

	l->cb = cb;
	l->arg = arg;
	timer_start(&l->timer, world_loop, 1, later_now, l);
}

static void sign(void *env, const char *key, struct slice data, acme_bytes_cb *cb, void *arg)
{
	later(cb, arg);
}

static void hmac(void *env, const char *key, const char *alg, struct slice data, acme_bytes_cb *cb, void *arg)
{
	later(cb, arg);
}

/* What is saved can be read again. */
static int save(void *env, struct order *o, struct err *e)
{
	char *names[] = { "www.example.org", NULL };
	struct order_params q = { .account = { "k", "{}", "ES256", "https://ca.example/1", 0 }, .names = names };
	_cleanup_free_ char *state = order_save(o);
	struct order *again = order_load(*(struct acme **)env, &q, NULL, state, e);

	if (!again)
		die("%s: %s", e->message, state);
	order_free(again);
	return 0;
}

static void publish(void *env, struct order *o, const struct acme_answer *answers, size_t count, acme_bytes_cb *cb, void *arg)
{
	for (size_t i = 0; i < count; i++)
		if (strpbrk(answers[i].token, "/.%\\ "))
			die("the token \"%s\" is published", answers[i].token);
	later(cb, arg);
}

static void csr(void *env, struct order *o, acme_bytes_cb *cb, void *arg)
{
	later(cb, arg);
}

static void order_over(void *env, struct order *o, const char *chain, const struct err *err)
{
	input.ended++;
	order_free(o);
}

static void registered(void *arg, const struct acme_registered *r, const struct err *err)
{
	if (r && !str_starts(r->kid, "https://"))
		die("the account URL is \"%s\"", r->kid);
	input.ended++;
}

static void answered(void *arg, const json_t *answer, const struct err *err)
{
	input.ended++;
}

static void informed(void *arg, const struct acme_window *w, const struct err *err)
{
	if (w && (w->end <= w->start || (w->explanation && !str_starts(w->explanation, "https://"))))
		die("a window that makes no sense");
	input.ended++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *names[] = { "www.example.org", NULL };
	struct acme *acme = NULL;
	struct acme_env env = { .arg = &acme, .sign = sign, .hmac = hmac, .save = save, .publish = publish, .csr = csr,
				.done = order_over };
	struct acme_account account = { "k", "{\"kty\":\"EC\"}", "ES256", "https://ca.example/1", 0 };
	struct acme_registration registration = { .account = account, .terms_agreed = true, .eab_kid = "e", .eab_key = "e" };
	struct order_params params = { .account = account, .names = names, .spki = slice_str("spki"), .replaces = "a.b",
				       .profile = "p", .preferred_chain = "root" };

	log_setup(LOG_LEVEL_ERROR, false);
	world_create();
	input.text = input.at = xstrndup((const char *)data, size);
	input.ended = 0;
	world_loop = env.loop = loop_new();
	acme = acme_new(&env, "https://ca.example/directory", NULL);

	acme_register_start(acme, &registration, registered, NULL);
	loop_run(world_loop);
	order_start(order_new(acme, &params, NULL));
	loop_run(world_loop);
	acme_renewal_info_start(acme, "a.b", informed, NULL);
	loop_run(world_loop);
	acme_orders_start(acme, &account, answered, NULL);
	loop_run(world_loop);
	acme_revoke_start(acme, &account, slice_str("DER"), "superseded", answered, NULL);
	loop_run(world_loop);
	if (input.ended != 5)
		die("%d of 5 have ended", input.ended);

	acme_free(acme);
	loop_free(TAKE(world_loop));
	free(input.text);
	return 0;
}
