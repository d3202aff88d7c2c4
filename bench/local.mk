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
