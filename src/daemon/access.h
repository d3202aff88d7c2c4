/* SPDX-License-Identifier: PostgreSQL */
/* Who a client is, as the kernel says, and what the configuration's [access] sections let it do. */
#ifndef DAEMON_ACCESS_H
#define DAEMON_ACCESS_H

#include "base/macros.h"
#include "conf/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The configuration's names as numbers: looked up when it is loaded, since a name service may take
 * its time. */
struct access_table;

/* A client's rights. `section` points into the table that granted them; it stays valid while the
 * session holds it. */
struct access {
	struct access_table *table;	     /* NULL: no [access] sections, all is allowed */
	const struct config_access *section; /* NULL with a table: nothing is allowed */
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

/* 0 or -ENOMEM. A name that the system does not know matches nobody; `report` is told of it. With
 * one reference. */
int access_table_new(struct access_table **ret_table, const struct config *config,
		     config_error_fn *report, void *arg) MUST_CHECK;
void access_table_unref(struct access_table *table);

/* A name or a number; false: the system has no such user or group. */
bool access_find_uid(const char *name, uid_t *ret_uid);
bool access_find_gid(const char *name, gid_t *ret_gid);

/* Asks the kernel who is at the other end. 0 or a negative errno. Release it with access_release.
 */
int access_identify(struct access *ret_access, struct access_table *table, int fd) MUST_CHECK;
void access_release(struct access *access);

bool access_allows_anything(const struct access *access);
bool access_allows_database(const struct access *access, const char *database);
bool access_allows_sql(const struct access *access); /* any, not reports only */
bool access_read_only(const struct access *access);
/* `limit` or what its section says. */
unsigned access_max_requests(const struct access *access, unsigned limit);

#endif
