/* SPDX-License-Identifier: PostgreSQL */
#include "cli/input.h"

#include "base/utf8.h"
#include "cli/complain.h"
#include "sqltext/params.h"
#include "sqltext/split.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES     (64 * 1024)
#define FILE_BYTES_MAX (1024 * 1024 * 1024)
#define SHOWN_BYTES    80 /* of a name in a message */

static int add_query(struct arena *arena, struct input *input, const struct query *query)
{
	if (input->count == input->capacity) {
		size_t capacity = input->capacity == 0 ? 16 : input->capacity * 2;
		struct query *queries = arena_calloc(arena, capacity, sizeof(*queries));

		if (queries == NULL)
			return -ENOMEM;
		if (input->count > 0)
			memcpy(queries, input->queries, input->count * sizeof(*queries));
		input->queries = queries;
		input->capacity = capacity;
	}
	input->queries[input->count++] = *query;
	return 0;
}

static int read_fd(int fd, struct buf *text)
{
	for (;;) {
		char *at = buf_reserve(text, READ_BYTES);
		ssize_t n;

		if (at == NULL)
			return buf_error(text) == -ENOBUFS ? -EFBIG : buf_error(text);
		n = read(fd, at, READ_BYTES);
		if (n == 0)
			return 0;
		if (n > 0)
			buf_commit(text, (size_t)n);
		else if (errno != EINTR)
			return -errno;
	}
}

static int read_file(const char *path, struct buf *text)
{
	int fd, rc;

	if (strcmp(path, "-") == 0)
		return read_fd(STDIN_FILENO, text);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	rc = read_fd(fd, text);
	close(fd);
	return rc;
}

/* Terminated, or NULL when absent; *ret_ok is untouched but on a lack of memory. */
static const char *copy(struct arena *arena, struct str text, bool *ret_ok)
{
	const char *copied;

	if (text.data == NULL)
		return NULL;
	copied = arena_strndup(arena, text.data, text.len);
	if (copied == NULL)
		*ret_ok = false;
	return copied;
}

static int add_statement(struct arena *arena, const char *file,
			 const struct sql_statement_text *statement, struct input *input)
{
	struct query query = {.file = file, .line = statement->line};
	bool ok = true;

	if (statement->unclosed) {
		complain("%s:%u: a quote, comment or parenthesis of this statement is not closed",
			 file, statement->line);
		return -EINVAL;
	}
	query.sql = copy(arena, statement->sql, &ok);
	query.name = copy(arena, statement->name, &ok);
	query.title = copy(arena, statement->title, &ok);
	return ok ? add_query(arena, input, &query) : -ENOMEM;
}

/* A NUL or bytes that are no UTF-8 cannot be sent; where they are. */
static int check_text(const char *file, struct str text)
{
	unsigned line = 1;
	size_t at = 0, len;

	for (; at < text.len; at += len) {
		len = utf8_char_len(text.data + at, text.len - at);
		if (len == 0 || text.data[at] == '\0') {
			complain("%s:%u: %s", file, line,
				 len == 0 ? "not UTF-8 text" : "a NUL byte, which SQL cannot have");
			return -EINVAL;
		}
		line += text.data[at] == '\n';
	}
	return 0;
}

/* A result would go without its name, and nobody would know why. */
static int check_misnomer(const char *file, const struct sql_misnomer *misnomer)
{
	static const char *const whys[] = {
		[SQL_NAME_INVALID] = ("is no query's name: ASCII letters, digits, _ . and -, a "
				      "letter or _ first"),
		[SQL_NAME_UNUSED] = "is a name without a query",
		[SQL_NAME_INSIDE] = "is a name inside a query: is the semicolon before it missing?",
	};

	if (misnomer->line == 0)
		return 0;
	complain("%s:%u: \"%.*s\" %s", file, misnomer->line,
		 (int)MIN(misnomer->text.len, (size_t)SHOWN_BYTES), misnomer->text.data,
		 whys[misnomer->why]);
	return -EINVAL;
}

static int load_text(struct arena *arena, const char *file, struct str text, struct input *input)
{
	struct sql_statement_text statement;
	struct sql_splitter splitter;
	size_t before = input->count;
	int rc;

	/* The mark that some editors put first. */
	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		text = (struct str){text.data + 3, text.len - 3};
	rc = check_text(file, text);
	if (rc < 0)
		return rc;
	sql_split_init(&splitter, text);
	while (sql_split_next(&splitter, &statement)) {
		rc = add_statement(arena, file, &statement, input);
		if (rc < 0)
			return rc;
	}
	rc = check_misnomer(file, &splitter.misnomer);
	if (rc < 0)
		return rc;
	if (input->count == before) {
		complain("%s: no statement in it", file);
		return -EINVAL;
	}
	return 0;
}

