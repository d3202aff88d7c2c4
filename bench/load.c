/* SPDX-License-Identifier: PostgreSQL */
/*
 * load: asks gatherd (or, with -p, whatever speaks PostgreSQL's protocol) over many connections,
 * one request at a time on each, and prints a line of JSON with the rate and the latencies. It
 * knows just enough of an answer to see its end and whether all went well, so that it costs less
 * than what it measures.
 */
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MS_NS	     INT64_C(1000000)
#define S_NS	     INT64_C(1000000000)
#define SILENCE_MS   60000
#define READ_BYTES   (1 << 20)
#define HEAD_BYTES   256
#define KEY_DIGITS   6
#define SAMPLES_MAX  (1 << 22)
#define LOOKUP_QUERY "select abalance from pgbench_accounts where aid = $1"

struct options {
	const char *socket_path;
	const char *request; /* a fixed one, without its newline; NULL: lookups of random keys */
	int connections;
	int items;
	int64_t requests; /* 0: by time */
	double run_s, warm_s;
	bool streamed;	 /* the answer ends with an event, not with its first newline */
	bool reconnect;	 /* a connection for each request */
	bool hold;	 /* connect, say so, and stay until stdin ends */
	bool postgresql; /* the peer is PostgreSQL or a pooler; the request is one query's text */
};

/* Reads the frames of PostgreSQL's protocol, however they are cut. */
struct frames {
	uint8_t header[5];
	size_t header_bytes;
	size_t body_bytes; /* still to come */
};

struct client {
	int fd;
	bool logged_in, failed;
	char *request;
	size_t request_bytes, sent_bytes;
	int64_t begun_ns;
	char head[HEAD_BYTES], tail[HEAD_BYTES]; /* of the answer */
	size_t head_bytes, tail_bytes;
	struct frames frames;
};

struct load {
	struct options options;
	int epoll_fd;
	struct client *clients;
	char *template;
	size_t template_bytes;
	uint64_t random;
	char *buffer;
	int64_t started_ns, measured_ns; /* measured from then on */
	int64_t begun, done, failed;	 /* begun: all; the others: measured ones */
	int active;
	double *samples;
	size_t sample_count;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * S_NS + now.tv_nsec;
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		err(1, "memory");
	return memory;
}

/* xorshift64: the keys need to be spread, not secret. */
static uint64_t random_next(struct load *load)
{
	load->random ^= load->random << 13;
	load->random ^= load->random >> 7;
	load->random ^= load->random << 17;
	return load->random;
}

/* ---- requests ---- */

static const char lookup_item[] = "{\"sql\":\"" LOOKUP_QUERY "\",\"params\":[";

static void template_lookups(struct load *load)
{
	size_t item_bytes = strlen(lookup_item) + KEY_DIGITS + 3;
	char *at = load->template = allocate(1, 64 + (size_t)load->options.items * item_bytes);

	at = stpcpy(at, load->options.streamed ? "{\"stream\":true,\"gather\":[" : "{\"gather\":[");
	for (int i = 0; i < load->options.items; i++)
		at += sprintf(at, "%s%s%0*d]}", i ? "," : "", lookup_item, KEY_DIGITS, 0);
	at = stpcpy(at, "]}\n");
	load->template_bytes = (size_t)(at - load->template);
}

/* The keys have six digits, so that only digits change from request to request. */
static void request_new_keys(struct load *load, char *request)
{
	char *at = request, *end = request + load->template_bytes;

	while ((at = memmem(at, (size_t)(end - at), "\"params\":[", 10))) {
		uint64_t key = 100000 + random_next(load) % 900000;

		at += 10;
		for (int digit = KEY_DIGITS - 1; digit >= 0; digit--, key /= 10)
			at[digit] = (char)('0' + key % 10);
	}
}

static void template_query(struct load *load)
{
	const char *text = load->options.request;
	uint32_t length = htobe32((uint32_t)(4 + strlen(text) + 1));

	load->template_bytes = 1 + 4 + strlen(text) + 1;
	load->template = allocate(1, load->template_bytes);
	load->template[0] = 'Q';
	memcpy(load->template + 1, &length, 4);
	memcpy(load->template + 5, text, strlen(text));
}

