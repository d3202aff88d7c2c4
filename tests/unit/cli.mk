# unit suites of src/cli
