/* SPDX-License-Identifier: PostgreSQL */
/* What every unit suite's main does: run its cases, each in a process of its own, and print TAP. */
#ifndef UNIT_SUITE_H
#define UNIT_SUITE_H

#include <check.h>
#include <stdlib.h>

/*
 * Check writes down every assertion that held, to say where a test was that crashes, and its parent
 * reads all that: in a loop it is most of the time, above all with a sanitizer or valgrind. After
 * this many times an assertion is no longer news.
 */
enum { SUITE_MARKS_MAX = 100 };

#define _mark_point(file, line)                                                                    \
	({                                                                                         \
		static unsigned marks;                                                             \
		if (marks < SUITE_MARKS_MAX) {                                                     \
			marks++;                                                                   \
			(_mark_point)(file, line);                                                 \
		}                                                                                  \
	})

/* Another case of the suite; `timeout_s` is the hard limit of each of its tests. */
static inline TCase *suite_case(Suite *suite, const char *name, double timeout_s)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, timeout_s);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static inline int suite_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
