/* Raising alerts: who gets a message, in the transaction of the change; what the kinds of channels are sent. */
#include "t/lib/store.h"

#include "daemon/notify/alert_json.h"
#include "store/notify/alert.h"

static void add_channel(struct txn *t, const char *name, const char *kind, const char *to, const char *alerts, const char *level)
{
	struct rec_channel c = { 0 };

	record_set(&c.id, name);
	record_set(&c.name, name);
	record_set(&c.kind, kind);
	record_set(&c.level, level);
	c.recipients = strv_split(to, " ");
	c.alerts = strv_split(alerts, " ");
	OK(rec_channel_put(t, &c, &e));
	rec_channel_release(&c);
}

struct listing {
	struct txn *txn;
	struct buf text;
};

static int count_one(void *arg, void *rec, struct err *err)
{
	(*(int *)arg)++;
	return 0;
}

/* "channel/number recipient alert level" of each, with its row. */
static int list_one(void *arg, void *rec, struct err *err)
{
	const struct rec_outbox *m = rec;
	struct listing *l = arg;
	int64_t due;

	assert_string_equal(m->state, OUTBOX_QUEUED);
	assert_int_equal(strlen(m->key), 32);
	OK(agenda_due(l->txn, m->recipient ? AGENDA_mail : AGENDA_post, m->id, &due, &e));
	assert_int_equal(due, m->created);
	buf_addf(&l->text, "%.*s/%lld %s %s %s\n", (int)strcspn(m->id, "/"), m->id, (long long)record_child_number(m->id),
		 m->recipient ? m->recipient : "-", m->alert, m->level);
	return 0;
}

static void assert_outbox(struct txn *t, const char *expected)
{
	struct listing l = { .txn = t };

	OK(record_each(t, &rec_outbox_type, "", false, list_one, &l, &e));
	assert_string_equal(buf_str(&l.text), expected);
	buf_release(&l.text);
}

static const struct alert_of shop = { .object = "1234", .name = "shop" };

static void each_channel_gets_what_it_wants(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);

	OK(alert_raise(t, ALERT_failed, &shop, &e, "Nobody is there to hear it."));
	assert_outbox(t, "");
	add_channel(t, "all", "webhook", "", "all", "");
	add_channel(t, "default", "slack", "", "", "");
	add_channel(t, "errors", "teams", "", "all", "error");
	add_channel(t, "some", "discord", "", "issued renewed", "");
	OK(alert_raise(t, ALERT_failed, &shop, &e, "It failed."));
	OK(alert_raise(t, ALERT_renewed, &shop, &e, "It is new."));
	OK(alert_raise(t, ALERT_expired, &shop, &e, "It is over."));
	assert_outbox(t, "all/1 - failed warning\nall/2 - renewed info\nall/3 - expired error\n"
			 "default/1 - failed warning\ndefault/2 - expired error\nerrors/1 - expired error\nsome/1 - renewed info\n");
	txn_abort(t);
	store_close(s);
}

static void each_recipient_gets_one(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);

	add_channel(t, "ops", "email", "a@example.org b@example.org", "", "");
	add_channel(t, "two", "email", "b@example.org c@example.org", "", "");
	OK(alert_raise(t, ALERT_failed, &shop, &e, "It failed."));
	assert_outbox(t, "ops/1 a@example.org failed warning\nops/2 b@example.org failed warning\n"
			 "two/1 c@example.org failed warning\n");
	txn_abort(t);
	t = read_txn(s);
	assert_outbox(t, "");	/* as if it had never happened */
	txn_abort(t);
	check_whole(s);
	store_close(s);
}

static void what_is_for_testing_alarms_nobody(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct rec_cert cert = { .id = (char *)"1234", .name = (char *)"shop", .staging = true };

	add_channel(t, "all", "webhook", "", "", "");
	add_channel(t, "warnings", "webhook", "", "", "warning");
	OK(alert_raise_cert(t, ALERT_expired, &cert, &e, "It is over."));
	assert_outbox(t, "all/1 - expired info\n");
	txn_abort(t);
	store_close(s);
}

static json_t *alert(const char *text)
{
	struct rec_outbox m = {
		.alert = (char *)"failed", .level = (char *)"warning", .subject = (char *)"shop <b> cannot be issued",
		.text = (char *)text, .name = (char *)"shop", .facts = (char *)"{\"names\": \"a.example\"}",
		.key = (char *)"0123", .created = 1795641000,
	};

	return alert_json(&m, "certera.example");
}

static const char *at(const json_t *value, const char *path)
{
	_cleanup_strv_ char **parts = strv_split(path, "/");

	for (char **part = parts; *part; part++)
		value = json_is_array(value) ? json_array_get(value, strtoul(*part, NULL, 10)) : json_object_get(value, *part);
	return json_string_value(value);
}

static json_t *body_with(enum channel_kind kind, const char *said)
{
	_cleanup_json_ json_t *l = alert(said);
	_cleanup_free_ char *text = alert_body(kind, l);
	json_t *body = json_loads(text, 0, NULL);

	assert_non_null(body);
	return body;
}

static json_t *body_of(enum channel_kind kind)
{
	return body_with(kind, "refused & @everyone.");
}

