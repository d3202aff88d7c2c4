/* SPDX-License-Identifier: PostgreSQL */
#include "simulate/listens.h"

#include "simulate/client.h"
#include "simulate/judge.h"
#include "simulate/ledger.h"
#include "simulate/postgres.h"
#include "simulate/scenario.h"

#include <stdlib.h>
#include <string.h>

/* By then every fault is over and the session is there again, and what was notified has come. */
#define QUIET_NS (60 * CLOCK_SECOND)

static const char *const names[] = {"c0", "c1", "c2", "refused"};

const char *listens_name(unsigned channel)
{
	return names[channel];
}

int listens_channel(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

static struct plan_listen *find(struct world *world, int64_t id)
{
	struct ledger *ledger = world->ledger;

	return id >= LISTENS_FIRST_ID && id < LISTENS_FIRST_ID + ledger->listen_count
		       ? &ledger->listens[id - LISTENS_FIRST_ID]
		       : NULL;
}

/* ---- what happens ---- */

/* It is one for this listener. */
static bool concerns(const struct plan_listen *listen, const struct plan_note *note)
{
	return note->server == listen->server && (listen->channels & 1U << note->channel) != 0;
}

/* The first that it should have had, before number `before`; 0: none. */
static unsigned missing(const struct world *world, const struct plan_listen *listen,
			unsigned before)
{
	for (unsigned number = MAX(listen->last, listen->whole_from) + 1; number < before; number++)
		if (concerns(listen, &world->ledger->notes[number]))
			return number;
	return 0;
}

struct noting {
	struct scenario *scenario;
	unsigned server, channel;
};

static void notify(void *arg)
{
	const struct noting *noting = arg;
	struct world *world = noting->scenario->world;
	struct ledger *ledger = world->ledger;
	unsigned number = ledger->note_count + 1;
	struct plan_note *note = &ledger->notes[number];

	if (number == LISTENS_NOTES)
		return;
	*note = (struct plan_note){.server = noting->server,
				   .channel = noting->channel,
				   .sent_ns = world_now_ns(world)};
	if (!postmaster_notify(
		    &noting->scenario->postgres->postmasters[note->server], names[note->channel],
		    world_printf(world, "%u%*s", number, (int)world_random(world, 800), "")))
		return;
	ledger->note_count = number;
	world->counts[COUNT_NOTIFICATIONS]++;
	world_trace(world, "notify", number, note->channel, note->server);
}

/* It reads nothing for a while, and more is notified than is kept for it. */
static void deafen(void *arg)
{
	struct client *client = arg;

	client->deaf_until_ns = world_now_ns(client->world) +
				(int64_t)world_between(client->world, 1, 5000) * CLOCK_MS;
}

struct loss {
	struct scenario *scenario;
	unsigned server;
};

static void lose_session(void *arg)
{
	const struct loss *loss = arg;
	struct world *world = loss->scenario->world;
	struct backend *backend =
		postmaster_listening_backend(&loss->scenario->postgres->postmasters[loss->server]);

	if (backend == NULL)
		return;
	world->counts[COUNT_FAULTS]++;
	backend_end(backend, (enum backend_end)world_random(world, BACKEND_ENDS));
}

static void plan_notes(struct scenario *scenario, unsigned server, int64_t at_ns, unsigned count,
		       unsigned within_ms)
{
	struct world *world = scenario->world;

	for (; count > 0; count--) {
		struct noting *noting = world_alloc(world, sizeof(*noting));

		*noting =
			(struct noting){.scenario = scenario,
					.server = server,
					.channel = (unsigned)world_random(world, LISTENS_CHANNELS)};
		world_at(world, at_ns + (int64_t)world_random(world, within_ms) * CLOCK_MS, notify,
			 noting);
	}
}

struct saying {
	struct client *client;
	struct plan_listen *listen;
	const char *line;
};

static void begin(void *arg)
{
	struct saying *saying = arg;

	world_trace(saying->client->world, "client listens", saying->listen->client,
		    saying->listen->id, 0);
	saying->listen->line = client_send(saying->client, saying->line);
	if (saying->listen->line == 0)
		saying->listen->abandoned = true;
	else
		saying->client->world->counts[COUNT_LISTENS]++;
}

static void end(void *arg)
{
	struct saying *saying = arg;
	struct world *world = saying->client->world;
	struct plan_listen *listen = saying->listen;
	const struct ledger *ledger = world->ledger;
	unsigned lost = missing(world, listen, ledger->note_count + 1);

	if (listen->abandoned || listen->ended)
		return;
	if (listen->established && lost > 0 && !ledger->stopping && !ledger->memory_short &&
	    world_now_ns(world) - ledger->notes[lost].sent_ns >= QUIET_NS)
		world_fail(world, "listen %u: notification %u never came, and nobody told of it",
			   listen->id, lost);
	listen->cancelled = true;
	world_trace(world, "client stops to listen", listen->client, listen->id, 0);
	client_say(saying->client, saying->line);
	/* There may be no memory for the cancel. */
	if (ledger->memory_short)
		world_after(world, 5 * CLOCK_SECOND, end, saying);
}

void listens_plan(struct scenario *scenario, struct client *client, int64_t at_ns)
{
	struct world *world = scenario->world;
	struct ledger *ledger = world->ledger;
	struct plan_listen *listen = &ledger->listens[ledger->listen_count];
	struct saying *first = world_alloc(world, sizeof(*first)),
		      *last = world_alloc(world, sizeof(*last));
	unsigned database = (unsigned)world_random(world, scenario->database_count);
	const char *text = "", *comma = "";

	listen->id = LISTENS_FIRST_ID + ledger->listen_count++;
	listen->client = client->number;
	listen->server = scenario->server_of[database];
	listen->channels = 1 + (unsigned)world_random(world, (1U << LISTENS_CHANNELS) - 1);
	if (world_chance(world, 12))
		listen->channels |= 1U << LISTENS_REFUSED;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if ((listen->channels & 1U << i) == 0)
			continue;
		text = world_printf(world, "%s%s\"%s\"", text, comma, names[i]);
		comma = ",";
	}
	*first = *last = (struct saying){.client = client, .listen = listen};
	first->line = world_printf(world, "{\"id\":%u,\"listen\":[%s],\"db\":\"db%u\"}", listen->id,
				   text, database);
	last->line =
		world_printf(world, "{\"id\":%u,\"cancel\":%u}", listen->id + 1000, listen->id);
	world_at(world, at_ns, begin, first);
	plan_notes(scenario, listen->server, at_ns, (unsigned)world_random(world, 12), 200);
	plan_notes(scenario, listen->server, at_ns, (unsigned)world_random(world, 4), 20000);
	if (world_chance(world, 3)) {
		struct loss *loss = world_alloc(world, sizeof(*loss));

		*loss = (struct loss){scenario, listen->server};
		world_at(world, at_ns + (int64_t)world_between(world, 20, 150) * CLOCK_MS,
			 lose_session, loss);
	}
	if (world_chance(world, 4)) {
		client->always_prompt = false;
		client->socket_room = 512;
		world_at(world, at_ns + 100 * CLOCK_MS, deafen, client);
		plan_notes(scenario, listen->server, at_ns + 100 * CLOCK_MS, 20, 1000);
	}
	at_ns += world_chance(world, 3) ? (int64_t)world_random(world, 500) * CLOCK_MS
					: 21 * CLOCK_SECOND + QUIET_NS;
	world_at(world, at_ns, end, last);
}

