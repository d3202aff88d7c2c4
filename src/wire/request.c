/* SPDX-License-Identifier: PostgreSQL */
/* One request line: its id, its verb, and the options beside it. Items and parameters are read in
 * their own files. */
#include "wire/request_read.h"

#include <assert.h>
#include <errno.h>

#define ID_MAX_BYTES 128

#define VERB(verb) (1u << (REQUEST_##verb))
#define ANY_VERB   (~0u)
#define QUERIES	   (VERB(GATHER) | VERB(REPORT))

/* A string or an integer, as JSON text by which equal ids are equal. */
static int read_id(struct request_reader *r, const struct json_member *member, struct str *ret_id)
{
	const struct json *value = &member->value;
	struct buf text;
	const char *copy;

	if ((value->type != JSON_STRING && !json_is_integer(value)) ||
	    value->text.len > ID_MAX_BYTES)
		return request_bad_value(r, member->key,
					 "a string of at most 128 bytes or an integer");
	if (value->type == JSON_NUMBER) {
		*ret_id = value->text;
		return 0;
	}
	buf_init(&text, 0, r->arena->budget);
	json_write_string(&text, value->text);
	copy = buf_error(&text) == 0 ? arena_strndup(r->arena, buf_data(&text), buf_len(&text))
				     : NULL;
	if (copy != NULL)
		*ret_id = (struct str){copy, buf_len(&text)};
	buf_free(&text);
	return copy != NULL ? 0 : request_no_memory(r);
}

static int read_gather(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request *request = target;

	return request_read_gather(r, member, &request->gather);
}

static int read_report(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request *request = target;

	return request_read_name(r, member, &request->report);
}

static int read_report_params(struct request_reader *r, const struct json_member *member,
			      void *target)
{
	struct request *request = target;
	enum request_params kind;

	if (member->value.type == JSON_ARRAY && member->value.count > 0)
		return request_bad_value(r, member->key,
					 "an object: a report's parameters have names");
	return request_read_params(r, member, &kind, &request->report_params,
				   &request->report_param_count);
}

static int read_listen(struct request_reader *r, const struct json_member *member, void *target)
{
	return request_read_listen(r, member, target);
}

static int read_cancel(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request *request = target;

	return read_id(r, member, &request->cancel_id);
}

/* reports, ping, stats */
static int read_plain_verb(struct request_reader *r, const struct json_member *member, void *target)
{
	(void)target;
	return member->value.type == JSON_TRUE ? 0 : request_bad_value(r, member->key, "true");
}

static int read_db(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request *request = target;

	return request_read_name(r, member, &request->options.db);
}

static int read_timeout(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request *request = target;

	return request_read_timeout(r, member, &request->options.timeout_ns);
}

static int read_on_error(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request *request = target;

	return request_read_choice(r, member, "continue", "cancel",
				   &request->options.cancel_on_error);
}

static int read_stream(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request *request = target;

	return request_read_bool(r, member, &request->options.stream);
}

static int read_rows(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request *request = target;

	return request_read_choice(r, member, "arrays", "objects", &request->options.row_objects);
}

static int read_values(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request *request = target;

	return request_read_choice(r, member, "json", "text", &request->options.values_text);
}

static int read_concurrency(struct request_reader *r, const struct json_member *member,
			    void *target)
{
	struct request *request = target;
	uint64_t number;
	int rc = request_read_count(r, member, &number);

	if (rc == 0)
		request->options.concurrency = (size_t)MIN(number, (uint64_t)SIZE_MAX);
	return rc;
}

static int read_snapshot(struct request_reader *r, const struct json_member *member, void *target)
{
	struct request *request = target;

	return request_read_bool(r, member, &request->options.snapshot);
}

static int read_format(struct request_reader *r, const struct json_member *member, void *target)
{
	(void)target;
	return request_refuse(r, member->key, "\"format\" is reserved for a later version");
}

/* The verbs come first, by their number. */
static const struct request_key keys[] = {
	{KEY("gather"), VERB(GATHER), read_gather},
	{KEY("report"), VERB(REPORT), read_report},
	{KEY("reports"), VERB(REPORTS), read_plain_verb},
	{KEY("listen"), VERB(LISTEN), read_listen},
	{KEY("cancel"), VERB(CANCEL), read_cancel},
	{KEY("ping"), VERB(PING), read_plain_verb},
	{KEY("stats"), VERB(STATS), read_plain_verb},
	{KEY("id"), ANY_VERB, NULL}, /* read before all others */
	{KEY("params"), VERB(REPORT), read_report_params},
	{KEY("db"), QUERIES | VERB(LISTEN), read_db},
	{KEY("timeout"), QUERIES, read_timeout},
	{KEY("on_error"), QUERIES, read_on_error},
	{KEY("stream"), QUERIES, read_stream},
	{KEY("rows"), QUERIES, read_rows},
	{KEY("values"), QUERIES, read_values},
	{KEY("concurrency"), QUERIES, read_concurrency},
	{KEY("snapshot"), QUERIES, read_snapshot},
	{KEY("format"), QUERIES, read_format},
};

static bool is_verb(const struct request_key *key)
{
	return key - keys < REQUEST_STATS;
}

#define OF_AN_ITEM "; it belongs into an item of \"gather\""

