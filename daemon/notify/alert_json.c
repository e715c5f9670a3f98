#include "daemon/notify/alert_json.h"

#include "base/encode.h"

/* What the services take at most, in characters; we count bytes, which are more. */
#define SLACK_HEADER 150
#define SLACK_TEXT 2900
#define SLACK_FIELDS 10
#define DISCORD_TITLE 256
#define DISCORD_TEXT 4000
#define DISCORD_FIELDS 25
#define DISCORD_VALUE 1000
#define TEAMS_TEXT 8000

static json_t *read_or(const char *text, json_t *otherwise)
{
	json_t *value = text && *text ? json_read(text, strlen(text), NULL) : NULL;

	if (!value)
		return otherwise;
	json_decref(otherwise);
	return value;
}

json_t *alert_json(const struct rec_outbox *m, const char *server)
{
	json_t *o = json_object();
	int alert = alert_by_word(m->alert, NULL);

	json_put_str(o, "id", m->key);
	json_put_str(o, "alert", m->alert);
	json_put_str(o, "level", m->level);
	json_put_time(o, "time", m->created);
	json_put_str(o, "server", server);
	json_put_str(o, "subject", m->subject ? m->subject : "");
	json_put_str(o, "text", m->text ? m->text : "");
	json_put_str(o, "todo", alert < 0 ? "" : alert_todo((enum alert)alert));
	json_put_str(o, "name", m->name);
	json_put_str(o, "object", m->object);
	json_object_set_new(o, "facts", read_or(m->facts, json_object()));
	json_object_set_new(o, "items", read_or(m->items, json_array()));
	return o;
}

/* How a service wants a character written that has a meaning to it. */
typedef void add_char(struct buf *, char);

static void add_plain(struct buf *out, char c)
{
	buf_add_ch(out, c);
}

/* In mrkdwn: https://docs.slack.dev/messaging/formatting-message-text says to escape these three. */
static void add_slack(struct buf *out, char c)
{
	if (c == '&')
		buf_add_str(out, "&amp;");
	else if (c == '<')
		buf_add_str(out, "&lt;");
	else if (c == '>')
		buf_add_str(out, "&gt;");
	else
		buf_add_ch(out, c);
}

/* In the Markdown of Teams and Discord, where [a word](https://...) of a stranger would be a link to anywhere. */
static void add_markdown(struct buf *out, char c)
{
	if (c && strchr("\\`*_~|[]<", c))
		buf_add_ch(out, '\\');
	buf_add_ch(out, c);
}

/* At most so many bytes as they are written, whole characters, "..." where something is missing; owned. */
static char *cut(const char *text, size_t most, add_char *add)
{
	struct buf out = BUF_INIT;
	size_t fits = 0;

	while (*text && out.len <= most) {
		size_t len = MAX(utf8_len(text), 1);

		if (out.len + strlen("...") <= most)
			fits = out.len;
		while (len--)
			add(&out, *text++);
	}
	if (out.len > most) {
		out.len = fits;
		buf_add_str(&out, "...");
	}
	buf_add(&out, "", 0);
	return buf_detach(&out);
}

static void put_cut(json_t *o, const char *member, const char *text, size_t most, add_char *add)
{
	_cleanup_free_ char *part = cut(text, most, add);

	json_put_str(o, member, part);
}

/* The sentence, and of a digest a line for each. */
static char *all_text(const json_t *alert)
{
	struct buf text = BUF_INIT;
	json_t *item;
	size_t i;

	buf_add_str(&text, json_str(alert, "text"));
	json_array_foreach(json_object_get(alert, "items"), i, item)
		buf_addf(&text, "\n• %s: %s", json_str(item, "subject"), json_str(item, "text"));
	return buf_detach(&text);
}

static char *footer(const json_t *alert)
{
	return xasprintf("Certera on %s, %s. %s", json_str(alert, "server"), json_str(alert, "time"),
			 json_str(alert, "todo"));
}

/*
 * Slack: blocks.
 */

static json_t *slack_text(const char *text, size_t most)
{
	_cleanup_free_ char *safe = cut(text, most, add_slack);

	return json_pack("{s:s, s:s}", "type", "mrkdwn", "text", safe);
}

static json_t *slack_fields(const json_t *facts)
{
	json_t *fields = json_array(), *value;
	const char *name;

	json_object_foreach((json_t *)facts, name, value) {
		_cleanup_free_ char *line = xasprintf("*%s*\n%s", name, json_string_value(value));

		if (json_array_size(fields) < SLACK_FIELDS)
			json_array_append_new(fields, slack_text(line, SLACK_TEXT / 2));
	}
	return fields;
}

