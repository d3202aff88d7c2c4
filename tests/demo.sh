#!/usr/bin/env bash
# SPDX-License-Identifier: PostgreSQL
# ./dev demo: reports query by query through psql, then gathered, on a private PostgreSQL that is gone afterwards.
# usage: tests/demo.sh BUILD-DIRECTORY
set -euo pipefail
build=$1
source_dir=$(dirname "$0")/..
reports=(store-daily pg-health)

postgres_bin=(/usr/lib/postgresql/*/bin)
PATH=$build:$build/src/cli:$build/src/daemon:${postgres_bin[-1]}:$PATH
dir=$(mktemp -d /tmp/gatherd-demo.XXXXXX)
export PGHOST=$dir PGPORT=5432 PGUSER=postgres PGDATABASE=store
export GATHERD_SOCKET=$dir/gatherd.sock
daemon_pid=

as_postgres() { if ((EUID == 0)); then runuser -u postgres -- "$@"; else "$@"; fi; }

stop() {
	if [[ -n $daemon_pid ]]; then
		kill "$daemon_pid" 2>/dev/null || :
		wait "$daemon_pid" || :
	fi
	if [[ -e $dir/data/postmaster.pid ]]; then
		as_postgres "${postgres_bin[-1]}/pg_ctl" -D "$dir/data" -m immediate -w -s stop || :
	fi
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT TERM

start_postgres() {
	((EUID != 0)) || chown postgres "$dir"
	chmod 755 "$dir"
	as_postgres "${postgres_bin[-1]}/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
	as_postgres "${postgres_bin[-1]}/pg_ctl" -D "$dir/data" -l "$dir/log" -w -s start \
		-o "-c listen_addresses='' -c unix_socket_directories='$dir' -c fsync=off"
	psql -X -q -d postgres -c 'create database store'
	psql -X -q -f "$source_dir/sql/demo-store.sql" >/dev/null
}

start_gatherd() {
	cat >"$dir/gatherd.ini" <<-INI
		[gatherd]
		socket = $GATHERD_SOCKET
		report_dir = $(cd "$source_dir/etc/reports" && pwd)
		log_level = warning
		[database store]
		conninfo = host=$dir user=postgres dbname=store
		pool_min = 8
	INI
	gatherd -c "$dir/gatherd.ini" &
	daemon_pid=$!
	until gather ping >/dev/null 2>&1; do
		kill -0 "$daemon_pid" # or it has ended, and said why
		sleep 0.05
	done
}

# The report's file is a psql script as well, once its parameters have their defaults.
psql_command() {
	local file=$source_dir/etc/reports/$1.sql line
	command=(psql -X -q -v ON_ERROR_STOP=1 -f "$file")
	while read -r line; do
		command+=(-v "$line")
	done < <(sed -nE 's/^-- param: +([A-Za-z_]+) +([^=]+[^= ]) *= *(.*)$/\1=cast((\3) as \2)/p' "$file")
}

now_ms() { date +%s%3N; }

# The best of three runs, so that neither side pays for a cold cache.
time_ms() {
	local best='' start took _
	for _ in 1 2 3; do
		start=$(now_ms)
		"$@" >/dev/null
		took=$(($(now_ms) - start))
		[[ -n $best ]] && ((best <= took)) || best=$took
	done
	echo "$best"
}

echo 'Starting a private PostgreSQL with a shop of 400,000 orders, and gatherd ...'
start_postgres
start_gatherd
summary=()
for report in "${reports[@]}"; do
	echo
	echo "== gather report $report"
	gather report "$report"
	psql_command "$report"
	one_by_one=$(time_ms "${command[@]}")
	at_once=$(time_ms gather report "$report")
	summary+=("$(awk -v report="$report" -v a="$one_by_one" -v b="$at_once" \
		'BEGIN { printf "%-12s  psql, query by query %6d ms   gather %6d ms   %.1f times as fast", report, a, b, a / (b ? b : 1) }')")
done
echo
echo "Best of three runs on $(nproc) cores:"
printf '%s\n' "${summary[@]}"
