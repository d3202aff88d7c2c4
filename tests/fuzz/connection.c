/* SPDX-License-Identifier: PostgreSQL */
/*
 * A pool whose server says anything, from the first byte or from the end of the start-up on. Time
 * is virtual, the sockets are real, libpq is libpq.
 *
 * Each query ends, once, and says so truthfully: what never reached the server was not done, what
 * went well was answered by a Sync of its own, no more rows are given than were sent, and the count
 * is that of the rows. Then everything is given back: tasks, memory, descriptors.
 */
#include "base/arena.h"
#include "base/sys.h"
#include "co/co.h"
#include "conf/config.h"
#include "db/lease.h"
#include "db/pool.h"
#include "db/resolve.h"
#include "fuzz.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/un.h>
#include <unistd.h>

#define QUERIES 3
#define SESSIONS                                                                                   \
	16 /* connections that the server takes, cancels included; it refuses the others           \
	    */
#define GATHERED (64 * 1024)
/* Of everything: far beyond each query's deadline, every grace time and back-off. */
#define LIMIT_NS (3600 * CLOCK_SECOND)

struct session {
	int fd; /* the server's end; -1: closed */
	bool cancel;
	struct buf heard;
};

struct server {
	struct fuzz_input input;
	bool raw;	 /* the input is bytes, else messages whose lengths are added */
	bool well_begun; /* start-ups are answered as by PostgreSQL */
	struct session sessions[SESSIONS];
	size_t session_count;
	size_t rows_sent, syncs_sent;
	bool over; /* has said all */
	struct buf piece;
};

struct asked {
	struct db_query query;
	struct pool *pool;
	struct arena arena;
	int64_t deadline_ns;
	int64_t rows, pause_every;
	size_t answers;
	char sql[64];
	const char *values[1];
};

struct run {
	struct server server;
	struct config_database conf;
	struct co_loop *loop;
	struct resolver *resolver;
	struct asked asked[QUERIES];
	unsigned options;
};

static struct server *listening; /* for sys.connect, which libpq calls too */

/* ---- the server ---- */

/* libpq's and our own: the descriptor becomes one end of a pair. */
static int serve_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	struct session *session;
	int pair[2], flags = fcntl(fd, F_GETFL), fd_flags = fcntl(fd, F_GETFD);

	(void)address;
	(void)len;
	if (listening->over || listening->session_count == SESSIONS) {
		errno = ECONNREFUSED;
		return -1;
	}
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
	FUZZ_CHECK(dup2(pair[0], fd) == fd);
	close(pair[0]);
	FUZZ_CHECK(fcntl(fd, F_SETFL, flags) == 0 && fcntl(fd, F_SETFD, fd_flags) == 0);
	session = &listening->sessions[listening->session_count++];
	*session = (struct session){.fd = pair[1]};
	buf_init(&session->heard, 0, NULL);
	return 0;
}

static void session_close(struct session *session)
{
	if (session->fd >= 0)
		close(session->fd);
	session->fd = -1;
}

/* What has come, up to a bound: the rest is read and forgotten. */
static void session_hear(struct session *session)
{
	char bytes[4096];
	ssize_t got;

	while (session->fd >= 0 && (got = recv(session->fd, bytes, sizeof(bytes), 0)) != 0) {
		if (got < 0)
			return;
		if (buf_len(&session->heard) < GATHERED)
			buf_append(&session->heard, bytes, (size_t)got);
	}
	session_close(session);
}

static void session_say(struct session *session, struct str bytes)
{
	if (session->fd >= 0 && bytes.len > 0)
		(void)send(session->fd, bytes.data, bytes.len, MSG_NOSIGNAL);
}

static void add_message(struct buf *piece, char type, struct str body)
{
	uint32_t len = htonl((uint32_t)body.len + 4);

	buf_putc(piece, type);
	buf_append(piece, &len, sizeof(len));
	buf_append_str(piece, body);
}

/* AuthenticationOk, a few parameters, a key, ReadyForQuery. */
static void say_start_up(struct session *session)
{
	struct buf start;

	buf_init(&start, 0, NULL);
	add_message(&start, 'R', STR("\0\0\0\0"));
	add_message(&start, 'S', STR("server_version\00015.20\0"));
	add_message(&start, 'S', STR("client_encoding\0UTF8\0"));
	add_message(&start, 'S', STR("standard_conforming_strings\0on\0"));
	add_message(&start, 'S', STR("in_hot_standby\0off\0"));
	add_message(&start, 'S', STR("default_transaction_read_only\0off\0"));
	add_message(&start, 'S', STR("TimeZone\0UTC\0"));
	add_message(&start, 'K', STR("\0\0\0\7\0\0\0\11"));
	add_message(&start, 'Z', STR("I"));
	session_say(session, buf_str(&start));
	buf_free(&start);
}