static void template_fixed(struct load *load)
{
	load->template_bytes = strlen(load->options.request) + 1;
	load->template = allocate(1, load->template_bytes + 1);
	sprintf(load->template, "%s\n", load->options.request);
}

/* user and database from the environment, as libpq takes them */
static void request_login(struct client *client)
{
	static const char version[4] = {0, 3, 0, 0};
	const char *user = getenv("PGUSER"), *database = getenv("PGDATABASE");
	uint32_t length;
	char *at = client->request + 4;

	memcpy(at, version, sizeof(version));
	at += sizeof(version);
	at = stpcpy(stpcpy(at, "user") + 1, user ? user : "postgres") + 1;
	at = stpcpy(stpcpy(at, "database") + 1, database ? database : "postgres") + 1;
	*at++ = '\0';
	client->request_bytes = (size_t)(at - client->request);
	length = htobe32((uint32_t)client->request_bytes);
	memcpy(client->request, &length, sizeof(length));
}

/* ---- answers ---- */

/* Whether ReadyForQuery has come. */
static bool frames_ready(struct client *client, const char *data, size_t size)
{
	struct frames *frames = &client->frames;
	bool ready = false;

	while (size) {
		if (frames->header_bytes < sizeof(frames->header)) {
			frames->header[frames->header_bytes++] = (uint8_t)*data++;
			size--;
			if (frames->header_bytes == sizeof(frames->header)) {
				uint32_t length;

				memcpy(&length, frames->header + 1, sizeof(length));
				frames->body_bytes = be32toh(length) - 4;
			}
		} else {
			size_t take = size < frames->body_bytes ? size : frames->body_bytes;

			frames->body_bytes -= take;
			data += take;
			size -= take;
		}
		if (frames->header_bytes == sizeof(frames->header) && !frames->body_bytes) {
			ready |= frames->header[0] == 'Z';
			client->failed |= frames->header[0] == 'E';
			frames->header_bytes = 0;
		}
	}
	return ready;
}

static void tail_keep(struct client *client, const char *data, size_t size)
{
	size_t keep;

	if (size >= HEAD_BYTES) {
		data += size - HEAD_BYTES;
		size = HEAD_BYTES;
	}
	keep = client->tail_bytes + size > HEAD_BYTES ? HEAD_BYTES - size : client->tail_bytes;
	memmove(client->tail, client->tail + client->tail_bytes - keep, keep);
	memcpy(client->tail + keep, data, size);
	client->tail_bytes = keep + size;
}

/* Whether the answer is complete. */
static bool answer_add(struct load *load, struct client *client, const char *data, size_t size)
{
	const char *line;

	if (load->options.postgresql)
		return frames_ready(client, data, size);
	if (!load->options.streamed) {
		size_t keep = HEAD_BYTES - client->head_bytes;

		keep = size < keep ? size : keep;
		memcpy(client->head + client->head_bytes, data, keep);
		client->head_bytes += keep;
		if (data[size - 1] != '\n')
			return false;
		client->failed = !memmem(client->head, client->head_bytes, "\"ok\":true", 9);
		return true;
	}
	tail_keep(client, data, size);
	if (data[size - 1] != '\n')
		return false;
	line = memrchr(client->tail, '\n', client->tail_bytes - 1);
	line = line ? line + 1 : client->tail;
	size = (size_t)(client->tail + client->tail_bytes - line);
	if (!memmem(line, size, "\"event\":\"end\"", 13))
		return false;
	client->failed = !memmem(line, size, "\"ok\":true", 9);
	return true;
}

/* ---- clients ---- */

static void client_watch(struct load *load, struct client *client, int how, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = client};

	if (epoll_ctl(load->epoll_fd, how, client->fd, &event) < 0)
		err(1, "epoll_ctl");
}

