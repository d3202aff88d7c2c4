/* SPDX-License-Identifier: PostgreSQL */
/* Messages and reports of parameters in a server's bytes, however these come. */
#include "db/frames.h"

#include "base/macros.h"
#include "unit/suite.h"

#include <string.h>

#define MESSAGE(type, length, body) type "\0\0\0" length body
#define READY			    MESSAGE("Z", "\5", "I")
#define BOUND			    MESSAGE("2", "\4", "")
/* What a row or a text holds is no message, were it one to look at. */
#define ROW    MESSAGE("D", "\x11", "\0\1\0\0\0\7S\0\0\0\7a\0")
#define REPORT MESSAGE("S", "\xf", "TimeZone\0a\0")

#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static const struct {
	struct {
		const char *bytes;
		size_t len;
	} input;
	bool reported, lost;
	bool forgets; /* where it ends, all is known to have been seen */
	unsigned reports, readies;
} cases[] = {
	{BYTES(""), false, false, false, 0, 0},
	{BYTES(BOUND READY), false, false, true, 0, 1},
	{BYTES(BOUND ROW ROW READY), false, false, true, 0, 1},
	{BYTES(BOUND REPORT READY), true, false, true, 1, 1},
	{BYTES(REPORT REPORT READY READY), true, false, true, 2, 2},
	/* The first byte of one counts, and is remembered until all of it has been seen. */
	{BYTES(READY REPORT), true, false, false, 1, 1},
	{BYTES(READY "S\0\0\0\xf"), true, false, false, 1, 1},
	{BYTES(READY "S\0\0\0\xfTimeZone"), true, false, false, 1, 1},
	/* Not yet known to be one. */
	{BYTES(READY "S\0\0\0"), false, false, false, 0, 1},
	{BYTES(READY "Z\0\0\0\5"), false, false, false, 0, 1},
	/* What is no message may be anything. */
	{BYTES(READY "\0\0\0\0\5I"), true, true, false, 0, 1},
	{BYTES(READY "x\0\0\0\5I"), true, true, false, 0, 1},
	{BYTES(READY "D\0\0\0\3"), true, true, false, 0, 1},
	{BYTES(READY "D\xff\0\0\0"), true, true, false, 0, 1},
	{BYTES("Z\0\0\0\6II"), true, true, false, 0, 0},
	{BYTES("x" READY), true, true, false, 0, 0},
};

static void ck_case(const struct frames *frames, int row)
{
	struct frames after = *frames;

	ck_assert_int_eq(frames->lost, cases[row].lost);
	ck_assert_uint_eq(frames->reports, cases[row].reports);
	ck_assert_uint_eq(frames_readies(frames), cases[row].readies);
	ck_assert_int_eq(frames_may_report(frames), cases[row].reported);
	after.reported = true;
	frames_forget_reports(&after);
	ck_assert_int_eq(frames_may_report(&after), !cases[row].forgets);
}

START_TEST(messages)
{
	struct frames frames = {0};

	frames_take(&frames, cases[_i].input.bytes, cases[_i].input.len);
	ck_case(&frames, _i);
}
END_TEST

START_TEST(in_two_parts)
{
	const char *bytes = cases[_i].input.bytes;

	for (size_t first = 0; first <= cases[_i].input.len; first++) {
		struct frames frames = {0};

		frames_take(&frames, bytes, first);
		frames_take(&frames, bytes + first, cases[_i].input.len - first);
		ck_case(&frames, _i);
	}
}
END_TEST

START_TEST(byte_by_byte)
{
	struct frames frames = {0};

	for (size_t i = 0; i < cases[_i].input.len; i++)
		frames_take(&frames, cases[_i].input.bytes + i, 1);
	ck_case(&frames, _i);
}
END_TEST

START_TEST(what_is_lost_stays_lost)
{
	struct frames frames = {0};

	frames_take(&frames, "x\0\0\0\4", 5);
	frames_take(&frames, READY, sizeof(READY) - 1);
	frames_forget_reports(&frames);
	ck_assert(frames_may_report(&frames));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("db frames");
	TCase *tcase = suite_case(suite, "frames", 10);

	tcase_add_loop_test(tcase, messages, 0, ARRAY_SIZE(cases));
	tcase_add_loop_test(tcase, in_two_parts, 0, ARRAY_SIZE(cases));
	tcase_add_loop_test(tcase, byte_by_byte, 0, ARRAY_SIZE(cases));
	tcase_add_test(tcase, what_is_lost_stays_lost);
	return suite_run(suite);
}
