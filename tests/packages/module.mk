# Installing, packages and their tests.
TOOLS := pmg pmgconfig pmgdb pmgqm
DAEMONS := pmgd pmgd-scan pmgd-store

DESTDIR ?=
sbindir := /usr/sbin
bindir := /usr/bin
mandir := /usr/share/man
pkgdatadir := /usr/share/pmg
completiondir := /usr/share/bash-completion/completions

# Expanded when run: the module.mk files after this one add to the lists.
install: all
	install -d $(DESTDIR)$(sbindir) $(DESTDIR)$(bindir)
	install -m 0755 $(addprefix $(O)/bin/,$(filter $(DAEMONS),$(PROGS))) \
	    $(DESTDIR)$(sbindir)
	install -m 0755 $(addprefix $(O)/bin/,$(filter $(TOOLS),$(PROGS))) \
	    $(DESTDIR)$(bindir)
	for page in $(MANPAGES); do \
	    install -D -m 0644 -t $(DESTDIR)$(mandir)/man$${page##*.} $$page \
	    || exit 1; \
	done
	install -d $(DESTDIR)$(completiondir)
	install -m 0644 pmg-tools/pmg.bash-completion \
	    $(DESTDIR)$(completiondir)/pmg
	ln -sf pmg $(DESTDIR)$(completiondir)/pmgdb
	for dir in templates spamassassin; do \
	    [ -d pmg-tools/$$dir ] || continue; \
	    install -d $(DESTDIR)$(pkgdatadir)/$$dir; \
	    install -m 0644 pmg-tools/$$dir/* $(DESTDIR)$(pkgdatadir)/$$dir \
	    || exit 1; \
	done

# dpkg-buildpackage from a clean copy of the tracked files, into build/deb/.
deb:
	@sh tests/deps.sh build deb
	tests/packages/build.sh build/deb

check-packages:
	tests/packages/check.sh

check-stretch: all
	tests/stretch/check.sh $(O)

.PHONY: install deb check-packages check-stretch
