/* SPDX-License-Identifier: PostgreSQL */
/*
 * What the command prints of answers. CSV and raw output read back as the values that went in;
 * JSON is valid; a table has nothing in it that a terminal would obey, whatever came.
 */
#include "cli/complain.h"
#include "cli/show.h"
#include "fuzz.h"
#include "strict.h"
#include "wire/json.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#define QUERIES	    3
#define COLUMNS_MAX 4
#define ROWS_MAX    4

/* What people are told instead of being shown results; kept from the fuzzer's own terminal. */
void complain(const char *fmt, ...)
{
	char text[8192];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
}

void complain_text(struct buf *text)
{
	buf_reset(text);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* The command's standard output is a file in memory. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int fd = memfd_create("stdout", MFD_CLOEXEC);

	(void)argc;
	(void)argv;
	FUZZ_CHECK(fd >= 0 && dup2(fd, STDOUT_FILENO) == STDOUT_FILENO);
	close(fd);
	return 0;
}

struct printer {
	struct show show;
	struct format format;
	struct output output;
	struct spool spool;
	struct progress progress;
	struct input input;
	struct query queries[QUERIES];
	bool failed; /* the show has taken no more */
};

static void printer_open(struct printer *p, enum options_format which)
{
	static const char *const names[QUERIES] = {"one", NULL, "drei \xe4\xb8\x89"};

	*p = (struct printer){0};
	FUZZ_CHECK(ftruncate(STDOUT_FILENO, 0) == 0 && lseek(STDOUT_FILENO, 0, SEEK_SET) == 0);
	spool_init(&p->spool);
	FUZZ_CHECK(output_open(&p->output, NULL, &p->spool, NULL) == 0);
	format_init(&p->format, which, &p->output);
	p->format.unordered = which == FORMAT_JSONL;
	p->input = (struct input){.queries = p->queries, .count = QUERIES};
	for (size_t i = 0; i < QUERIES; i++)
		p->queries[i] = (struct query){.sql = "select 1", .name = names[i]};
	FUZZ_CHECK(show_init(&p->show, &p->input, &p->format, &p->spool, &p->progress) == 0);
	p->show.document->raw_rows = p->format.ops->raw_rows;
}

/* What was printed, to be unmapped by printer_close. */
static struct str printer_finish(struct printer *p)
{
	off_t len;

	if (!p->failed && p->output.error == 0)
		FUZZ_CHECK(output_finish(&p->output) == 0);
	len = lseek(STDOUT_FILENO, 0, SEEK_END);
	if (len == 0)
		return STR("");
	return (struct str){mmap(NULL, (size_t)len, PROT_READ, MAP_SHARED, STDOUT_FILENO, 0),
			    (size_t)len};
}

static void printer_close(struct printer *p, struct str printed)
{
	if (printed.len > 0)
		munmap((void *)(uintptr_t)printed.data, printed.len);
	show_free(&p->show);
	format_free(&p->format);
	output_close(&p->output);
	spool_close(&p->spool);
}

/* A line of the daemon's, if it is one. */
static void printer_feed(struct printer *p, struct str line)
{
	struct document *document = document_new();
	struct gather_event event;
	int rc = 0;

	FUZZ_CHECK(document != NULL);
	document->raw_rows = p->format.ops->raw_rows;
	if (!p->failed && document_read(document, line) == 0 && event_read(document, &event) == 0) {
		switch (event.kind) {
		case GATHER_EVENT_COLUMNS:
		case GATHER_EVENT_ROWS:
		case GATHER_EVENT_DONE:
		case GATHER_EVENT_ERROR:
			rc = show_event(&p->show, &event);
			break;
		case GATHER_EVENT_END:
			rc = show_end(&p->show, &event);
			p->failed = true; /* nothing comes behind it */
			break;
		default:
			break;
		}
	}
	if (rc < 0)
		p->failed = true;
	document_free(document);
}

/* ---- answers whose values are known ---- */

struct truth {
	struct str cells[QUERIES][ROWS_MAX + 1][COLUMNS_MAX]; /* row 0: names; absent: NULL */
	size_t columns[QUERIES], rows[QUERIES];
};

