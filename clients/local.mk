# clients
bashcompletiondir = $(datadir)/bash-completion/completions
bashcompletion_DATA = clients/gather
EXTRA_DIST += clients/gather.bash-completion
CLEANFILES += clients/gather
# bash looks for a file of the command's name.
clients/gather: $(srcdir)/clients/gather.bash-completion
	$(AM_V_GEN)$(MKDIR_P) clients && cp $(srcdir)/clients/gather.bash-completion $@
