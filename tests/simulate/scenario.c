/* SPDX-License-Identifier: PostgreSQL */
#include "simulate/scenario.h"

#include "simulate/daemon.h"
#include "simulate/ledger.h"
#include "simulate/reports.h"
#include "simulate/requests.h"

#include <signal.h>

/* Nothing that a client waits for takes longer: no query, no fault, no grace time. */
#define ANSWERED_WITHIN_NS (400 * CLOCK_SECOND)
/* After the last answer: time for everything to come to rest. */
#define SETTLE_NS (25 * CLOCK_SECOND)
/* The daemon looks every 100 ms. */
#define ACCEPTED_WITHIN_NS (CLOCK_SECOND / 2)
#define STOPPED_WITHIN_NS  (60 * CLOCK_SECOND)

/* ---- the end ---- */

static void too_late(void *arg)
{
	struct scenario *scenario = arg;

	if (scenario->world->daemon != NULL)
		world_fail(scenario->world, "told to stop, and still there");
}

static void stop(void *arg)
{
	struct scenario *scenario = arg;
	struct world *world = scenario->world;

	if (scenario->stopped)
		return;
	scenario->stopped = true;
	world->memory_short = false;
	world->ledger->stopping = true;
	world->counts[COUNT_STOPS]++;
	world_trace(world, "stop", 0, 0, 0);
	daemon_signal(world, SIGTERM);
	if (world_chance(world, 8))
		daemon_signal(world, SIGTERM);
	world_after(world, STOPPED_WITHIN_NS, too_late, scenario);
}

static void check_rest(void *arg)
{
	struct scenario *scenario = arg;

	if (scenario->stopped)
		return;
	daemon_check_rest(scenario->world);
	stop(scenario);
}

static void check_done(void *arg)
{
	struct scenario *scenario = arg;
	struct world *world = scenario->world;
	bool done = true;

	if (scenario->stopped)
		return;
	for (unsigned i = 0; i < scenario->client_count; i++) {
		struct client *client = &scenario->clients[i];

		if (client_is_done(client))
			client_leave(client);
		else
			done = false;
	}
	if (done) {
		world->memory_short = false;
		world_after(world, SETTLE_NS, check_rest, scenario);
	} else {
		world_after(world, 250 * CLOCK_MS, check_done, scenario);
	}
}

static void not_answered(void *arg)
{
	struct scenario *scenario = arg;

	for (unsigned i = 0; i < scenario->client_count; i++)
		if (!client_is_done(&scenario->clients[i])) {
			client_tell(&scenario->clients[i]);
			world_fail(scenario->world, "client %u waits and waits", i);
		}
}

/* ---- clients ---- */

struct asking {
	struct client *client;
	struct plan_request *request; /* to send, or to cancel */
	const char *line;
};

static void ask(void *arg)
{
	struct asking *asking = arg;

	client_ask(asking->client, asking->request);
}

static void say(void *arg)
{
	struct asking *asking = arg;

	if (asking->request != NULL && asking->request->sent_ns != 0)
		asking->request->cancelled = true;
	client_say(asking->client, asking->line);
}

static void leave(void *arg)
{
	struct client *client = arg;

	client->world->counts[COUNT_CLIENTS_GONE]++;
	client_leave(client);
}

static void connect_client(void *arg)
{
	client_connect(arg);
}

static struct asking *asking_new(struct scenario *scenario, struct client *client)
{
	struct asking *asking = world_alloc(scenario->world, sizeof(*asking));

	asking->client = client;
	return asking;
}

static void plan_request(struct scenario *scenario, struct client *client, int64_t at_ns)
{
	struct world *world = scenario->world;
	struct asking *asking = asking_new(scenario, client);

	asking->request = request_make(scenario, client);
	if (asking->request == NULL)
		return;
	client->to_send++;
	world_at(world, at_ns, ask, asking);
	if (!client->half_closes && world_chance(world, 6)) {
		struct asking *cancel = asking_new(scenario, client);

		cancel->request = asking->request;
		cancel->line = world_printf(world, "{\"id\":%u,\"cancel\":%u}",
					    1000 + asking->request->id, asking->request->id);
		at_ns += 1 + (int64_t)world_random(world, 100) * CLOCK_MS;
		world_at(world, at_ns, say, cancel);
	}
}

