/* SPDX-License-Identifier: PostgreSQL */
#include "simulate/backend.h"

#include "simulate/listens.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool begins(const char *sql, const char *with)
{
	return strncmp(sql, with, strlen(with)) == 0;
}

/* ---- transactions ---- */

void backend_roll_back(struct backend *backend)
{
	backend->pending_count = 0;
}

static void add_pending(struct backend *backend, struct plan_step *step)
{
	if (backend->pending_count == BACKEND_PENDING)
		world_fail(backend->world, "a transaction of more than %d steps", BACKEND_PENDING);
	backend->pending[backend->pending_count++] = step;
}

/* The deferred error of one is the error of all. False: it was one. */
static bool commit(struct backend *backend)
{
	for (unsigned i = 0; i < backend->pending_count; i++) {
		if (!backend->pending[i]->deferred)
			continue;
		backend_say_error(backend, "ERROR", backend->pending[i]->sqlstate,
				  "a deferred constraint is violated", "AfterTriggerFireDeferred");
		backend_roll_back(backend);
		return false;
	}
	if (backend->in_block && backend->world->read_only && backend->pending_count > 1 &&
	    backend->pending[0]->item->kind != ITEM_TRANSACTION)
		backend->world->counts[COUNT_BATCHED]++;
	for (unsigned i = 0; i < backend->pending_count; i++) {
		ledger_step_commits(backend->world, backend->pending[i]);
		if (backend->pending[i]->kind != STEP_READ)
			backend->postmaster->version++;
	}
	backend->pending_count = 0;
	return true;
}

static void end_block(struct backend *backend)
{
	backend->in_block = backend->block_failed = false;
	backend->exported = false;
	backend->snapshot = -1;
}

void backend_sync(struct backend *backend)
{
	/* The Sync itself is still there; is anything behind it? */
	if (bytes_len(&backend->inbox) > 5)
		backend->world->counts[COUNT_BEHIND]++;
	if (!backend->in_block && !backend->skipping)
		commit(backend);
	if (!backend->in_block) {
		backend_roll_back(backend);
		backend->snapshot = -1;
	}
	backend->skipping = false;
	backend->local_timeout_ns = 0;
	backend_say_ready(backend);
	backend_flush(backend);
}

/* ---- what a text tells ---- */

static uint64_t number_in(const char *text, const char *key, uint64_t fallback)
{
	const char *at = strstr(text, key);

	return at != NULL ? strtoull(at + strlen(key), NULL, 10) : fallback;
}

void script_read(struct backend *backend, const char *sql, struct script *ret_script)
{
	const char *own = strstr(sql, "'sim "), *by_param = "", *error;
	uint64_t number;

	*ret_script = (struct script){.sql = sql, .type_oid = 25};
	if (own == NULL)
		return;
	number = number_in(own, " q=", 0);
	if (number == 0 && backend->param_count > 0) {
		by_param = backend->params[0];
		number = strtoull(by_param, NULL, 10);
	}
	ret_script->step = ledger_step(backend->world, (unsigned)number);
	ret_script->rows = (unsigned)number_in(own, " rows=", 0);
	ret_script->wait_ns = (int64_t)number_in(own, " wait=", 0) * CLOCK_MS;
	if (strstr(by_param, " wait=") != NULL)
		ret_script->wait_ns = (int64_t)number_in(by_param, " wait=", 0) * CLOCK_MS;
	ret_script->each_ns = (int64_t)number_in(own, " each=", 0) * CLOCK_MS;
	ret_script->width = (unsigned)number_in(own, " width=", 0);
	ret_script->type_oid = (unsigned)number_in(own, " type=", 25);
	ret_script->returns = begins(sql, "select") || strstr(sql, " returning ") != NULL;
	ret_script->notice = strstr(own, " notice ") != NULL;
	ret_script->deferred = strstr(own, " deferred ") != NULL;
	error = strstr(own, " error=");
	if (error == NULL)
		error = strstr(by_param, " error=");
	if (error != NULL)
		memcpy(ret_script->sqlstate, error + strlen(" error="), 5);
}

/* ---- what its results look like ---- */

static void say_columns(struct backend *backend, const char *const *names, unsigned count,
			unsigned last_oid)
{
	char body[512];
	size_t len = sizeof(uint16_t);
	uint16_t wire = htons((uint16_t)count);

	memcpy(body, &wire, sizeof(wire));
	for (unsigned i = 0; i < count; i++) {
		uint32_t oid = htonl(i + 1 == count ? last_oid : 25);
		size_t name = strlen(names[i]) + 1;

		memcpy(body + len, names[i], name);
		len += name;
		memset(body + len, 0, 18); /* table, column; type; size, modifier, format */
		memcpy(body + len + 6, &oid, sizeof(oid));
		memset(body + len + 10, 0xff, 6);
		len += 18;
	}
	backend_say(backend, 'T', body, len);
}