/* Hears the new ones out: a cancel is closed, as by a postmaster; a start-up may be answered. */
static void server_greet(struct server *server)
{
	static const char cancel_code[4] = {0x04, (char)0xd2, 0x16, 0x2e};

	for (size_t i = 0; i < server->session_count; i++) {
		struct session *session = &server->sessions[i];
		bool is_new = buf_len(&session->heard) == 0;

		session_hear(session);
		if (!is_new || buf_len(&session->heard) < 8)
			continue;
		if (memcmp(buf_data(&session->heard) + 4, cancel_code, 4) == 0) {
			session->cancel = true;
			session_close(session);
		} else if (server->well_begun) {
			say_start_up(session);
		}
	}
}

/* The one that an answer goes to: of those that are open, the input chooses. NULL: none is. */
static struct session *server_choose(struct server *server, unsigned choice)
{
	struct session *open[SESSIONS];
	size_t count = 0;

	for (size_t i = 0; i < server->session_count; i++)
		if (server->sessions[i].fd >= 0 && buf_len(&server->sessions[i].heard) > 0)
			open[count++] = &server->sessions[i];
	return count == 0 ? NULL : open[choice % count];
}

/* Some answers that nearly every conversation has, so that the fuzzer need not find them. */
static const struct {
	char type;
	struct str body;
} common[] = {
	{'1', {"", 0}},
	{'2', {"", 0}},
	{'T', {"\0\1a\0\0\0\0\0\0\0\0\0\0\31\377\377\377\377\377\377\0\0", 22}},
	{'D', {"\0\1\0\0\0\1x", 7}},
	{'C', {"SELECT 1\0", 9}},
	{'Z', {"I", 1}},
	{'n', {"", 0}},
	{'E', {"SERROR\0C57014\0Mstopped\0\0", 24}},
	{'t', {"\0\1\0\0\0\31", 6}},
};

/* One more message in `piece`, or what it asks for instead. */
static void server_frame(struct server *server, unsigned type)
{
	struct str body;

	if (type < ARRAY_SIZE(common)) {
		body = common[type].body;
		type = (unsigned char)common[type].type;
	} else {
		body = fuzz_text(&server->input);
	}
	server->rows_sent += type == 'D';
	server->syncs_sent += type == 'Z';
	add_message(&server->piece, (char)type, body);
}

enum { SAY_NOW = 0xf0, SAY_AND_WAIT, SAY_AND_CLOSE };

/* Says the next piece of the input; how long it then waits. */
static int64_t server_say(struct server *server)
{
	struct session *session;
	unsigned code = 0;

	buf_reset(&server->piece);
	if (server->raw) {
		unsigned len = fuzz_byte(&server->input);

		buf_append_str(&server->piece, fuzz_bytes(&server->input, 4 * (size_t)len + 1));
		server->rows_sent = server->syncs_sent = SIZE_MAX; /* not known */
	}
	while (!server->raw && server->input.at < server->input.end &&
	       (code = fuzz_byte(&server->input)) < SAY_NOW)
		server_frame(server, code);
	session = server_choose(server, fuzz_byte(&server->input));
	if (session == NULL)
		return CLOCK_MS;
	session_say(session, buf_str(&server->piece));
	if (code == SAY_AND_CLOSE) {
		session_hear(session);
		session_close(session);
	}
	return code == SAY_AND_WAIT ? (int64_t)fuzz_byte(&server->input) * 100 * CLOCK_MS
				    : CLOCK_MS;
}

static int serve(void *arg)
{
	struct server *server = arg;
	int64_t wait_ns = CLOCK_MS;

	/* On virtual time a wait ends when nothing else can happen: each piece meets a client that
	 * has done all it can. */
	while (co_sleep_until(clock_after_ns(co_now_ns(), wait_ns)) == 0) {
		server_greet(server);
		wait_ns = CLOCK_MS;
		if (server->input.at < server->input.end)
			wait_ns = server_say(server);
		else
			break;
	}
	server->over = true;
	for (size_t i = 0; i < server->session_count; i++) {
		session_hear(&server->sessions[i]);
		session_close(&server->sessions[i]);
	}
	return 0;
}

