# unit suites of src/co