static const char *const own_columns[] = {"id", "version", "argument"};
static const char *const setup_columns[] = {"a", "b", "c", "d", "e", "f", "g", "statement_timeout"};
static const char *const six_columns[] = {"a", "b", "c", "d", "e", "f"};

static bool is_setup(const char *sql)
{
	return begins(sql, "select pg_catalog.set_config('DateStyle'");
}
static bool is_timeout(const char *sql)
{
	return begins(sql, "select pg_catalog.set_config('statement_timeout'");
}
static bool is_export(const char *sql)
{
	return begins(sql, "select pg_catalog.pg_export_snapshot()");
}
static bool is_identity(const char *sql)
{
	return begins(sql, "select null, pg_catalog.pg_postmaster_start_time()");
}
static bool is_lookup(const char *sql)
{
	return begins(sql, "with recursive wanted as");
}

void backend_describe(struct backend *backend, const char *sql)
{
	struct script script;

	script_read(backend, sql, &script);
	if (strstr(sql, "'sim ") != NULL && script.returns)
		say_columns(backend, own_columns, 3, script.type_oid);
	else if (is_setup(sql))
		say_columns(backend, setup_columns, 8, 20);
	else if (is_export(sql) || is_identity(sql) || is_lookup(sql))
		say_columns(backend, six_columns, 6, 25);
	else if (is_timeout(sql) || begins(sql, "select"))
		say_columns(backend, own_columns, 1, 25);
	else
		backend_say(backend, 'n', "", 0);
}

static void say_row(struct backend *backend)
{
	const struct script *script = &backend->script;
	char id[32], version[24], argument[640];
	const char *cells[3] = {id, version, argument};
	size_t width = MIN(script->width, (unsigned)sizeof(argument) - BACKEND_PARAM_BYTES - 1);

	snprintf(id, sizeof(id), "%u:%u", script->step->number, backend->row);
	snprintf(version, sizeof(version), "%lld", (long long)script->version);
	snprintf(argument, sizeof(argument), "%s",
		 backend->param_count > 0 ? backend->params[backend->param_count - 1] : "");
	memset(argument + strlen(argument), 'x', width);
	argument[strcspn(argument, "x") + width] = '\0';
	backend_say_row(backend, cells, 3);
}

/* ---- the daemon's own statements ---- */

static void deallocate(struct backend *backend, const char *name)
{
	for (size_t i = 0; i < BACKEND_PREPARED; i++) {
		if (backend->prepared[i].sql == NULL ||
		    (strcmp(name, "all") != 0 && strcmp(backend->prepared[i].name, name) != 0))
			continue;
		backend->prepared[i].sql = NULL;
		if (strcmp(name, "all") == 0)
			continue;
		/* no gaps: the first free one ends the list */
		for (size_t j = i; j + 1 < BACKEND_PREPARED && backend->prepared[j + 1].sql; j++) {
			backend->prepared[j] = backend->prepared[j + 1];
			backend->prepared[j + 1].sql = NULL;
		}
		backend_say_tag(backend, "DEALLOCATE");
		return;
	}
	if (strcmp(name, "all") == 0)
		backend_say_tag(backend, "DEALLOCATE ALL");
	else
		backend_fail(backend, "26000", "prepared statement does not exist",
			     "FetchPreparedStatement");
}

static void say_facts(struct backend *backend, bool export)
{
	struct postmaster *postmaster = backend->postmaster;
	char id[64], identity[64];
	const char *cells[6] = {export ? id : NULL, identity, "/sim", "0/1", "now", "f"};

	if (backend->snapshot < 0)
		backend->snapshot = postmaster->version;
	snprintf(id, sizeof(id), "%u-%u-%lld", postmaster->boots, backend->number,
		 (long long)backend->snapshot);
	snprintf(identity, sizeof(identity), "%u %u %lld", postmaster->number, postmaster->boots,
		 (long long)backend->snapshot);
	backend->exported = backend->exported || export;
	backend_say_row(backend, cells, 6);
	backend_say_tag(backend, "SELECT 1");
}

