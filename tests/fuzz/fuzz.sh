# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# `./dev fuzz [--afl] TARGET|all SECONDS`, `./dev fuzz replay`, `./dev fuzz minimise TARGET`; dev sources this file. What is found, and the corpus as
# it grows, are in build/FLAVOUR/TARGET; the corpora in the tree are only read.

packages_fuzz=(clang-14 libclang-rt-14-dev libstdc++-12-dev)
packages_afl=(afl++)

export ASAN_OPTIONS=strict_string_checks=1:detect_leaks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

fuzz_targets() { sed -n 's|^\ttests/fuzz/\([a-z]*\)\( \\\)\?$|\1|p' tests/fuzz/local.mk; }

# fuzz_build FLAVOUR: all targets, with the fuzzer of the flavour.
fuzz_build() {
	mkdir -p "$log_dir"
	flavour "$1"
	make -s -C "build/$1" -j "$jobs" fuzz-targets >"$log_dir/$1-build.log" 2>&1 ||
		die "the build failed: build/log/$1-build.log"
}

fuzz_row() { printf '%-12s%12s%9s%10s%8s%7s  %s\n' "$@"; }
fuzz_head() { fuzz_row target runs execs/s coverage corpus new found; }

# The last value of a "stat::NAME:" line of libFuzzer's, or a "NAME :" line of AFL++'s.
fuzz_stat() { awk -v name="$2" '$1 == "stat::" name ":" || $1 == name { value = $NF } END { print value == "" ? "?" : value }' "$1"; }

# What lies in the target's directory after a run that was not there before.
fuzz_found() { find "$1" -maxdepth "$2" -newer "$1/.begun" -type f \( "${@:3}" \) | sort; }

# libpq asks for as much memory as a message says that it has, up to 1 GiB, and touches none of it before it comes: only
# what is touched counts.
fuzz_libfuzzer() {
	local target=$1 seconds=$2 dir=build/fuzz/$1 found status=0 arguments=()
	mkdir -p "$dir/corpus"
	touch "$dir/.begun"
	[[ ! -e tests/fuzz/$target.dict ]] || arguments+=("-dict=tests/fuzz/$target.dict")
	nice "build/fuzz/tests/fuzz/$target" "-max_total_time=$seconds" -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=4096 -max_len=4096 \
		-print_final_stats=1 "-artifact_prefix=$dir/" "${arguments[@]}" "$dir/corpus" "tests/fuzz/corpus/$target" \
		>"$dir/log" 2>&1 </dev/null || status=$?
	found=$(fuzz_found "$dir" 1 -name 'crash-*' -o -name 'leak-*' -o -name 'timeout-*' -o -name 'oom-*')
	((status == 0)) || found=${found:-"exit status $status"}
	fuzz_row "$target" "$(fuzz_stat "$dir/log" number_of_executed_units)" \
		"$(fuzz_stat "$dir/log" average_exec_per_sec)" \
		"$(grep -ao ' cov: [0-9]*' "$dir/log" | tail -n 1 | tr -dc 0-9)" \
		"$(grep -ao ' corp: [0-9]*' "$dir/log" | tail -n 1 | tr -dc 0-9)" \
		"$(fuzz_stat "$dir/log" new_units_added)" "${found//$'\n'/ }"
	[[ -z $found ]] || {
		grep -aE 'broken promise|^SUMMARY' "$dir/log" | sed 's/^/    /'
		return 1
	}
}

fuzz_afl() {
	local target=$1 seconds=$2 dir=build/afl/$1 stats found status=0 arguments=()
	mkdir -p "$dir"
	rm -rf "$dir/default"
	touch "$dir/.begun"
	[[ ! -e tests/fuzz/$target.dict ]] || arguments+=(-x "tests/fuzz/$target.dict")
	AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_IGNORE_SEED_PROBLEMS=1 \
		ASAN_OPTIONS=abort_on_error=1:symbolize=0:detect_leaks=0:allocator_may_return_null=1 \
		UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:symbolize=0 nice afl-fuzz -m none -t 5000 -V "$seconds" \
		-i "tests/fuzz/corpus/$target" -o "$dir" "${arguments[@]}" -- "build/afl/tests/fuzz/$target" \
		>"$dir/log" 2>&1 </dev/null || status=$?
	stats=$dir/default/fuzzer_stats
	[[ -e $stats ]] || stats=/dev/null
	found=$(fuzz_found "$dir" 3 -path '*/crashes/id*' -o -path '*/hangs/id*')
	((status == 0)) || found=${found:-"exit status $status: $dir/log"}
	fuzz_row "$target" "$(fuzz_stat "$stats" execs_done)" "$(fuzz_stat "$stats" execs_per_sec)" \
		"$(fuzz_stat "$stats" edges_found)" "$(fuzz_stat "$stats" corpus_count)" \
		"$(fuzz_stat "$stats" corpus_found)" "${found//$'\n'/ }"
	[[ -z $found ]]
}

