noinst_LTLIBRARIES += libco.la
# The part that needs nothing but libc, for cross builds too.
libco_la_SOURCES = \
	src/co/sanitizer.h \
	src/co/stack.c src/co/stack.h \
	src/co/switch.h
if CONTEXT_ASM_X86_64
libco_la_SOURCES += src/co/switch_x86_64.S
endif
if CONTEXT_ASM_AARCH64
libco_la_SOURCES += src/co/switch_aarch64.S
endif
if CONTEXT_UCONTEXT
libco_la_SOURCES += src/co/switch_ucontext.c
endif
libco_la_CPPFLAGS = $(AM_CPPFLAGS) $(LIBEVENT_CFLAGS)
libco_la_LIBADD = libbase.la

if !RUNTIME_ONLY
libco_la_SOURCES += \
	src/co/co.h \
	src/co/dump.c \
	src/co/fd.c \
	src/co/group.c \
	src/co/io.c src/co/io.h \
	src/co/loop.c src/co/loop.h \
	src/co/poll.c src/co/poll.h \
	src/co/signal.c \
	src/co/task.c src/co/task.h \
	src/co/timer.c src/co/timer.h \
	src/co/wait.c
libco_la_LIBADD += $(LIBEVENT_LIBS)
gdbdir = $(pkgdatadir)
dist_gdb_DATA = src/co/gatherd-gdb.py
endif

# A plain C program, without Check, so that it runs wherever the switch runs.
check_PROGRAMS += tests/unit/test_co_switch
tests_unit_test_co_switch_SOURCES = tests/unit/test_co_switch.c
tests_unit_test_co_switch_LDADD = libco.la -lm
TESTS += tests/unit/test_co_switch
