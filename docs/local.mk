dist_man_MANS += docs/man/gatherd.ini.5
