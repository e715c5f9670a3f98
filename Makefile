# Certera.  `make help` lists the targets.
#
# One static library a folder; objects, programs and generated files under $(B).  No configure
# is needed; ./configure only writes config.mak.  Variables worth setting:
#   DEVELOPER=1                   warnings are errors
#   SANITIZE=address,undefined    sanitizers
#   B=build-clang CC=clang        another compiler beside the first
#   T=3, T=[04]                   one family of tests, or several (make check)
#   V=1                           every command as it is run

-include config.mak

MAKEFLAGS += --no-print-directory

prefix      ?= /usr/local
sbindir     ?= $(prefix)/sbin
bindir      ?= $(prefix)/bin
libexecdir  ?= $(prefix)/libexec
sysconfdir  ?= /etc
mandir      ?= $(prefix)/share/man
docdir      ?= $(prefix)/share/doc/certera
datadir     ?= $(prefix)/share/certera
unitdir     ?= /lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
INSTALL     ?= install
PKG_CONFIG  ?= pkg-config

B       ?= build
CC      ?= cc
CFLAGS  ?= -O2 -g
VERSION := 1.0.0-rc1
Q       := $(if $(V),,@)

PACKAGES     = libevent libcurl lmdb jansson yaml-0.1 libseccomp libidn2 libcrypt libcares libpsl liboath libqrencode libesmtp-1.0 zlib
WARNINGS     = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wformat=2 \
               -Wno-unused-parameter
MBEDTLS_CFLAGS ?=
MBEDTLS_LIBS   ?= -lmbedtls -lmbedx509 -lmbedcrypto

ifdef DEVELOPER
WARNINGS += -Werror
endif
ifdef SANITIZE
SANITIZING = -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all
endif

# What this compiler and its C library have of these, each by itself; level 3 of fortification, or else 2.
compiles = $(shell printf '\043include <features.h>\n' | $(CC) -Werror -O2 $(1) -x c -c -o /dev/null - 2>/dev/null && echo '$(1)')
HARDENING := $(or $(call compiles,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2) \
             -fstack-protector-strong $(call compiles,-fstack-clash-protection) $(call compiles,-fcf-protection) \
             $(call compiles,-ffile-prefix-map=$(CURDIR)=.)

package_cflags := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
package_libs   := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)
all_cflags = -std=gnu11 $(WARNINGS) $(SANITIZING) $(CFLAGS) -D_GNU_SOURCE $(HARDENING) -fPIE \
             -DVERSION='"$(VERSION)"' -DSYSCONFDIR='"$(sysconfdir)"' -DLIBEXECDIR='"$(libexecdir)"' -I. -I$(B) $(MBEDTLS_CFLAGS) $(package_cflags)
all_libs   = $(MBEDTLS_LIBS) $(package_libs) -lpthread
all_ldflags = $(SANITIZING) $(LDFLAGS) -pie -Wl,-z,relro,-z,now

FOLDERS = base pki keeper store acme webui daemon ctl

# $(call objects,folder): its objects and those of its rooms; each main.c stays out of the library.
objects = $(patsubst %.c,$(B)/%.o,$(filter-out %/main.c,$(wildcard $(1)/*.c $(1)/*/*.c)))
library = $(B)/$(1).a

