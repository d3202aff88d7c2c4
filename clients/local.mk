# clients
bashcompletiondir = $(datadir)/bash-completion/completions
bashcompletion_DATA = clients/gather.bash
EXTRA_DIST += clients/gather.bash-completion
CLEANFILES += clients/gather.bash
# The name by which bash-completion finds it.
clients/gather.bash: $(srcdir)/clients/gather.bash-completion
	$(AM_V_GEN)$(MKDIR_P) clients && cp $(srcdir)/clients/gather.bash-completion $@
