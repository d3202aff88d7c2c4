/* SPDX-License-Identifier: PostgreSQL */
#include "conf/rawline.h"

static const char control_character[] = "the line holds a control character";

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct str trim(struct str text)
{
	while (text.len > 0 && is_blank(text.data[0])) {
		text.data++;
		text.len--;
	}
	while (text.len > 0 && is_blank(text.data[text.len - 1]))
		text.len--;
	return text;
}

static bool has_control(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (((unsigned char)text.data[i] < ' ' && text.data[i] != '\t') ||
		    text.data[i] == 0x7f)
			return true;
	}
	return false;
}

/* What inih takes for a comment at the end of a line. */
static bool has_inline_comment(struct str text)
{
	for (size_t i = 1; i < text.len; i++) {
		if (text.data[i] == ';' && is_blank(text.data[i - 1]))
			return true;
	}
	return false;
}

static struct rawline bad(struct rawline line, const char *problem)
{
	line.kind = RAWLINE_BAD;
	line.problem = problem;
	return line;
}

static struct rawline classify_section(struct rawline line, struct str text)
{
	const char *end = memchr(text.data, ']', text.len);

	line.head = true;
	if (has_control(text))
		return bad(line, control_character);
	if (end == NULL)
		return bad(line, "a section's head needs a closing ]");
	if (end != text.data + text.len - 1)
		return bad(line, "nothing may follow the ] of a section's head; a comment is a "
				 "line of its own");
	line.part = (struct str){text.data + 1, text.len - 2};
	if (has_inline_comment(line.part))
		return bad(line, "a section's head cannot hold white space before a ;");
	line.kind = RAWLINE_SECTION;
	return line;
}

static struct rawline classify_key(struct rawline line, struct str text)
{
	const char *equals = memchr(text.data, '=', text.len);

	if (equals == NULL)
		return bad(line, "expected KEY = VALUE, [SECTION] or a comment; a value goes on "
				 "in lines that are indented");
	line.name = trim((struct str){text.data, (size_t)(equals - text.data)});
	line.part = trim((struct str){equals + 1, (size_t)(text.data + text.len - equals - 1)});
	if (has_control(text))
		return bad(line, control_character);
	if (line.name.len == 0)
		return bad(line, "there is no key before the =");
	if (memchr(line.name.data, ':', line.name.len) != NULL)
		return bad(line, "expected KEY = VALUE; a : does not stand for the =");
	if (has_inline_comment(text))
		return bad(line,
			   "white space before a ; would begin a comment here: put a comment on a "
			   "line of its own, or go on with the value on an indented line, where a "
			   "; is kept");
	line.kind = RAWLINE_KEY;
	return line;
}

struct rawline rawline_classify(struct str text)
{
	struct rawline line = {.kind = RAWLINE_BLANK};

	line.indented = text.len > 0 && is_blank(text.data[0]);
	text = trim(text);
	if (text.len == 0)
		return line;
	if (text.data[0] == ';' || text.data[0] == '#') {
		line.kind = RAWLINE_COMMENT;
		return line;
	}
	if (line.indented) {
		if (has_control(text))
			return bad(line, control_character);
		line.kind = RAWLINE_INDENTED;
		line.part = text;
		return line;
	}
	return text.data[0] == '[' ? classify_section(line, text) : classify_key(line, text);
}
