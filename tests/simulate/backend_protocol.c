/* SPDX-License-Identifier: PostgreSQL */
#include "simulate/backend.h"

#include "simulate/listens.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* ---- what it says ---- */

struct message {
	char body[1024];
	size_t len;
};

static void put(struct message *message, const void *bytes, size_t len)
{
	if (len > sizeof(message->body) - message->len)
		len = sizeof(message->body) - message->len;
	memcpy(message->body + message->len, bytes, len);
	message->len += len;
}

static void put_text(struct message *message, const char *text)
{
	put(message, text, strlen(text) + 1);
}

static void put_field(struct message *message, char field, const char *text)
{
	put(message, &field, 1);
	put_text(message, text);
}

void backend_say_error(struct backend *backend, const char *severity, const char *sqlstate,
		       const char *text, const char *routine)
{
	bool notice = strcmp(severity, "WARNING") == 0 || strcmp(severity, "NOTICE") == 0;
	struct message message = {.len = 0};

	put_field(&message, 'S', severity);
	put_field(&message, 'V', severity);
	put_field(&message, 'C', sqlstate);
	put_field(&message, 'M', text);
	put_field(&message, 'R', routine);
	put(&message, "", 1);
	backend_say(backend, notice ? 'N' : 'E', message.body, message.len);
}

void backend_say_ready(struct backend *backend)
{
	backend_say(backend, 'Z', !backend->in_block ? "I" : backend->block_failed ? "E" : "T", 1);
}

void backend_say_tag(struct backend *backend, const char *tag)
{
	backend_say(backend, 'C', tag, strlen(tag) + 1);
}

void backend_say_row(struct backend *backend, const char *const *cells, unsigned count)
{
	struct message message = {.len = 0};
	uint16_t columns = htons((uint16_t)count);

	put(&message, &columns, sizeof(columns));
	for (unsigned i = 0; i < count; i++) {
		uint32_t len = htonl(cells[i] == NULL ? UINT32_MAX : (uint32_t)strlen(cells[i]));

		put(&message, &len, sizeof(len));
		if (cells[i] != NULL)
			put(&message, cells[i], strlen(cells[i]));
	}
	backend_say(backend, 'D', message.body, message.len);
}

static void say_parameter(struct backend *backend, const char *name, const char *value)
{
	struct message message = {.len = 0};

	put_text(&message, name);
	put_text(&message, value);
	backend_say(backend, 'S', message.body, message.len);
}

void backend_notify(struct backend *backend, const char *channel, const char *payload)
{
	struct message message = {.len = 0};
	uint32_t pid = htonl((uint32_t)backend->pid);
	int number = listens_channel(channel);

	if (backend->state != BACKEND_OPEN || number < 0 || (backend->channels & 1U << number) == 0)
		return;
	put(&message, &pid, sizeof(pid));
	put_text(&message, channel);
	put_text(&message, payload);
	backend_say(backend, 'A', message.body, message.len);
	backend_flush(backend);
}

/* An error of a command: what follows it is not looked at, up to the Sync. */
void backend_fail(struct backend *backend, const char *sqlstate, const char *text,
		  const char *routine)
{
	backend_say_error(backend, "ERROR", sqlstate, text, routine);
	backend->running = false;
	backend->skipping = true;
	if (!backend->in_block) {
		backend_roll_back(backend);
		return;
	}
	backend->block_failed = true;
	for (unsigned i = 0; i < backend->pending_count; i++)
		ledger_step_undone(backend->world, backend->pending[i]);
	if (backend->world->read_only)
		backend_roll_back(backend);
}

/* ---- the start ---- */

static void refuse(struct backend *backend, const char *sqlstate, const char *text)
{
	backend->state = BACKEND_OPEN;
	backend_say_error(backend, "FATAL", sqlstate, text, "ProcessStartupPacket");
	backend->state = BACKEND_CLOSED;
	backend->hang_up = true;
	backend_flush(backend);
}