static void shapes(void **state)
{
	_cleanup_json_ json_t *slack = body_of(CHANNEL_slack), *teams = body_of(CHANNEL_teams), *discord = body_of(CHANNEL_discord),
			      *webhook = body_of(CHANNEL_webhook);

	assert_string_equal(at(slack, "blocks/0/text/text"), "shop <b> cannot be issued");
	assert_string_equal(at(slack, "blocks/1/text/text"), "refused &amp; @everyone.");
	assert_string_equal(at(slack, "blocks/2/fields/0/text"), "*names*\na.example");
	assert_string_equal(at(teams, "attachments/0/contentType"), "application/vnd.microsoft.card.adaptive");
	assert_string_equal(at(teams, "attachments/0/content/body/0/text"), "shop \\<b> cannot be issued");
	assert_string_equal(at(teams, "attachments/0/content/body/2/facts/0/value"), "a.example");
	assert_string_equal(at(discord, "embeds/0/title"), "shop \\<b> cannot be issued");
	assert_string_equal(at(discord, "embeds/0/fields/0/name"), "names");
	assert_int_equal(json_array_size(json_object_get(json_object_get(discord, "allowed_mentions"), "parse")), 0);
	assert_true(json_is_array(json_object_get(json_object_get(discord, "allowed_mentions"), "parse")));
	assert_string_equal(at(webhook, "id"), "0123");
	assert_string_equal(at(webhook, "time"), "2026-11-25T21:10:00Z");
	assert_string_equal(at(webhook, "facts/names"), "a.example");
}

static void what_strangers_say_is_no_markup(void **state)
{
	static const char said[] = "[Renew *now*](https://evil.example) <@1> _acme";
	static const char plain[] = "\\[Renew \\*now\\*\\](https://evil.example) \\<@1> \\_acme";
	_cleanup_json_ json_t *slack = body_with(CHANNEL_slack, said), *teams = body_with(CHANNEL_teams, said),
			      *discord = body_with(CHANNEL_discord, said), *webhook = body_with(CHANNEL_webhook, said);

	assert_string_equal(at(slack, "text"), "shop &lt;b&gt; cannot be issued");
	assert_string_equal(at(slack, "blocks/1/text/text"), "[Renew *now*](https://evil.example) &lt;@1&gt; _acme");
	assert_string_equal(at(teams, "attachments/0/content/body/1/text"), plain);
	assert_string_equal(at(discord, "embeds/0/description"), plain);
	assert_string_equal(at(webhook, "text"), said);
}

/* What is written longer than it was said is still not longer than the service takes. */
static void long_texts(void **state)
{
	char said[6001] = { 0 };
	_cleanup_json_ json_t *slack = body_with(CHANNEL_slack, memset(said, '<', sizeof(said) - 1)),
			      *discord = body_with(CHANNEL_discord, said);

	assert_in_range(strlen(at(slack, "blocks/1/text/text")), 2800, 3000);
	assert_string_equal(at(slack, "blocks/1/text/text") + strlen(at(slack, "blocks/1/text/text")) - 7, "&lt;...");
	assert_in_range(strlen(at(discord, "embeds/0/description")), 3900, 4096);
}

/* What is changed and the messages about it are one transaction, and that has an end. */
static void thousands_of_channels_do_not_hold_a_change_up(void **state)
{
	_cleanup_buf_ struct buf to = BUF_INIT;
	struct rec_channel many = { 0 };
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	int messages = 0;

	for (int i = 0; i < 2000; i++) {
		_cleanup_free_ char *name = xasprintf("channel-%d", i), *mail = xasprintf("u%d@example.org", i);

		add_channel(t, name, "email", mail, "", "");
		if (i % 100 == 99) {
			OK(txn_commit(TAKE(t), &e));
			t = write_txn(s);
		}
	}
	for (int i = 0; i < 2; i++)
		OK(alert_raise(t, ALERT_failed, &shop, &e, "It failed."));
	OK(txn_commit(TAKE(t), &e));
	t = read_txn(s);
	OK(record_each(t, &rec_outbox_type, "", false, count_one, &messages, &e));
	txn_abort(t);
	assert_int_equal(messages, 2 * 300);

	for (int i = 0; i < 101; i++)
		buf_addf(&to, "u%d@example.org ", i);
	many.recipients = strv_split(buf_str(&to), " ");
	assert_int_equal(channel_check_recipients(&many, &e), -1);
	assert_string_equal(e.message, "a channel has at most 100 recipients, and these are 101");
	rec_channel_release(&many);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_channel_gets_what_it_wants, make_test_dir, remove_test_dir),
		cmocka_unit_test_setup_teardown(each_recipient_gets_one, make_test_dir, remove_test_dir),
		cmocka_unit_test_setup_teardown(what_is_for_testing_alarms_nobody, make_test_dir, remove_test_dir),
		cmocka_unit_test_setup_teardown(thousands_of_channels_do_not_hold_a_change_up, make_test_dir, remove_test_dir),
		cmocka_unit_test(shapes),
		cmocka_unit_test(what_strangers_say_is_no_markup),
		cmocka_unit_test(long_texts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
