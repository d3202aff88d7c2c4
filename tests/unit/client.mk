# unit suites of src/client
CLIENT_SUITES = \
	tests/unit/test_client_library \
	tests/unit/test_client_read \
	tests/unit/test_client_request \
	tests/unit/test_client_run
check_PROGRAMS += $(CLIENT_SUITES)
TESTS += $(CLIENT_SUITES)
CLIENT_TEST_LIBS = libclient.la libwire.la libsqltext.la libbase.la $(CHECK_LIBS)

tests_unit_test_client_library_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_client_library_LDADD = libgather.la $(CHECK_LIBS)
tests_unit_test_client_read_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_client_read_LDADD = $(CLIENT_TEST_LIBS)
tests_unit_test_client_request_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_client_request_LDADD = $(CLIENT_TEST_LIBS)
tests_unit_test_client_run_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_client_run_LDADD = $(CLIENT_TEST_LIBS)
EXTRA_DIST += tests/unit/fake_gatherd.h
