# Every unit suite is a Check program that prints TAP, so that `make check` counts single tests.
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
AM_TESTS_ENVIRONMENT = \
	CK_TAP_LOG_FILE_NAME=-; export CK_TAP_LOG_FILE_NAME; \
	CK_VERBOSITY=silent; export CK_VERBOSITY; \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir;

if HAVE_CHECK
UNIT_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) -I$(top_srcdir)/tests
include tests/unit/base.mk
include tests/unit/co.mk
if !RUNTIME_ONLY
include tests/unit/conf.mk
include tests/unit/sqltext.mk
include tests/unit/wire.mk
include tests/unit/db.mk
include tests/unit/daemon.mk
include tests/unit/client.mk
include tests/unit/cli.mk
endif
endif
if !RUNTIME_ONLY
include tests/fuzz/local.mk
include tests/simulate/local.mk
endif

EXTRA_DIST += tests/unit/mem_failure.h tests/unit/suite.h

# What ./dev runs on top of them.
EXTRA_DIST += \
	.clang-format .clang-tidy .editorconfig .ci/run dev CONTRIBUTING.md ARCHITECTURE.md LICENSE \
	tests/COVERAGE.md tests/FAULTS.md tests/README.md tests/check-includes tests/coverage tests/cppcheck.suppressions \
	tests/demo.sh tests/long.sh tests/memcheck tests/tiers.sh tests/valgrind.supp \
	tests/integration tests/soak
dist-hook:
	find '$(distdir)/tests' -name __pycache__ -exec rm -rf {} +
