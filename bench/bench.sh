# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# `./dev bench`; dev sources this file. Peers come from Debian's packages and, for node's, from npm into build/bench; one that
# cannot be had is reported in the tables as missing.

bench_packages=(postgresql pgbouncer python3 python3-asyncpg python3-uvloop python3-psycopg)
node_packages=(postgres@3 pg@8)

bench_peers() {
	local package dir=$root/build/bench
	for package in "${bench_packages[@]}"; do
		(need "$package") || echo "$package: not to be had; its rows will be missing" >&2
	done
	command -v node >/dev/null && command -v npm >/dev/null || (need nodejs npm) || return 0
	[[ -d $dir/node_modules/postgres && -d $dir/node_modules/pg ]] && return 0
	mkdir -p "$dir" "$log_dir"
	npm install --prefix "$dir" --no-audit --no-fund "${node_packages[@]}" >"$log_dir/npm.log" 2>&1 </dev/null ||
		echo "npm failed (build/log/npm.log): node's rows will be missing" >&2
}

# A private PostgreSQL is started as by the tests: as root, runuser gives it to postgres.
bench_programs() {
	need_postgresql
	build release
	make -s -C build/release -j "$jobs" bench-programs
}

bench() {
	need valgrind strace
	bench_programs
	bench_peers
	GATHERD_BUILD=$root/build/release exec /usr/bin/python3 "$root/bench/run.py" "$@"
}
