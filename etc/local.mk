# The sample configuration and the shipped reports. A configuration that is there already is never
# touched: it may hold what its owner wrote. The sample names /etc; the installed one the
# directory that was configured.
gatherdconfdir = $(sysconfdir)/gatherd
reportsdir = $(gatherdconfdir)/reports
dist_reports_DATA = etc/reports/pg-health.sql etc/reports/store-daily.sql
EXTRA_DIST += etc/gatherd.ini
CLEANFILES += etc/gatherd.ini.out

etc/gatherd.ini.out: etc/gatherd.ini Makefile
	$(AM_V_GEN)$(MKDIR_P) etc && \
	$(SED) 's|/etc/gatherd/|$(gatherdconfdir)/|g' $(top_srcdir)/etc/gatherd.ini > $@.tmp && mv $@.tmp $@

install-gatherd-ini: etc/gatherd.ini.out
	$(MKDIR_P) '$(DESTDIR)$(gatherdconfdir)'
	test -e '$(DESTDIR)$(gatherdconfdir)/gatherd.ini' || \
	  $(INSTALL_DATA) etc/gatherd.ini.out '$(DESTDIR)$(gatherdconfdir)/gatherd.ini'

# Only one that nobody has changed.
uninstall-gatherd-ini: etc/gatherd.ini.out
	! cmp -s etc/gatherd.ini.out '$(DESTDIR)$(gatherdconfdir)/gatherd.ini' || \
	  rm -f '$(DESTDIR)$(gatherdconfdir)/gatherd.ini'

install-data-local: install-gatherd-ini
uninstall-local: uninstall-gatherd-ini
.PHONY: install-gatherd-ini uninstall-gatherd-ini
