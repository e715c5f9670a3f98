#include "webui/cert/detail.h"

#include "pki/identifier.h"
#include "store/details.h"

static const struct detail_row {
	const char *member, *label;
	size_t of_record, of_details;
} rows[] = {
#define DETAIL(field, member, oid, tag, least, most, what) \
	{ #member, what, offsetof(struct rec_cert, member), offsetof(struct csr_details, field) },
#include "pki/detail.def"
#undef DETAIL
};

static char **text_of(struct rec_cert *cert, const struct detail_row *row)
{
	return (char **)((char *)cert + row->of_record);
}

static int check(const struct rec_cert *cert, struct err *e)
{
	const struct csr_details details = details_of(cert);
	const char *member = NULL;

	return details_check(&details, cert->names, &member, e) < 0 ? body_at(member, -1, e) : 0;
}

/* Of a request of their own, people have said all in that. */
static int refuse_own(const json_t *body, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (json_object_get(body, rows[i].member))
			return body_at(rows[i].member,
				       err_set(e, ERR_INVALID, "the request that was sent says this already"), e);
	return json_object_get(body, "must_staple")
		       ? body_at("must_staple", err_set(e, ERR_INVALID, "the request that was sent says this already"),
				 e)
		       : 0;
}

/* In the form in which names are compared. */
static void set_text(struct rec_cert *cert, const struct detail_row *row, const char *value)
{
	bool cn = row->of_record == offsetof(struct rec_cert, common_name);
	_cleanup_free_ char *normal = cn && value && *value ? identifier_normal(value, NULL) : NULL;

	record_set(text_of(cert, row), normal ? normal : value && *value ? value : NULL);
}

int detail_read(const struct request *r, struct rec_cert *cert, const json_t *body, struct err *e)
{
	const struct webui_settings *s = r->webui->settings;

	if (cert->own_csr)
		return refuse_own(body, e);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *given = json_str(body, rows[i].member);

		set_text(cert, &rows[i],
			 given ? given : *(const char *const *)((const char *)&s->details + rows[i].of_details));
	}
	if (s->first_name_is_cn && !json_str(body, "common_name"))
		record_set(&cert->common_name, identifier_is_ip(cert->names[0]) ? NULL : cert->names[0]);
	cert->must_staple = json_bool(body, "must_staple", s->details.must_staple);
	return check(cert, e);
}

int detail_change(struct rec_cert *cert, const json_t *body, struct err *e)
{
	bool staple = json_bool(body, "must_staple", cert->must_staple);
	int changed = staple != cert->must_staple;

	if (cert->own_csr || cert->imported)
		return refuse_own(body, e);
	cert->must_staple = staple;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *given = json_str(body, rows[i].member);
		_cleanup_free_ char *before = *text_of(cert, &rows[i]) ? xstrdup(*text_of(cert, &rows[i])) : NULL;

		if (given)
			set_text(cert, &rows[i], given);
		changed |= !str_eq(before ? before : "", *text_of(cert, &rows[i]) ? *text_of(cert, &rows[i]) : "");
	}
	return changed && check(cert, e) < 0 ? -1 : changed;
}

void detail_names_changed(struct rec_cert *cert)
{
	if (cert->common_name && *cert->common_name && !strv_has(cert->names, cert->common_name))
		record_set(&cert->common_name, identifier_is_ip(cert->names[0]) ? NULL : cert->names[0]);
}

void detail_put_shown(json_t *o, const struct rec_cert *cert)
{
	_cleanup_buf_ struct buf all = BUF_INIT, dropped = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *text = *(char *const *)((const char *)cert + rows[i].of_record);

		if (text && *text)
			buf_addf(&all, "%s%s %s", all.len ? ", " : "", rows[i].label, text);
	}
	if (cert->must_staple)
		buf_addf(&all, "%sOCSP must-staple", all.len ? ", " : "");
	for (char **one = cert->dropped; one && *one; one++)
		buf_addf(&dropped, "%s%s", dropped.len ? ", " : "", *one);
	json_put_str(o, "request_shown", all.len ? buf_str(&all) : NULL);
	json_put_str(o, "dropped_shown", dropped.len ? buf_str(&dropped) : NULL);
}
