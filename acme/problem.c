#include "acme/problem.h"

#include <stdarg.h>

#include "acme/acme.h"
#include "base/words.h"

#define URN "urn:ietf:params:acme:error:"

static const struct problem {
	const char *code;
	enum problem_policy policy;
	enum problem_about about;
	const char *hint;
} problems[] = {
#define PROBLEM(type, policy, about, hint) { #type, PROBLEM_##policy, ABOUT_##about, hint },
#include "acme/problem.def"
#undef PROBLEM
};

static const struct {
	const char *challenges, *code, *hint;
} proofs[] = {
#define PROOF(challenges, code, hint) { challenges, #code, hint },
#include "acme/proof.def"
#undef PROOF
};

static const struct problem *problem_find(const char *code)
{
	for (size_t i = 0; i < ARRAY_SIZE(problems); i++)
		if (str_eq(problems[i].code, code))
			return &problems[i];
	return NULL;
}

enum problem_policy problem_policy(const char *code)
{
	const struct problem *p = problem_find(code);

	return p ? p->policy : PROBLEM_FRESH;
}

enum problem_about problem_about(const char *code)
{
	const struct problem *p = problem_find(code);

	return p ? p->about : ABOUT_ORDER;
}

const char *problem_hint(const char *code)
{
	const struct problem *p = problem_find(code);

	return p ? p->hint : NULL;
}

bool problem_is(const json_t *json)
{
	return json_str(json, "type") || json_str(json, "detail");
}

/* "unauthorized"; a type that is not ACME's stays as it is; "about:blank" says nothing. */
static const char *type_word(const json_t *problem)
{
	const char *type = json_str(problem, "type");

	if (!type || str_eq(type, "about:blank"))
		return "";
	return str_starts(type, URN) ? type + strlen(URN) : type;
}

static void add_words(struct buf *out, const char *said)
{
	words_add(out, said, strlen(said), WORDS_MANY);
}

static void add_subproblem(struct buf *out, const json_t *sub)
{
	const char *name = json_str(json_object_get(sub, "identifier"), "value");
	const char *detail = json_str(sub, "detail");

	if (out->len)
		buf_add_str(out, "; ");
	add_words(out, name ? name : "no name given");
	buf_add_str(out, ": ");
	add_words(out, detail ? detail : type_word(sub));
}

static void add_detail(struct buf *out, const json_t *problem)
{
	const char *detail = json_str(problem, "detail");
	const char *instance = json_str(problem, "instance");
	const json_t *sub;
	size_t i;

	if (detail)
		add_words(out, detail);
	json_array_foreach (json_object_get(problem, "subproblems"), i, sub)
		add_subproblem(out, sub);
	if (instance) { /* where userActionRequired sends the person */
		buf_add_str(out, out->len ? "; see " : "see ");
		add_words(out, instance);
	}
}

static void add_parts(const json_t *problem, struct err *e)
{
	const json_t *sub;
	size_t i;

	json_array_foreach (json_object_get(problem, "subproblems"), i, sub) {
		const char *name = json_str(json_object_get(sub, "identifier"), "value");

		if (name)
			err_part(e, name, type_word(sub), json_str(sub, "detail"));
	}
}

int problem_code(struct err *e, const char *code)
{
	const char *hint = problem_hint(code);

	err_code(e, code);
	if (hint)
		err_hint(e, "%s", hint);
	return -1;
}

int problem_of_proof(struct err *e, const char *challenge)
{
	for (size_t i = 0; challenge && i < ARRAY_SIZE(proofs); i++)
		if (str_eq(proofs[i].code, e->code) && str_starts(challenge, proofs[i].challenges))
			err_hint(e, "%s", proofs[i].hint);
	return -1;
}

int problem_of_account(struct err *e)
{
	if (e->kind == ERR_CA && problem_about(e->code) == ABOUT_NAME)
		*e->hint = '\0';
	return -1;
}

int problem_read(const json_t *problem, int status, struct err *e, const char *fmt, ...)
{
	_cleanup_buf_ struct buf detail = BUF_INIT, what = BUF_INIT;
	const char *code = type_word(problem);
	char doing[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(doing, sizeof(doing), fmt, args);
	va_end(args);

	if (status)
		buf_addf(&what, "%d ", status);
	add_words(&what, *code ? code : "refused without saying why");
	err_set(e, ERR_CA, "%s: %s", doing, buf_str(&what));
	add_detail(&detail, problem);
	err_detail(e, "%s", buf_str(&detail));
	add_parts(problem, e);
	return problem_code(e, status == 501 ? PROBLEM_NOT_OFFERED : code);
}
