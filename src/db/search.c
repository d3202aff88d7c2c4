/* SPDX-License-Identifier: PostgreSQL */
#include "db/search.h"

#include "co/co.h"
#include "db/attempt.h"
#include "db/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* What one account tells of the candidates; of those beyond, only how many they were. */
#define ACCOUNT_BYTES 2048

/* Between "go on with the next" (0) and errors. */
enum { FOUND = 1, NEXT_TARGET = 2 };

/* How soon a failure may be over by itself: of several candidates the soonest counts for the whole.
 */
static int kind_rank(enum connect_failure kind)
{
	static const int ranks[] = {
		[CONNECT_FAILURE_STARTING] = 0,
		[CONNECT_FAILURE_NETWORK] = 1,
		[CONNECT_FAILURE_TOO_MANY] = 2,
		[CONNECT_FAILURE_REFUSED] = 3,
	};

	return ranks[kind];
}

static void account_add(struct search *search, const char *text)
{
	if (buf_len(&search->account) > ACCOUNT_BYTES) {
		search->unsaid++;
		return;
	}
	if (buf_len(&search->account) > 0)
		buf_puts(&search->account, "; ");
	buf_puts(&search->account, text);
}

static void search_note(struct search *search, const struct refusal *refusal)
{
	account_add(search, refusal->message);
	if (!search->failed || kind_rank(refusal->kind) < kind_rank(search->kind))
		search->kind = refusal->kind;
	if (!search->failed ||
	    (search->nearest.sqlstate[0] == '\0' && refusal->sqlstate[0] != '\0'))
		search->nearest = *refusal;
	search->failed = true;
}

static int64_t address_deadline_ns(const struct search *search)
{
	return MIN(clock_after_ns(co_now_ns(), search->address_timeout_ns), search->deadline_ns);
}

/* Whether a wait that ended for want of time has used up all of it. */
static bool out_of_time(const struct search *search)
{
	return co_now_ns() >= search->deadline_ns;
}

static int note_silence(struct search *search, const struct candidate *candidate)
{
	struct refusal refusal = {.kind = CONNECT_FAILURE_NETWORK};
	const char *host = candidate->target->host, *port = candidate->target->port;
	double limit_s = (double)search->address_timeout_ns / CLOCK_SECOND;

	if (candidate->address != NULL)
		refusal.message = arena_printf(&search->arena,
					       "connection to server at \"%s\" (%s), port %s "
					       "failed: no answer within %g s",
					       host, candidate->address, port, limit_s);
	else
		refusal.message = arena_printf(&search->arena,
					       "connection to server on socket \"%s/.s.PGSQL.%s\" "
					       "failed: no answer within %g s",
					       host, port, limit_s);
	if (refusal.message == NULL)
		return -ENOMEM;
	search_note(search, &refusal);
	return 0;
}

static int remember_wrong_role(struct search *search, const struct candidate *candidate)
{
	if (search->wrong_role_count == search->wrong_role_room) {
		size_t room = MAX(2 * search->wrong_role_room, 8);
		struct candidate *grown = arena_calloc(&search->arena, room, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		if (search->wrong_role_count > 0)
			memcpy(grown, search->wrong_role,
			       search->wrong_role_count * sizeof(*grown));
		search->wrong_role = grown;
		search->wrong_role_room = room;
	}
	search->wrong_role[search->wrong_role_count++] = *candidate;
	return 0;
}

/*
 * libpq's rules: a server that refuses the session ends the search, since the next would be asked
 * with the same password; one that is not ready sends us to the next host.
 */
static int after_refusal(struct search *search, const struct candidate *candidate,
			 const struct refusal *refusal)
{
	search_note(search, refusal);
	if (refusal->bad_conninfo)
		return -EINVAL;
	if (refusal->wrong_role)
		return remember_wrong_role(search, candidate);
	if (refusal->sqlstate[0] == '\0')
		return 0;
	if (refusal->kind == CONNECT_FAILURE_STARTING)
		return NEXT_TARGET;
	search->kind = refusal->kind;
	search->nearest = *refusal;
	return -ECONNREFUSED;
}

/* Waits. */
static int try_candidate(struct search *search, const struct candidate *candidate,
			 const char *target_session_attrs)
{
	const struct attempt attempt = {
		.options = search->options,
		.dsn = &search->dsn,
		.target = candidate->target,
		.address = candidate->address,
		.target_session_attrs = target_session_attrs,
	};
	struct refusal refusal;
	int rc;

	rc = attempt_run(&attempt, &search->arena, address_deadline_ns(search), &search->link,
			 &refusal);
	if (rc == 0)
		return FOUND;
	if (rc == -ECONNREFUSED)
		return after_refusal(search, candidate, &refusal);
	if (rc != -ETIMEDOUT)
		return rc;
	rc = note_silence(search, candidate);
	return rc == 0 && out_of_time(search) ? -ETIMEDOUT : rc;
}

static void shuffle(void *array, size_t count, size_t size_bytes)
{
	char *elements = array, swap[sizeof(struct resolve_address) + sizeof(struct dsn_target)];
	uint32_t random;

	for (size_t i = count; i > 1; i--) {
		char *last = elements + (i - 1) * size_bytes, *other;

		/* Without randomness yet, soon after boot, the order stays as it is. */
		if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
			return;
		other = elements + random % i * size_bytes;
		memcpy(swap, last, size_bytes);
		memcpy(last, other, size_bytes);
		memcpy(other, swap, size_bytes);
	}
}

static bool is_numeric(const char *host)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *list;

	/* Looks nothing up; libpq will read it in the same way. */
	if (getaddrinfo(host, NULL, &hints, &list) != 0)
		return false;
	freeaddrinfo(list);
	return true;
}