# certerad's processes (base/process/spawn.h): what has a main.c of its own.
ROLES    = front keeper runner starter
PROGRAMS = $(B)/certerad $(B)/certeractl $(addprefix $(B)/certerad-,$(ROLES))
# Unit tests: t/NNNN-name.c is one program, linked with all libraries.
UNITS    = $(patsubst %.c,$(B)/%.t,$(wildcard t/*.c))

.PHONY: all
all: $(PROGRAMS) documents

define folder_rules
$(call library,$(1)): $(call objects,$(1))
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))

$(B)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	@echo "  AR    $@"
	$(Q)$(AR) rcsP $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(all_cflags) -MMD -MP -c -o $@ $<

# What says the version is compiled again when the line above says another one.
$(addprefix $(B)/,base/process/spawn.o daemon/main.o daemon/job_kinds.o ctl/main.o ctl/request.o): Makefile

# Where certerad looks for its other programs and its configuration: `make install prefix=/opt sysconfdir=/opt/etc` after
# `make` is told of it.
places = $(libexecdir) $(sysconfdir)
$(addprefix $(B)/,base/process/spawn.o daemon/main.o daemon/config/setting.o ctl/doctor_server.o): $(B)/places
.PHONY: always
$(B)/places: always
	@mkdir -p $(@D)
	@echo $(places) | cmp -s - $@ || echo $(places) > $@

# $(call embed,folder): text files as C, one { "name in that folder", "text" }, after another.
define embed
	@mkdir -p $(@D)
	@echo "  GEN   $@"
	$(Q)for f in $^; do echo "{ \"$${f#$(1)}\","; sed 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$$/\\n"/' $$f; echo '},'; done > $@
endef

# What is in the programs: redirect rules (the same files are installed), templates and style of the pages, templates of alerts.
RULES = $(addprefix contrib/redirect/,nginx.conf apache.conf apache.htaccess haproxy.cfg Caddyfile lighttpd.conf traefik.yaml iis-web.config)
$(B)/daemon/order/redirect_rule.o: $(B)/daemon/order/redirect_rule.inc
$(B)/daemon/order/redirect_rule.inc: $(RULES)
	$(call embed,contrib/redirect/)

$(B)/webui/page/files.o: $(B)/webui/page/files.inc $(B)/webui/page/files_digest.inc
$(B)/webui/page/files_digest.inc: $(sort $(wildcard webui/static/*))
	@mkdir -p $(@D)
	@echo "  GEN   $@"
	$(Q)echo "\"$$(cat $^ | sha256sum | cut -c 1-12)\"" > $@

$(B)/webui/page/files.inc: $(wildcard webui/html/*/*.html webui/static/*) $(RULES) contrib/deploy/certera-fetch contrib/deploy/certera-fetch.ps1
	$(call embed,webui/)

$(B)/webui/server/help.o: $(B)/webui/server/handbook.inc
$(B)/webui/server/handbook.inc: $(sort $(wildcard doc/handbook/*.md))
	$(call embed,doc/handbook/)

$(B)/daemon/notify/mail_text.o: $(B)/daemon/notify/template.inc
$(B)/daemon/notify/template.inc: $(wildcard contrib/templates/*)
	$(call embed,contrib/templates/)

$(B)/certerad: $(B)/daemon/main.o $(foreach f,daemon webui acme store keeper pki base,$(call library,$(f)))
	@echo "  LINK  $@"
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(all_libs)

# They link what they use, and no more.
$(B)/certerad-front: $(B)/daemon/front/main.o
$(B)/certerad-keeper: $(B)/keeper/main.o
$(B)/certerad-runner: $(B)/daemon/hook/main.o
$(B)/certerad-starter: $(B)/daemon/process/main.o
$(addprefix $(B)/certerad-,$(ROLES)): $(foreach f,daemon keeper pki base,$(call library,$(f)))
	@echo "  LINK  $@"
	$(Q)$(CC) $(all_ldflags) -Wl,--as-needed -o $@ $(filter %.o,$^) $(filter %.a,$^) $(all_libs)

$(B)/certeractl: $(B)/ctl/main.o $(foreach f,ctl base,$(call library,$(f)))
	@echo "  LINK  $@"
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(all_libs)

$(UNITS): $(B)/%.t: $(B)/%.o $(foreach f,daemon webui acme store keeper pki base,$(call library,$(f))) | $(B)/certerad-keeper
	@echo "  LINK  $@"
	$(Q)$(CC) $(all_ldflags) -o $@ $^ -lcmocka $(all_libs)

# What fills a store for bench/lists and t/4800.
FILL = $(B)/bench/fill
$(FILL): $(B)/bench/fill.o $(foreach f,store base,$(call library,$(f)))
	@echo "  LINK  $@"
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(all_libs)

# What measures the way from the front to the desks for bench/run.
HOP = $(B)/bench/hop
$(HOP): $(B)/bench/hop.o $(foreach f,daemon webui store keeper pki base,$(call library,$(f)))
	@echo "  LINK  $@"
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(all_libs)

# The limit for handshakes in bench/run.
BARE = $(B)/bench/bare_tls
$(BARE): $(B)/bench/bare_tls.o $(foreach f,pki base,$(call library,$(f)))
	@echo "  LINK  $@"
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(all_libs)

# Fuzzers: t/fuzz/NAME.c is one program (clang), see `make fuzz`.
FUZZERS = $(patsubst %.c,$(B)/%,$(wildcard t/fuzz/*.c))
$(FUZZERS): $(B)/%: $(B)/%.o $(foreach f,daemon webui acme store keeper pki base,$(call library,$(f)))
	@echo "  LINK  $@"
	$(Q)$(CC) $(all_ldflags) -fsanitize=fuzzer -o $@ $^ -lcmocka $(all_libs)

-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d)

# Documents that come out of the program's own tables.  The example is also kept in conf/, for readers.
.PHONY: documents
documents: $(B)/certera.yaml.example $(B)/man/certera.yaml.5 $(B)/certera.spdx.json $(addprefix $(B)/completion/,bash zsh fish)

$(B)/completion/%: $(B)/certeractl
	@mkdir -p $(@D)
	@echo "  DOC   $@"
	$(Q)$(B)/certeractl completion $* > $@.new && mv $@.new $@

$(B)/certera.spdx.json: contrib/sbom CHANGELOG $(B)/certerad
	@echo "  DOC   $@"
	$(Q)contrib/sbom $(B)/certerad > $@.new && mv $@.new $@

$(B)/certera.yaml.example: $(B)/certerad
	@echo "  DOC   $@"
	$(Q)$(B)/certerad -x example > $@
	$(Q)[ $(sysconfdir) != /etc ] || cmp -s $@ conf/$(@F) || cp $@ conf/$(@F)

$(B)/man/certera.yaml.5: man/certera.yaml.5.in $(B)/certerad
	@mkdir -p $(@D)
	@echo "  DOC   $@"
	$(Q)$(B)/certerad -x manual > $(@D)/settings
	$(Q)sed -e '/^@SETTINGS@$$/{r $(@D)/settings' -e 'd;}' $< > $@

# Where shells look for what completes command lines.
bashdir ?= $(prefix)/share/bash-completion/completions
zshdir  ?= $(prefix)/share/zsh/$(if $(filter /usr,$(prefix)),vendor-completions,site-functions)
fishdir ?= $(prefix)/share/fish/vendor_completions.d

# Everything in its place.  A certera.yaml that is there stays as it is.
install_folders = $(sbindir) $(bindir) $(libexecdir)/certera $(sysconfdir)/certera $(mandir)/man1 $(mandir)/man5 $(mandir)/man7 $(mandir)/man8 $(unitdir) \
                  $(sysusersdir) $(docdir)/handbook $(datadir)/redirect $(datadir)/deploy \
                  $(datadir)/hooks $(datadir)/ansible $(datadir)/grafana \
                  $(datadir)/prometheus $(bashdir) $(zshdir) $(fishdir)
# $(call relocate,file,to): a text that names paths, with those of this installation.
relocate = sed -e 's|/usr/sbin/certerad|$(sbindir)/certerad|g; s|/usr/libexec/certera|$(libexecdir)/certera|g' \
           -e 's|/usr/share/certera|$(datadir)|g; s|/usr/share/doc/certera|$(docdir)|g' \
           -e 's|$(sysconfdir)/certera|/etc/certera|g; s|/etc/certera|$(sysconfdir)/certera|g' $(1) > $(DESTDIR)$(2) && \
           chmod 644 $(DESTDIR)$(2)

.PHONY: install
install: all
	$(INSTALL) -d $(addprefix $(DESTDIR),$(install_folders))
	$(INSTALL) -m 755 $(B)/certerad $(DESTDIR)$(sbindir)
	$(INSTALL) -m 755 $(B)/certeractl $(DESTDIR)$(bindir)
	$(INSTALL) -m 755 $(addprefix $(B)/certerad-,$(ROLES)) $(DESTDIR)$(libexecdir)/certera
	$(INSTALL) -m 644 $(B)/certera.yaml.example $(DESTDIR)$(sysconfdir)/certera
	[ -e $(DESTDIR)$(sysconfdir)/certera/certera.yaml ] || \
		$(INSTALL) -m 644 $(B)/certera.yaml.example $(DESTDIR)$(sysconfdir)/certera/certera.yaml
	$(call relocate,man/certeractl.1,$(mandir)/man1/certeractl.1)
	$(call relocate,$(B)/man/certera.yaml.5,$(mandir)/man5/certera.yaml.5)
	$(call relocate,man/certera-api.7,$(mandir)/man7/certera-api.7)
	$(call relocate,man/certera-hooks.7,$(mandir)/man7/certera-hooks.7)
	$(call relocate,man/certera-migrate.7,$(mandir)/man7/certera-migrate.7)
	$(call relocate,man/certerad.8,$(mandir)/man8/certerad.8)
	$(call relocate,contrib/systemd/certera.service,$(unitdir)/certera.service)
	$(INSTALL) -m 644 contrib/systemd/*.socket $(DESTDIR)$(unitdir)
	$(INSTALL) -m 644 contrib/systemd/certera.sysusers $(DESTDIR)$(sysusersdir)/certera.conf
	$(INSTALL) -m 644 contrib/redirect/* $(DESTDIR)$(datadir)/redirect
	$(INSTALL) -m 755 $(filter-out %.ps1,$(wildcard contrib/deploy/*)) $(DESTDIR)$(datadir)/deploy
	$(INSTALL) -m 644 contrib/deploy/*.ps1 $(DESTDIR)$(datadir)/deploy
	$(INSTALL) -m 755 contrib/hooks/* $(DESTDIR)$(datadir)/hooks
	$(INSTALL) -m 644 contrib/ansible/* $(DESTDIR)$(datadir)/ansible
	$(INSTALL) -m 644 contrib/grafana/* $(DESTDIR)$(datadir)/grafana
	$(INSTALL) -m 644 contrib/prometheus/* $(DESTDIR)$(datadir)/prometheus
	$(INSTALL) -m 644 $(B)/completion/bash $(DESTDIR)$(bashdir)/certeractl
	$(INSTALL) -m 644 $(B)/completion/zsh $(DESTDIR)$(zshdir)/_certeractl
	$(INSTALL) -m 644 $(B)/completion/fish $(DESTDIR)$(fishdir)/certeractl.fish
	$(foreach page,$(notdir $(wildcard doc/handbook/*.md)),$(call relocate,doc/handbook/$(page),$(docdir)/handbook/$(page)) &&) true
	$(INSTALL) -m 644 README.md LICENSE CHANGELOG $(B)/certera.spdx.json $(DESTDIR)$(docdir)
	@[ -n "$(DESTDIR)" ] || $(MAKE) -s announce

# On the machine itself: the users, and systemd reads the units.
.PHONY: announce
announce:
	@if command -v systemd-sysusers; then systemd-sysusers $(sysusersdir)/certera.conf; fi >/dev/null
	@if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
	@echo "Now: systemctl enable --now certera"

# Away again with the same variables.  The configuration, the state and the users stay: they are yours.
installed_files = $(sbindir)/certerad $(bindir)/certeractl $(sysconfdir)/certera/certera.yaml.example \
                  $(mandir)/man1/certeractl.1 $(mandir)/man5/certera.yaml.5 $(mandir)/man8/certerad.8 \
                  $(addprefix $(mandir)/man7/,certera-api.7 certera-hooks.7 certera-migrate.7) \
                  $(addprefix $(unitdir)/,certera.service certera.socket certera-https.socket) $(sysusersdir)/certera.conf \
                  $(bashdir)/certeractl $(zshdir)/_certeractl $(fishdir)/certeractl.fish

.PHONY: uninstall
uninstall:
	rm -f $(addprefix $(DESTDIR),$(installed_files))
	rm -rf $(DESTDIR)$(docdir) $(DESTDIR)$(datadir) $(DESTDIR)$(libexecdir)/certera
	@rmdir $(DESTDIR)$(sysconfdir)/certera 2>/dev/null || true
	@[ -n "$(DESTDIR)" ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload
	@echo "Yours, and still there: $(sysconfdir)/certera, /var/lib/certera, the users certera*"

# Debian's package, built in a copy of the sources so that this folder stays as it is; then judged by lintian.
# What this make was told is not for the package, whose folders and flags are Debian's.
.PHONY: deb
deb:
	contrib/install-deps build package
	rm -rf $(B)/deb
	mkdir -p $(B)/deb/source
	tar -c --exclude-vcs --exclude='./build*' --exclude=./config.mak . | tar -x -C $(B)/deb/source
	cd $(B)/deb/source && env -u MAKEFLAGS -u MFLAGS -u B -u prefix dpkg-buildpackage --build=binary -us -uc -j$(JOBS)
	rm -rf $(B)/deb/source
	lintian --fail-on error $(B)/deb/*.changes
	@echo "Now: apt install ./$$(ls $(B)/deb/certera_*.deb)"

# Tests, demo, benchmarks.  Those that take a machine from nothing install what they need first.
JOBS  ?= $(shell nproc)
TESTS_AT_ONCE ?= $(JOBS)
TESTS  = $(wildcard t/$(T)*.t) $(patsubst %.c,$(B)/%.t,$(wildcard t/$(T)*.c))

.PHONY: check
check:
	contrib/install-deps build run test
	t/setup-peers pebble browser
	$(MAKE) -j$(JOBS) DEVELOPER=1 all $(TESTS) $(FILL)
	$(MAKE) prove

# Runs the tests with what is installed.  What this make was told is not for those that call make themselves.
unexport CC CFLAGS LDFLAGS MBEDTLS_CFLAGS MBEDTLS_LIBS
.PHONY: prove
prove: all $(TESTS) $(FILL)
	MAKEFLAGS= B=$(B) SOAK=$(SOAK) prove --exec '' --timer --failures -j$(TESTS_AT_ONCE) $(TESTS)

# What reads other people's bytes, with bytes nobody would send: SECONDS for each of t/fuzz/.
.PHONY: fuzz fuzzers
fuzzers: $(FUZZERS)
SECONDS ?= 60
fuzz:
	contrib/install-deps build test ci
	$(MAKE) -j$(JOBS) B=build-fuzz CC=clang SANITIZE=address,undefined CFLAGS="-O1 -g -fsanitize=fuzzer-no-link -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION" fuzzers
	t/fuzz/run build-fuzz/t/fuzz $(SECONDS)

# The long forms of what CI does shortly.
.PHONY: soak
soak:
	$(MAKE) fuzz SECONDS=600
	$(MAKE) T=6 SOAK=1 prove
	$(MAKE) T=9410 SOAK=1 prove
	$(MAKE) T=8[05]00 SOAK=1 prove
	$(MAKE) T=8170 SOAK=1 prove
	$(MAKE) T=4854 SOAK=1 prove
	t/package bookworm trixie
	t/package -m bookworm trixie
	t/container

.PHONY: demo
demo:
	contrib/install-deps build run demo
	$(MAKE) -j$(JOBS) all
	contrib/demo

.PHONY: bench
bench:
	contrib/install-deps build run bench
	$(MAKE) -j$(JOBS) all $(FILL) $(HOP) $(BARE)
	bench/run
	bench/lists

.PHONY: clean
clean:
	rm -rf $(B)

.PHONY: help
help:
	@echo "make              build certerad and certeractl into $(B)/"
	@echo "make check        install what the tests need, build, run all tests (T=3: one family)"
	@echo "make prove        run the tests with what is installed"
	@echo "make fuzz         fuzz what reads other people's bytes (SECONDS=60 each)"
	@echo "make soak         the long forms: fuzzers ten minutes each, faults, pages (an hour or two)"
	@echo "make demo         see it work: a CA, two web servers, Certera (DEMO=once: check and stop)"
	@echo "make bench        measure it against nginx and certbot"
	@echo "make install      into $(prefix) (DESTDIR=, prefix=)"
	@echo "make uninstall    takes away what make install installed; configuration and state stay"
	@echo "make deb          Debian's package, into $(B)/deb/"
	@echo "make clean        remove $(B)/"
	@sed -n 's/^#   \([A-Z]*=.*\)/  \1/p' $(firstword $(MAKEFILE_LIST))