/* ---- what is told of it ---- */

struct hearing {
	struct world *world;
	struct plan_listen *listen;
	const struct json *answer;
};

static void wrong(const struct hearing *at, const char *what) __attribute__((noreturn));
static void wrong(const struct hearing *at, const char *what)
{
	world_fail(at->world, "listen %u: %s: %.*s", at->listen->id, what,
		   (int)MIN(at->answer->raw.len, (size_t)500), at->answer->raw.data);
}

static void take_notification(const struct hearing *at)
{
	struct plan_listen *listen = at->listen;
	const struct ledger *ledger = at->world->ledger;
	struct str payload = verdict_text(at->answer, "payload");
	unsigned number = payload.len > 0 ? (unsigned)strtoul(payload.data, NULL, 10) : 0;

	if (number == 0 || number > ledger->note_count ||
	    !concerns(listen, &ledger->notes[number]) ||
	    !str_is(verdict_text(at->answer, "channel"), names[ledger->notes[number].channel]))
		wrong(at, "a notification that is not for it");
	if (number <= listen->last)
		wrong(at, "twice, or out of order");
	if (missing(at->world, listen, number) > 0)
		wrong(at, "one before it is missing, and nobody told of it");
	listen->last = number;
}

static void take_event(const struct hearing *at, struct str event)
{
	struct plan_listen *listen = at->listen;
	unsigned now = at->world->ledger->note_count;

	if (str_is(event, "listening")) {
		if (listen->established)
			wrong(at, "it listens, again");
		listen->established = true;
		listen->whole_from = now;
		return;
	}
	if (!listen->established)
		wrong(at, "an event, and it does not listen yet");
	if (str_is(event, "notification")) {
		take_notification(at);
	} else if (str_is(event, "resync")) {
		at->world->counts[COUNT_RESYNCS]++;
		listen->whole_from = now;
	} else if (str_is(event, "end")) {
		listen->ended = true;
	} else {
		wrong(at, "an event that there is not");
	}
}

