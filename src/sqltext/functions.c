/* SPDX-License-Identifier: PostgreSQL */
#include "sqltext/functions.h"

#include "base/macros.h"

#include <stdbool.h>

#define ACTS	SQL_FUNCTION_ACTS
#define DIRTIES (SQL_FUNCTION_ACTS | SQL_FUNCTION_DIRTIES)
#define STAYS	(SQL_FUNCTION_ACTS | SQL_FUNCTION_STAYS)
#define ALL	SQL_FUNCTION_ANY

/* A name that ends in * stands for all that begin so. Of several that fit, all count. */
static const struct function {
	const char *name;
	unsigned flags;
} functions[] = {
	/* session state: settings, sequences, locks, large objects' descriptors */
	{"set_config", DIRTIES},
	{"setseed", DIRTIES},
	{"set_limit", DIRTIES}, /* pg_trgm */
	{"nextval", DIRTIES},
	{"setval", ALL},
	{"pg_advisory_*", DIRTIES},
	{"pg_try_advisory_*", DIRTIES},
	{"pg_export_snapshot", DIRTIES},
	{"lo_close", DIRTIES},
	{"lo_creat", DIRTIES},
	{"lo_create", DIRTIES},
	{"lo_export", ALL},
	{"lo_from_bytea", DIRTIES},
	{"lo_get", DIRTIES},
	{"lo_import", DIRTIES},
	{"lo_lseek*", DIRTIES},
	{"lo_manage", DIRTIES},
	{"lo_oid", DIRTIES},
	{"lo_open", DIRTIES},
	{"lo_put", DIRTIES},
	{"lo_tell*", DIRTIES},
	{"lo_truncate*", DIRTIES},
	{"lo_unlink", DIRTIES},
	{"loread", DIRTIES},
	{"lowrite", DIRTIES},
	/* other sessions, on this server or elsewhere; SQL given as text */
	{"dblink*", ALL},
	{"pg_background_*", ALL},
	{"query_to_xml*", ALL},
	{"cursor_to_xml*", ALL},
	{"crosstab*", ALL},
	{"connectby", ALL},
	{"xpath_table", ALL},
	{"ts_stat", ALL},
	{"ts_rewrite", ALL},
	/* replication and backup */
	{"pg_logical_*", ALL},
	{"pg_replication_*", ALL},
	{"pg_create_*", ALL},
	{"pg_copy_*", ALL},
	{"pg_drop_replication_slot", ALL},
	{"pg_sync_replication_slots", STAYS},
	{"pg_backup_*", ALL},
	{"pg_start_backup", ALL},
	{"pg_stop_backup", ALL},
	/* the server and its files */
	{"pg_terminate_backend", STAYS},
	{"pg_cancel_backend", STAYS},
	{"pg_reload_conf", STAYS},
	{"pg_rotate_logfile*", STAYS},
	{"pg_switch_*", STAYS},
	{"pg_promote", STAYS},
	{"pg_wal_replay_*", STAYS},
	{"pg_log_*", STAYS},
	{"pg_file_*", STAYS}, /* adminpack */
	{"pg_stat_reset*", STAYS},
	{"pg_stat_statements_reset", STAYS},
	{"pg_stat_force_next_flush", STAYS},
	{"pg_buffercache_evict*", STAYS},
	{"brin_summarize_*", STAYS},
	{"brin_desummarize_*", STAYS},
	{"gin_clean_pending_list", STAYS},
	{"pg_truncate_visibility_map", STAYS},
	{"heap_force_*", STAYS},
	{"pg_nextoid", STAYS},
	{"binary_upgrade_*", ALL},
	/* what a rollback takes back */
	{"pg_notify", ACTS},
	{"pg_current_xact_id", ACTS},
	{"txid_current", ACTS},
	{"pg_import_system_collations", ACTS},
	{"pg_extension_config_dump", ACTS},
	{"pg_set_*", ACTS},
	{"pg_restore_*", ACTS},
	{"pg_clear_*", ACTS},
};

static bool fits(struct str name, const char *pattern)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (pattern[i] == '*')
			return true;
		if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != pattern[i])
			return false;
	}
	return pattern[name.len] == '\0' || pattern[name.len] == '*';
}

unsigned sql_function_flags(struct str name)
{
	unsigned flags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (fits(name, functions[i].name))
			flags |= functions[i].flags;
	return flags;
}