static void make_truth(struct fuzz_input *input, struct truth *truth)
{
	for (size_t q = 0; q < QUERIES; q++) {
		truth->columns[q] = 1 + fuzz_byte(input) % COLUMNS_MAX;
		truth->rows[q] = fuzz_byte(input) % (ROWS_MAX + 1);
		for (size_t row = 0; row <= truth->rows[q]; row++)
			for (size_t column = 0; column < truth->columns[q]; column++) {
				struct str text = fuzz_text(input);

				/* What the daemon sends is UTF-8; others are tried as lines. */
				if (!strict_utf8(text))
					text = STR("\xc3\xbf");
				if (row > 0 && text.len % 7 == 3)
					text = (struct str){NULL, 0};
				truth->cells[q][row][column] = text;
			}
	}
}

static void write_cells(struct buf *line, const struct truth *truth, size_t q, size_t row)
{
	for (size_t column = 0; column < truth->columns[q]; column++) {
		struct str text = truth->cells[q][row][column];

		buf_puts(line, column > 0 ? "," : "");
		if (row == 0) {
			buf_puts(line, "{\"name\":");
			json_write_string(line, text);
			buf_puts(line, ",\"type\":\"text\",\"oid\":25}");
		} else if (text.data == NULL) {
			buf_puts(line, "null");
		} else {
			json_write_string(line, text);
		}
	}
}

/* The next event of a query: its columns, a row each, its end. */
static void feed_step(struct printer *p, const struct truth *truth, size_t q, size_t step)
{
	struct buf line;

	buf_init(&line, 0, NULL);
	buf_printf(&line, "{\"id\":1,\"item\":%zu,\"event\":", q);
	if (step == 0) {
		buf_puts(&line, "\"columns\",\"columns\":[");
		write_cells(&line, truth, q, 0);
		buf_puts(&line, "]}");
	} else if (step <= truth->rows[q]) {
		buf_puts(&line, "\"rows\",\"rows\":[[");
		write_cells(&line, truth, q, step);
		buf_puts(&line, "]]}");
	} else {
		buf_printf(&line,
			   "\"done\",\"count\":%zu,\"command\":\"SELECT\",\"queued\":0.1,"
			   "\"elapsed\":0.2}",
			   truth->rows[q]);
	}
	printer_feed(p, buf_str(&line));
	buf_free(&line);
}

/* The events of several queries come in any order that keeps each query's own. */
static void feed_truth(struct printer *p, const struct truth *truth, struct fuzz_input *input)
{
	size_t steps[QUERIES] = {0}, left = QUERIES;

	while (left > 0) {
		size_t q = fuzz_byte(input) % QUERIES;

		while (steps[q] > truth->rows[q] + 1)
			q = (q + 1) % QUERIES;
		feed_step(p, truth, q, steps[q]);
		left -= steps[q]++ == truth->rows[q] + 1;
	}
	printer_feed(p,
		     STR("{\"id\":1,\"event\":\"end\",\"ok\":true,\"failed\":0,\"elapsed\":0.5}"));
}

/* ---- what was printed ---- */

/* One field of RFC 4180; *ret_quoted tells "" from NULL. */
static struct str read_csv_field(struct fuzz_input *csv, struct buf *out, bool *ret_quoted)
{
	buf_reset(out);
	*ret_quoted = csv->at < csv->end && *csv->at == '"';
	if (*ret_quoted)
		for (csv->at++; csv->at < csv->end; csv->at++) {
			if (*csv->at == '"' && (csv->at + 1 == csv->end || csv->at[1] != '"'))
				break;
			csv->at += *csv->at == '"';
			buf_putc(out, *csv->at);
		}
	else
		while (csv->at < csv->end && memchr(",\n", *csv->at, 2) == NULL)
			buf_putc(out, *csv->at++);
	if (*ret_quoted)
		FUZZ_CHECK(fuzz_byte(csv) == '"');
	return buf_str(out);
}