/* The text came whole, in some session. */
static bool server_heard(const struct server *server, const char *sql)
{
	for (size_t i = 0; i < server->session_count; i++) {
		const struct buf *heard = &server->sessions[i].heard;

		if (buf_len(heard) >= GATHERED ||
		    memmem(buf_str(heard).data, buf_len(heard), sql, strlen(sql)) != NULL)
			return true;
	}
	return false;
}

/* ---- libpq's results: all that it hands out are given back ---- */

static size_t results_out;

PGresult *__real_PQgetResult(PGconn *pg);
PGresult *__wrap_PQgetResult(PGconn *pg);
void __real_PQclear(PGresult *result);
void __wrap_PQclear(PGresult *result);

PGresult *__wrap_PQgetResult(PGconn *pg)
{
	PGresult *result = __real_PQgetResult(pg);

	results_out += result != NULL;
	return result;
}

void __wrap_PQclear(PGresult *result)
{
	results_out -= result != NULL;
	__real_PQclear(result);
}

const char *__lsan_default_suppressions(void);

/* libpq 15 forgets the result in the making when a Sync comes where a command tag belongs. */
const char *__lsan_default_suppressions(void)
{
	return "leak:PQmakeEmptyPGresult\n";
}

/* ---- the queries ---- */

static int take_columns(void *ctx, const struct db_column *columns, size_t count)
{
	(void)ctx;
	for (size_t i = 0; i < count; i++)
		FUZZ_CHECK(strlen(columns[i].name) < SIZE_MAX);
	return 0;
}

static int take_row(void *ctx, const struct db_cell *cells, size_t count)
{
	struct asked *asked = ctx;
	volatile char seen = 0;

	FUZZ_CHECK(asked->answers == 0);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; cells[i].text != NULL && k <= cells[i].len; k++)
			seen = (char)(seen + cells[i].text[k]);
	asked->rows++;
	return asked->pause_every > 0 && asked->rows % asked->pause_every == 0 ? DB_SINK_PAUSE : 0;
}

static int ask(void *arg)
{
	struct asked *asked = arg;

	(void)db_execute(asked->pool, &asked->query, asked->deadline_ns);
	asked->answers++;
	return 0;
}

/* A sink that has paused takes more after a while. */
static int resume(void *arg)
{
	struct run *run = arg;

	for (;;) {
		bool all = true;

		for (size_t i = 0; i < QUERIES; i++) {
			db_query_resume(&run->asked[i].query);
			all &= run->asked[i].answers > 0;
		}
		if (all || co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_SECOND)) < 0)
			return 0;
	}
}

static void prepare(struct run *run, size_t index)
{
	static const char *const texts[] = {"select", "insert into t select", "select $1,",
					    "call p"};
	struct asked *asked = &run->asked[index];
	const unsigned choice = run->options >> 2 * index & 3;

	arena_init(&asked->arena, 0, NULL);
	/* The same text twice is prepared. */
	snprintf(asked->sql, sizeof(asked->sql), "%s (%zu)", texts[choice],
		 run->options & 0x80 ? 7 : index);
	asked->deadline_ns = clock_after_ns(0, (int64_t)(1 + index) * 20 * CLOCK_SECOND);
	asked->pause_every = index == 1 ? 2 : 0;
	asked->values[0] = "v";
	asked->query = (struct db_query){
		.kind = run->options & 0x40 && choice == 2 ? DB_QUERY_DESCRIBE : DB_QUERY_EXECUTE,
		.sql = asked->sql,
		.class = sql_classify(str_from(asked->sql)),
		.values = asked->values,
		.value_count = choice == 2 ? 1 : 0,
		.sink = {take_columns, take_row, asked},
		.owner = {.user = index, .client = index, .request = index},
		.arena = &asked->arena,
		.row_limit_bytes = 20000,
	};
}