static bool start(struct backend *backend)
{
	const char *const parameters[][2] = {
		{"server_version", "15.6"},
		{"server_encoding", "UTF8"},
		{"client_encoding", "UTF8"},
		{"application_name", "gatherd"},
		{"DateStyle", "ISO, MDY"},
		{"IntervalStyle", "postgres"},
		{"TimeZone", "UTC"},
		{"integer_datetimes", "on"},
		{"session_authorization", "u"},
		{"standard_conforming_strings", "on"},
		{"default_transaction_read_only", backend->world->read_only ? "on" : "off"},
		{"in_hot_standby", "off"},
		{"is_superuser", "off"},
	};
	uint32_t size, key[2] = {htonl((uint32_t)backend->pid), htonl((uint32_t)backend->secret)};

	if (bytes_len(&backend->inbox) < sizeof(size))
		return false;
	memcpy(&size, bytes_data(&backend->inbox), sizeof(size));
	if (bytes_len(&backend->inbox) < ntohl(size))
		return false;
	switch (backend->postmaster->state) {
	case POSTMASTER_FROZEN:
		backend_wake(backend, world_now_ns(backend->world) + 500 * CLOCK_MS);
		return false;
	case POSTMASTER_STARTING:
		refuse(backend, "57P03", "the database system is starting up");
		return true;
	case POSTMASTER_FULL:
		refuse(backend, "53300", "sorry, too many clients already");
		return true;
	case POSTMASTER_AWAY:
		backend->state = BACKEND_CLOSED;
		backend->hang_up = true;
		if (backend->socket != NULL)
			kernel_break(backend->world->kernel, backend->socket, true);
		return true;
	case POSTMASTER_UP:
		break;
	}
	bytes_take(&backend->inbox, ntohl(size));
	backend->state = BACKEND_OPEN;
	backend->world->counts[COUNT_SESSIONS]++;
	world_trace(backend->world, "session begins", backend->number, 0, 0);
	backend_say(backend, 'R', "\0\0\0", 4);
	for (size_t i = 0; i < ARRAY_SIZE(parameters); i++)
		say_parameter(backend, parameters[i][0], parameters[i][1]);
	backend_say(backend, 'K', (const char *)key, sizeof(key));
	backend_say_ready(backend);
	backend_flush(backend);
	return true;
}

/* ---- what it hears ---- */

struct reader {
	const char *at, *end;
};

static const char *read_text(struct reader *reader)
{
	const char *text = reader->at;

	reader->at += strlen(text) + 1;
	return text;
}

static uint16_t read_short(struct reader *reader)
{
	uint16_t value;

	memcpy(&value, reader->at, sizeof(value));
	reader->at += sizeof(value);
	return ntohs(value);
}

static uint32_t read_long(struct reader *reader)
{
	uint32_t value;

	memcpy(&value, reader->at, sizeof(value));
	reader->at += sizeof(value);
	return ntohl(value);
}

static char *keep(struct backend *backend, const char *text)
{
	return world_printf(backend->world, "%s", text);
}

static void parse(struct backend *backend, struct reader *reader)
{
	const char *name = read_text(reader), *sql = read_text(reader);

	if (name[0] == '\0') {
		backend->unnamed = keep(backend, sql);
	} else {
		size_t i = 0;

		while (i < BACKEND_PREPARED && backend->prepared[i].sql != NULL) {
			if (strcmp(backend->prepared[i].name, name) == 0) {
				backend_fail(backend, "42P05", "prepared statement already exists",
					     "StorePreparedStatement");
				return;
			}
			i++;
		}
		if (i == BACKEND_PREPARED)
			world_fail(backend->world, "a session has more prepared statements than "
						   "its cache may hold");
		snprintf(backend->prepared[i].name, BACKEND_NAME_BYTES, "%s", name);
		backend->prepared[i].sql = keep(backend, sql);
	}
	backend_say(backend, '1', "", 0);
}

static char *find_statement(struct backend *backend, const char *name)
{
	if (name[0] == '\0')
		return backend->unnamed;
	for (size_t i = 0; i < BACKEND_PREPARED; i++)
		if (backend->prepared[i].sql != NULL &&
		    strcmp(backend->prepared[i].name, name) == 0)
			return backend->prepared[i].sql;
	return NULL;
}

