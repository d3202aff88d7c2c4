/* SPDX-License-Identifier: PostgreSQL */
/* Parts of an answer against the ledger: rows (judge.c), errors (judge_error.c), outcomes of steps
 * and items (judge.c). */
#ifndef SIMULATE_JUDGE_H
#define SIMULATE_JUDGE_H

#include "simulate/ledger.h"
#include "wire/json.h"

struct verdict {
	struct world *world;
	struct plan_request *request;
	struct plan_item *item;
	struct plan_step *step;
};

void verdict_wrong(const struct verdict *at, const char *what, struct str detail)
	__attribute__((noreturn));
/* A member that is a string; absent when it is none. */
struct str verdict_text(const struct json *object, const char *key);

void judge_rows(const struct verdict *at, const struct json *rows);
void judge_step(const struct verdict *at, const struct json *outcome);
void judge_item(struct verdict *at, const struct json *outcome);

/* Whether there is a reason for this error. */
void judge_reason(const struct verdict *at, const struct json *error);
/* Of an item and its steps, when all of the request is known: one's failure may be another's. */
void judge_reasons(struct verdict *at, const struct json *outcome);
void judge_effects(const struct verdict *at, const struct json *error);

#endif
