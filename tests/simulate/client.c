/* SPDX-License-Identifier: PostgreSQL */
#include "simulate/client.h"

#include "simulate/ledger.h"

#include <stdio.h>
#include <string.h>

#define CONNECT_AGAIN_NS (20 * CLOCK_MS)

/* ---- reading ---- */

static void abandon_requests(struct client *client)
{
	struct ledger *ledger = client->world->ledger;

	for (unsigned id = LEDGER_FIRST_REQUEST; id < ledger->request_count; id++)
		if (ledger->requests[id].client == client->number)
			ledger->requests[id].abandoned = true;
	listens_abandon(client->world, client->number);
}

static void take_lines(struct client *client)
{
	for (;;) {
		const char *data = bytes_data(&client->lines), *newline;
		size_t len = bytes_len(&client->lines);

		newline = len > 0 ? memchr(data, '\n', len) : NULL;
		if (newline == NULL)
			return;
		len = (size_t)(newline - data);
		if (client->world->verbose)
			world_trace(client->world,
				    world_printf(client->world, "client %u reads %.*s",
						 client->number, (int)MIN(len, (size_t)300), data),
				    0, 0, 0);
		if (!ledger_answer(client->world, client->number, (struct str){data, len})) {
			if (client->waiting == 0 && !client->world->ledger->memory_short)
				world_fail(client->world, "client %u: an answer too many",
					   client->number);
			if (client->waiting > 0)
				client->waiting--;
		}
		bytes_take(&client->lines, len + 1);
	}
}

/* The daemon has closed it. That needs a reason, and no answer may be left half. */
static void judge_end(struct client *client)
{
	struct world *world = client->world;
	struct ledger *ledger = world->ledger;

	/* It waits for those that do not read only so long. */
	if (bytes_len(&client->lines) > 0 && !ledger->memory_short &&
	    (client->always_prompt || !ledger->stopping))
		world_fail(world, "client %u: an answer was cut off", client->number);
	if (!client->half_closed && !ledger->stopping && !ledger->memory_short)
		world_fail(world, "client %u was dropped", client->number);
	for (unsigned id = LEDGER_FIRST_REQUEST; id < ledger->request_count; id++) {
		struct plan_request *request = &ledger->requests[id];

		if (request->client != client->number || request->sent_ns == 0 ||
		    request->answers > 0)
			continue;
		/* What the daemon had not read when it was told to end is not answered; but then
		 * it did not run. */
		for (unsigned i = 0; i < request->item_count && !ledger->memory_short; i++)
			for (unsigned j = 0; j < request->items[i].step_count; j++)
				if ((request->items[i].steps[j]->begun > 0 &&
				     client->always_prompt) ||
				    !ledger->stopping)
					world_fail(world, "request %u has no answer", id);
		request->abandoned = true;
	}
	listens_abandon(world, client->number);
}

static void schedule_read(struct client *client);

static void take(void *arg)
{
	struct client *client = arg;
	struct world *world = client->world;
	size_t len = bytes_len(&client->inbox);

	client->read_scheduled = false;
	if (client->closed)
		return;
	if (client->deaf_until_ns > world_now_ns(world)) {
		schedule_read(client);
		return;
	}
	if (!client->prompt)
		len = MIN(len, client->read_bytes);
	bytes_add(world, &client->lines, bytes_data(&client->inbox), len);
	bytes_take(&client->inbox, len);
	if (client->socket != NULL && len > 0)
		kernel_took(world->kernel, client->socket, len);
	take_lines(client);
	if (bytes_len(&client->inbox) > 0) {
		schedule_read(client);
	} else if (client->dropped) {
		client->closed = true;
		judge_end(client);
	}
}

static void schedule_read(struct client *client)
{
	struct world *world = client->world;
	int64_t at_ns = world_now_ns(world);

	if (client->read_scheduled)
		return;
	client->read_scheduled = true;
	at_ns += client->prompt ? (int64_t)world_random(world, 100) * CLOCK_US
				: client->read_every_ns;
	world_at(world, MAX(at_ns, client->deaf_until_ns), take, client);
}

/* ---- its socket ---- */

static void on_sent(void *ctx, const char *bytes, size_t len)
{
	struct client *client = ctx;

	bytes_add(client->world, &client->inbox, bytes, len);
	schedule_read(client);
}

static void on_closed(void *ctx)
{
	struct client *client = ctx;

	client->socket = NULL;
	client->dropped = true;
	schedule_read(client);
}

