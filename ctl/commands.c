#include "ctl/ctl.h"

/* First the options of each command, then the commands. */
#define COMMAND(id, words, args, method, path, show, text) static const struct option_row id##_options[] = {
#define ASKS(path, who, facts, question, follows) \
	{ "yes", OPTION_SWITCH, "yes", NULL, \
	  who == SCRIPTS ? "do not ask first, even if it is in use" : "do not ask first" },
#define OPTION(name, type, member, value, text) { #name, type, member, value, text },
#define END(id) { NULL, OPTION_SWITCH, NULL, NULL, NULL } };
#include "ctl/commands.def"
#undef COMMAND
#undef ASKS
#undef OPTION
#undef END

const struct command commands[] = {
#define COMMAND(id, words, args, method, path, show, sentence) \
	{ words, args, method, path, id##_options, ARRAY_SIZE(id##_options) - 1, show, .text = sentence,
#define ASKS(path, who, facts, question, follows) .asks = &(const struct asking){ path, who, facts, question, follows },
#define OPTION(name, type, member, value, text)
#define END(id) },
#include "ctl/commands.def"
#undef COMMAND
#undef ASKS
#undef OPTION
#undef END
};
const size_t commands_count = ARRAY_SIZE(commands);

bool command_lists(const struct command *c)
{
	return str_ends(c->words, " list") || c->show == show_events;
}
