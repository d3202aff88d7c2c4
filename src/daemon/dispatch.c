/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/dispatch.h"

#include "base/arena.h"
#include "daemon/access.h"
#include "daemon/gather.h"
#include "daemon/reports.h"
#include "daemon/server.h"
#include "daemon/session.h"
#include "daemon/stats.h"
#include "daemon/subscription.h"
#include "wire/json.h"
#include "wire/reply.h"
#include "wire/request.h"

#include <errno.h>

static void answer_error(struct session *session, struct str id, const struct err *err)
{
	struct buf *tail = output_tail(&session->output);

	server_count_error(session->server, err->code);
	session_log_debug(session, "refused: %s: %s", err_code_name(err->code), err->message);
	if (tail != NULL)
		reply_write_error_line(tail, id, err);
	session_output_changed(session);
}

static struct gather *find_request(const struct session *session, struct str id)
{
	list_for_each (node, &session->requests) {
		struct gather *gather = LIST_ENTRY(node, struct gather, node);

		if (str_equal(gather->request.id, id))
			return gather;
	}
	return NULL;
}

static struct subscription *find_subscription(const struct session *session, struct str id)
{
	list_for_each (node, &session->subscriptions) {
		struct subscription *subscription = LIST_ENTRY(node, struct subscription, node);

		if (str_equal(subscription->id, id))
			return subscription;
	}
	return NULL;
}

static struct buf *begin(struct session *session, struct str id)
{
	struct buf *tail = output_tail(&session->output);

	if (tail != NULL) {
		buf_puts(tail, "{\"id\":");
		buf_append_str(tail, id);
	}
	return tail;
}

static void end(struct session *session, struct buf *tail)
{
	if (tail != NULL)
		buf_puts(tail, "}\n");
	session_output_changed(session);
}

static void do_ping(struct session *session, const struct request *request)
{
	struct buf *tail = begin(session, request->id);

	if (tail != NULL)
		buf_puts(tail,
			 ",\"pong\":true,\"version\":\"" PACKAGE_VERSION "\",\"protocol\":1,"
			 "\"features\":[\"gather\",\"report\",\"stream\",\"cancel\",\"stats\","
			 "\"sequence\",\"transaction\",\"snapshot\",\"references\",\"max_rows\","
			 "\"listen\"]");
	end(session, tail);
}

static void do_stats(struct session *session, const struct request *request)
{
	struct buf *tail = begin(session, request->id);

	if (tail != NULL) {
		buf_puts(tail, ",\"stats\":");
		stats_write(tail, session->server);
	}
	end(session, tail);
}

/* One that listens ends well; one that was still waiting for that is refused. */
static void cancel_subscription(struct subscription *subscription)
{
	struct err err;

	err_set_static(&err, ERR_CANCELLED, ERR_EFFECTS_NONE, "cancelled before it listened");
	subscription_end(subscription, subscription->listener.established ? NULL : &err);
}

static void do_cancel(struct session *session, const struct request *request)
{
	struct gather *gather = find_request(session, request->cancel_id);
	struct subscription *subscription = find_subscription(session, request->cancel_id);
	bool found = gather != NULL || subscription != NULL;
	struct buf *tail = begin(session, request->id);

	if (tail != NULL)
		buf_puts(tail, found ? ",\"cancelled\":true" : ",\"cancelled\":false");
	end(session, tail);
	if (gather != NULL)
		gather_cancel(gather, ERR_CANCELLED);
	if (subscription != NULL)
		cancel_subscription(subscription);
}

static void do_reports(struct session *session, const struct request *request, struct arena *arena)
{
	struct buf *tail = begin(session, request->id);

	if (tail != NULL) {
		buf_puts(tail, ",\"reports\":");
		reports_write_list(tail, session->server->config->report_dir, arena);
	}
	end(session, tail);
}

/* 0: it runs and is the session's now. Negative: *ret_err. */
static int start(struct session *session, struct gather *gather, struct err *ret_err)
{
	struct server *server = session->server;
	int rc;

	if (server_refuses(server, ret_err))
		return -EAGAIN;
	if (gather->request.verb == REQUEST_GATHER && !access_allows_sql(&session->access)) {
		err_set_static(ret_err, ERR_DENIED, ERR_EFFECTS_NONE, "you may run reports only");
		return -EPERM;
	}
	if (gather->request.verb == REQUEST_REPORT) {
		rc = reports_expand(gather, server->config->report_dir, ret_err);
		if (rc < 0)
			return rc;
	}
	rc = gather_start(gather, ret_err);
	if (rc < 0)
		return rc;
	list_push_back(&session->requests, &gather->node);
	session->request_count++;
	server->requests_running++;
	return 0;
}

static int listen_to(struct session *session, struct gather *gather, struct err *ret_err)
{
	if (server_refuses(session->server, ret_err))
		return -EAGAIN;
	if (!access_allows_sql(&session->access)) {
		err_set_static(ret_err, ERR_DENIED, ERR_EFFECTS_NONE, "you may run reports only");
		return -EPERM;
	}
	return subscription_start(session, &gather->request, &gather->arena, ret_err);
}

static int read_request(struct session *session, struct gather *gather, struct str line,
			struct err *ret_err)
{
	struct request_limits limits = {.max_queries = session->server->config->max_queries};
	char *copy = arena_strndup(&gather->arena, line.data, line.len);
	int rc;

	if (copy == NULL) {
		request_number(&gather->request, session->line);
		err_set_static(ret_err, ERR_QUEUE_FULL, ERR_EFFECTS_NONE,
			       "the daemon's memory_limit leaves no room for this request");
		return -ENOMEM;
	}
	rc = request_parse(&gather->arena, (struct str){copy, line.len}, session->line, &limits,
			   &gather->request, ret_err);
	if (rc < 0)
		return rc;
	if (find_request(session, gather->request.id) != NULL ||
	    find_subscription(session, gather->request.id) != NULL) {
		err_set_static(ret_err, ERR_BAD_REQUEST, ERR_EFFECTS_NONE,
			       "a request with this id is not answered yet");
		ret_err->key = "id";
		return -EINVAL;
	}
	if (!access_allows_anything(&session->access)) {
		err_set_static(ret_err, ERR_DENIED, ERR_EFFECTS_NONE,
			       "no [access] section of the configuration names you");
		return -EPERM;
	}
	return 0;
}

void dispatch_line(struct session *session, struct str line)
{
	struct gather *gather = gather_new(session);
	struct err err = {.code = ERR_NONE};
	int rc = -ENOMEM;

	if (gather == NULL) {
		session->output.failed =
			true; /* not even an error can be told: the client sees the end */
		session_output_changed(session);
		return;
	}
	rc = read_request(session, gather, line, &err);
	if (rc == 0) {
		switch (gather->request.verb) {
		case REQUEST_GATHER:
		case REQUEST_REPORT:
			rc = start(session, gather, &err);
			if (rc == 0)
				return;
			break;
		case REQUEST_REPORTS:
			do_reports(session, &gather->request, &gather->arena);
			break;
		case REQUEST_LISTEN:
			rc = listen_to(session, gather, &err);
			break;
		case REQUEST_CANCEL:
			do_cancel(session, &gather->request);
			break;
		case REQUEST_PING:
			do_ping(session, &gather->request);
			break;
		case REQUEST_STATS:
			do_stats(session, &gather->request);
			break;
		case REQUEST_NONE:
			break;
		}
	}
	if (rc < 0)
		answer_error(session, gather->request.id, &err);
	gather_free(gather);
}
