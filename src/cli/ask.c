/* SPDX-License-Identifier: PostgreSQL */
#include "cli/ask.h"

#include "cli/complain.h"
#include "client/request.h"

/* A daemon that accepts nobody for so long does not serve. */
#define CONNECT_MS_MAX 10000

static void add_query(struct gather_request *request, const struct options *options,
		      const struct query *query)
{
	if (options->together == TOGETHER_NOT)
		gather_request_add(request, query->name, query->sql);
	else
		gather_request_step(request, query->name, query->sql);
	for (size_t i = 0; i < options->setting_count; i++)
		if (query->uses[i])
			gather_request_param_text(request, options->settings[i].name,
						  options->settings[i].value);
}

static void add_queries(struct gather_request *request, const struct options *options,
			const struct input *input)
{
	if (options->together == TOGETHER_SEQUENCE)
		gather_request_sequence(request, NULL);
	else if (options->together == TOGETHER_TRANSACTION)
		gather_request_transaction(request, NULL);
	for (size_t i = 0; i < input->count; i++)
		add_query(request, options, &input->queries[i]);
}

static void add_report(struct gather_request *request, const struct options *options)
{
	gather_request_report(request, options->report);
	for (size_t i = 0; i < options->setting_count; i++)
		gather_request_param_text(request, options->settings[i].name,
					  options->settings[i].value);
}

int ask_build(const struct options *options, const struct input *input, bool values_text,
	      struct gather_request **ret_request)
{
	struct gather_request *request = gather_request_new();
	int rc;

	if (request == NULL) {
		complain("out of memory");
		return GATHER_NO_MEMORY;
	}
	if (options->verb == VERB_REPORT)
		add_report(request, options);
	else
		add_queries(request, options, input);
	gather_request_set_db(request, options->db);
	gather_request_set_timeout(request, options->max_time_ms);
	gather_request_set_cancel_on_error(request, options->exit_on_error);
	gather_request_set_concurrency(request, options->jobs);
	gather_request_set_snapshot(request, options->snapshot);
	gather_request_set_values_text(request, values_text);
	request_set_row_objects(request, options->row_objects);
	/* Failures stick, so the last call has the first one. */
	rc = gather_request_set_stream(request, true);
	if (rc < 0) {
		complain("the request: %s",
			 rc == GATHER_INVALID ? "text that is not UTF-8" : gather_status_text(rc));
		gather_request_free(request);
		return rc;
	}
	*ret_request = request;
	return 0;
}

int ask_connect(struct gather *gather, const struct options *options)
{
	int64_t timeout_ms = CONNECT_MS_MAX;
	int rc;

	if (options->max_time_ms > 0)
		timeout_ms = MIN(timeout_ms, options->max_time_ms);
	/* A streamed line is one row at least, and rows may be large. */
	gather_set_max_line(gather, 0);
	rc = gather_connect(gather, options->socket, timeout_ms);
	if (rc < 0)
		complain("%s", gather_message(gather));
	if (rc == GATHER_UNREACHABLE)
		complain("is it running? Another socket is given by -S or in GATHERD_SOCKET");
	return rc;
}
