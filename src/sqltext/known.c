/* SPDX-License-Identifier: PostgreSQL */
#include "sqltext/known.h"

#include "base/macros.h"

#include <stddef.h>
#include <strings.h>

/* clang-format off */
/* SQL itself. */
static const char *const sql_words[] = {
	"all", "and", "any", "array", "as", "asc", "between", "by", "case", "cast", "coalesce",
	"collate", "cross", "cube", "desc", "distinct", "else", "end", "escape", "except", "exists",
	"extract", "filter", "for", "from", "full", "greatest", "group", "grouping", "having",
	"ilike", "in", "inner", "intersect", "is", "isnull", "join", "lateral", "least", "left",
	"like", "limit", "materialized", "natural", "not", "notnull", "nullif", "offset", "on",
	"only", "or", "order", "over", "overlay", "partition", "position", "recursive", "right",
	"rollup", "row", "select", "sets", "similar", "some", "substring", "symmetric", "table",
	"then", "to", "treat", "trim", "union", "using", "values", "when", "where", "window",
	"with", "within",
};

/* Types with modifiers. */
static const char *const types[] = {
	"bit", "bpchar", "char", "character", "decimal", "float", "interval", "numeric", "time",
	"timestamp", "timestamptz", "timetz", "varbit", "varchar", "varying",
};

/* Functions; what they do ends with them. */
static const char *const functions[] = {
	"abs", "acos", "age", "array_agg", "array_append", "array_cat", "array_dims",
	"array_length", "array_lower", "array_ndims", "array_position", "array_positions",
	"array_prepend", "array_remove", "array_replace", "array_to_json", "array_to_string",
	"array_upper", "ascii", "asin", "atan", "atan2", "avg", "bit_and", "bit_length", "bit_or",
	"bool_and", "bool_or", "btrim", "cardinality", "cbrt", "ceil", "ceiling", "char_length",
	"character_length", "chr", "clock_timestamp", "concat", "concat_ws", "convert_from",
	"convert_to", "corr", "cos", "count", "covar_pop", "covar_samp", "cume_dist",
	"current_setting", "date_bin", "date_part", "date_trunc", "decode", "degrees", "dense_rank",
	"div", "encode", "every", "exp", "first_value", "floor", "format", "format_type", "gcd",
	"generate_series", "generate_subscripts", "initcap", "isempty", "isfinite", "json_agg",
	"json_array_elements", "json_array_elements_text", "json_array_length", "json_build_array",
	"json_build_object", "json_each", "json_each_text", "json_extract_path",
	"json_extract_path_text", "json_object", "json_object_agg", "json_object_keys",
	"json_strip_nulls", "json_to_record", "json_to_recordset", "json_typeof", "jsonb_agg",
	"jsonb_array_elements", "jsonb_array_elements_text", "jsonb_array_length",
	"jsonb_build_array", "jsonb_build_object", "jsonb_each", "jsonb_each_text",
	"jsonb_extract_path", "jsonb_extract_path_text", "jsonb_object", "jsonb_object_agg",
	"jsonb_object_keys", "jsonb_path_exists", "jsonb_path_query", "jsonb_path_query_array",
	"jsonb_path_query_first", "jsonb_pretty", "jsonb_set", "jsonb_strip_nulls",
	"jsonb_to_record", "jsonb_to_recordset", "jsonb_typeof", "justify_days", "justify_hours",
	"justify_interval", "lag", "last_value", "lcm", "lead", "length", "ln", "localtime",
	"localtimestamp", "log", "log10", "lower", "lower_inc", "lpad", "ltrim", "make_date",
	"make_interval", "make_time", "make_timestamp", "make_timestamptz", "max", "md5", "min",
	"mod", "mode", "multirange", "now", "nth_value", "ntile", "num_nonnulls", "num_nulls",
	"octet_length", "percent_rank", "percentile_cont", "percentile_disc", "pg_backend_pid",
	"pg_sleep", "pg_typeof", "phraseto_tsquery", "pi", "plainto_tsquery", "power",
	"quote_ident", "quote_literal", "quote_nullable", "radians", "random", "range_agg",
	"range_merge", "rank", "regexp_count", "regexp_match", "regexp_matches", "regexp_replace",
	"regexp_split_to_array", "regexp_split_to_table", "regexp_substr", "regr_slope", "repeat",
	"replace", "reverse", "round", "row_number", "row_to_json", "rpad", "rtrim", "sign", "sin",
	"split_part", "sqrt", "starts_with", "statement_timestamp", "stddev", "stddev_pop",
	"stddev_samp", "string_agg", "string_to_array", "string_to_table", "strpos", "substr",
	"sum", "tan", "to_char", "to_date", "to_hex", "to_json", "to_jsonb", "to_number",
	"to_timestamp", "to_tsquery", "to_tsvector", "transaction_timestamp", "translate", "trunc",
	"ts_headline", "ts_rank", "ts_rank_cd", "unnest", "upper", "upper_inc", "var_pop",
	"var_samp", "variance", "version", "websearch_to_tsquery", "width_bucket",
};
/* clang-format on */

static bool has(const char *const *names, size_t count, struct str word)
{
	for (size_t i = 0; i < count; i++)
		if (strncasecmp(names[i], word.data, word.len) == 0 && names[i][word.len] == '\0')
			return true;
	return false;
}

bool sql_word_is_known(struct str word)
{
	return has(sql_words, ARRAY_SIZE(sql_words), word) || has(types, ARRAY_SIZE(types), word) ||
	       has(functions, ARRAY_SIZE(functions), word);
}