static void judge_error(const struct hearing *at, const struct json *error)
{
	const struct ledger *ledger = at->world->ledger;
	struct str code = verdict_text(error, "code");
	bool fine = ledger->memory_short;

	if (str_is(code, "sql"))
		fine = (at->listen->channels & 1U << LISTENS_REFUSED) != 0 || ledger->faults;
	else if (str_is(code, "unavailable"))
		fine = ledger->faults || ledger->memory_short;
	else if (str_is(code, "cancelled"))
		fine = at->listen->cancelled && !at->listen->established;
	else if (str_is(code, "shutting_down"))
		fine = ledger->stopping || ledger->reloaded;
	if (!fine)
		wrong(at, "no reason for this error");
}

bool listens_answer(struct world *world, unsigned client, int64_t id, const struct json *answer)
{
	struct hearing at = {.world = world, .listen = find(world, id), .answer = answer};
	struct str event = verdict_text(answer, "event");
	const struct json *error = json_member(answer, "error");

	if (at.listen == NULL)
		return false;
	if (at.listen->client != client || at.listen->line == 0)
		wrong(&at, "another client's");
	if (at.listen->ended)
		wrong(&at, "an event after the end");
	if (event.len > 0)
		take_event(&at, event);
	else
		at.listen->ended = true;
	if (error != NULL)
		judge_error(&at, error);
	else if (at.listen->ended && !(at.listen->cancelled && at.listen->established))
		wrong(&at, "an end that nobody wanted");
	if (at.listen->established && !at.listen->ended &&
	    (at.listen->channels & 1U << LISTENS_REFUSED) != 0)
		wrong(&at, "it listens to what the server has refused");
	return true;
}

bool listens_refused(struct world *world, unsigned client, int64_t line)
{
	struct ledger *ledger = world->ledger;

	for (unsigned i = 0; i < ledger->listen_count; i++) {
		struct plan_listen *listen = &ledger->listens[i];

		if (listen->client != client || listen->line != line || listen->ended)
			continue;
		listen->ended = true;
		return true;
	}
	return false;
}

void listens_abandon(struct world *world, unsigned client)
{
	struct ledger *ledger = world->ledger;

	for (unsigned i = 0; i < ledger->listen_count; i++)
		if (ledger->listens[i].client == client)
			ledger->listens[i].abandoned = true;
}

bool listens_done(const struct world *world, unsigned client)
{
	const struct ledger *ledger = world->ledger;

	for (unsigned i = 0; i < ledger->listen_count; i++) {
		const struct plan_listen *listen = &ledger->listens[i];

		if (listen->client == client && !listen->ended && !listen->abandoned)
			return false;
	}
	return true;
}