/* Waits. 0 and the addresses (none: noted why), or a negative errno. */
static int resolve_target(struct search *search, const struct dsn_target *target,
			  struct resolve_address **ret_addresses, size_t *ret_count)
{
	struct refusal refusal = {.kind = CONNECT_FAILURE_NETWORK};
	const char *why;
	int rc;

	rc = resolve_host(search->resolver, target->host, target->port, &search->arena,
			  address_deadline_ns(search), ret_addresses, ret_count, &why);
	if (rc == 0 && search->dsn.balance)
		shuffle(*ret_addresses, *ret_count, sizeof(**ret_addresses));
	if (rc == -ETIMEDOUT)
		why = "the name service does not answer";
	else if (rc == -EAGAIN)
		why = "no thread can be started";
	else if (rc != -ENOENT)
		return rc;
	refusal.message =
		arena_printf(&search->arena, "could not translate host name \"%s\" to address: %s",
			     target->host, why);
	if (refusal.message == NULL)
		return -ENOMEM;
	search_note(search, &refusal);
	*ret_count = 0;
	return rc == -ETIMEDOUT && out_of_time(search) ? -ETIMEDOUT : 0;
}

/* Waits. */
static int try_target(struct search *search, const struct dsn_target *target,
		      const char *target_session_attrs)
{
	struct candidate candidate = {.target = target, .address = target->hostaddr};
	struct resolve_address *addresses = NULL;
	size_t count = 0;
	int rc;

	if (candidate.address == NULL && !dsn_is_unix(target) && is_numeric(target->host))
		candidate.address = target->host;
	if (candidate.address != NULL || dsn_is_unix(target))
		return try_candidate(search, &candidate, target_session_attrs);

	rc = resolve_target(search, target, &addresses, &count);
	for (size_t i = 0; i < count && rc == 0; i++) {
		candidate.address = addresses[i].text;
		rc = try_candidate(search, &candidate, target_session_attrs);
	}
	return rc;
}

/* Waits. FOUND, 0 when all have been tried, or a negative errno. */
static int try_all(struct search *search)
{
	const char *attrs = search->dsn.target_session_attrs;
	bool prefer_standby = strcmp(attrs, "prefer-standby") == 0;

	for (size_t i = 0; i < search->dsn.target_count; i++) {
		int rc = try_target(search, &search->dsn.targets[i],
				    prefer_standby ? "standby" : attrs);

		if (rc == FOUND || rc < 0)
			return rc;
	}
	if (!prefer_standby)
		return 0;
	/* No standby: then any, of those that would have had us a moment ago. */
	for (size_t i = 0; i < search->wrong_role_count; i++) {
		int rc = try_candidate(search, &search->wrong_role[i], "any");

		if (rc == FOUND || rc < 0)
			return rc;
	}
	return 0;
}

int search_run(struct search *search)
{
	const int64_t timeout_ns = search->options->address_timeout_ns;
	const char *why;
	int rc;

	rc = dsn_expand(search->options->conninfo, &search->arena, &search->dsn, &why);
	if (rc == -EINVAL)
		account_add(search, why);
	if (rc < 0)
		return rc;
	search->address_timeout_ns = search->dsn.connect_timeout_ns;
	if (timeout_ns > 0)
		search->address_timeout_ns = MIN(search->address_timeout_ns, timeout_ns);
	if (search->dsn.balance)
		shuffle(search->dsn.targets, search->dsn.target_count,
			sizeof(*search->dsn.targets));
	rc = try_all(search);
	return rc == FOUND ? 0 : rc < 0 ? rc : -ECONNREFUSED;
}

void search_init(struct search *search, struct resolver *resolver,
		 const struct connect_options *options, int64_t deadline_ns)
{
	*search = (struct search){
		.options = options,
		.resolver = resolver,
		.deadline_ns = deadline_ns,
	};
	arena_init(&search->arena, 0, NULL);
	buf_init(&search->account, 0, NULL);
}

const char *search_account(struct search *search)
{
	const char *account;

	if (search->unsaid > 0)
		buf_printf(&search->account, "; and %zu more", search->unsaid);
	search->unsaid = 0;
	account = buf_cstr(&search->account);
	return account != NULL ? account : "out of memory";
}

void search_free(struct search *search)
{
	cancel_key_wipe(&search->link.key);
	buf_free(&search->account);
	arena_free(&search->arena);
}
