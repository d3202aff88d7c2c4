# unit suites of src/conf
