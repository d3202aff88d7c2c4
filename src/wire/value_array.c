/* SPDX-License-Identifier: PostgreSQL */
/*
 * PostgreSQL's array text → JSON: [2:3]={{a,"b c"},{NULL,"NULL"}}. Lower bounds are left out. Also
 * the texts of int2vector and oidvector (1 2 3).
 */
#include "wire/value_write.h"

#include <strings.h>

struct array_reader {
	struct buf *out;
	const struct value_type *type;
	const char *at, *end;
	struct buf scratch; /* an element without its backslashes, where it is needed whole */
};

static bool write_vector(struct buf *out, const struct value_type *type, struct str text)
{
	const char *at = text.data, *end = text.data + text.len;

	buf_putc(out, '[');
	while (at < end) {
		const char *space = memchr(at, ' ', (size_t)(end - at));
		const char *stop = space != NULL ? space : end;

		if (stop == at || stop + 1 == end)
			return false;
		value_write_scalar(out, type->element_kind, (struct str){at, (size_t)(stop - at)});
		at = stop;
		if (at < end) {
			buf_putc(out, ',');
			at++;
		}
	}
	buf_putc(out, ']');
	return true;
}

/* `[1:2][0:1]=`: the dimensions show in the braces, so that only the form is looked at. */
static bool skip_bounds(struct array_reader *r)
{
	if (r->at == r->end || *r->at != '[')
		return true;
	r->at = memchr(r->at, '=', (size_t)(r->end - r->at));
	if (r->at == NULL || r->at[-1] != ']')
		return false;
	r->at++;
	return true;
}

static void write_element(struct array_reader *r, struct str text)
{
	const struct value_type *type = r->type->element;

	/* int2vector[]; arrays in arrays are dimensions, so there are no others but of domains. */
	if (type == NULL && r->type->element_kind == VALUE_ARRAY &&
	    r->type->element_oid != r->type->oid)
		type = value_type_builtin(r->type->element_oid);
	if (type != NULL)
		value_write_json(r->out, type, text);
	else
		value_write_scalar(r->out, r->type->element_kind, text);
}

/* The inside of a quoted element with backslashes, each of which makes the character behind it mean
 * itself. */
static void write_escaped_element(struct array_reader *r, struct str text)
{
	const char *at = text.data, *end = text.data + text.len;

	buf_reset(&r->scratch);
	while (at < end) {
		const char *stop;

		if (*at == '\\')
			at++;
		stop = memchr(at + 1, '\\', (size_t)(end - at - 1));
		if (stop == NULL)
			stop = end;
		buf_append(&r->scratch, at, (size_t)(stop - at));
		at = stop;
	}
	if (buf_error(&r->scratch) != 0)
		r->out->error = buf_error(&r->scratch);
	else
		write_element(r, buf_str(&r->scratch));
}

/* at: the opening quote. */
static bool copy_quoted(struct array_reader *r)
{
	const char *open = ++r->at;
	bool escaped = false;
	struct str text;

	while (r->at < r->end && *r->at != '"') {
		if (*r->at == '\\') {
			escaped = true;
			if (++r->at == r->end)
				return false;
		}
		r->at++;
	}
	if (r->at == r->end)
		return false;
	text = (struct str){open, (size_t)(r->at++ - open)};
	if (escaped)
		write_escaped_element(r, text);
	else
		write_element(r, text);
	return true;
}

static bool copy_unquoted(struct array_reader *r)
{
	const char *start = r->at;
	struct str text;

	while (r->at < r->end && *r->at != r->type->delimiter && *r->at != '}') {
		if (*r->at == '{' || *r->at == '"' || *r->at == '\\')
			return false;
		r->at++;
	}
	text = (struct str){start, (size_t)(r->at - start)};
	if (text.len == 0)
		return false;
	if (text.len == 4 && strncasecmp(text.data, "NULL", 4) == 0)
		buf_append(r->out, "null", 4);
	else
		write_element(r, text);
	return true;
}

/* One level a call of the loop's body; the depth is all there is to remember, for every level is an
 * array. */
static bool copy_levels(struct array_reader *r)
{
	size_t depth = 0;
	bool open = true; /* an element or a level may begin here */

	do {
		char c;

		if (r->at == r->end)
			return false;
		c = *r->at;
		if (open && c == '{') {
			buf_putc(r->out, '[');
			depth++;
			r->at++;
			if (r->at < r->end && *r->at == '}') {
				buf_putc(r->out, ']');
				r->at++;
				depth--;
				open = false;
			}
		} else if (open) {
			if (depth == 0 || !(c == '"' ? copy_quoted(r) : copy_unquoted(r)))
				return false;
			open = false;
		} else if (c == '}') {
			buf_putc(r->out, ']');
			r->at++;
			depth--;
		} else if (c == r->type->delimiter) {
			buf_putc(r->out, ',');
			r->at++;
			open = true;
		} else {
			return false;
		}
	} while (depth > 0);
	return r->at == r->end;
}

bool value_write_array(struct buf *out, const struct value_type *type, struct str text)
{
	struct array_reader r = {.out = out, .type = type};
	size_t before = buf_len(out);
	bool valid;

	if (text.data == NULL)
		text.data = "";
	r.at = text.data;
	r.end = text.data + text.len;
	if (type->delimiter == ' ') {
		valid = write_vector(out, type, text);
	} else {
		buf_init(&r.scratch, 0, out->budget);
		valid = skip_bounds(&r) && copy_levels(&r);
		buf_free(&r.scratch);
	}
	if (buf_error(out) != 0)
		return true; /* the error is the buffer's, and stays */
	if (!valid)
		buf_truncate(out, before);
	return valid;
}
