/* SPDX-License-Identifier: PostgreSQL */
/* Conversations with a daemon that plays a script: whole answers, streams, cancels, and all that
 * can go wrong. */
#include "base/macros.h"
#include "base/mem.h"
#include "base/sys.h"
#include "client/gather.h"
#include "unit/fake_gatherd.h"
#include "unit/mem_failure.h"
#include "unit/suite.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

#define ONE_ROW                                                                                    \
	"{\"id\":1,\"ok\":true,\"failed\":0,\"elapsed\":0.1,\"results\":[{\"columns\":[{\"name\":" \
	"\"n\","                                                                                   \
	"\"type\":\"int4\",\"oid\":23}],\"rows\":[[1]],\"count\":1,\"command\":\"SELECT\"}]}\n"

static struct fake_gatherd fake;
static struct gather *g;
static struct gather_request *request;
static struct gather_answer *answer;

/* The script, a connection to it, and a request to send. */
static void begin(const struct fake_step *steps)
{
	fake_start(&fake, steps);
	g = gather_new();
	request = gather_request_new();
	gather_request_add(request, NULL, "select 1");
	ck_assert_int_eq(gather_connect(g, fake.path, -1), 0);
}

static void end(void)
{
	gather_free(g);
	gather_request_free(request);
	fake_stop(&fake);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

static void check_one_row(void)
{
	ck_assert_uint_eq(gather_answer_count(answer), 1);
	ck_assert_str_eq(gather_value_text(gather_answer_result(answer, 0), 0, 0), "1");
	gather_answer_free(answer);
}

START_TEST(combined_answer)
{
	begin((struct fake_step[]){
		{FAKE_READ, "{\"id\":1,\"gather\":[\"select 1\"]}"}, {FAKE_SEND, ONE_ROW}, {0}});
	ck_assert_int_eq(gather_run(g, request, -1, &answer), 0);
	check_one_row();
	end();
}
END_TEST

START_TEST(transaction_in_a_stream)
{
	const struct gather_event *event;

	begin((struct fake_step[]){
		{FAKE_READ, "{\"id\":1,\"gather\":[\"select 1\",{\"transaction\":[\"a\",\"b\"]}],"
			    "\"stream\":true}"},
		{FAKE_SEND, "{\"id\":1,\"event\":\"done\",\"item\":1,\"step\":0}\n"
			    "{\"id\":1,\"event\":\"done\",\"item\":1,\"step\":1}\n"
			    "{\"id\":1,\"event\":\"error\",\"item\":1,\"error\":{\"code\":\"sql\"},"
			    "\"outcome\":\"rolled_back\"}\n"
			    "{\"id\":1,\"event\":\"done\",\"item\":0}\n"
			    "{\"id\":1,\"event\":\"end\",\"failed\":1}\n"},
		{0}});
	gather_request_transaction(request, NULL);
	gather_request_step(request, NULL, "a");
	gather_request_step(request, NULL, "b");
	gather_request_set_stream(request, true);
	ck_assert_int_eq(gather_send(g, request, NULL), 0);
	for (int64_t step = 0; step < 2; step++) {
		ck_assert_int_eq(gather_next(g, -1, &event), 0);
		ck_assert_int_eq(gather_event_kind(event), GATHER_EVENT_DONE);
		ck_assert_int_eq(gather_event_step(event), step);
	}
	ck_assert_int_eq(gather_next(g, -1, &event), 0);
	ck_assert_int_eq(gather_event_step(event), -1);
	ck_assert_int_eq(gather_result_outcome(gather_event_result(event)),
			 GATHER_OUTCOME_ROLLED_BACK);
	ck_assert_ptr_nonnull(gather_event_error(event));
	ck_assert_int_eq(gather_next(g, -1, &event), 0);
	ck_assert_int_eq(gather_next(g, -1, &event), 0);
	ck_assert_int_eq(gather_event_kind(event), GATHER_EVENT_END);
	end();
}
END_TEST

START_TEST(answer_byte_by_byte)
{
	begin((struct fake_step[]){{FAKE_READ, "\"id\":1"}, {FAKE_BYTES, ONE_ROW}, {0}});
	ck_assert_int_eq(gather_run(g, request, -1, &answer), 0);
	check_one_row();
	end();
}
END_TEST

START_TEST(answer_outlives_the_connection)
{
	begin((struct fake_step[]){{FAKE_READ, "\"id\":1"}, {FAKE_SEND, ONE_ROW}, {0}});
	ck_assert_int_eq(gather_run(g, request, -1, &answer), 0);
	gather_free(g);
	g = NULL;
	check_one_row();
	end();
}
END_TEST

/* What comes behind an answer belongs to the next one. */
START_TEST(two_answers_at_once)
{
	begin((struct fake_step[]){{FAKE_READ, "\"id\":1"},
				   {FAKE_SEND, ONE_ROW "\n{\"id\":2,\"results\":[]}\n"},
				   {FAKE_READ, "\"id\":2"},
				   {0}});
	ck_assert_int_eq(gather_run(g, request, -1, &answer), 0);
	check_one_row();
	ck_assert_int_eq(gather_run(g, request, -1, &answer), 0);
	ck_assert_uint_eq(gather_answer_count(answer), 0);
	gather_answer_free(answer);
	end();
}
END_TEST

START_TEST(refused)
{
	begin((struct fake_step[]){{FAKE_READ, "\"id\":1"},
				   {FAKE_SEND, "{\"id\":1,\"error\":{\"code\":\"denied\","
					       "\"message\":\"no\",\"effects\":\"none\"}}\n"},
				   {0}});
	ck_assert_int_eq(gather_run(g, request, -1, &answer), GATHER_REFUSED);
	ck_assert_str_eq(gather_message(g), "denied: no");
	ck_assert_str_eq(gather_error_code(gather_refusal(g)), "denied");
	ck_assert_uint_eq(gather_unanswered(g), 0);
	end();
}
END_TEST

START_TEST(stream)
{
	const enum gather_event_kind kinds[] = {GATHER_EVENT_COLUMNS, GATHER_EVENT_ERROR,
						GATHER_EVENT_ROWS, GATHER_EVENT_DONE,
						GATHER_EVENT_END};
	const size_t items[] = {1, 0, 1, 1, 0};
	const struct gather_event *event;
	int64_t id;

	begin((struct fake_step[]){
		{FAKE_READ, "\"stream\":true"},
		{FAKE_SEND,
		 "{\"id\":1,\"event\":\"columns\",\"item\":1,\"columns\":[{\"name\":\"a\"}]}\n"
		 "{\"id\":1,\"event\":\"error\",\"item\":0,\"error\":{\"code\":\"sql\"}}\n"
		 "{\"id\":1,\"event\":\"of tomorrow\"}\n"
		 "{\"id\":1,\"event\":\"ro"},
		{FAKE_SEND, "ws\",\"item\":1,\"rows\":[[1],[2]]}\n"
			    "{\"id\":1,\"event\":\"done\",\"item\":1}\n{\"id\":1,\"event\":\"end\","
			    "\"failed\":1}\n"},
		{0}});
	gather_request_set_stream(request, true);
	ck_assert_int_eq(gather_run(g, request, -1, &answer), GATHER_INVALID);
	ck_assert_int_eq(gather_send(g, request, &id), 0);
	ck_assert_int_eq(id, 1);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		ck_assert_uint_eq(gather_unanswered(g), 1);
		ck_assert_int_eq(gather_next(g, -1, &event), 0);
		ck_assert_int_eq(gather_event_kind(event), kinds[i]);
		ck_assert_uint_eq(gather_event_item(event), items[i]);
		ck_assert_int_eq(gather_event_id(event), 1);
	}
	ck_assert_uint_eq(gather_event_failed(event), 1);
	ck_assert_uint_eq(gather_unanswered(g), 0);
	ck_assert_int_eq(gather_next(g, -1, &event), GATHER_CLOSED);
	end();
}
END_TEST

