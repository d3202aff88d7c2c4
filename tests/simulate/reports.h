/* SPDX-License-Identifier: PostgreSQL */
/* The stored reports of the simulation: files in memory, and requests for them. */
#ifndef SIMULATE_REPORTS_H
#define SIMULATE_REPORTS_H

#define REPORTS_DIR "/sim/reports"

struct plan_request;
struct scenario;

/* The file's text; NULL: there is none. */
const char *reports_file(const char *path);
/* Writes the request's text; its first item tells the database. */
void reports_ask(struct scenario *scenario, struct plan_request *request);

#endif