static void plan_client(struct scenario *scenario, struct client *client)
{
	struct world *world = scenario->world;
	int64_t at_ns = world_now_ns(world) + (int64_t)world_random(world, 50) * CLOCK_MS;
	unsigned requests = (unsigned)world_between(world, 1, 4);

	client->world = world;
	client->number = (unsigned)(client - scenario->clients);
	client->uid = (unsigned)world_random(world, 3);
	client->prompt = !world_chance(world, 4);
	client->read_bytes = 256 + world_random(world, 8192);
	client->read_every_ns = (int64_t)world_between(world, 1, 40) * CLOCK_MS;
	client->socket_room = world_chance(world, 2) ? 65536 : 512 + world_random(world, 8192);
	client->half_closes = world_chance(world, 6);
	if (world_chance(world, 12))
		client->deaf_until_ns = at_ns + (int64_t)world_random(world, 10) * CLOCK_SECOND;
	client->always_prompt = client->prompt && client->deaf_until_ns == 0;
	world_at(world, at_ns, connect_client, client);
	for (unsigned i = 0; i < requests; i++) {
		if (!world_chance(world, 3))
			at_ns += (int64_t)world_random(world, 60) * CLOCK_MS;
		plan_request(scenario, client, at_ns + 1);
	}
	if (!client->half_closes && scenario->requests_at_once > 1 && world_chance(world, 6))
		listens_plan(scenario, client, at_ns + (int64_t)world_random(world, 20) * CLOCK_MS);
	if (world_chance(world, 8)) {
		struct asking *ping = asking_new(scenario, client);

		ping->line = world_chance(world, 2) ? "{\"id\":2000,\"ping\":true}"
						    : "{\"id\":2001,\"stats\":true}";
		world_at(world, at_ns, say, ping);
	}
	if (world_chance(world, 5))
		world_at(world, at_ns + (int64_t)world_random(world, 300) * CLOCK_MS, leave,
			 client);
}

/* ---- faults ---- */

static void recover(void *arg)
{
	struct postmaster *postmaster = arg;

	postmaster_set_state(postmaster, POSTMASTER_UP);
}

static void fail_server(struct scenario *scenario, struct postmaster *postmaster)
{
	static const enum postmaster_state states[] = {POSTMASTER_AWAY, POSTMASTER_STARTING,
						       POSTMASTER_FULL, POSTMASTER_FROZEN};
	struct world *world = scenario->world;
	bool crash = world_chance(world, 2);

	postmaster_set_state(postmaster, states[world_random(world, ARRAY_SIZE(states))]);
	if (crash && postmaster->state != POSTMASTER_FULL) {
		postmaster->boots++;
		for (unsigned i = 0; i < postmaster->backend_count; i++)
			backend_end(postmaster->backends[i],
				    world_chance(world, 2) ? BACKEND_CRASHED : BACKEND_HUNG_UP);
	}
	world_after(world,
		    world_chance(world, 4) ? (int64_t)world_random(world, 15) * CLOCK_SECOND
					   : (int64_t)world_random(world, 500) * CLOCK_MS,
		    recover, postmaster);
}

static void fault(void *arg)
{
	struct scenario *scenario = arg;
	struct world *world = scenario->world;
	struct postmaster *postmaster =
		&scenario->postgres->postmasters[world_random(world, POSTGRES_SERVERS)];
	struct backend *backend =
		world_chance(world, 3) ? postmaster_listening_backend(postmaster) : NULL;
	uint64_t choice = world_random(world, 10);

	if (backend == NULL)
		backend = postmaster_any_backend(postmaster);
	world->counts[COUNT_FAULTS]++;
	if (choice < 6 && backend != NULL)
		backend_end(backend, (enum backend_end)world_random(world, BACKEND_ENDS));
	else if (choice < 8 && backend != NULL)
		backend_freeze(backend, (int64_t)world_between(world, 1, 8000) * CLOCK_MS);
	else
		fail_server(scenario, postmaster);
}