static int refuse_unknown(struct request_reader *r, struct str key)
{
	if (request_is_item_key(key))
		return request_refuse(r, key, "unknown key \"%.*s\"" OF_AN_ITEM, (int)key.len,
				      key.data);
	return request_unknown_key(r, key, keys, ARRAY_SIZE(keys));
}

/* Finds the one verb, and what is no key at all. */
static int read_verb(struct request_reader *r, const struct json *line, enum request_verb *ret_verb)
{
	enum request_verb verb = REQUEST_NONE;

	for (size_t i = 0; i < line->count; i++) {
		const struct json_member *member = &line->members[i];
		const struct request_key *key =
			request_find_key(keys, ARRAY_SIZE(keys), member->key);

		if (key == NULL)
			return refuse_unknown(r, member->key);
		if (!is_verb(key) || member->value.type == JSON_NULL)
			continue;
		if (verb != REQUEST_NONE)
			return request_refuse(r, member->key, "two verbs: \"%s\" and \"%s\"",
					      keys[verb - 1].name.data, key->name.data);
		verb = (enum request_verb)(key - keys + 1);
	}
	if (verb == REQUEST_NONE)
		return request_refuse(
			r, (struct str){0},
			"no verb: one of gather, report, reports, listen, cancel, ping and stats");
	*ret_verb = verb;
	return 0;
}

static int read_keys(struct request_reader *r, const struct json *line, struct request *request)
{
	for (size_t i = 0; i < line->count; i++) {
		const struct json_member *member = &line->members[i];
		const struct request_key *key =
			request_find_key(keys, ARRAY_SIZE(keys), member->key);
		int rc;

		if (key->read == NULL || member->value.type == JSON_NULL)
			continue;
		if ((key->goes_with & 1u << request->verb) == 0)
			return request_refuse(r, member->key, "\"%s\" does not go with \"%s\"%s",
					      key->name.data, keys[request->verb - 1].name.data,
					      request->verb == REQUEST_GATHER &&
							      request_is_item_key(member->key)
						      ? OF_AN_ITEM
						      : "");
		rc = key->read(r, member, request);
		if (rc < 0)
			return rc;
	}
	return request_check_snapshot(r, request);
}

static int read_line_id(struct request_reader *r, const struct json *line, struct request *request)
{
	for (size_t i = 0; i < line->count; i++)
		if (str_is(line->members[i].key, "id") && line->members[i].value.type != JSON_NULL)
			return read_id(r, &line->members[i], &request->id);
	return 0;
}

static int refuse_syntax(struct request_reader *r, const struct json_error *error)
{
	return request_refuse(r, (struct str){0}, "not valid JSON at byte %zu: %s",
			      error->offset + 1, error->message);
}

static int refuse_repeated(struct request_reader *r, const struct json_error *error)
{
	return request_refuse(r, error->key, "repeated key %s at byte %zu",
			      request_quote(r, error->key), error->offset + 1);
}

static bool has_repeated_id(const struct json *line)
{
	size_t ids = 0;

	for (size_t i = 0; i < line->count; i++)
		ids += str_is(line->members[i].key, "id");
	return ids > 1;
}

static int read_line(struct request_reader *r, struct str text, struct request *request)
{
	/* Repeated keys are refused here, where the id is known that the refusal is answered to. */
	static const struct json_rules rules = {.max_depth = JSON_MAX_DEPTH, .repeated_keys = true};
	struct json_error error;
	struct json line;
	int rc;

	if (text.len == 0 || text.data[0] != '{')
		return request_refuse(r, (struct str){0}, "not a JSON object");
	rc = json_parse_rules(r->arena, text, &rules, &line, &error);
	if (rc == -ENOMEM)
		return request_no_memory(r);
	if (rc < 0)
		return refuse_syntax(r, &error);
	if (has_repeated_id(&line))
		return refuse_repeated(r, &error);
	rc = read_line_id(r, &line, request);
	if (rc < 0)
		return rc;
	if (error.key.data != NULL)
		return refuse_repeated(r, &error);
	rc = read_verb(r, &line, &request->verb);
	return rc < 0 ? rc : read_keys(r, &line, request);
}

void request_number(struct request *request, uint64_t line_number)
{
	char *end = request->line_number + sizeof(request->line_number) - 1, *at = end;

	*end = '\0';
	do {
		*--at = (char)('0' + line_number % 10);
		line_number /= 10;
	} while (line_number > 0);
	request->id = (struct str){at, (size_t)(end - at)};
}

int request_parse(struct arena *arena, struct str line, uint64_t line_number,
		  const struct request_limits *limits, struct request *ret_request,
		  struct err *ret_err)
{
	struct request_reader r = {.arena = arena, .limits = limits, .err = ret_err};
	const char *copy;
	int rc;

	*ret_request = (struct request){0};
	request_number(ret_request, line_number);
	copy = arena_strndup(arena, ret_request->id.data, ret_request->id.len);
	if (copy != NULL)
		ret_request->id.data = copy;
	rc = read_line(&r, line, ret_request);
	if (rc < 0) {
		/* Nothing of a request that is refused may be taken for one. */
		struct request refused = {.id = ret_request->id};

		memcpy(refused.line_number, ret_request->line_number, sizeof(refused.line_number));
		*ret_request = refused;
	}
	return rc;
}
