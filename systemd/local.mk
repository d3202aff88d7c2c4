# The units, and the snippets that make their user and directory.
nodist_systemdsystemunit_DATA = systemd/gatherd.service
dist_systemdsystemunit_DATA = systemd/gatherd.socket
dist_sysusers_DATA = systemd/sysusers.d/gatherd.conf
dist_tmpfiles_DATA = systemd/tmpfiles.d/gatherd.conf
EXTRA_DIST += systemd/gatherd.service.in
CLEANFILES += systemd/gatherd.service

systemd/gatherd.service: systemd/gatherd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && \
	$(SED) -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
	  $(top_srcdir)/systemd/gatherd.service.in > $@.tmp && mv $@.tmp $@