START_TEST(requests_are_answered_in_any_order)
{
	const struct gather_event *event;

	begin((struct fake_step[]){
		{FAKE_READ, "\"id\":1"},
		{FAKE_READ, "\"id\":2"},
		{FAKE_SEND, "{\"id\":2,\"results\":[]}\n{\"id\":1,\"results\":[]}\n"},
		{0}});
	ck_assert_int_eq(gather_send(g, request, NULL), 0);
	ck_assert_int_eq(gather_send(g, request, NULL), 0);
	ck_assert_int_eq(gather_run(g, request, -1, &answer), GATHER_INVALID);
	ck_assert_int_eq(gather_next(g, -1, &event), 0);
	ck_assert_int_eq(gather_event_id(event), 2);
	ck_assert_int_eq(gather_next(g, -1, &event), 0);
	ck_assert_int_eq(gather_event_id(event), 1);
	end();
}
END_TEST

START_TEST(cancel)
{
	const struct gather_event *event;
	int64_t id;

	begin((struct fake_step[]){{FAKE_READ, "\"id\":1"},
				   {FAKE_READ, "{\"id\":2,\"cancel\":1}"},
				   {FAKE_SEND, "{\"id\":2,\"cancelled\":true}\n{\"id\":1,"
					       "\"failed\":1,\"results\":[{\"error\":{\"code\":"
					       "\"cancelled\",\"effects\":\"none\"}}]}\n"},
				   {0}});
	ck_assert_int_eq(gather_send(g, request, &id), 0);
	ck_assert_int_eq(gather_cancel(g, id), 0);
	ck_assert_uint_eq(gather_unanswered(g), 1);
	/* The cancel's own answer is not shown. */
	ck_assert_int_eq(gather_next(g, -1, &event), 0);
	ck_assert_int_eq(gather_event_kind(event), GATHER_EVENT_ANSWER);
	ck_assert_uint_eq(gather_event_failed(event), 1);
	end();
}
END_TEST