static int load_file(struct arena *arena, const char *path, struct input *input)
{
	const char *file = strcmp(path, "-") == 0 ? "(standard input)" : path;
	struct buf text;
	int rc;

	buf_init(&text, FILE_BYTES_MAX, NULL);
	rc = read_file(path, &text);
	if (rc < 0)
		complain("%s: %s", file, strerror(-rc));
	else
		rc = load_text(arena, file, buf_str(&text), input);
	buf_free(&text);
	return rc;
}

static int load_argument(struct arena *arena, const char *sql, struct input *input)
{
	struct query query = {.sql = sql, .line = 1};

	if (!utf8_valid(sql, strlen(sql))) {
		complain("query %zu is not UTF-8 text", input->count + 1);
		return -EINVAL;
	}
	return add_query(arena, input, &query);
}

static int check_names(const struct input *input)
{
	for (size_t i = 0; i < input->count; i++) {
		const struct query *query = &input->queries[i];

		for (size_t j = 0; j < i && query->name != NULL; j++) {
			const struct query *other = &input->queries[j];

			if (other->name == NULL || strcmp(other->name, query->name) != 0)
				continue;
			complain("%s:%u: the name %s is taken by %s:%u", query->file, query->line,
				 query->name, other->file, other->line);
			return -EINVAL;
		}
	}
	return 0;
}

/* Finds which of the names the text uses: one at a time, since the rewriter tells only of a first
 * unused one. */
static int find_uses(struct arena *arena, const struct options *options, struct query *query)
{
	struct sql_params params;
	struct arena scratch;
	int rc = 0;

	query->options = options;
	query->uses = arena_calloc(arena, options->setting_count, sizeof(*query->uses));
	if (query->uses == NULL)
		return -ENOMEM;
	arena_init(&scratch, 0, NULL);
	for (size_t i = 0; i < options->setting_count && rc == 0; i++) {
		struct str name = str_from(options->settings[i].name);

		rc = sql_params_rewrite(&scratch, str_from(query->sql), &name, 1, &params);
		if (rc == 0)
			query->uses[i] = params.count > 0;
		arena_free(&scratch);
	}
	return rc;
}

/* A name that no query uses; one who comes from psql may have quoted it. */
static void complain_unused(const struct input *input, const char *name)
{
	char quoted[256];
	bool as_psql = false;

	snprintf(quoted, sizeof(quoted), ":'%s'", name);
	for (size_t i = 0; i < input->count && !as_psql; i++)
		as_psql = strstr(input->queries[i].sql, quoted) != NULL;
	complain("-v %s: no query has a :%s%s", name, name,
		 as_psql ? "; psql's :'name' is written :name here" : "");
}

static int check_settings(const struct options *options, const struct input *input)
{
	for (size_t i = 0; i < options->setting_count; i++) {
		const struct options_setting *setting = &options->settings[i];
		bool used = false;

		if (!utf8_valid(setting->name, strlen(setting->name)) ||
		    !utf8_valid(setting->value, strlen(setting->value))) {
			complain("-v: name and value must be UTF-8 text");
			return -EINVAL;
		}
		for (size_t j = 0; j < input->count && !used; j++)
			used = input->queries[j].uses[i];
		if (!used) {
			complain_unused(input, setting->name);
			return -EINVAL;
		}
	}
	return 0;
}

int input_load(struct arena *arena, const struct options *options, struct input *ret_input)
{
	struct input input = {0};
	int rc = 0;

	for (size_t i = 0; i < options->source_count && rc == 0; i++) {
		const struct options_source *source = &options->sources[i];

		rc = source->file ? load_file(arena, source->text, &input)
				  : load_argument(arena, source->text, &input);
	}
	if (rc == 0)
		rc = check_names(&input);
	for (size_t i = 0; i < input.count && rc == 0; i++)
		rc = find_uses(arena, options, &input.queries[i]);
	if (rc == 0)
		rc = check_settings(options, &input);
	if (rc == -ENOMEM)
		complain("out of memory");
	if (rc < 0)
		return rc;
	input.all_named = input.count > 0;
	for (size_t i = 0; i < input.count; i++)
		input.all_named &= input.queries[i].name != NULL;
	*ret_input = input;
	return 0;
}
