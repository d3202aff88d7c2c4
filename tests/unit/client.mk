# unit suites of src/client