/* It may be lost without a doubt about anything; the other request of the connection may not. */
START_TEST(listen_has_no_effects)
{
	static const char *const channels[] = {"a\"b", "\xc3\xa4"}, *const bad[] = {"\xff"};
	const struct gather_event *event;
	int64_t id;

	begin((struct fake_step[]){
		{FAKE_READ, "{\"id\":1,\"listen\":[\"a\\\"b\",\"\xc3\xa4\"],\"db\":\"main\"}"},
		{FAKE_SEND,
		 "{\"id\":1,\"event\":\"listening\"}\n{\"id\":1,\"event\":\"resync\"}\n"},
		{FAKE_CLOSE},
		{0}});
	ck_assert_int_eq(gather_listen(g, bad, 1, NULL, &id), GATHER_INVALID);
	ck_assert_int_eq(gather_listen(g, channels, 2, "main", &id), 0);
	ck_assert_int_eq(id, 1);
	ck_assert_int_eq(gather_next(g, -1, &event), 0);
	ck_assert_int_eq(gather_event_kind(event), GATHER_EVENT_LISTENING);
	ck_assert_int_eq(gather_next(g, -1, &event), 0);
	ck_assert_int_eq(gather_event_kind(event), GATHER_EVENT_RESYNC);
	ck_assert_int_eq(gather_next(g, -1, &event), GATHER_LOST);
	ck_assert_int_eq(gather_effects(g), GATHER_EFFECTS_NONE);
	end();
}
END_TEST

START_TEST(times_out_and_goes_on)
{
	const struct gather_event *event;

	begin((struct fake_step[]){
		{FAKE_READ, "\"id\":1"}, {FAKE_READ, "\"cancel\""}, {FAKE_SEND, ONE_ROW}, {0}});
	ck_assert_int_eq(gather_run(g, request, 0, &answer), GATHER_TIMED_OUT);
	ck_assert_uint_eq(gather_unanswered(g), 1);
	ck_assert_int_eq(gather_next(g, 1, &event), GATHER_TIMED_OUT);
	ck_assert_int_eq(gather_cancel(g, 1), 0);
	ck_assert_int_eq(gather_next(g, -1, &event), 0);
	ck_assert_int_eq(gather_event_kind(event), GATHER_EVENT_ANSWER);
	end();
}
END_TEST

static void on_signal(int number)
{
	(void)number;
	gather_interrupt(g);
}

START_TEST(interrupt_from_a_signal_handler)
{
	struct sigaction action = {.sa_handler = on_signal};
	const struct gather_event *event;

	sigaction(SIGUSR1, &action, NULL);
	begin((struct fake_step[]){{FAKE_READ, "\"id\":1"},
				   {FAKE_SIGNAL, NULL, SIGUSR1},
				   {FAKE_READ, "\"cancel\":1"},
				   {FAKE_SEND, ONE_ROW},
				   {0}});
	ck_assert_int_eq(gather_run(g, request, -1, &answer), GATHER_INTERRUPTED);
	ck_assert_int_eq(gather_cancel(g, 1), 0);
	ck_assert_int_eq(gather_next(g, -1, &event), 0);
	ck_assert_int_eq(gather_event_kind(event), GATHER_EVENT_ANSWER);
	end();
}
END_TEST

