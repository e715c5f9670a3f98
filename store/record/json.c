/* Records as JSON, and what that looks like. */
#include "store/record/type.h"

static bool is_problem(const struct field *f)
{
	return str_ends(f->name, "error") || str_eq(f->name, "trouble");
}

static bool says_hook(const char *detail)
{
	return detail && strstr(detail, "the hook ");
}

/* A problem kept as JSON text is shown as what it says. */
static void put_problem(json_t *obj, const char *name, const char *text)
{
	json_t *problem = text && *text ? json_read(text, strlen(text), NULL) : NULL;

	/* What a script printed, in those of a former release: only the steps have it, for who may see it. */
	if (says_hook(json_str(problem, "detail")))
		json_object_del(problem, "said");
	if (problem)
		json_object_set_new(obj, name, problem);
	else
		json_put_str(obj, name, text && *text ? text : NULL);
}

json_t *record_json(const struct record_type *type, const void *rec)
{
	json_t *obj = json_object();

	for (size_t i = 0; i < type->fields; i++) {
		const struct field *f = &type->field[i];

		if (f->flags & HIDE)
			continue;
		switch (f->type) {
		case STR:
			if (is_problem(f))
				put_problem(obj, f->name, *str_of(rec, f));
			else
				json_put_str(obj, f->name,
					     *str_of(rec, f) && **str_of(rec, f) ? *str_of(rec, f) : NULL);
			break;
		case STRV:
			json_put_strv(obj, f->name, *strv_of(rec, f));
			break;
		case INT:
			json_put_int(obj, f->name, *int_of(rec, f));
			break;
		case TIME:
			json_put_time(obj, f->name, *int_of(rec, f));
			break;
		case BOOL:
			json_put_bool(obj, f->name, *bool_of(rec, f));
			break;
		case BLOB:	/* sealed or hashed: not for people */
			break;
		}
	}
	return obj;
}

static json_t *field_schema(const struct field *f)
{
	switch (f->type) {
	case STR:
		if (is_problem(f))
			return json_pack("{s:[{s:s},{s:s}]}", "anyOf", "$ref", "#/components/schemas/problem",
					 "type", "null");
		return json_pack("{s:[s,s]}", "type", "string", "null");
	case STRV:
		return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
	case INT:
		return json_pack("{s:s}", "type", "integer");
	case TIME:
		return json_pack("{s:[s,s], s:s}", "type", "string", "null", "format", "date-time");
	case BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case BLOB:
		break;
	}
	return NULL;
}

static json_t *type_schema(const struct record_type *type)
{
	json_t *schema = json_pack("{s:s, s:s, s:{}}", "type", "object", "description", type->text, "properties");

	for (size_t i = 0; i < type->fields; i++) {
		const struct field *f = &type->field[i];
		json_t *one = f->flags & HIDE ? NULL : field_schema(f);

		if (!one)
			continue;
		json_put_str(one, "description", f->text);
		json_object_set_new(json_object_get(schema, "properties"), f->name, one);
	}
	return schema;
}

json_t *record_schema(const char *name)
{
	for (size_t i = 0; record_types[i]; i++)
		if (str_eq(record_types[i]->name, name))
			return type_schema(record_types[i]);
	return NULL;
}
