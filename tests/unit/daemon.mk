# unit suites of src/daemon