#define INTERRUPTS 1000
static sem_t told;

static void *interrupt_often(void *unused)
{
	for (int i = 0; i < INTERRUPTS; i++) {
		gather_interrupt(g);
		while (sem_wait(&told) < 0)
			;
	}
	return unused;
}

/* However another thread's interrupts fall, each is told of, and none twice. */
START_TEST(interrupt_from_a_thread)
{
	const struct gather_event *event;
	pthread_t thread;

	begin((struct fake_step[]){{FAKE_READ, "\"id\":1"}, {FAKE_EOF}, {0}});
	ck_assert_int_eq(gather_send(g, request, NULL), 0);
	ck_assert_int_eq(sem_init(&told, 0, 0), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, interrupt_often, NULL), 0);
	for (int i = 0; i < INTERRUPTS; i++) {
		ck_assert_int_eq(gather_next(g, -1, &event), GATHER_INTERRUPTED);
		sem_post(&told);
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(gather_next(g, 0, &event), GATHER_TIMED_OUT);
	end();
}
END_TEST

/* A stream that never makes anybody wait can be interrupted too. */
START_TEST(interrupt_without_a_wait)
{
	const struct gather_event *event;

	begin((struct fake_step[]){{FAKE_READ, "\"id\":1"},
				   {FAKE_SEND, "{\"id\":1,\"event\":\"done\",\"item\":0}\n"
					       "{\"id\":1,\"event\":\"end\"}\n"},
				   {0}});
	gather_request_set_stream(request, true);
	ck_assert_int_eq(gather_send(g, request, NULL), 0);
	ck_assert_int_eq(gather_next(g, -1, &event), 0);
	gather_interrupt(g);
	ck_assert_int_eq(gather_next(g, -1, &event), GATHER_INTERRUPTED);
	ck_assert_int_eq(gather_next(g, -1, &event), 0);
	end();
}
END_TEST

/* Once, also when nobody was waiting. */
START_TEST(interrupt_beforehand)
{
	begin((struct fake_step[]){{FAKE_READ, "\"id\":1"}, {FAKE_SEND, ONE_ROW}, {0}});
	gather_interrupt(g);
	gather_interrupt(g);
	ck_assert_int_eq(gather_send(g, request, NULL), 0);
	const struct gather_event *event;
	ck_assert_int_eq(gather_next(g, -1, &event), GATHER_INTERRUPTED);
	ck_assert_int_eq(gather_next(g, -1, &event), 0);
	end();
}
END_TEST

static const struct {
	const char *name;
	struct fake_step steps[4];
	int status;
	enum gather_effects effects;
} ends[] = {
	{"closed before the answer",
	 {{FAKE_READ, "\"id\":1"}, {FAKE_CLOSE}},
	 GATHER_LOST,
	 GATHER_EFFECTS_UNKNOWN},
	{"reset", {{FAKE_RESET}}, GATHER_LOST, GATHER_EFFECTS_UNKNOWN},
	{"in the middle of the answer",
	 {{FAKE_READ, "\"id\":1"}, {FAKE_SEND, "{\"id\":1,\"results\":[]}"}, {FAKE_CLOSE}},
	 GATHER_LOST,
	 GATHER_EFFECTS_UNKNOWN},
	{"no JSON",
	 {{FAKE_READ, "\"id\":1"}, {FAKE_SEND, "HTTP/1.1 400 Bad\n"}},
	 GATHER_GARBLED,
	 GATHER_EFFECTS_UNKNOWN},
	{"another shape",
	 {{FAKE_READ, "\"id\":1"}, {FAKE_SEND, "{\"id\":1,\"results\":7}\n"}},
	 GATHER_GARBLED,
	 GATHER_EFFECTS_UNKNOWN},
	{"a stream that nobody wanted",
	 {{FAKE_READ, "\"id\":1"}, {FAKE_SEND, "{\"id\":1,\"event\":\"done\",\"item\":0}\n"}},
	 GATHER_GARBLED,
	 GATHER_EFFECTS_UNKNOWN},
	{"too long a line",
	 {{FAKE_READ, "\"id\":1"}, {FAKE_FLOOD, NULL, 1 << 20}},
	 GATHER_TOO_LARGE,
	 GATHER_EFFECTS_UNKNOWN},
};

