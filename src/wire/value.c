/* SPDX-License-Identifier: PostgreSQL */
/* One value of PostgreSQL as JSON. Trusts neither server nor type: what does not fit becomes a
 * string. */
#include "wire/value.h"

#include "wire/types.h"
#include "wire/value_write.h"

const struct value_type *value_type_builtin(uint32_t oid)
{
	size_t low = 0, high = types_builtin_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (types_builtin[middle].oid == oid)
			return &types_builtin[middle];
		if (types_builtin[middle].oid < oid)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void value_write_text(struct buf *out, struct str text)
{
	json_write_string(out, text);
}

void value_write_scalar(struct buf *out, enum value_kind kind, struct str text)
{
	switch (kind) {
	case VALUE_NUMBER:
		if (text.len == 0 || json_number_span(text.data, text.len) != text.len)
			break;
		buf_append_str(out, text);
		return;
	case VALUE_BOOL:
		if (str_is(text, "t"))
			buf_append(out, "true", 4);
		else if (str_is(text, "f"))
			buf_append(out, "false", 5);
		else
			break;
		return;
	case VALUE_JSON:
		if (!value_embed_json(out, text))
			break;
		return;
	case VALUE_TEXT:
	case VALUE_ARRAY:
		break;
	}
	json_write_string(out, text);
}

void value_write_json(struct buf *out, const struct value_type *type, struct str text)
{
	if (type->kind == VALUE_ARRAY && value_write_array(out, type, text))
		return;
	value_write_scalar(out, type->kind, text);
}