static void check_csv(const struct truth *truth, struct str printed)
{
	struct fuzz_input csv = {printed.data, printed.data + printed.len};
	struct buf field;
	bool quoted;

	buf_init(&field, 0, NULL);
	for (size_t q = 0; q < QUERIES; q++) {
		if (q > 0)
			FUZZ_CHECK(fuzz_byte(&csv) == '\n');
		for (size_t row = 0; row <= truth->rows[q]; row++)
			for (size_t column = 0; column < truth->columns[q]; column++) {
				struct str wanted = truth->cells[q][row][column];

				FUZZ_CHECK_SAME(read_csv_field(&csv, &field, &quoted), wanted);
				FUZZ_CHECK(quoted || wanted.data == NULL || wanted.len > 0);
				FUZZ_CHECK(!quoted || wanted.data != NULL);
				FUZZ_CHECK(fuzz_byte(&csv) ==
					   (column + 1 < truth->columns[q] ? ',' : '\n'));
			}
	}
	FUZZ_CHECK(csv.at == csv.end);
	buf_free(&field);
}

static void check_raw(const struct truth *truth, struct str printed)
{
	struct buf wanted;

	buf_init(&wanted, 0, NULL);
	for (size_t q = 0; q < QUERIES; q++)
		for (size_t row = 1; row <= truth->rows[q]; row++)
			for (size_t column = 0; column < truth->columns[q]; column++) {
				buf_append_str(&wanted, truth->cells[q][row][column]);
				buf_putc(&wanted, column + 1 < truth->columns[q] ? '\t' : '\n');
			}
	FUZZ_CHECK_SAME(printed, buf_str(&wanted));
	buf_free(&wanted);
}

/* No escape sequences, no C1 controls, no bytes that are no character. */
static void check_harmless(struct str printed)
{
	FUZZ_CHECK(strict_utf8(printed));
	for (size_t i = 0; i < printed.len; i++) {
		const unsigned char *c = (const unsigned char *)printed.data + i;

		FUZZ_CHECK(*c == '\n' || (*c >= 0x20 && *c != 0x7f));
		FUZZ_CHECK(*c != 0xc2 || c[1] >= 0xa0);
	}
}

static void check_lines(struct str printed)
{
	while (printed.len > 0) {
		const char *newline = memchr(printed.data, '\n', printed.len);
		size_t len;

		FUZZ_CHECK(newline != NULL);
		len = (size_t)(newline - printed.data);
		FUZZ_CHECK(strict_json_line((struct str){printed.data, len}));
		printed = (struct str){newline + 1, printed.len - len - 1};
	}
}

static void check_printed(enum options_format which, const struct truth *truth, struct str printed)
{
	switch (which) {
	case FORMAT_TABLE:
		check_harmless(printed);
		break;
	case FORMAT_RAW:
		check_raw(truth, printed);
		break;
	case FORMAT_CSV:
		check_csv(truth, printed);
		break;
	case FORMAT_JSON:
		FUZZ_CHECK(strict_json(printed, NULL));
		break;
	case FORMAT_JSONL:
		check_lines(printed);
		break;
	}
}

static void run_truth(struct fuzz_input *input, enum options_format which)
{
	struct truth truth = {0};
	struct printer p;
	struct str printed;

	make_truth(input, &truth);
	printer_open(&p, which);
	feed_truth(&p, &truth, input);
	FUZZ_CHECK(!p.show.failed && p.output.error == 0);
	printed = printer_finish(&p);
	if (which == FORMAT_RAW || which == FORMAT_CSV || printed.len > 0)
		check_printed(which, &truth, printed);
	printer_close(&p, printed);
}

/* Lines of any kind, that a daemon would not send as well. */
static void run_lines(struct fuzz_input *input, enum options_format which)
{
	struct printer p;
	struct str printed;

	printer_open(&p, which);
	while (input->at < input->end) {
		const char *newline = memchr(input->at, '\n', (size_t)(input->end - input->at));
		size_t len = (size_t)((newline != NULL ? newline : input->end) - input->at);

		printer_feed(&p, fuzz_bytes(input, len));
		fuzz_byte(input);
	}
	if (!p.failed)
		show_abandon(&p.show);
	printed = printer_finish(&p);
	if (which == FORMAT_TABLE)
		check_harmless(printed);
	printer_close(&p, printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct fuzz_input input = fuzz_input(data, size_bytes);
	const unsigned mode = fuzz_byte(&input);
	const enum options_format which = (enum options_format)(mode % (FORMAT_JSONL + 1));

	if (mode & 0x80)
		run_lines(&input, which);
	else
		run_truth(&input, which);
	return 0;
}
