/* SPDX-License-Identifier: PostgreSQL */
/*
 * A reload: all of the new configuration is in force, or all of the old one, whichever allocation
 * fails and whatever is wrong with the file.
 */
#include "unit/daemon_server.h"

#define HOST "conninfo = host=/nonexistent\n"

/* Which differ in all that a reload can change. */
static const char *const configs[] = {
	"log_level = error\nreport_dir = /old\nmax_clients = 10\nmemory_limit = 64M\n"
	"default_database = stays\n"
	"[database stays]\n" HOST "[database goes]\n" HOST "[database changes]\n" HOST
	"pool_max = 2\n"
	"[access all]\nusers = 0\npool_max = 1\n",
	"log_level = warning\nreport_dir = /new\nmax_clients = 20\nmemory_limit = 128M\n"
	"default_database = comes\n"
	"[database stays]\n" HOST "[database comes]\n" HOST "[database changes]\n" HOST
	"pool_max = 3\n"
	"[access few]\nusers = 0, 1\nsql = reports\n[access rest]\nread_only = true\n",
};

struct state {
	const struct config *config;
	const struct access_table *access;
	const struct database *databases[8];
	size_t database_count;
	size_t memory_bytes, rows_bytes, input_bytes, reserve;
	bool warns; /* which level is logged */
};

static struct state state_of(struct server *server)
{
	struct state state = {
		.config = server->config,
		.access = server->access,
		.memory_bytes = server->memory.limit_bytes,
		.rows_bytes = server->rows.limit_bytes,
		.input_bytes = server->input.limit_bytes,
		.reserve = server->listener.reserve,
		.warns = log_enabled(LOG_LEVEL_WARNING),
	};

	list_for_each (node, &server->databases)
		state.databases[state.database_count++] = LIST_ENTRY(node, struct database, node);
	ck_assert_uint_eq(state.database_count, server->database_count);
	return state;
}

static void ck_same_state(struct server *server, const struct state *before)
{
	struct state now = state_of(server);

	ck_assert_ptr_eq(now.config, before->config);
	ck_assert_ptr_eq(now.access, before->access);
	ck_assert_uint_eq(now.database_count, before->database_count);
	for (size_t i = 0; i < now.database_count; i++)
		ck_assert_ptr_eq(now.databases[i], before->databases[i]);
	ck_assert_uint_eq(now.memory_bytes, before->memory_bytes);
	ck_assert_uint_eq(now.rows_bytes, before->rows_bytes);
	ck_assert_uint_eq(now.input_bytes, before->input_bytes);
	ck_assert_uint_eq(now.reserve, before->reserve);
	ck_assert(now.warns == before->warns);
}

static struct database *find(struct server *server, const char *name)
{
	return server_find_database(server, str_from(name));
}

/* What a client with this number may do. */
static bool may_write_sql(struct server *server)
{
	struct access access;
	int fds[2];
	bool may;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(access_identify(&access, server->access, fds[0]), 0);
	may = access_allows_sql(&access) && !access_read_only(&access);
	access_release(&access);
	close(fds[0]);
	close(fds[1]);
	return may;
}

static void ck_all_of(struct server *server, bool new)
{
	struct state state = state_of(server);
	size_t memory_bytes = (size_t)(new ? 128 : 64) << 20;

	ck_assert_str_eq(server->config->report_dir, new ? "/new" : "/old");
	ck_assert_uint_eq(server->config->max_clients, new ? 20 : 10);
	ck_assert_uint_eq(state.memory_bytes, memory_bytes);
	ck_assert_uint_eq(state.rows_bytes, memory_bytes / 8 * 5);
	ck_assert_uint_eq(state.input_bytes, memory_bytes / 4);
	ck_assert(state.warns == new);
	ck_assert_uint_eq(state.database_count, 3);
	ck_assert_ptr_nonnull(find(server, "stays"));
	ck_assert((find(server, "comes") != NULL) == new);
	ck_assert((find(server, "goes") != NULL) == !new);
	ck_assert_uint_eq(find(server, "changes")->conf.pool_max, new ? 3 : 2);
	ck_assert_ptr_eq(server_find_database(server, (struct str){NULL, 0}),
			 find(server, new ? "comes" : "stays"));
	ck_assert(may_write_sql(server) == (!new &&getuid() == 0));
}

/* A file of the test's own, which is the server's. */
static char path[64];

