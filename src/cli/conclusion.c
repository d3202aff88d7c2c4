/* SPDX-License-Identifier: PostgreSQL */
#include "cli/conclusion.h"

#include "cli/failure.h"

#include <string.h>

bool conclusion_is_consequence(const struct gather_error *error)
{
	const char *code = gather_error_code(error);

	return gather_error_effects(error) == GATHER_EFFECTS_NONE &&
	       (strcmp(code, "cancelled") == 0 || strcmp(code, "skipped") == 0);
}

/* An error that no step has: of COMMIT, if all of them went well, else of something before them. */
static void write_error(struct buf *out, const struct conclusion *conclusion,
			const struct gather_error *error)
{
	struct failure_place place = {.noun = "sequence"};

	if (conclusion->together == TOGETHER_TRANSACTION)
		place.noun = conclusion->failed ? "transaction" : "COMMIT";
	failure_write(out, &place, error);
}

/* That it was committed is not said where nothing else was. Whether anything is said. */
static bool write_outcome(struct buf *out, enum gather_outcome outcome, bool remains,
			  bool surprising)
{
	switch (outcome) {
	case GATHER_OUTCOME_ROLLED_BACK:
		buf_puts(out, remains ? "gather: the transaction was rolled back; what a step did "
					"outside of it (setval, COPY to a file, ...) may remain\n"
				      : "gather: the transaction was rolled back: nothing of it "
					"remains\n");
		break;
	case GATHER_OUTCOME_COMMITTED:
		if (surprising)
			buf_puts(out, "gather: " CONCLUSION_COMMITTED "\n");
		return surprising;
	default:
		buf_puts(out, "gather: whether the transaction was committed is not known\n");
	}
	return true;
}

void conclusion_write(struct buf *out, struct conclusion *conclusion,
		      const struct gather_result *result)
{
	const struct gather_error *error = gather_result_error(result);
	enum gather_outcome outcome = gather_result_outcome(result);
	bool remains = error != NULL && gather_error_effects(error) != GATHER_EFFECTS_NONE;

	if (error != NULL && !conclusion->told && !conclusion_is_consequence(error))
		write_error(out, conclusion, error);
	if (conclusion->together != TOGETHER_TRANSACTION) {
		conclusion->failed |= error != NULL;
		conclusion->doubt |= remains;
		return;
	}
	conclusion->outcome_told = write_outcome(
		out, outcome, remains, conclusion->stopped || conclusion->failed || error != NULL);
	/* All or nothing: the outcome alone counts, but for an answer that is missing from what was
	 * committed, and what a transaction cannot take back. */
	conclusion->failed |= outcome != GATHER_OUTCOME_COMMITTED;
	if (outcome == GATHER_OUTCOME_ROLLED_BACK)
		conclusion->doubt = remains;
	else if (outcome != GATHER_OUTCOME_COMMITTED)
		conclusion->doubt = true;
}
