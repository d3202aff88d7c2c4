sqldir = $(pkgdatadir)/sql
dist_sql_DATA = \
	sql/demo-store.sql \
	sql/reporting-role.sql
