/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/shapes.h"

#include "base/arena.h"
#include "daemon/types.h"
#include "db/types.h"

#include <errno.h>

/* What is known of types that users make may have changed since. */
static bool is_last(const struct shapes *shapes, const struct db_column *columns, size_t count)
{
	const struct reply_shape *last = &shapes->last;

	if (last->columns == NULL || last->column_count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (columns[i].oid != last->columns[i].type->oid ||
		    columns[i].oid >= DB_TYPE_FIRST_OID ||
		    !str_is(last->columns[i].name, columns[i].name))
			return false;
	return true;
}

int shapes_make(struct shapes *shapes, struct arena *arena, struct reply_style style,
		const struct types *types, const struct db_column *columns, size_t count,
		struct reply_shape *ret_shape)
{
	struct reply_column *wire;
	int rc;

	if (is_last(shapes, columns, count)) {
		*ret_shape = shapes->last;
		return 0;
	}
	wire = arena_calloc(arena, count, sizeof(*wire));
	if (wire == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const char *name = arena_strdup(arena, columns[i].name);

		if (name == NULL)
			return -ENOMEM;
		wire[i].name = str_from(name);
		wire[i].type = types_value_type(types, columns[i].oid, arena);
		if (wire[i].type == NULL)
			return -ENOMEM;
	}
	rc = reply_shape_make(arena, style, wire, count, ret_shape);
	if (rc == 0)
		*shapes = (struct shapes){.last = *ret_shape};
	return rc;
}

void shapes_write_head(struct shapes *shapes, struct arena *arena, struct buf *out)
{
	const char *head;

	if (shapes->head.data != NULL) {
		buf_append_str(out, shapes->head);
		return;
	}
	reply_write_table_head(out, &shapes->last);
	if (buf_error(out) != 0)
		return;
	/* Without memory each is written anew. */
	head = arena_strndup(arena, buf_data(out), buf_len(out));
	if (head != NULL)
		shapes->head = (struct str){head, buf_len(out)};
}