static void reload(void *arg)
{
	struct scenario *scenario = arg;
	struct world *world = scenario->world;

	if (scenario->stopped)
		return;
	world->counts[COUNT_RELOADS]++;
	world->ledger->reloaded = true;
	scenario->pool_max[world_random(world, scenario->database_count)] =
		(unsigned)world_between(world, 1, 4);
	world_trace(world, "reload", 0, 0, 0);
	daemon_signal(world, SIGHUP);
}

static void memory_short(void *arg)
{
	struct scenario *scenario = arg;
	struct world *world = scenario->world;

	if (scenario->stopped)
		return;
	world->ledger->memory_short = world->memory_short = true;
	world->memory_one_in = (unsigned)world_between(world, 5, 200);
}

static void memory_back(void *arg)
{
	struct scenario *scenario = arg;

	scenario->world->memory_short = false;
}

/* Whoever waited to be accepted when there were descriptors again has been. */
static void check_accepted(void *arg)
{
	struct scenario *scenario = arg;
	const struct kernel_socket *listener = scenario->world->kernel->listener;

	for (size_t i = 0; listener != NULL && i < listener->backlog_count; i++)
		if (listener->backlog[i] == scenario->waits && !scenario->stopped)
			world_fail(scenario->world,
				   "there are descriptors, and a client is not accepted");
}

static void descriptors_back(void *arg)
{
	struct scenario *scenario = arg;
	struct world *world = scenario->world;
	const struct kernel_socket *listener = world->kernel->listener;

	world_trace(world, "descriptors are back", 0, 0, 0);
	world->kernel->open_max = KERNEL_FDS;
	if (listener == NULL || listener->backlog_count == 0)
		return;
	scenario->waits = listener->backlog[listener->backlog_count - 1];
	world_after(world, ACCEPTED_WITHIN_NS, check_accepted, scenario);
}

static void descriptors_short(void *arg)
{
	struct scenario *scenario = arg;
	struct world *world = scenario->world;
	struct kernel *kernel = world->kernel;

	if (scenario->stopped || world->daemon == NULL)
		return;
	world->ledger->faults = true;
	kernel->open_max = kernel->open_count + world_random(world, 4);
	world_trace(world, "descriptors are short", kernel->open_max, 0, 0);
	world_after(world, (int64_t)world_between(world, 1, 3000) * CLOCK_MS, descriptors_back,
		    scenario);
}

static int64_t some_time_ns(struct world *world)
{
	return world_now_ns(world) + (world_chance(world, 4)
					      ? (int64_t)world_random(world, 3000) * CLOCK_MS
					      : (int64_t)world_random(world, 150) * CLOCK_MS);
}

static void plan_faults(struct scenario *scenario)
{
	struct world *world = scenario->world;
	unsigned count = world_chance(world, 2) ? 0 : (unsigned)world_between(world, 1, 4);

	for (unsigned i = 0; i < count; i++)
		world_at(world, some_time_ns(world), fault, scenario);
	for (unsigned i = 0; i < POSTGRES_SERVERS; i++) {
		struct postmaster *postmaster = &scenario->postgres->postmasters[i];

		postmaster->bytewise = world_chance(world, 8);
		postmaster->forget_one_in = world_chance(world, 8) ? 4 : 0;
		if (world_chance(world, 4))
			postmaster->cancel_late_ns =
				(int64_t)world_between(world, 1, 2000) * CLOCK_MS;
	}
	if (world_chance(world, 10))
		world_at(world, some_time_ns(world), reload, scenario);
	if (world_chance(world, 6))
		world_at(world, some_time_ns(world), stop, scenario);
	if (world_chance(world, 8))
		world_at(world, world_now_ns(world) + (int64_t)world_random(world, 60) * CLOCK_MS,
			 descriptors_short, scenario);
	if (world_chance(world, 12)) {
		int64_t at_ns = some_time_ns(world);

		world_at(world, at_ns, memory_short, scenario);
		world_at(world, at_ns + (int64_t)world_random(world, 500) * CLOCK_MS, memory_back,
			 scenario);
	}
}