START_TEST(connection_ends)
{
	const struct gather_event *event;

	begin(ends[_i].steps);
	gather_set_max_line(g, 100000);
	ck_assert_msg(gather_run(g, request, -1, &answer) == ends[_i].status, "%s: %s",
		      ends[_i].name, gather_message(g));
	ck_assert_int_eq(gather_effects(g), ends[_i].effects);
	ck_assert(gather_message(g)[0] != '\0');
	ck_assert_int_eq(gather_fd(g), -1);
	/* It stays so. */
	ck_assert_int_eq(gather_next(g, -1, &event), ends[_i].status);
	ck_assert_int_eq(gather_send(g, request, NULL), ends[_i].status);
	end();
}
END_TEST

START_TEST(half_a_line_after_the_last_answer_is_nobodys)
{
	const struct gather_event *event;

	begin((struct fake_step[]){
		{FAKE_READ, "\"id\":1"}, {FAKE_SEND, ONE_ROW "{\"id\":1,"}, {FAKE_CLOSE}, {0}});
	ck_assert_int_eq(gather_run(g, request, -1, &answer), 0);
	check_one_row();
	ck_assert_int_eq(gather_next(g, -1, &event), GATHER_CLOSED);
	ck_assert_int_eq(gather_effects(g), GATHER_EFFECTS_NONE);
	end();
}
END_TEST

START_TEST(half_a_line_where_the_caller_reads_lines_is_a_loss)
{
	const char *line;
	size_t len;

	begin((struct fake_step[]){
		{FAKE_READ, "{\"ping\":true}"}, {FAKE_EOF}, {FAKE_SEND, "one\ntw"}, {0}});
	ck_assert_int_eq(gather_send_line(g, "{\"ping\":true}", 13), 0);
	ck_assert_int_eq(gather_finish(g), 0);
	ck_assert_int_eq(gather_receive_line(g, -1, &line, &len), 0);
	ck_assert_int_eq(gather_receive_line(g, -1, &line, &len), GATHER_LOST);
	end();
}
END_TEST

/* A daemon that says why and closes, while the request is still being sent. */
START_TEST(last_words_are_read)
{
	const size_t large = 4 << 20;
	char *sql = malloc(large + 1);

	memset(sql, 'x', large);
	sql[large] = '\0';
	begin((struct fake_step[]){
		{FAKE_SEND, "{\"id\":1,\"error\":{\"code\":\"too_large\",\"effects\":\"none\"}}\n"},
		{FAKE_RESET},
		{0}});
	gather_request_add(request, NULL, sql);
	ck_assert_int_eq(gather_run(g, request, -1, &answer), GATHER_REFUSED);
	ck_assert_str_eq(gather_error_code(gather_refusal(g)), "too_large");
	free(sql);
	end();
}
END_TEST

/* Neither side may be stuck because the other one writes first. */
START_TEST(large_both_ways)
{
	const size_t large = 4 << 20;
	char *line = malloc(large + 1);
	const char *got;
	size_t len;

	memset(line, 'x', large);
	line[large] = '\0';
	begin((struct fake_step[]){
		{FAKE_FLOOD, NULL, 4 << 20}, {FAKE_SEND, "\n"}, {FAKE_READ, NULL}, {0}});
	line[1 << 19] = '\0';
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(gather_send_line(g, line, 1 << 19), 0);
	ck_assert(gather_wants_write(g));
	ck_assert_int_eq(gather_receive_line(g, -1, &got, &len), 0);
	ck_assert_uint_ge(len, large);
	/* The wait sends what is left, until the script ends. */
	ck_assert_int_eq(gather_receive_line(g, -1, &got, &len), GATHER_LOST);
	free(line);
	end();
}
END_TEST

START_TEST(nothing_sent_has_no_effects)
{
	const struct gather_event *event;

	begin((struct fake_step[]){{FAKE_CLOSE}, {0}});
	fake_stop(&fake); /* so that it is gone for certain */
	ck_assert_int_eq(gather_send(g, request, NULL), 0);
	ck_assert_int_eq(gather_next(g, -1, &event), GATHER_LOST);
	ck_assert_int_eq(gather_effects(g), GATHER_EFFECTS_NONE);
	gather_free(g);
	gather_request_free(request);
}
END_TEST

