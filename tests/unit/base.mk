# unit suites of src/base
