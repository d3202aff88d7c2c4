/* SPDX-License-Identifier: PostgreSQL */
/* The value of a report's "-- param:" line. Private to the report reader. */
#ifndef SQLTEXT_REPORT_PARAM_H
#define SQLTEXT_REPORT_PARAM_H

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "sqltext/report.h"

/*
 * NAME TYPE [= EXPRESSION] -> *ret_param, which points into `text`. 0, -ENOMEM, or -EINVAL with
 * *ret_mistake saying what is wrong (a literal).
 */
int report_param_parse(struct arena *arena, struct str text, struct report_param *ret_param,
		       const char **ret_mistake) MUST_CHECK;

#endif