static void client_connect(struct load *load, struct client *client)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(load->options.socket_path) >= sizeof(address.sun_path))
		errx(1, "%s: too long for a socket's path", load->options.socket_path);
	strcpy(address.sun_path, load->options.socket_path);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* blocks while the listener's queue is full: that is its speed */
	if (client->fd < 0 || connect(client->fd, (void *)&address, sizeof(address)) < 0)
		err(1, "%s", load->options.socket_path);
	fcntl(client->fd, F_SETFL, O_NONBLOCK);
	client_watch(load, client, EPOLL_CTL_ADD, EPOLLIN);
	client->logged_in = !load->options.postgresql;
}

static void client_write(struct load *load, struct client *client)
{
	while (client->sent_bytes < client->request_bytes) {
		ssize_t sent = send(client->fd, client->request + client->sent_bytes,
				    client->request_bytes - client->sent_bytes, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			err(1, "send");
		if (sent < 0) {
			client_watch(load, client, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
			return;
		}
		client->sent_bytes += (size_t)sent;
	}
}

static void client_ask(struct load *load, struct client *client)
{
	client->sent_bytes = client->head_bytes = client->tail_bytes = 0;
	client->failed = false;
	if (!client->logged_in) {
		request_login(client);
	} else {
		memcpy(client->request, load->template, load->template_bytes);
		client->request_bytes = load->template_bytes;
		if (!load->options.request)
			request_new_keys(load, client->request);
	}
	client_write(load, client);
}

static void client_begin(struct load *load, struct client *client)
{
	client->begun_ns = now_ns();
	load->begun++;
	if (client->fd < 0)
		client_connect(load, client);
	client_ask(load, client);
}

static bool load_is_over(const struct load *load)
{
	const struct options *options = &load->options;

	if (options->requests)
		return load->begun >= options->requests;
	return now_ns() >= load->measured_ns + (int64_t)(options->run_s * S_NS);
}

static void client_answered(struct load *load, struct client *client)
{
	int64_t now = now_ns();

	if (!client->logged_in) {
		if (client->failed)
			errx(1, "the server refused the login");
		client->logged_in = true;
		if (load->options.hold)
			load->active--;
		else
			client_ask(load, client);
		return;
	}
	if (now >= load->measured_ns) {
		if (client->failed && !load->failed++ && !load->options.postgresql)
			warnx("the first failure: %.*s",
			      (int)(load->options.streamed ? client->tail_bytes
							   : client->head_bytes),
			      load->options.streamed ? client->tail : client->head);
		load->done++;
		if (load->sample_count < SAMPLES_MAX)
			load->samples[load->sample_count++] =
				(double)(now - client->begun_ns) / MS_NS;
	}
	if (load->options.reconnect) {
		close(client->fd);
		client->fd = -1;
	}
	if (load_is_over(load))
		load->active--;
	else
		client_begin(load, client);
}

static void client_event(struct load *load, struct client *client, uint32_t events)
{
	ssize_t size;

	if (events & EPOLLOUT) {
		client_watch(load, client, EPOLL_CTL_MOD, EPOLLIN);
		client_write(load, client);
	}
	if (!(events & ~(uint32_t)EPOLLOUT))
		return;
	size = read(client->fd, load->buffer, READ_BYTES);
	if (size < 0 && errno == EAGAIN)
		return;
	if (size < 0)
		err(1, "read");
	if (!size)
		errx(1, "the peer closed a connection before its answer");
	if (answer_add(load, client, load->buffer, (size_t)size))
		client_answered(load, client);
}

static void load_turn(struct load *load)
{
	struct epoll_event events[256];
	int count = epoll_wait(load->epoll_fd, events, 256, SILENCE_MS);

	if (count < 0 && errno != EINTR)
		err(1, "epoll_wait");
	if (!count)
		errx(1, "no answer for %d seconds", SILENCE_MS / 1000);
	for (int i = 0; i < count; i++)
		client_event(load, events[i].data.ptr, events[i].events);
}

/* ---- the whole ---- */

static int compare_samples(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(const struct load *load, double share)
{
	return load->sample_count
		       ? load->samples[(size_t)(share * (double)(load->sample_count - 1))]
		       : 0;
}

static void load_report(struct load *load)
{
	double seconds = (double)(now_ns() - load->measured_ns) / S_NS;

	qsort(load->samples, load->sample_count, sizeof(*load->samples), compare_samples);
	printf("{\"requests\": %lld, \"failed\": %lld, \"seconds\": %.3f, \"rate\": %.1f, "
	       "\"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f}\n",
	       (long long)load->done, (long long)load->failed, seconds,
	       (double)load->done / seconds, percentile(load, 0.5), percentile(load, 0.99),
	       percentile(load, 1));
}

static void load_prepare(struct load *load)
{
	const struct options *options = &load->options;
	size_t room;

	if (!options->request)
		template_lookups(load);
	else if (options->postgresql)
		template_query(load);
	else
		template_fixed(load);
	load->random = UINT64_C(88172645463325252);
	load->buffer = allocate(1, READ_BYTES);
	load->samples = allocate(SAMPLES_MAX, sizeof(*load->samples));
	load->clients = allocate((size_t)options->connections, sizeof(*load->clients));
	load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (load->epoll_fd < 0)
		err(1, "epoll_create1");
	room = load->template_bytes > 512 ? load->template_bytes : 512;
	for (int i = 0; i < options->connections; i++) {
		load->clients[i].fd = -1;
		load->clients[i].request = allocate(1, room);
	}
}

static void load_run(struct load *load)
{
	const struct options *options = &load->options;

	load->started_ns = now_ns();
	load->measured_ns = load->started_ns + (int64_t)(options->warm_s * S_NS);
	for (int i = 0; i < options->connections && !load_is_over(load); i++) {
		load->active++;
		client_begin(load, &load->clients[i]);
	}
	while (load->active)
		load_turn(load);
	load_report(load);
}

static void load_hold(struct load *load)
{
	for (int i = 0; i < load->options.connections; i++) {
		client_connect(load, &load->clients[i]);
		if (!load->clients[i].logged_in) {
			load->active++;
			client_ask(load, &load->clients[i]);
		}
		while (load->active)
			load_turn(load);
	}
	puts("{\"held\": true}");
	fflush(stdout);
	while (getchar() != EOF)
		;
}

static void __attribute__((noreturn)) usage(void)
{
	fputs("usage: load [-c CONNECTIONS] [-i ITEMS] [-n REQUESTS | -t SECONDS] [-w WARM-UP]\n"
	      "            [-r REQUEST] [-s] [-C] [-H] [-p] SOCKET\n"
	      "  -r  this request (with -p: this query) instead of lookups of random keys\n"
	      "  -s  streamed answers    -C  a connection for each request\n"
	      "  -H  connect, then hold the connections until stdin ends\n"
	      "  -p  the peer is PostgreSQL or a pooler (PGUSER, PGDATABASE; trusted)\n",
	      stderr);
	exit(64);
}

int main(int argc, char **argv)
{
	struct load load = {.options = {.connections = 1, .items = 20, .run_s = 2}};
	struct options *options = &load.options;
	int option;

	while ((option = getopt(argc, argv, "c:i:n:t:w:r:sCHp")) != -1) {
		switch (option) {
		case 'c':
			options->connections = atoi(optarg);
			break;
		case 'i':
			options->items = atoi(optarg);
			break;
		case 'n':
			options->requests = atoll(optarg);
			break;
		case 't':
			options->run_s = atof(optarg);
			break;
		case 'w':
			options->warm_s = atof(optarg);
			break;
		case 'r':
			options->request = optarg;
			break;
		case 's':
			options->streamed = true;
			break;
		case 'C':
			options->reconnect = true;
			break;
		case 'H':
			options->hold = true;
			break;
		case 'p':
			options->postgresql = true;
			break;
		default:
			usage();
		}
	}
	if (optind + 1 != argc || options->connections < 1 || options->items < 1 ||
	    (options->postgresql && !options->request))
		usage();
	options->socket_path = argv[optind];
	load_prepare(&load);
	if (options->hold)
		load_hold(&load);
	else
		load_run(&load);
	return load.failed ? 1 : 0;
}