static void write_config(const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "[gatherd]\nsocket = /tmp/unused\n%s", text);
	ck_assert_int_eq(fclose(file), 0);
}

static void set_up(void)
{
	int fd;

	strcpy(path, "/tmp/reload-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void tear_down(void)
{
	unlink(path);
}

/* Until what has left the configuration has ended: each database has one task. */
static void await_ends(struct server *server)
{
	while (co_group_live(&server->group) > server->database_count)
		ck_assert_int_eq(co_sleep_until(clock_after_ns(co_now_ns(), CLOCK_MS)), 0);
}

static void load(struct server *server, bool new)
{
	write_config(configs[new]);
	server_reload(server);
	await_ends(server);
	ck_all_of(server, new);
}

static int more; /* that fail after the first */

static void task_memory(struct daemon_env *env)
{
	struct server *server = &env->server;
	struct mem_failure failure = {0};
	int kept = 0;

	server->config_path = path;
	/* Stacks and what else is kept for later are there before blocks are counted. */
	load(server, true);
	load(server, false);
	for (int n = 0; n == 0 || failure.failed > 0; n++) {
		struct database *stays = find(server, "stays");
		struct state before = state_of(server);
		size_t blocks = mem_live_blocks();

		write_config(configs[1]);
		failure = (struct mem_failure){.countdown = n, .more = more};
		mem_set_fail_hook(mem_failure_hook, &failure);
		server_reload(server);
		mem_set_fail_hook(NULL, NULL);
		await_ends(server);
		ck_assert_ptr_eq(find(server, "stays"), stays);
		if (server->config == before.config) {
			ck_assert_int_gt(failure.failed, 0);
			ck_same_state(server, &before);
			ck_all_of(server, false);
			ck_assert_uint_eq(mem_live_blocks(), blocks);
			kept++;
			continue;
		}
		ck_all_of(server, true);
		load(server, false);
		ck_assert_uint_eq(mem_live_blocks(), blocks);
	}
	ck_assert_int_gt(kept, 20); /* else little was tried */
}

START_TEST(every_allocation_fails)
{
	static const int runs[] = {0, 2, 19};

	more = runs[_i];
	daemon_env_run(task_memory, configs[0], true);
}
END_TEST

/* ---- a file that cannot be used ---- */

static const char *const broken[] = {
	"nonsense = 1\n[database stays]\n" HOST,
	"[database stays]\nconninfo = dbnam=postgres\n",
	"[access all]\nusers = 0\n",
	"[database stays]\n" HOST "[database stays]\n" HOST,
	NULL, /* no file at all */
};

static void task_broken(struct daemon_env *env)
{
	struct server *server = &env->server;
	struct state before;

	server->config_path = path;
	load(server, false);
	before = state_of(server);
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		size_t blocks = mem_live_blocks();

		if (broken[i] != NULL)
			write_config(broken[i]);
		else
			unlink(path);
		server_reload(server);
		ck_same_state(server, &before);
		ck_assert_uint_eq(mem_live_blocks(), blocks);
	}
}

START_TEST(a_broken_file_changes_nothing)
{
	daemon_env_run(task_broken, configs[0], true);
}
END_TEST

/* ---- who uses the old one ---- */

static void task_users(struct daemon_env *env)
{
	struct server *server = &env->server;
	struct access access;
	struct database *goes = database_ref(find(server, "goes"));
	int fds[2];

	server->config_path = path;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(access_identify(&access, server->access, fds[0]), 0);
	write_config(configs[1]);
	server_reload(server);
	ck_all_of(server, true);
	/* Who came before has what was in force then, and a database as long as it is used. */
	ck_assert(access_allows_anything(&access) == (getuid() == 0));
	ck_assert(access_allows_sql(&access) == (getuid() == 0));
	ck_assert_str_eq(goes->conf.name, "goes");
	access_release(&access);
	database_unref(goes);
	await_ends(server);
	close(fds[0]);
	close(fds[1]);
}

START_TEST(what_is_in_use_stays_until_it_is_not)
{
	daemon_env_run(task_users, configs[0], true);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("daemon reload");
	TCase *tcase = suite_case(suite, "reload", 120);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, every_allocation_fails, 0, 3);
	tcase_add_test(tcase, a_broken_file_changes_nothing);
	tcase_add_test(tcase, what_is_in_use_stays_until_it_is_not);
	return suite_run(suite);
}
