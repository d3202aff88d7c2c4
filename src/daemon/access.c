/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/access.h"

#include "base/mem.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A process may be in more groups than this only on kernels that were built for it. */
#define ACCESS_MAX_GROUPS 65536

struct access_rule {
	struct config_access section; /* with texts of its own */
	uid_t *uids;
	size_t uid_count;
	bool any_user;
	gid_t *gids;
	size_t gid_count;
	bool any_group;
};

struct access_table {
	unsigned refs;
	struct access_rule *rules;
	size_t count;
};

static size_t count_names(const char *const *names)
{
	size_t count = 0;

	while (names != NULL && names[count] != NULL)
		count++;
	return count;
}

static void free_names(const char *const *names)
{
	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		mem_free((void *)(uintptr_t)names[i]);
	mem_free((void *)(uintptr_t)names);
}

static const char *const *copy_names(const char *const *names)
{
	size_t count = count_names(names);
	const char **copy = mem_calloc(count + 1, sizeof(*copy));

	for (size_t i = 0; copy != NULL && i < count; i++) {
		copy[i] = mem_strdup(names[i]);
		if (copy[i] == NULL) {
			free_names(copy);
			return NULL;
		}
	}
	return copy;
}

static bool is_number(const char *text, unsigned long *ret_number)
{
	char *end;

	errno = 0;
	*ret_number = strtoul(text, &end, 10);
	/* The largest of all means nobody to the kernel. */
	return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' &&
	       *ret_number < UINT32_MAX;
}

bool access_find_uid(const char *name, uid_t *ret_uid)
{
	unsigned long number;
	struct passwd *user;

	if (is_number(name, &number)) {
		*ret_uid = (uid_t)number;
		return true;
	}
	user = getpwnam(name);
	if (user != NULL)
		*ret_uid = user->pw_uid;
	return user != NULL;
}

bool access_find_gid(const char *name, gid_t *ret_gid)
{
	unsigned long number;
	struct group *group;

	if (is_number(name, &number)) {
		*ret_gid = (gid_t)number;
		return true;
	}
	group = getgrnam(name);
	if (group != NULL)
		*ret_gid = group->gr_gid;
	return group != NULL;
}

static void report_unknown(const struct config *config, const struct config_access *section,
			   const char *what, const char *name, config_error_fn *report, void *arg)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "%s:%u: [access %s]: the system has no %s \"%s\"; it matches nobody", config->path,
		 section->line, section->name, what, name);
	report(arg, text);
}

static int make_rule(struct access_rule *rule, const struct config *config,
		     const struct config_access *section, config_error_fn *report, void *arg)
{
	size_t users = count_names(section->users), groups = count_names(section->groups);

	rule->section = *section;
	rule->section.users = rule->section.groups = NULL;
	rule->section.name = mem_strdup(section->name);
	rule->section.databases = copy_names(section->databases);
	rule->uids = mem_calloc(users, sizeof(*rule->uids));
	rule->gids = mem_calloc(groups, sizeof(*rule->gids));
	if (rule->section.name == NULL || rule->section.databases == NULL || rule->uids == NULL ||
	    rule->gids == NULL)
		return -ENOMEM;
	rule->any_user = users == 0;
	rule->any_group = groups == 0;
	for (size_t i = 0; i < users; i++) {
		if (access_find_uid(section->users[i], &rule->uids[rule->uid_count]))
			rule->uid_count++;
		else
			report_unknown(config, section, "user", section->users[i], report, arg);
	}
	for (size_t i = 0; i < groups; i++) {
		if (access_find_gid(section->groups[i], &rule->gids[rule->gid_count]))
			rule->gid_count++;
		else
			report_unknown(config, section, "group", section->groups[i], report, arg);
	}
	return 0;
}