static void push(void *arg)
{
	struct client *client = arg;
	struct world *world = client->world;
	size_t len;

	client->send_scheduled = false;
	if (client->socket == NULL || client->closed)
		return;
	len = MIN(bytes_len(&client->outbox), kernel_room(client->socket));
	/* A line may come in pieces. */
	if (len > 1 && world_chance(world, 8))
		len = 1 + world_random(world, len);
	if (len > 0)
		kernel_deliver(world->kernel, client->socket, bytes_data(&client->outbox), len);
	bytes_take(&client->outbox, len);
	if (bytes_len(&client->outbox) > 0 && kernel_room(client->socket) > 0) {
		client->send_scheduled = true;
		world_after(world, world_delay_ns(world), push, client);
	}
	if (bytes_len(&client->outbox) == 0 && client->half_closes && client->to_send == 0 &&
	    !client->half_closed) {
		client->half_closed = true;
		world_trace(world, "client half-closes", client->number, 0, 0);
		kernel_end(world->kernel, client->socket);
	}
}

static void on_read(void *ctx)
{
	struct client *client = ctx;

	if (bytes_len(&client->outbox) > 0 && !client->send_scheduled) {
		client->send_scheduled = true;
		world_after(client->world, 0, push, client);
	}
}

static const struct kernel_peer client_peer = {on_sent, on_read, on_closed};

void client_connect(struct client *client)
{
	client->socket =
		kernel_connect_daemon(client->world->kernel, &client_peer, client, client->uid);
	if (client->socket == NULL) {
		/* The daemon is going, or too many come at once. */
		client->closed = true;
		return;
	}
	client->socket->out_room = client->socket_room;
	world_trace(client->world, "client connects", client->number, 0, 0);
}

/* ---- what it does ---- */

static void send_line(struct client *client, const char *line)
{
	bytes_add(client->world, &client->outbox, line, strlen(line));
	bytes_add(client->world, &client->outbox, "\n", 1);
	if (!client->send_scheduled)
		push(client);
}

void client_ask(struct client *client, struct plan_request *request)
{
	client->to_send--;
	if (client->socket == NULL || client->closed)
		return;
	request->sent_ns = world_now_ns(client->world);
	request->line = ++client->line_count;
	client->world->counts[COUNT_REQUESTS]++;
	world_trace(client->world, "client asks", client->number, request->id, 0);
	if (client->world->verbose)
		world_trace(client->world, request->text, 0, 0, 0);
	send_line(client, request->text);
}

unsigned client_send(struct client *client, const char *line)
{
	if (client->socket == NULL || client->closed || client->half_closed)
		return 0;
	send_line(client, line);
	return ++client->line_count;
}

void client_say(struct client *client, const char *line)
{
	if (client_send(client, line) > 0)
		client->waiting++;
}

void client_leave(struct client *client)
{
	struct world *world = client->world;

	if (client->closed || client->socket == NULL)
		return;
	world_trace(world, "client leaves", client->number, 0, 0);
	client->closed = true;
	abandon_requests(client);
	/* With answers unread it is a reset. */
	kernel_break(world->kernel, client->socket, bytes_len(&client->inbox) > 0);
}

static bool all_answered(const struct client *client)
{
	const struct ledger *ledger = client->world->ledger;

	for (unsigned id = LEDGER_FIRST_REQUEST; id < ledger->request_count; id++) {
		const struct plan_request *request = &ledger->requests[id];

		if (request->client == client->number && request->sent_ns != 0 &&
		    !request->abandoned && request->answers == 0)
			return false;
	}
	return client->waiting == 0 && listens_done(client->world, client->number);
}

void client_tell(const struct client *client)
{
	const struct ledger *ledger = client->world->ledger;

	fprintf(stderr,
		"client %u:%s%s %u to send, %u other answers to come, unanswered:", client->number,
		client->half_closed ? " half-closed," : "",
		client->socket == NULL ? " not connected," : "", client->to_send, client->waiting);
	for (unsigned id = LEDGER_FIRST_REQUEST; id < ledger->request_count; id++)
		if (ledger->requests[id].client == client->number &&
		    ledger->requests[id].answers == 0)
			fprintf(stderr, " %u", id);
	fputc('\n', stderr);
}

bool client_is_done(const struct client *client)
{
	if (client->closed)
		return true;
	return client->to_send == 0 && !client->half_closed && all_answered(client);
}