static void bind_portal(struct backend *backend, struct reader *reader)
{
	const char *name;
	unsigned forget = backend->postmaster->forget_one_in;
	uint16_t formats;

	read_text(reader); /* the portal's name */
	name = read_text(reader);
	formats = read_short(reader);
	reader->at += formats * sizeof(uint16_t);
	backend->param_count = read_short(reader);
	if (backend->param_count > BACKEND_PARAMS)
		world_fail(backend->world, "%u parameters", backend->param_count);
	for (unsigned i = 0; i < backend->param_count; i++) {
		uint32_t len = read_long(reader);
		size_t kept;

		backend->params[i][0] = '\0';
		if (len == UINT32_MAX)
			continue;
		kept = MIN(len, (uint32_t)BACKEND_PARAM_BYTES - 1);
		memcpy(backend->params[i], reader->at, kept);
		backend->params[i][kept] = '\0';
		reader->at += len;
	}
	backend->bound = find_statement(backend, name);
	backend->portal_named = name[0] != '\0';
	if (backend->bound == NULL) {
		backend_fail(backend, "26000", "prepared statement does not exist",
			     "FetchPreparedStatement");
		return;
	}
	if (backend->portal_named && forget > 0 && world_chance(backend->world, forget)) {
		backend->world->ledger->faults = true;
		backend_fail(backend, "0A000", "cached plan must not change result type",
			     "RevalidateCachedQuery");
		return;
	}
	if (backend->block_failed && strncmp(backend->bound, "rollback", 8) != 0 &&
	    strncmp(backend->bound, "commit", 6) != 0) {
		backend_fail(backend, "25P02",
			     "current transaction is aborted, commands ignored until end of "
			     "transaction block",
			     "exec_bind_message");
		return;
	}
	backend_say(backend, '2', "", 0);
}

static void describe(struct backend *backend, struct reader *reader)
{
	char kind = *reader->at++;

	if (kind == 'S') {
		const char *sql = find_statement(backend, read_text(reader));
		/* The first is the number of the step, a second one takes an array or a text. */
		const char *second = sql != NULL ? strstr(sql, "$2") : NULL;
		bool array = second != NULL && strstr(second, "/*array*/") != NULL;
		uint32_t oids[2] = {htonl(25), htonl(array ? 1009 : 25)};
		uint16_t count = second != NULL ? 2 : sql != NULL && strstr(sql, "$1") ? 1 : 0;
		struct message message = {.len = 0};
		uint16_t wire = htons(count);

		put(&message, &wire, sizeof(wire));
		put(&message, oids, count * sizeof(oids[0]));
		backend_say(backend, 't', message.body, message.len);
		backend_describe(backend, sql != NULL ? sql : "");
		return;
	}
	backend_describe(backend, backend->bound);
}

bool backend_take_message(struct backend *backend)
{
	struct reader reader;
	uint32_t size;
	char type;

	if (backend->state == BACKEND_STARTING)
		return start(backend);
	if (bytes_len(&backend->inbox) < 5)
		return false;
	type = bytes_data(&backend->inbox)[0];
	memcpy(&size, bytes_data(&backend->inbox) + 1, sizeof(size));
	size = ntohl(size);
	if (bytes_len(&backend->inbox) < size + 1)
		return false;
	reader.at = bytes_data(&backend->inbox) + 5;
	reader.end = reader.at + size - 4;
	if (!backend->skipping || type == 'S' || type == 'X') {
		switch (type) {
		case 'Q':
			backend_query(backend, reader.at);
			break;
		case 'P':
			parse(backend, &reader);
			break;
		case 'B':
			bind_portal(backend, &reader);
			break;
		case 'D':
			describe(backend, &reader);
			break;
		case 'E':
			backend_execute(backend);
			break;
		case 'S':
			backend_sync(backend);
			break;
		case 'H':
			backend_flush(backend);
			break;
		case 'X':
			backend_roll_back(backend);
			backend->state = BACKEND_CLOSED;
			break;
		default:
			world_fail(backend->world, "a message that is not expected here: %c", type);
		}
	}
	bytes_take(&backend->inbox, size + 1);
	return true;
}