START_TEST(connects_again)
{
	begin((struct fake_step[]){{FAKE_READ, "\"id\":1"},
				   {FAKE_CLOSE},
				   {FAKE_READ, "\"id\":1"},
				   {FAKE_SEND, ONE_ROW},
				   {0}});
	ck_assert_int_eq(gather_run(g, request, -1, &answer), GATHER_LOST);
	ck_assert_int_eq(gather_connect(g, fake.path, -1), 0);
	ck_assert_uint_eq(gather_unanswered(g), 0);
	ck_assert_int_eq(gather_run(g, request, -1, &answer), 0);
	check_one_row();
	end();
}
END_TEST

START_TEST(no_daemon)
{
	g = gather_new();
	ck_assert_int_eq(gather_connect(g, "/nonexistent/sock", -1), GATHER_UNREACHABLE);
	ck_assert_ptr_nonnull(strstr(gather_message(g), "/nonexistent/sock"));
	ck_assert_int_eq(gather_connect(g, "", -1), GATHER_INVALID);
	ck_assert_int_eq(gather_connect(g,
					"/a-path-that-is-longer-than-what-the-address-of-a-unix-"
					"socket-can-hold-which-is-"
					"a-bit-more-than-a-hundred-bytes",
					-1),
			 GATHER_INVALID);
	request = gather_request_new();
	gather_request_add(request, NULL, "select 1");
	ck_assert_int_eq(gather_run(g, request, -1, &answer), GATHER_INVALID);
	gather_free(g);
	gather_request_free(request);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}
END_TEST

/* The listener's queue is full: the wait for it ends. */
START_TEST(connect_times_out)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/fake-gatherd.XXXXXX";
	struct gather *all[64];
	int listener, rc = 0;
	size_t count = 0;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", dir);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	while (rc == 0 && count < ARRAY_SIZE(all)) {
		all[count] = gather_new();
		rc = gather_connect(all[count++], address.sun_path, 20);
	}
	ck_assert_int_eq(rc, GATHER_TIMED_OUT);
	while (count > 0)
		gather_free(all[--count]);
	close(listener);
	unlink(address.sun_path);
	rmdir(dir);
}
END_TEST

START_TEST(path_from_the_environment)
{
	begin((struct fake_step[]){
		{FAKE_CLOSE}, {FAKE_READ, "\"id\":1"}, {FAKE_SEND, ONE_ROW}, {0}});
	setenv("GATHERD_SOCKET", fake.path, 1);
	ck_assert_int_eq(gather_connect(g, NULL, -1), 0);
	ck_assert_int_eq(gather_run(g, request, -1, &answer), 0);
	check_one_row();
	end();
}
END_TEST

START_TEST(lines)
{
	const char *line;
	size_t len;

	begin((struct fake_step[]){{FAKE_READ, "{\"ping\":true}"},
				   {FAKE_READ, "{\"stats\":true}"},
				   {FAKE_EOF},
				   {FAKE_SEND, "one\n\ntwo\n"},
				   {0}});
	ck_assert_int_eq(gather_send_line(g, "{\"ping\":true}", 13), 0);
	ck_assert_int_eq(gather_send_line(g, "{\"stats\":true}\n", 15), 0);
	ck_assert_int_eq(gather_send_line(g, "a\nb", 3), GATHER_INVALID);
	ck_assert_int_eq(gather_finish(g), 0);
	ck_assert_int_eq(gather_send_line(g, "x", 1), GATHER_INVALID);
	ck_assert_int_eq(gather_receive_line(g, -1, &line, &len), 0);
	ck_assert_str_eq(line, "one");
	ck_assert_int_eq(gather_receive_line(g, -1, &line, &len), 0);
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(gather_receive_line(g, -1, &line, &len), 0);
	ck_assert_str_eq(line, "two");
	ck_assert_int_eq(gather_receive_line(g, -1, &line, &len), GATHER_CLOSED);
	end();
}
END_TEST

/* ---- system calls that fall short ---- */

static unsigned recv_calls, send_calls;

static ssize_t recv_stingy(int fd, void *bytes, size_t len, int flags)
{
	(void)len;
	if (++recv_calls % 3 == 0) {
		errno = EINTR;
		return -1;
	}
	return sys_real.recv(fd, bytes, 1, flags);
}