static void check_outcome(const struct run *run, const struct asked *asked)
{
	const struct db_query *query = &asked->query;

	FUZZ_CHECK(asked->answers == 1 && query->state == DB_QUERY_DONE);
	FUZZ_CHECK(query->elapsed_ns >= 0 && query->queued_ns >= 0);
	FUZZ_CHECK(query->err.code == ERR_NONE || query->err.message != NULL);
	if (!server_heard(&run->server, query->sql)) {
		FUZZ_CHECK(query->err.code != ERR_NONE);
		/* Unknown where the session died as it was written to. */
		FUZZ_CHECK(query->err.effects != ERR_EFFECTS_DONE);
		FUZZ_CHECK(asked->rows == 0 && !query->has_rows);
	}
	if (query->err.code != ERR_NONE || query->kind != DB_QUERY_EXECUTE)
		return;
	FUZZ_CHECK(query->has_rows || asked->rows == 0);
	FUZZ_CHECK(run->server.syncs_sent > 0);
}

static int run_main(void *arg)
{
	struct run *run = arg;
	struct co_group group, servers;
	struct pool *pool;
	size_t rows = 0;

	FUZZ_CHECK(pool_new(&pool, run->loop, run->resolver, &run->conf) == 0);
	pool->random = 1;
	co_group_init(&servers, run->loop, CO_KEEP_GOING);
	FUZZ_CHECK(co_group_go(&servers, serve, &run->server, "server") == 0);
	co_group_init(&group, run->loop, CO_KEEP_GOING);
	for (size_t i = 0; i < QUERIES; i++) {
		prepare(run, i);
		run->asked[i].pool = pool;
		FUZZ_CHECK(co_group_go(&group, ask, &run->asked[i], "query") == 0);
	}
	FUZZ_CHECK(co_group_go(&group, resume, run, "resume") == 0);
	/* An end that does not come by itself is a promise broken. */
	FUZZ_CHECK(co_group_wait(&group, LIMIT_NS) == 0);
	co_group_cancel(&servers);
	co_group_wait(&servers, CLOCK_NEVER);
	for (size_t i = 0; i < QUERIES; i++) {
		check_outcome(run, &run->asked[i]);
		rows += (size_t)run->asked[i].rows;
	}
	FUZZ_CHECK(rows <= run->server.rows_sent);
	pool_free(pool, clock_after_ns(co_now_ns(), CLOCK_SECOND));
	FUZZ_CHECK(co_now_ns() < LIMIT_NS);
	return 0;
}

static void release(struct run *run)
{
	for (size_t i = 0; i < run->server.session_count; i++) {
		session_close(&run->server.sessions[i]);
		buf_free(&run->server.sessions[i].heard);
	}
	for (size_t i = 0; i < QUERIES; i++)
		arena_free(&run->asked[i].arena);
	buf_free(&run->server.piece);
}

/* The lowest descriptor that is free: the same before and after. */
static int next_descriptor(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct run *run = calloc(1, sizeof(*run));
	struct clock_virtual clock;
	struct co_loop_options options = {.virtual_clock = &clock};
	struct server *server = &run->server;
	size_t blocks;
	unsigned mode;
	int descriptor = next_descriptor();

	server->input = fuzz_input(data, size_bytes);
	mode = fuzz_byte(&server->input);
	run->options = fuzz_byte(&server->input);
	server->raw = mode & 1;
	server->well_begun = !(mode & 2);
	run->conf = (struct config_database){
		.name = "fuzz",
		.conninfo = "host=/nowhere user=u password=p dbname=d sslmode=disable",
		.pool_max = mode & 4 ? 2 : 1,
		.prepared_statements = mode & 8 ? 8 : 0,
		.session_reset = mode & 16 ? CONFIG_RESET_ALWAYS : CONFIG_RESET_AUTO,
		.read_only = mode & 32,
		.unavailable_after_ns = 30 * CLOCK_SECOND,
		.statement_timeout_ns = mode & 64 ? 5 * CLOCK_SECOND : 0,
		.queue_limit = 100,
		.server_connect_timeout_ns = 5 * CLOCK_SECOND,
	};
	clock_virtual_init(&clock, CLOCK_SECOND);
	buf_init(&server->piece, 0, NULL);
	blocks = mem_live_blocks();
	FUZZ_CHECK(co_loop_new(&run->loop, &options) == 0);
	FUZZ_CHECK(resolver_new(&run->resolver, run->loop) == 0);
	listening = server;
	sys.connect = serve_connect;
	FUZZ_CHECK(co_loop_run(run->loop, run_main, run) == 0);
	sys = sys_real;
	resolver_free(run->resolver);
	co_loop_free(run->loop);
	release(run);
	FUZZ_CHECK(results_out == 0);
	FUZZ_CHECK(mem_live_blocks() == blocks);
	FUZZ_CHECK(next_descriptor() == descriptor);
	free(run);
	return 0;
}
