# unit suites of src/db
