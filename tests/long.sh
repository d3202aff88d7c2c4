# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# What takes longer than `./dev check` may: coverage, soak, load. dev sources this file.

# coverage [FILE...]: builds for gcov, runs all tests, prints the table; with files only what the last run has missed.
coverage() {
	local passed=0 failed=0 tap
	if (($#)); then
		[[ -d build/coverage/src ]] || die "nothing to show: run ./dev coverage first"
		exec tests/coverage build/coverage "$@"
	fi
	need gcc python3 "${packages_integration[@]}"
	need_postgresql
	mkdir -p "$log_dir"
	build coverage >"$log_dir/coverage-build.log" 2>&1 &&
		make -s -C build/coverage tests/simulate/simulate >>"$log_dir/coverage-build.log" 2>&1 ||
		die "the build failed: build/log/coverage-build.log"
	find build/coverage -name '*.gcda' -delete
	coverage_run "unit suites" env CK_TIMEOUT_MULTIPLIER=10 make -s -C build/coverage -k -j "$jobs" check
	coverage_run simulation build/coverage/tests/simulate/simulate --runs 2000
	coverage_run "integration tests" env GATHERD_BUILD="$root/build/coverage" GATHERD_TIME_SCALE=4 \
		/usr/bin/python3 -m pytest -q -p no:cacheprovider tests/integration
	coverage_run "calls and allocations that fail" env GATHERD_BUILD="$root/build/coverage" GATHERD_TIME_SCALE=4 \
		/usr/bin/python3 -m pytest -q -p no:cacheprovider -m faults -k "each_allocation_fails or each_call_fails_in_the_command" tests/integration
	tap=$(tests/coverage build/coverage) || :
	echo "$tap"
	passed=$((passed + $(grep -c '^ok' <<<"$tap"))) failed=$((failed + $(grep -c '^not ok' <<<"$tap")))
	((passed + failed)) || failed=1
	echo "$passed passed, $failed failed"
	((failed == 0))
}

# coverage_run WHAT COMMAND...: counts as one test
coverage_run() {
	local log=$log_dir/coverage-${1// /-}.log
	if "${@:2}" >"$log" 2>&1 </dev/null; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$1: $log"
	fi
}

# soak ARGUMENT...: tests/soak/soak.py on the build of $GATHERD_BUILD, else on the optimised one
soak() {
	need "${packages_integration[@]}"
	need_postgresql
	if [[ -z ${GATHERD_BUILD:-} ]]; then
		mkdir -p "$log_dir"
		build release >"$log_dir/soak-build.log" 2>&1 || die "the build failed: build/log/soak-build.log"
		export GATHERD_BUILD=$root/build/release
	fi
	/usr/bin/python3 tests/soak/soak.py "$@"
}
