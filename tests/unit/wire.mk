# unit suites of src/wire
