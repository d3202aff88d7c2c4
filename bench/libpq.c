/* SPDX-License-Identifier: PostgreSQL */
/* libpq: what a plain, blocking C program does with PostgreSQL. libpq takes the server from the
 * environment. */
#include <err.h>
#include <libpq-fe.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOKUPS 20

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static PGresult *checked(PGconn *conn, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_SINGLE_TUPLE)
		errx(1, "%s", PQerrorMessage(conn));
	return result;
}

/* The least that a program can ask. */
static void once(PGconn *conn)
{
	PGresult *result = checked(conn, PQexec(conn, "select 1"));

	puts(PQgetvalue(result, 0, 0));
	PQclear(result);
}

/* Twenty lookups, one after another, written as JSON; again for so many seconds. */
static void lookups(PGconn *conn, double seconds)
{
	double begun_s, end_s;
	uint64_t requests = 0;
	char answer[64 * LOOKUPS], key[16];
	const char *values[] = {key};

	PQclear(checked(conn, PQprepare(conn, "lookup",
					"select abalance from pgbench_accounts where aid = $1", 1,
					NULL)));
	begun_s = now_s();
	do {
		char *at = stpcpy(answer, "[");

		for (int i = 0; i < LOOKUPS; i++) {
			PGresult *result;

			snprintf(key, sizeof(key), "%ld", 100000 + random() % 900000);
			result = checked(conn,
					 PQexecPrepared(conn, "lookup", 1, values, NULL, NULL, 0));
			at += snprintf(at, 64, "%s[[%s]]", i ? "," : "", PQgetvalue(result, 0, 0));
			PQclear(result);
		}
		requests++;
		end_s = now_s();
	} while (end_s < begun_s + seconds);
	printf("{\"rate\": %.1f}\n", (double)requests / (end_s - begun_s));
}

static void json_string(const char *text)
{
	putchar_unlocked('"');
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '"' || byte == '\\')
			putchar_unlocked('\\');
		if (byte < 0x20)
			printf("\\u%04x", byte);
		else
			putchar_unlocked(byte);
	}
	putchar_unlocked('"');
}

static void json_value(const PGresult *result, int column)
{
	const char *text = PQgetvalue(result, 0, column);

	if (PQgetisnull(result, 0, column)) {
		fputs("null", stdout);
		return;
	}
	switch (PQftype(result, column)) {
	case 16: /* bool */
		fputs(*text == 't' ? "true" : "false", stdout);
		break;
	case 20:
	case 21:
	case 23:
	case 700:
	case 701:
	case 1700: /* numbers */
		fputs(text, stdout);
		break;
	default:
		json_string(text);
	}
}

/* A large result, row by row, as JSON. */
static void rows(PGconn *conn, const char *sql)
{
	PGresult *result;

	if (!PQsendQueryParams(conn, sql, 0, NULL, NULL, NULL, NULL, 0) ||
	    !PQsetSingleRowMode(conn))
		errx(1, "%s", PQerrorMessage(conn));
	while ((result = PQgetResult(conn))) {
		checked(conn, result);
		for (int column = 0; PQntuples(result) && column < PQnfields(result); column++) {
			putchar_unlocked(column ? ',' : '[');
			json_value(result, column);
		}
		fputs(PQntuples(result) ? "],\n" : "", stdout);
		PQclear(result);
	}
}

int main(int argc, char **argv)
{
	PGconn *conn = PQconnectdb("");

	if (PQstatus(conn) != CONNECTION_OK)
		errx(1, "%s", PQerrorMessage(conn));
	if (argc == 2 && !strcmp(argv[1], "once"))
		once(conn);
	else if (argc == 3 && !strcmp(argv[1], "lookups"))
		lookups(conn, atof(argv[2]));
	else if (argc == 3 && !strcmp(argv[1], "rows"))
		rows(conn, argv[2]);
	else
		errx(64, "usage: libpq once | lookups SECONDS | rows SQL");
	PQfinish(conn);
	return 0;
}