# fuzz_many ENGINE SECONDS TARGET...: as many at once as there are cores. Sets fuzz_passed and fuzz_failed.
fuzz_many() {
	local engine=$1 seconds=$2 target running=0
	fuzz_passed=0 fuzz_failed=0
	shift 2
	fuzz_head
	for target in "$@" ''; do
		while ((running >= jobs || (running && ${#target} == 0))); do
			if wait -n; then fuzz_passed=$((fuzz_passed + 1)); else fuzz_failed=$((fuzz_failed + 1)); fi
			running=$((running - 1))
		done
		[[ -n $target ]] || break
		# a row in one piece, since others print too
		(
			row=$("fuzz_$engine" "$target" "$seconds") || { echo "$row" && exit 1; }
			echo "$row"
		) &
		running=$((running + 1))
	done
}

# Every input of the corpora once: the unit suite of the fuzz targets.
fuzz_replay() {
	local target dir
	fuzz_passed=0 fuzz_failed=0
	for target in "$@"; do
		dir=build/fuzz/$target
		mkdir -p "$dir"
		if "build/fuzz/tests/fuzz/$target" -timeout=20 "-artifact_prefix=$dir/" tests/fuzz/corpus/"$target"/* \
			>"$dir/replay.log" 2>&1 </dev/null; then
			echo "ok - replay of $target: $(find "tests/fuzz/corpus/$target" -type f | wc -l) inputs"
			fuzz_passed=$((fuzz_passed + 1))
		else
			echo "not ok - replay of $target: $dir/replay.log"
			grep -aE '^Running:|broken promise|^SUMMARY' "$dir/replay.log" | tail -n 3 | sed 's/^/    /'
			fuzz_failed=$((fuzz_failed + 1))
		fi
	done
}

fuzz() {
	local engine=libfuzzer targets=()
	[[ ${1:-} != --afl ]] || {
		engine=afl
		shift
	}
	if [[ ${1:-} == minimise ]]; then
		fuzz_minimise "${@:2}"
		return
	fi
	mapfile -t targets < <(fuzz_targets)
	case ${1:-} in
	replay | all) ;;
	*)
		[[ " ${targets[*]} " == *" ${1:-} "* && -n ${1:-} ]] || die "no such fuzz target: ${1:-} (${targets[*]}, or all)"
		targets=("$1")
		;;
	esac
	[[ ${1:-} == replay || ${2:-} =~ ^[1-9][0-9]*$ ]] || die 'usage: ./dev fuzz [--afl] TARGET|all SECONDS, or ./dev fuzz replay'
	if [[ $engine == afl ]]; then fuzz_build afl; else fuzz_build fuzz; fi
	if [[ $1 == replay ]]; then fuzz_replay "${targets[@]}"; else fuzz_many "$engine" "$2" "${targets[@]}"; fi
	echo "$fuzz_passed passed, $fuzz_failed failed"
	((fuzz_failed == 0))
}

# fuzz_minimise TARGET [DIRECTORY...]: the corpus in the tree anew, of it, of what was found since, and of these directories:
# the inputs that cover all that is covered, and of these so many as the tree is to hold, small and large.
fuzz_minimise() {
	local target=$1 dir=build/fuzz/$1 tree=tests/fuzz/corpus/$1 merged
	shift
	fuzz_build fuzz
	merged=$(mktemp -d)
	mkdir -p "$tree" "$dir/corpus"
	"build/fuzz/tests/fuzz/$target" -set_cover_merge=1 -max_len=4096 "$merged" "$tree" "$dir/corpus" "$@" \
		>"$dir/merge.log" 2>&1
	rm -rf "$tree"
	mkdir "$tree"
	find "$merged" -type f -printf '%s %f\n' | sort -n |
		awk '{ line[NR] = $2 } END { n = NR < 50 ? NR : 50; for (i = 1; i <= n; i++) print line[int(i * NR / n)] }' |
		while read -r name; do mv "$merged/$name" "$tree/${name:0:12}"; done
	rm -rf "$merged"
	echo "$target: $(find "$tree" -type f | wc -l) inputs, $(cat "$tree"/* | wc -c) bytes"
}