/* ---- configuration ---- */

static const char *pick(struct world *world, const char *const *texts, size_t count)
{
	return texts[world_random(world, count)];
}
#define PICK(world, ...)                                                                           \
	pick(world, (const char *const[]){__VA_ARGS__},                                            \
	     sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void plan_config(struct scenario *scenario)
{
	struct world *world = scenario->world;
	bool limited = world_chance(world, 8);
	static const unsigned at_once[] = {1, 2, 64};

	scenario->requests_at_once = at_once[world_random(world, ARRAY_SIZE(at_once))];
	scenario->shutdown_timeout_ns = world_chance(world, 2) ? 0 : 2 * CLOCK_SECOND;
	world->ledger->default_timeout_ns = limited ? 2 * CLOCK_SECOND : 0;
	scenario->common =
		world_printf(world,
			     "[gatherd]\nsocket = /sim/gatherd.sock\nreport_dir = " REPORTS_DIR
			     "\nlog_level = error\nslow_query = 0\n"
			     "item_buffer = %s\nshutdown_timeout = %s\nrequest_timeout = %s\n"
			     "max_requests = %u\ndefault_database = db0\n",
			     PICK(world, "1K", "4K", "256K"),
			     scenario->shutdown_timeout_ns == 0 ? "100ms" : "2s",
			     limited ? "2s" : "0", scenario->requests_at_once);
	scenario->database_count = (unsigned)world_between(world, 1, SCENARIO_DATABASES);
	for (unsigned i = 0; i < scenario->database_count; i++) {
		scenario->pool_max[i] = (unsigned)world_between(world, 1, 4);
		scenario->server_of[i] = (unsigned)world_random(world, POSTGRES_SERVERS);
		scenario->settings[i] = world_printf(
			world,
			"pool_min = %s\nunavailable_after = %s\nserver_idle_timeout = %s\n"
			"server_lifetime = %s\nprepared_statements = %s\nsession_reset = %s\n"
			"server_connect_timeout = %s\npipeline_depth = %s\npipeline_threshold = "
			"%s\n",
			PICK(world, "0", "1"), PICK(world, "1s", "10s"),
			PICK(world, "50ms", "10min", "10min"),
			PICK(world, "4s", "1h", "1h", "1h", "1h", "1h"),
			PICK(world, "0", "1", "4", "16"),
			PICK(world, "auto", "auto", "auto", "always"), PICK(world, "200ms", "5s"),
			PICK(world, "1", "2", "16"), PICK(world, "5ms", "50ms", "1s"));
	}
}

const char *scenario_config(struct scenario *scenario)
{
	const char *text = scenario->common;

	for (unsigned i = 0; i < scenario->database_count; i++)
		text = world_printf(scenario->world,
				    "%s[database db%u]\nconninfo = host=/sim/%u port=5432 user=u "
				    "password=x dbname=d\nread_only = %s\npool_max = %u\n%s",
				    text, i, scenario->server_of[i],
				    scenario->world->read_only ? "yes" : "no",
				    scenario->pool_max[i], scenario->settings[i]);
	return text;
}

void scenario_begin(struct world *world)
{
	struct scenario *scenario = world_alloc(world, sizeof(*scenario));

	world->scenario = scenario;
	scenario->world = world;
	scenario->postgres = postgres_new(world);
	world->kernel->connect = postgres_connect;
	world->kernel->connect_ctx = scenario->postgres;
	world->kernel->strict = world_chance(world, 2);
	world->busy = world_chance(world, 4);
	world->read_only = world_chance(world, world->busy ? 2 : 8);
	plan_config(scenario);
	scenario->client_count = (unsigned)world_between(world, 1, SCENARIO_CLIENTS);
	for (unsigned i = 0; i < scenario->client_count; i++)
		plan_client(scenario, &scenario->clients[i]);
	plan_faults(scenario);
	world_after(world, 250 * CLOCK_MS, check_done, scenario);
	world_after(world, ANSWERED_WITHIN_NS, not_answered, scenario);
}