static ssize_t send_stingy(int fd, const void *bytes, size_t len, int flags)
{
	(void)len;
	if (++send_calls % 3 != 0) {
		errno = send_calls % 3 == 1 ? EINTR : EAGAIN;
		return -1;
	}
	return sys_real.send(fd, bytes, 1, flags);
}

START_TEST(short_reads_and_writes)
{
	begin((struct fake_step[]){
		{FAKE_READ, "{\"id\":1,\"gather\":[\"select 1\"]}\n"}, {FAKE_SEND, ONE_ROW}, {0}});
	sys.recv = recv_stingy;
	sys.send = send_stingy;
	ck_assert_int_eq(gather_run(g, request, -1, &answer), 0);
	sys = sys_real;
	check_one_row();
	end();
}
END_TEST

/* A lack of memory before the request is sent, or while the answer is read, costs no answer. */
START_TEST(every_allocation_fails_once)
{
	struct fake_step steps[64 * 2 + 1] = {0};
	int rc = GATHER_NO_MEMORY;

	for (size_t i = 0; i < 2; i++) {
		steps[i * 2] = (struct fake_step){.kind = FAKE_READ};
		steps[i * 2 + 1] = (struct fake_step){
			.kind = FAKE_SEND,
			.text = i == 0 ? ONE_ROW : "{\"id\":2,\"results\":[]}\n"};
	}
	begin(steps);
	for (int n = 0; rc == GATHER_NO_MEMORY; n++) {
		const struct gather_event *event;
		struct mem_failure failure = {.countdown = n};

		ck_assert_int_lt(n, 60);
		mem_set_fail_hook(mem_failure_hook, &failure);
		rc = gather_run(g, request, -1, &answer);
		mem_set_fail_hook(NULL, NULL);
		if (rc == GATHER_NO_MEMORY && gather_unanswered(g) > 0) {
			/* It was sent: the answer comes all the same. */
			ck_assert_int_eq(gather_next(g, -1, &event), 0);
			ck_assert_int_eq(gather_event_kind(event), GATHER_EVENT_ANSWER);
			rc = 0;
			answer = NULL;
		}
	}
	ck_assert_int_eq(rc, 0);
	gather_answer_free(answer);
	ck_assert_int_eq(gather_run(g, request, -1, &answer), 0);
	gather_answer_free(answer);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_run");
	TCase *tcase = suite_case(suite, "answers", 20);

	tcase_add_test(tcase, combined_answer);
	tcase_add_test(tcase, transaction_in_a_stream);
	tcase_add_test(tcase, answer_byte_by_byte);
	tcase_add_test(tcase, answer_outlives_the_connection);
	tcase_add_test(tcase, two_answers_at_once);
	tcase_add_test(tcase, refused);
	tcase_add_test(tcase, stream);
	tcase_add_test(tcase, requests_are_answered_in_any_order);
	tcase_add_test(tcase, cancel);
	tcase_add_test(tcase, listen_has_no_effects);
	tcase_add_test(tcase, times_out_and_goes_on);
	tcase_add_test(tcase, interrupt_from_a_signal_handler);
	tcase_add_test(tcase, interrupt_from_a_thread);
	tcase_add_test(tcase, interrupt_without_a_wait);
	tcase_add_test(tcase, interrupt_beforehand);
	tcase_add_test(tcase, path_from_the_environment);
	tcase_add_test(tcase, lines);
	tcase = suite_case(suite, "faults", 20);
	tcase_add_loop_test(tcase, connection_ends, 0, ARRAY_SIZE(ends));
	tcase_add_test(tcase, half_a_line_after_the_last_answer_is_nobodys);
	tcase_add_test(tcase, half_a_line_where_the_caller_reads_lines_is_a_loss);
	tcase_add_test(tcase, last_words_are_read);
	tcase_add_test(tcase, large_both_ways);
	tcase_add_test(tcase, nothing_sent_has_no_effects);
	tcase_add_test(tcase, connects_again);
	tcase_add_test(tcase, no_daemon);
	tcase_add_test(tcase, connect_times_out);
	tcase_add_test(tcase, short_reads_and_writes);
	tcase_add_test(tcase, every_allocation_fails_once);
	return suite_run(suite);
}
