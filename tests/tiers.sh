# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# The tiers of `./dev check`; dev sources this file. A tier is a function tier_NAME; it runs in a process of its own with
# its output in build/log/NAME.log, and says `result PASSED FAILED` as often as it likes. One that dies has failed.

results=$log_dir/results
# Lanes run beside each other, each tier by tier: more of them than two cores, since integration tests wait a lot; they are
# the longest, so they come first. Tiers that share a build directory are in one lane, but for build/release and build/asan,
# which are there before they start.
lanes=(integration integration-valgrind "asan valgrind clang tsan simulate soak includes format shell"
	"dist fuzz faults cost model cppcheck aarch64")
after=
valgrind_command="valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite
	--suppressions=$root/tests/valgrind.supp"

# check [LANE]...: the tiers of these lanes, or all; then those that are named in $after
check() {
	local flavour lane lane_pids=() passed failed
	if (($#)); then
		lanes=("$@") # each tier gets what it needs
	else
		# all packages now, so that the lanes do not meet in apt
		need "${packages_build[@]}" "${packages_unit[@]}" "${packages_integration[@]}" "${packages_clang[@]}" \
			"${packages_aarch64[@]}" "${packages_model[@]}" clang-format-14 shellcheck cppcheck valgrind strace xz-utils
		need_postgresql
	fi
	generate_configure
	mkdir -p "$log_dir"
	if ((${#lanes[@]} > 1)); then
		for flavour in release asan; do
			build "$flavour" >"$log_dir/$flavour-build.log" 2>&1 || die "the build failed: build/log/$flavour-build.log"
		done
	fi
	: >"$results"
	set -m # a process group for each lane, so that it can be ended with all that it started
	trap 'for lane in "${lane_pids[@]}"; do kill -INT -- "-$lane" 2>/dev/null; done; wait; exit 130' INT TERM
	for lane in "${lanes[@]}"; do
		run_lane "$lane" &
		lane_pids+=($!)
	done
	wait "${lane_pids[@]}" || :
	run_lane "$after"
	read -r passed failed < <(awk '{ p += $2; f += $3 } END { print p + 0, f + 0 }' "$results")
	if ((failed)); then
		printf 'failed:'
		awk '$3 { print $1 }' "$results" | sort -u | tr '\n' ' ' | sed 's/^/ /; s/ $/\n/'
	fi
	echo "$passed passed, $failed failed"
	((failed == 0 && passed > 0))
}

run_lane() {
	local tier
	for tier in $1; do
		run_tier "$tier"
	done
}

run_tier() {
	local name=$1 start=$SECONDS passed failed status=0
	"$root/dev" tier "$name" >"$log_dir/$name.log" 2>&1 </dev/null || status=$?
	read -r passed failed < <(awk -v t="$name" '$1 == t { p += $2; f += $3 } END { print p + 0, f + 0 }' "$results")
	if ((failed == 0 && (status != 0 || passed == 0))); then
		failed=1
		echo "$name 0 1" >>"$results"
	fi
	# in one piece, since the other lane prints too
	printf '%s\n' "$(
		printf '%-22s%5d passed, %3d failed  %4d s\n' "$name" "$passed" "$failed" $((SECONDS - start))
		((!failed)) || show_failures "$name"
	)"
}

show_failures() {
	grep -aE '^(not ok|FAIL|ERROR|FAILED)[ :]' "$log_dir/$1.log" | sort -u | head -n 20 | sed 's/^/    /' || :
	echo "    log: build/log/$1.log"
	tail -n 15 "$log_dir/$1.log" | sed 's/^/    | /'
}

tier() {
	tier_name=$1
	declare -F "tier_${1//-/_}" >/dev/null || die "no such tier: $1 (${lanes[*]})"
	"tier_${1//-/_}"
}

result() { echo "$tier_name $1 $2" >>"$results"; }

# one WHAT COMMAND...: a command that is a test by itself
one() {
	echo "# $1"
	shift
	if "$@"; then result 1 0; else result 0 1; fi
}

# From TAP on stdin
count_tap() { awk '/^ok/ { p++ } /^not ok/ { f++ } END { print p + 0, f + 0 }'; }

# unit_suites NAME|...: the suites of these names, or of these layers
unit_suites() { find tests/unit -name 'test_*.c' | sed 's/\.c$//' | grep -E "/test_($1)(_|$)" | sort | tr '\n' ' '; }

# make_check FLAVOUR ARGUMENT...: the unit suites of a flavour; counts single tests, a suite that crashes fails too
make_check() {
	local dir=build/$1 out status=0 counts
	shift
	need_postgresql
	out=$(make -s -C "$dir" -k -j "$jobs" check "$@" 2>&1) || status=$?
	printf '%s\n' "$out"
	read -r -a counts < <(awk '/^# PASS:/ { p += $3 } /^# (FAIL|XPASS|ERROR):/ { f += $3 } END { print p + 0, f + 0 }' <<<"$out")
	((status == 0 || counts[1] > 0)) || counts[1]=1
	result "${counts[@]}"
}

# pytest_run FLAVOUR ARGUMENT...: the integration tests against a flavour's programs
pytest_run() {
	local flavour=$1 xml=$log_dir/$tier_name.xml status=0
	shift
	need "${packages_integration[@]}"
	need_postgresql
	rm -f "$xml"
	GATHERD_BUILD=$root/build/$flavour /usr/bin/python3 -m pytest -q -p no:cacheprovider -rfEs --junitxml="$xml" \
		tests/integration "$@" || status=$?
	result "$(count_junit "$xml" passed)" "$(count_junit "$xml" failed)"
	return "$status"
}

# pytest's own totals: the first <testsuite> element's attributes
count_junit() {
	awk -v want="$2" 'function of(name) { return match($0, " " name "=\"[0-9]+\"") ? \
		substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4) + 0 : 0 }
		{ bad = of("failures") + of("errors")
		  print want == "failed" ? bad : of("tests") - of("skipped") - bad; exit }' RS='>' \
		<(grep -ao '<testsuite [^>]*>' "$1")
}

tier_includes() {
	local tap status=0
	need python3
	tap=$(tests/check-includes --self-test) || status=$?
	echo "$tap"
	# shellcheck disable=SC2046 # two words
	result $(count_tap <<<"$tap")
	one "the include table" tests/check-includes
	one "tests/COVERAGE.md" tests/coverage --notes
	return "$status"
}
tier_format() { one "clang-format" check_format; }
tier_shell() { one "shellcheck" check_shell; }
tier_cppcheck() { one "cppcheck" check_cpp; }

# A few of what `./dev model` checks.
tier_model() {
	local out status=0
	need "${packages_model[@]}"
	out=$(tests/model --sample) || status=$?
	echo "$out"
	# shellcheck disable=SC2046 # two words
	result $(count_tap <<<"$out")
	return "$status"
}

tier_asan() {
	build asan
	make_check asan
	one "simulation" build/asan/tests/simulate/simulate --runs 1000
}
tier_integration() {
	build asan
	pytest_run asan
}
# The compiler's word on everything. What runs in a plain check is what the other switch and compiler could break and is
# quick; with ALL_SUITES, as in .ci/run, the rest too.
tier_clang() {
	local only=("TESTS=$(unit_suites 'base|cli|client|co|conf|daemon')")
	[[ -z ${ALL_SUITES:-} ]] || only=()
	build clang
	make_check clang "${only[@]}"
}
# Where threads are: the resolver's; and the switch that TSan has to be told about.
tier_tsan() {
	local suites="tests/unit/test_co_switch tests/unit/test_co_task tests/unit/test_co_io tests/unit/test_db_resolve tests/unit/test_db_connect"
	flavour tsan
	TSAN_OPTIONS=halt_on_error=1 CK_TIMEOUT_MULTIPLIER=10 make_check tsan check_PROGRAMS="$suites" TESTS="$suites"
}
tier_valgrind() {
	local layers='base|client|co|db_(backoff|dsn|frames|history|pressure|queue|resolve|results)' suites
	need valgrind
	build release
	# Of the suites those with memory that lives long: the others, and loops that are exhaustive, are the sanitizers'. In a
	# plain check sessions and servers are integration-valgrind's; with ALL_SUITES their suites run, too.
	[[ -z ${ALL_SUITES:-} ]] || layers='base|client|co|daemon|db'
	suites=$(unit_suites "$layers" | sed -E 's/[^ ]*_(base_utf8|co_timer|co_wait) //g')
	# In tests gcc -O2 takes what is about to fail an assertion for a null dereference; the sources are built by now.
	CK_FORK=yes CK_TIMEOUT_MULTIPLIER=20 make_check release LOG_COMPILER="$root/tests/memcheck" \
		check_PROGRAMS="$suites" TESTS="$suites" CFLAGS='-O2 -g -Wno-null-dereference'
}
# Allocations that fail, some of them: the sanitizers bring an allocator of their own, so these have another build.
tier_faults() {
	build release
	pytest_run release -k each_allocation_fails
}
# ./dev faults: all of tests/FAULTS.md, at every place.
tier_faults_units() {
	local suites
	flavour asan
	suites=$(printf 'tests/unit/test_%s ' db_{memory,query,stop,pool,backoff,cancel,connect,results} \
		daemon_{gather,session,listener,database,notify,reload} wire_memory conf_files conf_faults base_log co_loop)
	make_check asan TESTS="$suites" check_PROGRAMS="$suites"
}
tier_faults_around() {
	local files
	files=$(printf 'test_%s.py or ' faults{,_nth,_around,_command} command_failures cancel limits hostile_server standby listen lifecycle memory \
		session_hygiene requests errors gather options scale)
	build asan
	pytest_run asan -m '' -k "not each_allocation_fails and (${files% or })"
}
tier_faults_memory() {
	build release
	pytest_run release -m '' -k each_allocation_fails
}
tier_integration_valgrind() {
	need valgrind
	build release
	GATHERD_WRAPPER=$valgrind_command GATHERD_TIME_SCALE=10 pytest_run release -m valgrind
}
# Instructions and system calls of a query, which the load of the machine does not change; and that benchmarks run.
tier_cost() {
	local tap status=0
	need valgrind strace
	# shellcheck source=bench/bench.sh
	. bench/bench.sh
	bench_programs
	tap=$(GATHERD_BUILD=$root/build/release tests/cost) || status=$?
	echo "$tap"
	# shellcheck disable=SC2046 # two words
	result $(count_tap <<<"$tap")
	one "a benchmark" env GATHERD_BUILD="$root/build/release" /usr/bin/python3 bench/run.py --quick --no-save w3
	return "$status"
}
# The corpora, then $FUZZ_SECONDS of fuzzing for each target, a minute in .ci/run.
tier_fuzz() {
	local targets
	mapfile -t targets < <(fuzz_targets)
	fuzz_build fuzz
	fuzz_replay "${targets[@]}"
	result "$fuzz_passed" "$fuzz_failed"
	fuzz_many libfuzzer "${FUZZ_SECONDS:-3}" "${targets[@]}"
	result "$fuzz_passed" "$fuzz_failed"
}
# The same seeds each time. A few of them with the sanitizers' eyes: tier_asan.
tier_simulate() {
	build_simulate release
	one "simulation" build/release/tests/simulate/simulate --runs "${SIMULATE_RUNS:-30000}"
}
# $SOAK_MINUTES of `./dev soak`, two in .ci/run.
tier_soak() {
	local out status=0
	build release
	out=$(soak "${SOAK_MINUTES:-0.25}" --seed 1) || status=$?
	echo "$out"
	# shellcheck disable=SC2046 # two words
	result $(count_tap <<<"$out")
	return "$status"
}
tier_aarch64() {
	flavour aarch64
	make_check aarch64 LOG_COMPILER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
}
# The sanitizers' tiers on Debian 13, with PostgreSQL 17: not in a lane, since its root is large and takes minutes to make.
tier_trixie() {
	local out status=0
	# shellcheck source=tests/trixie.sh
	. tests/trixie.sh
	out=$(trixie) || status=$?
	echo "$out"
	# shellcheck disable=SC2046 # two words
	result $(awk '/^[0-9]+ passed, [0-9]+ failed$/ { p = $1; f = $3 } END { print p + 0, f + 0 }' <<<"$out")
	return "$status"
}
# From a tarball, in a read-only source tree: whether everything is in it, installs and uninstalls clean.
tier_dist() {
	need xz-utils
	flavour release
	one "make distcheck" make -s -C build/release -j "$jobs" distcheck \
		DISTCHECK_CONFIGURE_FLAGS='--enable-werror CFLAGS=-g'
}
