# unit suites of src/sqltext
