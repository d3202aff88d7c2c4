# What the benchmarks run: built by `make bench-programs`, never installed.
BENCH_TOOLS = bench/load bench/spawn bench/echo bench/delay bench/libpq
EXTRA_PROGRAMS += $(BENCH_TOOLS)
CLEANFILES += $(BENCH_TOOLS)
bench-programs: $(BENCH_TOOLS)
.PHONY: bench-programs

bench_load_SOURCES = bench/load.c
bench_spawn_SOURCES = bench/spawn.c
bench_echo_SOURCES = bench/echo.c
bench_echo_LDFLAGS = $(AM_LDFLAGS) -all-static
bench_delay_SOURCES = bench/delay.c
bench_libpq_SOURCES = bench/libpq.c
bench_libpq_CPPFLAGS = $(AM_CPPFLAGS) $(LIBPQ_CFLAGS)
bench_libpq_LDADD = $(LIBPQ_LIBS)

EXTRA_DIST += \
	bench/README.md bench/results.md bench/cost.tsv bench/bench.sh bench/run.py \
	bench/w1.py bench/w2.py bench/w3.py bench/w4.py bench/w5.py bench/w6.py \
	bench/latency.py bench/scale.py bench/cost.py \
	bench/harness/__init__.py bench/harness/measure.py bench/harness/plot.py bench/harness/programs.py \
	bench/harness/section.py bench/harness/servers.py \
	bench/peers/asyncpg_peer.py bench/peers/common.cjs bench/peers/common.py bench/peers/nodepg.cjs \
	bench/peers/postgresjs.cjs bench/peers/psycopg_peer.py \
	bench/scale-clients.svg bench/scale-connections.svg bench/scale-items.svg bench/scale-rows.svg \
	tests/cost tests/cost.limits
