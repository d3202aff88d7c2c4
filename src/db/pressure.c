/* SPDX-License-Identifier: PostgreSQL */
#include "db/pressure.h"

#include "base/clock.h"
#include "base/macros.h"

#include <stdbool.h>

/* So long after the last one waited for a connection to himself it still counts as crowded, */
#define CROWDED_NS CLOCK_SECOND
/* and so long after the fast were late they still count as late. */
#define LATE_NS (250 * CLOCK_MS)
/* In so long what was spent counts half, and after so long without any it says nothing. */
#define HALF_NS	 (10 * CLOCK_MS)
#define SPENT_NS (100 * CLOCK_MS)
#define SMOOTH	 (1.0 / 32)
/* No run says more than that: one whose client does not read would count for hundreds of others. */
#define RUN_MAX_NS (10 * CLOCK_SECOND)

/* Those behind a fast one may wait a part of what they would wait for the slow, ... */
#define LIMIT_SHARE 16
/* ... but not more thresholds than that. */
#define LIMIT_MAX 16

/* How often the slow get fewer connections while the fast are late, */
#define LESS_NS (50 * CLOCK_MS)
/* how often then one more: what is given is gone for as long as a run takes; */
#define MORES_A_RUN 4
/* and the part of the pool that they keep. */
#define LEAST_SHARE 4

void pressure_init(struct pressure *pressure)
{
	*pressure = (struct pressure){
		.ended_ns = INT64_MIN / 2,
		.crowded_ns = INT64_MIN / 2,
		.crowded_since_ns = INT64_MIN / 2,
		.spent_at_ns = INT64_MIN / 2,
		.late_at_ns = INT64_MIN / 2,
	};
}

/* Of what the shared connections spent the greater part was late. Where they did nothing, nothing
 * speaks against it. */
static bool is_late(const struct pressure *pressure, int64_t now_ns)
{
	return now_ns - pressure->spent_at_ns >= SPENT_NS ||
	       2 * pressure->late_ns >= pressure->spent_ns;
}

static void note_spent(struct pressure *pressure, double spent_ns, double late_ns, int64_t now_ns)
{
	double keep = (double)HALF_NS / (double)(HALF_NS + now_ns - pressure->spent_at_ns);

	pressure->spent_ns = pressure->spent_ns * keep + spent_ns;
	pressure->late_ns = pressure->late_ns * keep + late_ns;
	pressure->spent_at_ns = now_ns;
	if (is_late(pressure, now_ns))
		pressure->late_at_ns = now_ns;
}

void pressure_note_alone(struct pressure *pressure, int64_t elapsed_ns, int64_t waited_ns,
			 int64_t now_ns)
{
	double elapsed = (double)MIN(elapsed_ns, RUN_MAX_NS);

	pressure->ended_ns = now_ns;
	pressure->alone_ns += (elapsed - pressure->alone_ns) * SMOOTH;
	pressure->alone_ns2 += (elapsed * elapsed - pressure->alone_ns2) * SMOOTH;
	pressure->wait_ns += ((double)waited_ns - pressure->wait_ns) * SMOOTH;
}

int64_t pressure_alone_ns(const struct pressure *pressure)
{
	/* Of all the time that they take, not of all runs: one comes upon a long one more often. */
	return pressure->alone_ns > 0 ? (int64_t)(pressure->alone_ns2 / pressure->alone_ns) : 0;
}

static bool is_crowded(const struct pressure *pressure, int64_t now_ns)
{
	return now_ns - pressure->crowded_ns < CROWDED_NS;
}

void pressure_note_crowd(struct pressure *pressure, int64_t now_ns)
{
	if (!is_crowded(pressure, now_ns))
		pressure->crowded_since_ns = now_ns;
	pressure->crowded_ns = now_ns;
}

/* What one would wait for the slow. How long they take is known when they end: until the first one
 * does nobody knows, and later it is not less than what they waited without any. */
static int64_t behind_ns(const struct pressure *pressure)
{
	if (pressure->ended_ns <= pressure->crowded_since_ns)
		return CLOCK_NEVER;
	return MAX(MIN(pressure_alone_ns(pressure), (int64_t)pressure->wait_ns),
		   pressure->crowded_ns - pressure->ended_ns);
}

int64_t pressure_limit_ns(const struct pressure *pressure, int64_t threshold_ns, int64_t now_ns)
{
	bool late = is_late(pressure, now_ns) || now_ns - pressure->late_at_ns < LATE_NS;
	int64_t part_ns;

	if (!late || !is_crowded(pressure, now_ns))
		return threshold_ns;
	part_ns = behind_ns(pressure) / LIMIT_SHARE;
	return MAX(MIN(part_ns, threshold_ns * LIMIT_MAX), threshold_ns);
}

/* A quarter less while the fast are late; otherwise one more, until they do not need them all. */
static void hold_back(struct pressure *pressure, size_t busy, int64_t now_ns)
{
	int64_t since_ns = now_ns - pressure->most_since_ns;
	bool late;

	if (since_ns < LESS_NS)
		return;
	late = is_late(pressure, now_ns) && is_crowded(pressure, now_ns);
	if (!late && (pressure->most == 0 || since_ns < pressure_alone_ns(pressure) / MORES_A_RUN))
		return;
	pressure->most_since_ns = now_ns;
	if (late)
		pressure->most = MAX(busy - busy / 4, (size_t)1);
	else if (pressure->most > busy)
		pressure->most = 0;
	else
		pressure->most++;
}

void pressure_note_shared(struct pressure *pressure, int64_t elapsed_ns, int64_t threshold_ns,
			  size_t busy, int64_t now_ns)
{
	double elapsed = (double)elapsed_ns;

	note_spent(pressure, elapsed, elapsed_ns >= threshold_ns ? elapsed : 0, now_ns);
	hold_back(pressure, busy, now_ns);
}

size_t pressure_most(const struct pressure *pressure, size_t max)
{
	return pressure->most == 0 ? max : MAX(pressure->most, MAX(max / LEAST_SHARE, (size_t)1));
}