/* Good only as long as the transaction that has exported it. */
static void import(struct backend *backend, const char *id)
{
	struct postmaster *postmaster = backend->postmaster;
	unsigned boots, number;
	long long version;

	if (sscanf(id, "'%u-%u-%lld'", &boots, &number, &version) == 3 &&
	    boots == postmaster->boots)
		for (unsigned i = 0; i < postmaster->backend_count; i++) {
			const struct backend *other = postmaster->backends[i];

			if (other->number != number || !other->exported ||
			    other->state != BACKEND_OPEN || other->snapshot != version)
				continue;
			backend->snapshot = version;
			backend_say_tag(backend, "SET");
			return;
		}
	backend->world->ledger->faults = true;
	backend_fail(backend, "22023", "invalid snapshot identifier", "ImportSnapshot");
}

static void say_types(struct backend *backend)
{
	unsigned rows = 0;
	char tag[32];

	for (const char *at = backend->params[0]; *at != '\0';) {
		unsigned long oid;
		char text[24], *end;
		const char *cells[6] = {text, "mood", text, "0", "0", ","};

		at += strcspn(at, "0123456789");
		if (*at == '\0')
			break;
		oid = strtoul(at, &end, 10);
		at = end;
		snprintf(text, sizeof(text), "%lu", oid);
		backend_say_row(backend, cells, 6);
		rows++;
	}
	snprintf(tag, sizeof(tag), "SELECT %u", rows);
	backend_say_tag(backend, tag);
}

static void execute_own(struct backend *backend)
{
	static const char *const setup[] = {"ISO", "postgres", "hex", "1", "on", NULL, NULL, "0"};
	static const char *const one[] = {"1"};
	const char *sql = backend->bound;

	if (is_setup(sql)) {
		backend_say_row(backend, setup, 8);
		backend_say_tag(backend, "SELECT 1");
	} else if (is_timeout(sql)) {
		backend->local_timeout_ns = strtoll(backend->params[0], NULL, 10) * CLOCK_MS;
		backend_say_row(backend, one, 1);
		backend_say_tag(backend, "SELECT 1");
	} else if (is_export(sql) || is_identity(sql)) {
		say_facts(backend, is_export(sql));
	} else if (is_lookup(sql)) {
		say_types(backend);
	} else if (begins(sql, "begin")) {
		if (backend->in_block)
			backend_say_error(backend, "WARNING", "25001",
					  "there is already a transaction in progress", "");
		/* What came before it in the same segment belongs to it. */
		backend->in_block = true;
		if (strstr(sql, "repeatable read") != NULL || strstr(sql, "serializable") != NULL)
			backend->snapshot = strstr(sql, "read only") != NULL
						    ? -1
						    : backend->postmaster->version;
		backend_say_tag(backend, "BEGIN");
	} else if (begins(sql, "commit")) {
		if (backend->block_failed) {
			backend_roll_back(backend);
			end_block(backend);
			backend_say_tag(backend, "ROLLBACK");
		} else if (commit(backend)) {
			end_block(backend);
			backend_say_tag(backend, "COMMIT");
		} else {
			end_block(backend);
			backend->skipping = true;
		}
	} else if (begins(sql, "rollback to savepoint")) {
		backend_roll_back(backend);
		backend->block_failed = false;
		backend_say_tag(backend, "ROLLBACK");
	} else if (begins(sql, "rollback")) {
		backend_roll_back(backend);
		end_block(backend);
		backend_say_tag(backend, "ROLLBACK");
	} else if (begins(sql, "savepoint")) {
		backend_say_tag(backend, "SAVEPOINT");
	} else if (begins(sql, "set transaction snapshot ")) {
		import(backend, sql + strlen("set transaction snapshot "));
	} else if (begins(sql, "deallocate ")) {
		deallocate(backend, sql + strlen("deallocate "));
	} else if (begins(sql, "reset all")) {
		backend->dirt = 0;
		backend_say_tag(backend, "RESET");
	} else if (begins(sql, "select pg_catalog.pg_advisory_unlock_all()")) {
		backend_say_row(backend, one, 1);
		backend_say_tag(backend, "SELECT 1");
	} else if (begins(sql, "reset ") || begins(sql, "close all") || begins(sql, "unlisten") ||
		   begins(sql, "discard ")) {
		backend_say_tag(backend, "RESET");
	} else {
		world_fail(backend->world, "a statement that nobody has written: %s", sql);
	}
}

/* ---- the session that listens ---- */

static bool listen_to(struct backend *backend, const char *verb, const char *name)
{
	int channel = listens_channel(name);

	if (channel < 0)
		world_fail(backend->world, "a channel that nobody has asked for: %s", name);
	if (strcmp(verb, "unlisten") == 0) {
		backend->channels &= ~(1U << channel);
		backend_say_tag(backend, "UNLISTEN");
		return true;
	}
	if (channel == LISTENS_REFUSED) {
		backend_say_error(backend, "ERROR", "42501", "this one is not to be heard", "sim");
		return false;
	}
	backend->channels |= 1U << channel;
	backend_say_tag(backend, "LISTEN");
	return true;
}

