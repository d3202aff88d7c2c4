# The simulation: the real daemon against scripted clients and servers, on virtual time (./dev simulate).
check_PROGRAMS += tests/simulate/simulate
tests_simulate_simulate_CPPFLAGS = $(AM_CPPFLAGS) $(LIBPQ_CFLAGS) -I$(top_srcdir)/tests
tests_simulate_simulate_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=co_loop_new,--wrap=co_loop_free,--wrap=co_signal_start \
	-Wl,--wrap=listener_open,--wrap=config_load,--wrap=mmap,--wrap=munmap,--wrap=madvise,--wrap=mprotect
tests_simulate_simulate_LDADD = libdaemon.la $(LIBPQ_LIBS) $(PTHREAD_LIBS)
tests_simulate_simulate_SOURCES = \
	tests/simulate/answers.c \
	tests/simulate/backend.c tests/simulate/backend.h \
	tests/simulate/backend_protocol.c \
	tests/simulate/backend_statement.c \
	tests/simulate/client.c tests/simulate/client.h \
	tests/simulate/daemon.c tests/simulate/daemon.h \
	tests/simulate/judge.c tests/simulate/judge.h \
	tests/simulate/judge_error.c \
	tests/simulate/kernel.c tests/simulate/kernel.h \
	tests/simulate/kernel_calls.c \
	tests/simulate/ledger.c tests/simulate/ledger.h \
	tests/simulate/listens.c tests/simulate/listens.h \
	tests/simulate/main.c \
	tests/simulate/postgres.c tests/simulate/postgres.h \
	tests/simulate/reports.c tests/simulate/reports.h \
	tests/simulate/requests.c tests/simulate/requests.h \
	tests/simulate/scenario.c tests/simulate/scenario.h \
	tests/simulate/stacks.c \
	tests/simulate/world.c tests/simulate/world.h