int access_table_new(struct access_table **ret_table, const struct config *config,
		     config_error_fn *report, void *arg)
{
	struct access_table *table = mem_calloc(1, sizeof(*table));

	if (table == NULL)
		return -ENOMEM;
	table->refs = 1;
	table->rules = mem_calloc(config->access_count, sizeof(*table->rules));
	if (table->rules == NULL) {
		access_table_unref(table);
		return -ENOMEM;
	}
	for (size_t i = 0; i < config->access_count; i++) {
		table->count++;
		if (make_rule(&table->rules[i], config, &config->accesses[i], report, arg) < 0) {
			access_table_unref(table);
			return -ENOMEM;
		}
	}
	*ret_table = table;
	return 0;
}

void access_table_unref(struct access_table *table)
{
	if (table == NULL || --table->refs > 0)
		return;
	for (size_t i = 0; i < table->count; i++) {
		struct access_rule *rule = &table->rules[i];

		mem_free((void *)(uintptr_t)rule->section.name);
		free_names(rule->section.databases);
		mem_free(rule->uids);
		mem_free(rule->gids);
	}
	mem_free(table->rules);
	mem_free(table);
}

static bool user_matches(const struct access_rule *rule, uid_t uid)
{
	for (size_t i = 0; i < rule->uid_count; i++)
		if (rule->uids[i] == uid)
			return true;
	return rule->any_user;
}

static bool group_matches(const struct access_rule *rule, const gid_t *groups, size_t count)
{
	for (size_t i = 0; i < rule->gid_count; i++)
		for (size_t j = 0; j < count; j++)
			if (rule->gids[i] == groups[j])
				return true;
	return rule->any_group;
}

/* The groups of the process that connected, first its own; from the kernel, so that no name service
 * is asked. */
static int peer_groups(int fd, gid_t first, gid_t **ret_groups, size_t *ret_count)
{
	socklen_t len = 64 * sizeof(gid_t);

	for (;;) {
		gid_t *groups = mem_alloc(sizeof(gid_t) + len);

		if (groups == NULL)
			return -ENOMEM;
		groups[0] = first;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups + 1, &len) == 0) {
			*ret_groups = groups;
			*ret_count = 1 + len / sizeof(gid_t);
			return 0;
		}
		mem_free(groups);
		if (errno != ERANGE || len > ACCESS_MAX_GROUPS * sizeof(gid_t))
			return -errno;
	}
}

int access_identify(struct access *ret_access, struct access_table *table, int fd)
{
	struct access access = {.table = NULL};
	struct ucred cred;
	socklen_t len = sizeof(cred);
	gid_t *groups = NULL;
	size_t count = 0;
	int rc;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	access.uid = cred.uid;
	access.gid = cred.gid;
	access.pid = cred.pid;
	if (table->count > 0) {
		rc = peer_groups(fd, cred.gid, &groups, &count);
		if (rc < 0)
			return rc;
		for (size_t i = 0; i < table->count && access.section == NULL; i++)
			if (user_matches(&table->rules[i], cred.uid) &&
			    group_matches(&table->rules[i], groups, count))
				access.section = &table->rules[i].section;
		mem_free(groups);
		access.table = table;
		table->refs++;
	}
	*ret_access = access;
	return 0;
}

void access_release(struct access *access)
{
	access_table_unref(access->table);
	access->table = NULL;
	access->section = NULL;
}

bool access_allows_anything(const struct access *access)
{
	return access->table == NULL || access->section != NULL;
}

bool access_allows_database(const struct access *access, const char *database)
{
	if (access->table == NULL)
		return true;
	if (access->section == NULL)
		return false;
	for (size_t i = 0; access->section->databases[i] != NULL; i++)
		if (strcmp(access->section->databases[i], database) == 0)
			return true;
	return access->section->databases[0] == NULL;
}

bool access_allows_sql(const struct access *access)
{
	return access->table == NULL ||
	       (access->section != NULL && access->section->sql == CONFIG_SQL_ANY);
}

bool access_read_only(const struct access *access)
{
	return access->section != NULL && access->section->read_only;
}

unsigned access_max_requests(const struct access *access, unsigned limit)
{
	if (access->section != NULL && access->section->max_requests > 0)
		return MIN(limit, access->section->max_requests);
	return limit;
}
