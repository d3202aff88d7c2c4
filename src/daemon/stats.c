/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/stats.h"

#include "base/histogram.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/database.h"
#include "daemon/server.h"
#include "db/channels.h"
#include "db/placement.h"
#include "db/pool.h"
#include "wire/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_latency(struct buf *out, const char *key, const struct histogram *histogram)
{
	static const struct {
		const char *key;
		double quantile;
	} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};

	buf_printf(out, "\"%s\":{\"count\":%" PRIu64, key, histogram->count);
	for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++) {
		buf_printf(out, ",\"%s\":", quantiles[i].key);
		json_write_seconds(out, histogram_quantile_ns(histogram, quantiles[i].quantile));
	}
	buf_puts(out, ",\"max\":");
	json_write_seconds(out, histogram->max_ns);
	buf_putc(out, '}');
}

static void write_listen(struct buf *out, const struct database *database)
{
	struct channels_stats stats = channels_stats(database->channels);

	buf_printf(out,
		   ",\"listen\":{\"connected\":%s,\"listeners\":%zu,\"channels\":%zu,"
		   "\"notifications\":%" PRIu64 ",\"overruns\":%" PRIu64 ",\"connects\":%" PRIu64
		   ",\"connect_failures\":%" PRIu64 ",\"lost\":%" PRIu64,
		   stats.connected ? "true" : "false", stats.listeners, stats.channels,
		   stats.notifications, database->overruns, stats.connects, stats.connect_failures,
		   stats.lost);
	if (stats.error != NULL) {
		buf_puts(out, ",\"error\":");
		json_write_string(out, str_from(stats.error));
	}
	buf_putc(out, '}');
}

static void write_pool(struct buf *out, const struct database *database)
{
	const struct pool *pool = database->pool;
	const struct pool_stats *stats = &pool->stats;

	json_write_string(out, str_from(database->conf.name));
	buf_printf(out,
		   ":{\"connections\":{\"max\":%u,\"open\":%zu,\"idle\":%zu,\"shared\":%zu,"
		   "\"busy\":%zu,\"busy_max\":%zu,"
		   "\"connecting\":%zu,\"closing\":%zu},"
		   "\"pending\":%zu,\"queued\":%zu,\"queries\":%" PRIu64 ",\"pipelined\":%" PRIu64
		   ",\"batches\":%" PRIu64 ",\"batched\":%" PRIu64 ",\"repeated\":%" PRIu64
		   ",\"errors\":%" PRIu64 ",\"connects\":%" PRIu64 ",\"connect_failures\":%" PRIu64
		   ",\"lost\":%" PRIu64 ",\"cancels\":%" PRIu64 ",\"resets\":%" PRIu64 ",",
		   database->conf.pool_max, pool_open(pool), pool->idle_count, pool->shared_count,
		   pool->busy_count, placement_busy_max(pool), pool->connecting_count,
		   pool->closing_count, database->pending, lanes_queued(&pool->lanes),
		   stats->queries, stats->shared, stats->batches, stats->batched, stats->repeated,
		   stats->errors, stats->connects, stats->connect_failures, stats->lost,
		   stats->cancels, stats->resets);
	buf_puts(out, "\"round_trip\":");
	json_write_seconds(out, pool->round_trip_ns);
	buf_puts(out, ",\"fast_below\":");
	json_write_seconds(out, lanes_limits(pool).current_ns);
	buf_putc(out, ',');
	write_latency(out, "wait", &stats->queued);
	buf_putc(out, ',');
	write_latency(out, "latency", &stats->elapsed);
	if (pool->error[0] != '\0') {
		buf_puts(out, ",\"error\":");
		json_write_string(out, str_from(pool->error));
	}
	write_listen(out, database);
	buf_putc(out, '}');
}

/* The resident set, from the kernel's own count of pages. */
static long resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	char line[128];
	const char *resident = NULL; /* the second number */

	if (file == NULL)
		return 0;
	if (fgets(line, sizeof(line), file) != NULL)
		resident = strchr(line, ' ');
	fclose(file);
	return resident != NULL ? strtol(resident, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

static void write_errors(struct buf *out, const struct server *server)
{
	buf_puts(out, "\"errors\":{");
	for (int code = ERR_NONE + 1; code < ERR_CODE_COUNT; code++)
		buf_printf(out, "%s\"%s\":%" PRIu64, code > ERR_NONE + 1 ? "," : "",
			   err_code_name((enum err_code)code), server->errors[code]);
	buf_puts(out, "},");
}

static void write_loop(struct buf *out, struct co_loop *loop)
{
	struct co_loop_stats stats = co_loop_stats(loop);

	buf_printf(out,
		   "\"loop\":{\"tasks\":%zu,\"stacks\":%zu,\"stacks_cached\":%zu,\"timers\":%zu,"
		   "\"switches\":%" PRIu64 ",\"turns\":%" PRIu64 ",\"lag_max\":",
		   stats.tasks, stats.stacks, stats.stacks_cached, stats.timers, stats.switches,
		   stats.turns);
	json_write_seconds(out, stats.lag_max_ns);
	buf_putc(out, '}');
	co_loop_reset_lag(loop);
}

void stats_write(struct buf *out, struct server *server)
{
	bool first = true;

	buf_puts(out, "{\"version\":\"" PACKAGE_VERSION "\",\"uptime\":");
	json_write_seconds(out, co_now_ns() - server->started_ns);
	buf_printf(out,
		   ",\"clients\":{\"connected\":%zu,\"accepted\":%" PRIu64 ",\"dropped\":%" PRIu64
		   ",\"max\":%u},"
		   "\"requests\":{\"running\":%zu,\"total\":%" PRIu64
		   "},\"queries\":{\"total\":%" PRIu64 "},",
		   server->session_count, server->clients_accepted, server->clients_dropped,
		   server->config->max_clients, server->requests_running, server->requests,
		   server->queries);
	write_errors(out, server);
	write_latency(out, "latency", &server->request_latency);
	buf_puts(out, ",\"pools\":{");
	list_for_each (node, &server->databases) {
		if (!first)
			buf_putc(out, ',');
		first = false;
		write_pool(out, LIST_ENTRY(node, struct database, node));
	}
	buf_printf(out,
		   "},\"memory\":{\"buffers\":%zu,\"buffers_peak\":%zu,\"limit\":%zu,\"resident\":%"
		   "ld,\"blocks\":%zu},",
		   server->memory.used_bytes, server->memory.peak_bytes, server->memory.limit_bytes,
		   resident_bytes(), mem_live_blocks());
	write_loop(out, server->loop);
	buf_printf(out, ",\"log\":{\"dropped\":%" PRIu64 "}}", log_dropped());
}