static json_t *slack_shape(const json_t *alert)
{
	_cleanup_free_ char *text = all_text(alert), *foot = footer(alert);
	json_t *o = json_object(), *blocks = json_array(), *fields = slack_fields(json_object_get(alert, "facts"));
	json_t *title = json_pack("{s:s}", "type", "plain_text");

	put_cut(title, "text", json_str(alert, "subject"), SLACK_HEADER, add_plain);
	put_cut(o, "text", json_str(alert, "subject"), SLACK_TEXT, add_slack);
	json_array_append_new(blocks, json_pack("{s:s, s:o}", "type", "header", "text", title));
	json_array_append_new(blocks, json_pack("{s:s, s:o}", "type", "section", "text", slack_text(text, SLACK_TEXT)));
	if (json_array_size(fields))
		json_array_append_new(blocks, json_pack("{s:s, s:O}", "type", "section", "fields", fields));
	json_decref(fields);
	json_array_append_new(blocks,
			      json_pack("{s:s, s:[o]}", "type", "context", "elements", slack_text(foot, SLACK_TEXT)));
	json_object_set_new(o, "blocks", blocks);
	return o;
}

/*
 * Teams: an adaptive card.
 */

static json_t *teams_block(const char *text, bool title)
{
	json_t *block = json_pack("{s:s, s:b}", "type", "TextBlock", "wrap", 1);

	put_cut(block, "text", text, TEAMS_TEXT, add_markdown);
	if (title) {
		json_put_str(block, "weight", "Bolder");
		json_put_str(block, "size", "Medium");
	}
	return block;
}

static json_t *teams_shape(const json_t *alert)
{
	_cleanup_free_ char *text = all_text(alert), *foot = footer(alert);
	json_t *facts = json_array(), *body = json_array(), *value, *card;
	const char *name;

	json_object_foreach(json_object_get(alert, "facts"), name, value) {
		json_t *fact = json_pack("{s:s}", "title", name);

		put_cut(fact, "value", json_string_value(value), TEAMS_TEXT, add_markdown);
		json_array_append_new(facts, fact);
	}
	json_array_append_new(body, teams_block(json_str(alert, "subject"), true));
	json_array_append_new(body, teams_block(text, false));
	json_array_append_new(body, json_pack("{s:s, s:o}", "type", "FactSet", "facts", facts));
	json_array_append_new(body, teams_block(foot, false));
	card = json_pack("{s:s, s:s, s:s, s:o}", "type", "AdaptiveCard", "$schema",
			 "http://adaptivecards.io/schemas/adaptive-card.json", "version", "1.4", "body", body);
	return json_pack("{s:s, s:[{s:s, s:o}]}", "type", "message", "attachments", "contentType",
			 "application/vnd.microsoft.card.adaptive", "content", card);
}

/*
 * Discord: an embed.  Nobody is pinged, whatever a name or a CA's words contain.
 */

static json_t *discord_shape(const json_t *alert)
{
	static const int colours[] = { 0x2d7d46, 0xd08700, 0xc62828 };	/* as enum alert_level */
	_cleanup_free_ char *text = all_text(alert), *foot = footer(alert);
	json_t *embed = json_object(), *fields = json_array(), *footing = json_object(), *value;
	int level = alert_level_by_word(json_str(alert, "level"), NULL);
	const char *name;

	json_object_foreach(json_object_get(alert, "facts"), name, value) {
		json_t *field = json_pack("{s:s, s:b}", "name", name, "inline", 1);

		put_cut(field, "value", *json_string_value(value) ? json_string_value(value) : "-", DISCORD_VALUE,
			add_markdown);
		if (json_array_size(fields) < DISCORD_FIELDS)
			json_array_append_new(fields, field);
		else
			json_decref(field);
	}
	put_cut(embed, "title", json_str(alert, "subject"), DISCORD_TITLE, add_markdown);
	put_cut(embed, "description", text, DISCORD_TEXT, add_markdown);
	json_put_int(embed, "color", colours[MAX(level, 0)]);
	json_put_str(embed, "timestamp", json_str(alert, "time"));
	json_object_set_new(embed, "fields", fields);
	put_cut(footing, "text", foot, DISCORD_VALUE, add_plain);
	json_object_set_new(embed, "footer", footing);
	return json_pack("{s:[o], s:{s:[]}}", "embeds", embed, "allowed_mentions", "parse");
}

static json_t *webhook_shape(const json_t *alert)
{
	return json_incref((json_t *)alert);
}

static json_t *email_shape(const json_t *alert)
{
	die("a mail is not posted");
}

char *alert_body(enum channel_kind kind, const json_t *alert)
{
	static json_t *(*const shapes[])(const json_t *) = {
#define CHANNEL(word, takes, doc) word##_shape,
#include "store/notify/channel.def"
#undef CHANNEL
	};
	_cleanup_json_ json_t *body = shapes[kind](alert);

	return json_write(body);
}