void backend_query(struct backend *backend, const char *sql)
{
	static const char *const cells[] = {NULL, "0"};
	unsigned before = backend->channels;
	char verb[16], name[16];
	bool good = true;
	int len;

	if (begins(sql, "select case when pg_catalog.current_setting('server_encoding')")) {
		say_columns(backend, own_columns, 2, 25);
		backend_say_row(backend, cells, 2);
		backend_say_tag(backend, "SELECT 1");
	} else {
		while (good && sscanf(sql, "%15[a-z] \"%15[a-z0-9]\";%n", verb, name, &len) == 2) {
			good = listen_to(backend, verb, name);
			sql += len;
		}
		if (good && *sql != '\0')
			world_fail(backend->world, "a command that nobody has written: %s", sql);
		if (!good)
			backend->channels = before;
	}
	backend_say_ready(backend);
	backend_flush(backend);
}

/* ---- the clients' statements ---- */

void backend_execute(struct backend *backend)
{
	struct plan_step *step;

	script_read(backend, backend->bound, &backend->script);
	step = backend->script.step;
	if (strstr(backend->bound, "'sim ") == NULL) {
		execute_own(backend);
		return;
	}
	if (step == NULL)
		world_fail(backend->world, "a statement of nobody: %s", backend->bound);
	if (backend->dirt != 0 && backend->dirt != step->request->id)
		world_fail(backend->world, "step %u runs in the session that request %u has left",
			   step->number, backend->dirt);
	ledger_step_begins(backend->world, step, backend->number, backend->socket != NULL);
	backend->running = true;
	backend->cancel_pending = false;
	backend->row = 0;
	backend->script.version =
		backend->snapshot >= 0 ? backend->snapshot : backend->postmaster->version;
	backend->command_began_ns = world_now_ns(backend->world);
	backend->ready_ns = backend->command_began_ns + backend->script.wait_ns;
	if (backend->local_timeout_ns > 0)
		backend_wake(backend, backend->command_began_ns + backend->local_timeout_ns);
	/* What it commits in between stays, even if it then fails. */
	if (step->kind == STEP_CALL && !backend->in_block)
		ledger_step_commits(backend->world, step);
	backend_wake(backend, backend->ready_ns);
}

static void complete(struct backend *backend)
{
	struct plan_step *step = backend->script.step;
	char tag[48];

	static const char *const verbs[] = {"SELECT ", "INSERT 0 ", "SET", "CALL"};

	snprintf(tag, sizeof(tag), step->kind <= STEP_WRITE ? "%s%u" : "%s", verbs[step->kind],
		 step->kind == STEP_READ || backend->script.returns ? backend->script.rows : 1);
	step->completed++;
	if (step->kind == STEP_SET)
		backend->dirt = step->request->id;
	if (step->kind != STEP_CALL || backend->in_block)
		add_pending(backend, step);
	world_trace(backend->world, "step completes", step->number, backend->number, 0);
	backend->running = false;
	backend_say_tag(backend, tag);
}

static bool out_of_time(const struct backend *backend)
{
	return backend->local_timeout_ns > 0 &&
	       world_now_ns(backend->world) >=
		       backend->command_began_ns + backend->local_timeout_ns;
}

void backend_run(struct backend *backend)
{
	struct plan_step *step = backend->script.step;
	int64_t now_ns = world_now_ns(backend->world);

	if (backend->cancel_pending || out_of_time(backend)) {
		ledger_step_interrupted(backend->world, step);
		backend->cancel_pending = false;
		backend_fail(backend, "57014", "canceling statement due to user request",
			     "ProcessInterrupts");
		return;
	}
	if (backend->row == 0 && backend->script.notice)
		backend_say_error(backend, "NOTICE", "00000", "by the way", "exec_stmt_raise");
	if (backend->row < backend->script.rows) {
		if (backend->script.returns)
			say_row(backend);
		backend->row++;
		backend->ready_ns = now_ns + backend->script.each_ns;
		if (backend->script.each_ns > 0)
			backend_wake(backend, backend->ready_ns);
		return;
	}
	if (backend->script.sqlstate[0] != '\0' && !backend->script.deferred) {
		if (backend->in_block)
			ledger_step_undone(backend->world, step);
		backend_fail(backend, backend->script.sqlstate, "as was asked for", "sim");
		return;
	}
	complete(backend);
}
