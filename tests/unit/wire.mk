# unit suites of src/wire
WIRE_SUITES = \
	tests/unit/test_wire_escape \
	tests/unit/test_wire_json \
	tests/unit/test_wire_memory \
	tests/unit/test_wire_refused \
	tests/unit/test_wire_reply \
	tests/unit/test_wire_request \
	tests/unit/test_wire_value
check_PROGRAMS += $(WIRE_SUITES)
TESTS += $(WIRE_SUITES)
WIRE_TEST_LIBS = libwire.la libbase.la $(CHECK_LIBS)

tests_unit_test_wire_escape_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_wire_escape_LDADD = $(WIRE_TEST_LIBS)
tests_unit_test_wire_json_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_wire_json_LDADD = $(WIRE_TEST_LIBS)
tests_unit_test_wire_memory_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_wire_memory_LDADD = $(WIRE_TEST_LIBS)
tests_unit_test_wire_refused_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_wire_refused_LDADD = $(WIRE_TEST_LIBS)
tests_unit_test_wire_reply_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_wire_reply_LDADD = $(WIRE_TEST_LIBS)
tests_unit_test_wire_request_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_wire_request_LDADD = $(WIRE_TEST_LIBS)
tests_unit_test_wire_value_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_wire_value_LDADD = $(WIRE_TEST_LIBS)
EXTRA_DIST += tests/unit/wire.h tests/unit/wire_out.h
