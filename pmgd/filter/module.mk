PROGS += pmgd
pmgd_SRCS := $(wildcard pmgd/filter/*.c)
pmgd_PKGS := libsystemd jansson
MANPAGES += pmgd/filter/pmgd.8

# Pieces of the filter that are tested on their own.
test_score_SRCS := pmgd/filter/score_spamd.c
test_admission_SRCS := pmgd/filter/admission.c
test_strikes_SRCS := pmgd/filter/strikes.c
test_spool_SRCS := pmgd/filter/spool.c
test_outlet_SRCS := pmgd/filter/outlet.c
test_watched_SRCS := pmgd/filter/watched.c
