# smtp-handler: one Makefile, no recursion.
#
#   make            build everything into build/
#   make run        a server on 127.0.0.1:2525 with mailboxes under build/run/
#   make check      all tests (installs what they need, as root)
#   make deps       only install these packages
#   make install    obeys DESTDIR and PREFIX; so does make uninstall
#   make doc        the manual as one page: build/doc/index.html
#   make deb        a Debian package in build/deb/;  make dist: the source as one file
#   make LIBC=gnu   the handler with glibc (LIBC=musl, static, is the default if musl-gcc is here)
#   make check SAN=address,undefined    the same tests under the sanitizers
#   make check-cross ARCH=s390x         the tests of the portable code on another machine

VERSION   := 0.1.0
PREFIX    ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR   ?= $(PREFIX)/lib/systemd/system
USERUNITDIR ?= $(PREFIX)/lib/systemd/user
CC        ?= gcc
ifeq ($(origin CC),default)
CC        := gcc
endif
SAN       ?=
BUILD     ?= $(if $(SAN),build-san,build)
LIBC      ?= $(if $(SAN),gnu,$(if $(shell command -v musl-gcc 2>/dev/null),musl,gnu))

OPT       ?= -O2
WARN      := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
             -Wformat=2 -Wvla -Werror
CPPFLAGS  += -D_GNU_SOURCE -I. -DVERSION='"$(VERSION)"'
STD       := -std=c17 -g $(OPT) $(WARN) -fno-strict-aliasing -fstack-protector-strong -fPIE
# Programs at random addresses, whose relocated data is read-only (base/harden.c) and whose stack is
# not executable.
SAFE_LINK := -Wl,-z,relro,-z,now,-z,noexecstack
# The memory of base/large.h comes last.
SORT_LINK := -Wl,--sort-section=name
SANFLAGS  := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
# Only glibc has checks of buffer sizes, only with optimization, and not beside the sanitizers'.
FORTIFY   := $(if $(SAN)$(filter -O0,$(OPT) $(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
LDNS_CFLAGS := $(shell pkg-config --cflags ldns 2>/dev/null)
GNU_CFLAGS = $(STD) $(FORTIFY) $(SANFLAGS) $(CFLAGS) $(LDNS_CFLAGS)
GNU_LDFLAGS := -pie $(SAFE_LINK) $(SORT_LINK)
GNU_LINK = $(CC) $(GNU_CFLAGS) $(GNU_LDFLAGS) $(LDFLAGS)
TLS_LIBS = -lssl -lcrypto -lcrypt
# Without libcurl there is no smtp-fetch, and so no MTA-STS.
CURL_LIBS  := $(shell pkg-config --libs libcurl 2>/dev/null)
# Without libhiredis there is no smtp-shared, and each machine has its own limits.
REDIS_LIBS := $(shell pkg-config --libs hiredis 2>/dev/null)
RELAY_LIBS = -lldns -lssl -lcrypto -lidn2
REPORT_LIBS = $(RELAY_LIBS) -lz

# The handler's own objects need libc only, so they can be built with musl too.  Functions that it
# does not use are left out: each process pays for every 64 KiB of its code.
SECTIONS := -ffunction-sections -fdata-sections
ifeq ($(LIBC),musl)
MULTIARCH      := $(shell $(CC) -print-multiarch 2>/dev/null)
HANDLER_CFLAGS  = $(STD) $(SECTIONS) $(CFLAGS) \
  -idirafter /usr/include -idirafter /usr/include/$(MULTIARCH)
# Debian's musl-gcc links no static program at a random address: its specs have other start code
# (Scrt1.o) and always a dynamic linker.  With rcrt1.o the program relocates itself.
MUSL_SPECS     := $(shell sed -n 's/.*-specs "\([^"]*\)".*/\1/p' "$$(command -v musl-gcc)")
ifneq ($(wildcard $(dir $(MUSL_SPECS))rcrt1.o),)
HANDLER_SPECS  := $(BUILD)/static-pie.specs
HANDLER_LINK   := $(or $(REALGCC),gcc) -specs $(HANDLER_SPECS)
HANDLER_LDFLAGS = -static -Wl,--gc-sections $(SAFE_LINK) $(SORT_LINK)
else
HANDLER_LINK   := musl-gcc
HANDLER_LDFLAGS = -static -no-pie $(SAFE_LINK) $(SORT_LINK)
endif
FIXED_LINK     := musl-gcc -static -no-pie
HANDLER_OBJ    := $(BUILD)/musl
else
HANDLER_CFLAGS  = $(GNU_CFLAGS)
HANDLER_LINK   := $(CC)
HANDLER_LDFLAGS = $(SANFLAGS) $(GNU_LDFLAGS)
FIXED_LINK     := $(CC) $(SANFLAGS) -no-pie
HANDLER_OBJ    := $(BUILD)/gnu
endif

# Rooms.  The handler links CORE, which needs libc only.  The runner links OUT too.  Two programs
# hold sessions.  smtp-handler may execute smtp-handler-tls, which has OpenSSL and libcrypt.
TLS  := $(sort $(wildcard net/tls*.c))
CRYPTO := base/digest.c base/sign.c
# Only smtp-shared links libhiredis.
SHARED := shared/clients.c shared/confine.c shared/redis.c shared/runs.c shared/serve_run.c \
  shared/tally_script.c
rooms = $(sort $(foreach room,$(1),$(wildcard $(room)/*.c)))
CORE_ROOMS := queue stats base config smtp message milter aliases mailbox strangers net shared
CORE := queue.c $(filter-out $(TLS) $(CRYPTO) $(SHARED), \
  $(call rooms,$(CORE_ROOMS)))
OUT  := fetch/fetcher.c fetch/post.c fetch/store.c \
  $(call rooms,dns policy hosts attempt maildir client notice delivery runner) \
  $(call rooms,explain doctor) $(TLS) $(CRYPTO)
VERIFY := $(call rooms,auth verify)
REPORTS := $(call rooms,reports)
PLAIN_ONLY := session/secure_exec.c session/auth_absent.c
TLS_ONLY   := session/secure_tls.c session/auth_file.c
QUEUE_TOOL := $(sort $(wildcard tools/queue/*.c))
IMPORT     := $(sort $(wildcard tools/import/*.c))
FETCH      := fetch/addresses.c fetch/confine.c fetch/discover.c fetch/https.c fetch/posts.c
SENDMAIL   := tools/sendmail.c $(sort $(wildcard tools/sendmail/*.c))
SERVER := smtp-handler.c $(filter-out $(TLS_ONLY),$(sort $(wildcard session/*.c)))
SERVER_TLS := $(filter-out $(PLAIN_ONLY),$(SERVER)) $(TLS_ONLY) $(TLS)

core_objects    := $(CORE:%.c=$(BUILD)/gnu/%.o)
out_objects     := $(OUT:%.c=$(BUILD)/gnu/%.o)
handler_objects := $(sort $(SERVER:%.c=$(HANDLER_OBJ)/%.o) $(CORE:%.c=$(HANDLER_OBJ)/%.o))
tls_objects     := $(SERVER_TLS:%.c=$(BUILD)/gnu/%.o)
# make V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@echo '  $(1) $@')

PROGRAMS := $(addprefix $(BUILD)/,smtp-handler smtp-handler-tls smtp-handler-passwd smtp-maildir \
            smtp-dkim-key smtp-handler-import smtp-relay smtp-queue sendmail \
            smtp-verify smtp-report $(if $(CURL_LIBS),smtp-fetch) $(if $(REDIS_LIBS),smtp-shared))

.SECONDARY:
.PHONY: all
all: $(PROGRAMS)

# What is missing here is listed before anything is compiled.  Another machine has no libraries.
NEEDS := $(if $(EMULATOR),,$(BUILD)/.needs)
$(BUILD)/.needs: tools/needs.sh
	@mkdir -p $(@D)
	$(Q)tools/needs.sh '$(CC)' && touch $@

# Other flags need other objects.
$(BUILD)/gnu/%.o: %.c Makefile | $(NEEDS)
	@mkdir -p $(@D)
	$(call say,CC  )
	$(Q)$(CC) $(CPPFLAGS) $(GNU_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/musl/%.o: %.c Makefile | $(NEEDS)
	@mkdir -p $(@D)
	$(call say,CC  )
	$(Q)musl-gcc $(CPPFLAGS) $(HANDLER_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/static-pie.specs: $(MUSL_SPECS)
	@mkdir -p $(@D)
	$(Q)sed -e 's|Scrt1\.o|rcrt1.o|' \
	  -e 's|^-dynamic-linker [^ ]*|-pie --no-dynamic-linker -z text|' $< > $@

$(BUILD)/smtp-handler: $(handler_objects) | $(HANDLER_SPECS)
	$(call say,LINK)
	$(Q)$(HANDLER_LINK) $(HANDLER_CFLAGS) $(HANDLER_LDFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/smtp-handler-tls: $(tls_objects) $(core_objects)
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $^ $(TLS_LIBS)

$(BUILD)/smtp-handler-passwd: $(BUILD)/gnu/tools/smtp-handler-passwd.o $(BUILD)/gnu/base/harden.o
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $^ -lcrypt

$(BUILD)/smtp-relay: $(BUILD)/gnu/relay.o $(out_objects) $(core_objects)
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $^ $(RELAY_LIBS)

$(BUILD)/sendmail: $(SENDMAIL:%.c=$(BUILD)/gnu/%.o) $(BUILD)/libcore.a
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $^

$(BUILD)/smtp-handler-import: $(BUILD)/gnu/tools/smtp-handler-import.o $(BUILD)/libimport.a \
    $(BUILD)/libcore.a
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $^

# smtp-queue links only the objects of libout.a that it uses, so it does not need RELAY_LIBS.
$(BUILD)/smtp-queue: $(BUILD)/gnu/tools/smtp-queue.o $(BUILD)/libqueuetool.a $(BUILD)/libout.a \
    $(BUILD)/libcore.a
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $^

# The agent links only what it uses, as it is root at its start.
$(BUILD)/smtp-maildir: $(BUILD)/gnu/tools/smtp-maildir.o $(BUILD)/libout.a $(BUILD)/libcore.a
	$(call say,LINK)
	$(Q)$(GNU_LINK) -pthread -o $@ $^

$(BUILD)/smtp-dkim-key: $(BUILD)/gnu/tools/smtp-dkim-key.o $(BUILD)/libout.a $(BUILD)/libcore.a
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $^ $(RELAY_LIBS)

$(BUILD)/smtp-verify: $(BUILD)/gnu/verify.o $(BUILD)/libverify.a $(BUILD)/libout.a \
    $(BUILD)/libcore.a
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $^ -lldns -lcrypto -lidn2

$(BUILD)/smtp-report: $(BUILD)/gnu/tools/smtp-report.o $(BUILD)/libreports.a \
    $(BUILD)/libverify.a $(BUILD)/libout.a $(BUILD)/libcore.a
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $^ $(REPORT_LIBS)

$(BUILD)/smtp-fetch: $(BUILD)/gnu/tools/smtp-fetch.o $(FETCH:%.c=$(BUILD)/gnu/%.o) \
    $(BUILD)/libout.a $(BUILD)/libcore.a
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $^ $(CURL_LIBS) $(RELAY_LIBS)

$(BUILD)/smtp-shared: $(BUILD)/gnu/tools/smtp-shared.o $(SHARED:%.c=$(BUILD)/gnu/%.o) \
    $(BUILD)/libcore.a
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $^ $(REDIS_LIBS)

# ---- tests ----

# Unit tests: tests/unit/NAME_test.c, each a program that prints TAP.
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/unit/*_test.c)))

$(BUILD)/libcore.a: $(core_objects)
	$(call say,AR  )
	$(Q)rm -f $@ && ar rcsP $@ $^
$(BUILD)/libout.a: $(out_objects)
	$(call say,AR  )
	$(Q)rm -f $@ && ar rcsP $@ $^
$(BUILD)/libverify.a: $(VERIFY:%.c=$(BUILD)/gnu/%.o)
	$(call say,AR  )
	$(Q)rm -f $@ && ar rcsP $@ $^
$(BUILD)/libreports.a: $(REPORTS:%.c=$(BUILD)/gnu/%.o)
	$(call say,AR  )
	$(Q)rm -f $@ && ar rcsP $@ $^
$(BUILD)/libqueuetool.a: $(QUEUE_TOOL:%.c=$(BUILD)/gnu/%.o)
	$(call say,AR  )
	$(Q)rm -f $@ && ar rcsP $@ $^
$(BUILD)/libimport.a: $(IMPORT:%.c=$(BUILD)/gnu/%.o)
	$(call say,AR  )
	$(Q)rm -f $@ && ar rcsP $@ $^
$(BUILD)/libsession.a: $(patsubst %.c,$(BUILD)/gnu/%.o,$(filter session/%,$(SERVER)))
	$(call say,AR  )
	$(Q)rm -f $@ && ar rcsP $@ $^
$(BUILD)/libsendmail.a: $(patsubst %.c,$(BUILD)/gnu/%.o,$(filter-out tools/sendmail.c,$(SENDMAIL)))
	$(call say,AR  )
	$(Q)rm -f $@ && ar rcsP $@ $^
test_libs := $(addprefix $(BUILD)/lib, \
  session.a sendmail.a queuetool.a import.a reports.a verify.a out.a core.a)
# For another machine there are no libraries but libc: `make check-cross`.
ifdef EMULATOR
test_libs  := $(BUILD)/libsession.a $(BUILD)/libcore.a
REPORT_LIBS :=
endif

comma := ,
# Calls that a test makes fail on purpose: WRAP_NAME for tests/unit/NAME_test.c.
wrap = $(addprefix -Wl$(comma)--wrap=,$(1))
WRAP_queue := $(call wrap,openat flock fstat write pwrite fsync syncfs renameat unlinkat)
WRAP_queue_part := -Wl,--wrap=pread
WRAP_poison := $(call wrap,queue_envelope_parse queue_load_open sheet_read)
WRAP_log := -Wl,--wrap=connect
WRAP_log_values := $(WRAP_log)
WRAP_report := $(WRAP_log)
WRAP_queue_crash := $(WRAP_queue)
WRAP_queue_edit := $(WRAP_queue)
WRAP_intake := -Wl,--wrap=clock_wall_us
WRAP_pace := -Wl,--wrap=clock_ms
WRAP_storm := $(call wrap,clock_ms getrandom)
WRAP_tls_places := -Wl,--wrap=clock_wall_us
WRAP_lease := $(WRAP_queue)
WRAP_sandbox := -Wl,--wrap=list_hold
WRAP_queue_take := $(WRAP_queue)
WRAP_walls := $(call wrap,deliver)
WRAP_runner := $(call wrap,delivery_confine)
WRAP_queue_operator := $(WRAP_queue)
WRAP_maildir := -Wl,--wrap=renameat
WRAP_agent := $(call wrap,getpwnam_r initgroups write fsync mkdirat)

$(BUILD)/tests/%_test: $(BUILD)/gnu/tests/unit/%_test.o $(test_libs)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(GNU_CFLAGS) $(LDFLAGS) $(WRAP_$*) -o $@ $< $(test_libs) $(REPORT_LIBS)

# A program that asks the process that validates by DNSSEC.
$(BUILD)/tests/validate: $(BUILD)/gnu/tests/lib/validate.o $(test_libs)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $< $(test_libs) $(REPORT_LIBS)

# Programs that trace others: system calls inside them, a rename while they end, a wrong clock.
$(BUILD)/tests/inject $(BUILD)/tests/exitstop $(BUILD)/tests/wrongclock: \
    $(BUILD)/tests/%: $(BUILD)/gnu/tests/lib/%.o
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $<

# A disk that remembers what was done to it.
$(BUILD)/tests/recorder: tests/power/recorder.c Makefile
	@mkdir -p $(@D)
	$(call say,CC  )
	$(Q)$(CC) $(STD) -D_GNU_SOURCE $(shell pkg-config --cflags fuse3) $(CFLAGS) -o $@ $< \
	  $(shell pkg-config --libs fuse3)

# A file system that breaks a promise.
$(BUILD)/tests/broken_fs: tests/storage/broken_fs.c Makefile
	@mkdir -p $(@D)
	$(call say,CC  )
	$(Q)$(CC) $(STD) -D_GNU_SOURCE $(shell pkg-config --cflags fuse3) $(CFLAGS) -o $@ $< \
	  $(shell pkg-config --libs fuse3)

# Programs that make one system call of another program fail, or hold the program before it.
$(BUILD)/tests/failcall $(BUILD)/tests/holdcall: $(BUILD)/tests/%: $(BUILD)/gnu/tests/lib/%.o
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $<

# A library that damages what processes send each other.
$(BUILD)/tests/garble.so: tests/lib/garble.c Makefile
	@mkdir -p $(@D)
	$(call say,CC  )
	$(Q)$(CC) $(STD) -D_GNU_SOURCE -fPIC -shared $(CFLAGS) -o $@ $<

# Checks of SPF over zones that a test suite has.
$(BUILD)/tests/spf: $(BUILD)/gnu/tests/lib/spf.o $(BUILD)/libverify.a $(BUILD)/libcore.a
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $^

# Fuzz targets: tests/fuzz/NAME_fuzz.c, with its seeds and old crashes in tests/fuzz/corpus/NAME.
# `make check` runs the corpus through each target.  `make fuzz` looks for more crashes, for
# FUZZ_SECONDS each, and goes on with what it has found before.
FUZZ_NAMES   := $(patsubst tests/fuzz/%_fuzz.c,%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))
FUZZ_SECONDS ?= 60
CORPUS_TESTS := $(FUZZ_NAMES:%=$(BUILD)/tests/%_corpus)

$(BUILD)/tests/%_corpus: $(BUILD)/gnu/tests/fuzz/%_fuzz.o $(BUILD)/gnu/tests/fuzz/corpus.o \
    $(test_libs)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $(filter %.o,$^) $(test_libs) $(REPORT_LIBS)

# The programs' sources are compiled once for all targets, and watched by the fuzzer.  A finding of
# any sanitizer ends the target.
FUZZ_SAN     := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_FLAGS    = $(CPPFLAGS) $(STD) $(FUZZ_SAN)
FUZZ_SOURCES := $(sort $(CORE) $(OUT) $(IMPORT) $(VERIFY) $(REPORTS) $(QUEUE_TOOL) \
    $(filter session/%,$(SERVER)) $(filter-out tools/sendmail.c,$(SENDMAIL)))

$(BUILD)/fuzz/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC  )
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/programs.a: $(FUZZ_SOURCES:%.c=$(BUILD)/fuzz/obj/%.o)
	$(call say,AR  )
	$(Q)rm -f $@ && ar rcsP $@ $^

$(BUILD)/fuzz/%_fuzz: $(BUILD)/fuzz/obj/tests/fuzz/%_fuzz.o $(BUILD)/fuzz/programs.a
	$(call say,LINK)
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(REPORT_LIBS)

FUZZ_TARGETS ?= $(FUZZ_NAMES)
.PHONY: fuzz
fuzz: $(FUZZ_TARGETS:%=$(BUILD)/fuzz/%_fuzz)
	BUILD=$(BUILD) tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ_TARGETS)

# The same targets under AFL++, which also has a persistent mode.
AFL_FLAGS = $(CPPFLAGS) $(STD) -fsanitize=address -fno-sanitize-recover=all
$(BUILD)/afl/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,AFL )
	$(Q)AFL_QUIET=1 afl-clang-fast $(AFL_FLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/afl/programs.a: $(FUZZ_SOURCES:%.c=$(BUILD)/afl/obj/%.o)
	$(call say,AR  )
	$(Q)rm -f $@ && ar rcsP $@ $^

$(BUILD)/afl/%_fuzz: $(BUILD)/afl/obj/tests/fuzz/%_fuzz.o $(BUILD)/afl/obj/tests/fuzz/afl.o \
    $(BUILD)/afl/programs.a
	$(call say,LINK)
	$(Q)AFL_QUIET=1 afl-clang-fast $(AFL_FLAGS) -o $@ $^ $(REPORT_LIBS)

.PHONY: fuzz-afl fuzz-afl-here
fuzz-afl:
	tools/deps.sh afl
	$(MAKE) --no-print-directory fuzz-afl-here
fuzz-afl-here: $(FUZZ_TARGETS:%=$(BUILD)/afl/%_fuzz)
	BUILD=$(BUILD) ENGINE=afl tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ_TARGETS)

# Lines that the corpora, the unit tests and the dialogues reach, by room: tests/README.md has the
# results.  COVERAGE_TESTS are files of tests/delivery and tests/host that are run, too.  Processes
# end behind walls, so the counters are files that are mapped from the start.
COVERAGE_FLAGS := -fprofile-instr-generate=$(CURDIR)/build-coverage/coverage/more-%2m.profraw%c \
    -fcoverage-mapping -mllvm -runtime-counter-relocation -Qunused-arguments -Wno-error
COVERAGE_DELIVERY := adopt aliases bytes dane dkim dnssec doctor health lmtp login maildir \
    notices own queue_tool rate runner schedule srs sts tls tls_reports verify \
    verify_dkim verify_dmarc verify_reports xclient
COVERAGE_HOST := auth check completion listen milter print proxy queue_fsck queue_log \
    queue_size queue_tool queue_watch remote report sendmail stats storage \
    strangers tls top
COVERAGE_TESTS ?= $(COVERAGE_DELIVERY:%=tests/delivery/%_test.py) \
    $(wildcard $(COVERAGE_HOST:%=tests/host/%_test.*))
.PHONY: coverage coverage-here
coverage:
	tools/deps.sh coverage
	$(MAKE) --no-print-directory BUILD=build-coverage LIBC=gnu CC=clang OPT=-O1 \
	  CFLAGS='$(COVERAGE_FLAGS)' coverage-here
coverage-here: all $(UNIT_TESTS) $(CORPUS_TESTS)
	BUILD=$(BUILD) tests/fuzz/coverage $(COVERAGE_TESTS)

# Claims that are tried on all strings up to a length: tests/prove/NAME_prove.c.  `make check` tries
# shorter strings than `make prove`.  PROVE_MORE is what `make prove` adds to each length.  Then
# spin(1) searches the states of the queue's protocol (tests/prove/queue.pml).
PROVE_NAMES := $(patsubst tests/prove/%_prove.c,%,$(sort $(wildcard tests/prove/*_prove.c)))
PROVE_TESTS := $(PROVE_NAMES:%=$(BUILD)/tests/%_prove)
PROVE_MORE  ?= 0
prove_checks = $(foreach n,$(PROVE_NAMES),prove-$(n)='$(BUILD)/tests/$(n)_prove $(1)')

$(BUILD)/tests/%_prove: $(BUILD)/gnu/tests/prove/%_prove.o $(test_libs)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(GNU_LINK) -o $@ $< $(test_libs) $(REPORT_LIBS)

.PHONY: prove
prove: $(PROVE_TESTS)
	BUILD=$(BUILD) CHECK_TIMEOUT=7200 nice tests/lib/check $(call prove_checks,$(PROVE_MORE)) \
	  prove-controls='tests/prove/controls' prove-model='tests/prove/model'
	@cat $(BUILD)/check/prove-*.tap

# New memory of malloc(3) has other octets than zeros, so what is not set shows.
unit_checks     = $(foreach t,$(UNIT_TESTS),\
    $(patsubst %_test,%,$(notdir $(t)))='MALLOC_PERTURB_=165 $(t)')
corpus_checks   = $(foreach n,$(FUZZ_NAMES),\
    corpus-$(n)='$(BUILD)/tests/$(n)_corpus tests/fuzz/corpus/$(n)')
# FOLDER-NAME=COMMAND for each of the scripts $(1); $(2) is a program that runs it.
scripts         = $(foreach t,$(1),\
    $(notdir $(patsubst %/,%,$(dir $(t))))-$(basename $(notdir $(t)))='$(2) $(t)')
tests_of        = $(sort $(wildcard tests/$(1)/*_test.*))
files           = $(wildcard $(2:%=tests/$(1)/%_test.*))
# These install packages on booted systems: nothing else runs beside them.
HOST_PACKAGES   = package programs
# These boot systemd or change users: two run at a time, and nothing beside them.
HOST_PAIRS      = systemd walls two_users users
# These measure, or look at all processes: nothing runs beside one of them.
HOST_ALONE      = listen load make-run memory no-process orphans stats strangers supervised \
    survive
# These wait more than they compute.
DELIVERY_WAITS  = adopt black_hole dns dns_cost dnssec doctor health hostile junk latency login \
    maildir queue_tool rate refusals runner schedule several_hosts shared_limits shares shutdown \
    state sts tls tls_reports transcript trips
HOST_WAITS      = auth fail2ban guide lists milter proxy remote socket-activate tcpserver tls top
delivery_waits  = $(call files,delivery,$(DELIVERY_WAITS))
host_waits      = $(call files,host,$(HOST_WAITS))
host_pairs      = $(call files,host,$(HOST_PAIRS))
host_alone      = $(call files,host,$(HOST_ALONE))
delivery_others = $(filter-out $(delivery_waits),$(call tests_of,delivery))
host_packages   = $(call files,host,$(HOST_PACKAGES))
host_others     = $(filter-out $(host_waits) $(host_packages) $(host_pairs) \
    $(host_alone),$(call tests_of,host))
in_namespace    = $(call scripts,$(1),tests/delivery/run)
crash_checks    = $(call scripts,$(call tests_of,crash))
script_checks   = $(crash_checks) $(call in_namespace,$(delivery_others)) \
    $(call scripts,$(host_others)) \
    -w $(call in_namespace,$(delivery_waits)) $(call scripts,$(host_waits)) \
    -j 2 $(call scripts,$(host_packages)) -j 2 $(call scripts,$(host_pairs)) \
    -j 1 $(call scripts,$(host_alone))

.PHONY: deps check check-programs check-here unit
deps:
	tools/deps.sh check

# Each of these is a make of its own: the first one may just have installed tools that the top of
# this file looks for (musl-gcc, pkg-config), and a test that calls make must find no jobs in its
# environment.
processors := $(shell nproc)
check: deps
	$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(processors)) \
	  check-programs
	$(MAKE) --no-print-directory check-here

check-programs: all $(UNIT_TESTS) $(CORPUS_TESTS) $(PROVE_TESTS) $(BUILD)/tests/failcall \
    $(BUILD)/tests/inject $(BUILD)/tests/exitstop $(BUILD)/tests/wrongclock $(BUILD)/tests/spf \
    $(BUILD)/tests/validate $(BUILD)/tests/broken_fs

# First what is bound to a processor; then tests with servers.  With four of these at a time, some
# that measure seconds failed on two processors; two that wait take the time of none.
check-here: check-programs
	BUILD=$(BUILD) tests/lib/check -j $(processors) $(unit_checks) $(corpus_checks) \
	  $(call prove_checks,-2) prove-model='tests/prove/model sample' lint='tests/lint' \
	  assertions='tests/assertions' dialogues='tests/dialogues/run' \
	  $(script_checks)

# Tests for another machine, under qemu-user: what needs libc only can be compiled without that
# machine's libraries.
ARCH ?= arm64
CORE_INCLUDES := queue|$(subst $() ,|,$(CORE_ROOMS))|session|queue_fixture|tests
OTHER_INCLUDES := net/tls|base/(digest|sign)|tests/(lib/(mail|workers)|unit/import)
CORE_TESTS = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(shell \
    grep -LP '^\#include ("(?!($(CORE_INCLUDES))[/.])|"($(OTHER_INCLUDES))|<idn2)' \
    tests/unit/*_test.c))
.PHONY: check-cross cross-here
check-cross:
	tools/deps.sh cross
	tests/cross/check $(ARCH)

cross-here: $(BUILD)/smtp-handler $(CORE_TESTS)
	BUILD=$(BUILD) tests/lib/check -j 2 $(foreach t,$(CORE_TESTS),\
	  $(patsubst %_test,%,$(notdir $(t)))='$(EMULATOR) $(t)') \
	  dialogues='EMULATOR="$(EMULATOR)" tests/dialogues/run $(CROSS_DIALOGUES)'

# Loads and faults on a booted system, with the full numbers: some minutes.  make check has a
# sample.
.PHONY: survive
survive: all
	BUILD=$(BUILD) SURVIVE=full tests/host/survive_test.py

# A failure at every system call of sessions and deliveries: an hour.  It goes on where it was
# stopped.  make check has a sample.
.PHONY: kill-points
kill-points: all $(BUILD)/tests/failcall
	BUILD=$(BUILD) KILL_POINTS=full DEADLINE=14400 \
	  tests/delivery/run tests/delivery/points_test.py
	BUILD=$(BUILD) KILL_POINTS=full DEADLINE=3600 \
	  tests/delivery/run tests/delivery/full_test.py

# Damaged files of the queue under programs with sanitizers: half an hour.  It goes on where it was
# stopped.  HOSTILE_REPLAY=FOLDER tries one finding again.
HOSTILE_FILES ?= 1000000
HOSTILE_JOBS ?= 2
.PHONY: hostile-files
hostile-files:
	$(MAKE) --no-print-directory SAN=address,undefined all
	BUILD=build-san HOSTILE_FILES=$(HOSTILE_FILES) HOSTILE_JOBS=$(HOSTILE_JOBS) DEADLINE=86400 \
	  HOSTILE_REPLAY=$(HOSTILE_REPLAY) \
	  tests/delivery/run tests/delivery/hostile_files_test.py

# Damaged frames between processes, under sanitizers.
HOSTILE_RUNS ?= 200
.PHONY: hostile-frames hostile-frames-here
hostile-frames:
	$(MAKE) --no-print-directory SAN=address,undefined hostile-frames-here
hostile-frames-here: all $(BUILD)/tests/garble.so
	for file in hostile_frames.py hostile_shared_test.py; do \
	  BUILD=$(BUILD) HOSTILE_RUNS=$(HOSTILE_RUNS) DEADLINE=86400 \
	    tests/delivery/run tests/delivery/$$file || exit 1; done

# The power fails, on ext4, xfs and btrfs, at POWER_STATES moments of each: hours.  It goes on where
# it was stopped, if the number is the same or greater.
POWER_STATES ?= 10000
.PHONY: power-cut power-cut-here
power-cut:
	tools/deps.sh power
	$(MAKE) --no-print-directory power-cut-here
power-cut-here: all $(BUILD)/tests/recorder
	BUILD=$(BUILD) POWER_STATES=$(POWER_STATES) DEADLINE=86400 \
	  tests/delivery/run tests/power/power_test.py

# A message comes while a run ends, PATH_RACES times: half an hour.  It goes on where it was
# stopped.  make check has a sample.
PATH_RACES ?= 10000
.PHONY: path-race
path-race: all $(BUILD)/tests/exitstop
	BUILD=$(BUILD) tests/host/path-race $(PATH_RACES)

# The queue on NFSv4, as root: a server and a client are virtual machines, each killed NFS_KILLS
# times.  Then two clients with leases: the queue of one is adopted by the other, at random moments
# and at each step; with NFS_STEPS=4, at each fourth one.
NFS_KILLS ?= 20
NFS_STEPS ?= 1
.PHONY: check-nfs check-nfs-here
check-nfs:
	tools/deps.sh nfs
	$(MAKE) --no-print-directory check-nfs-here
check-nfs-here: all $(BUILD)/tests/holdcall
	BUILD=$(BUILD) NFS_KILLS=$(NFS_KILLS) DEADLINE=7200 tests/delivery/run tests/nfs/nfs_test.py
	BUILD=$(BUILD) DEADLINE=7200 tests/delivery/run tests/nfs/lease_test.py
	BUILD=$(BUILD) NFS_STEPS=$(NFS_STEPS) DEADLINE=7200 \
	  tests/delivery/run tests/nfs/steps_test.py

# The page of smtp-queue report in a browser.  That is large, so make deps does not install it; as
# root, type: apt-get install chromium-headless-shell.  The pictures go to build/report/.
.PHONY: check-browser
check-browser: all
	BUILD=$(BUILD) BROWSER=required KEEP=$(BUILD)/report tests/host/report_test.py

# Queues on GlusterFS, whose bricks, network and machines fail, as root: five minutes.
SHARED_ROUNDS ?= 9
.PHONY: check-shared
check-shared: all $(BUILD)/tests/broken_fs
	tools/deps.sh shared
	BUILD=$(BUILD) SHARED_ROUNDS=$(SHARED_ROUNDS) DEADLINE=3600 \
	  tests/delivery/run tests/shared/gluster_test.py

# Messages through rspamd and SpamAssassin, as root: half a minute.  make check has other filters.
.PHONY: check-filters
check-filters: all
	tools/deps.sh filters
	BUILD=$(BUILD) tests/lib/check \
	  $(call scripts,$(call tests_of,filters),DEADLINE=400 tests/delivery/run)

# The assertions of tests/conformance against other servers and senders, as root: minutes.  It
# writes the tables in tests/README.md.
.PHONY: conformance
conformance: all
	tools/deps.sh check
	set -e; for server in smtp-handler smtp-handler-strict Postfix Exim OpenSMTPD aiosmtpd; do \
	  echo "  TEST $$server"; \
	  BUILD=$(BUILD) SERVER=$$server tests/delivery/run tests/servers/one.py; done
	set -e; for server in smtp-handler Postfix Exim OpenSMTPD; do \
	  echo "  TEST $$server as a sender"; \
	  BUILD=$(BUILD) SERVER=$$server tests/delivery/run tests/servers/sender.py; done
	tests/servers/table.py $(BUILD)/conformance tests/README.md

# Another release of Debian, in a root of its own.  check-there is what runs in that root.
SUITE      ?= trixie
DELIVERIES ?=
.PHONY: check-debian check-there
check-debian:
	tools/deps.sh debian
	tests/debian/check $(SUITE)

# The image of the Containerfile, without an engine.  The root for its base is made once.
.PHONY: check-container
check-container:
	tools/deps.sh debian
	mkdir -p build/container
	test -d build/container/base || { \
	  debootstrap --variant=minbase bookworm build/container/base.new && \
	  mv build/container/base.new build/container/base; }
	tests/container/build build/container/base build/container/root
	BUILD=build/container tests/lib/check \
	  container='tests/container/container_test.py build/container/root'

check-there: all $(UNIT_TESTS) $(CORPUS_TESTS)
	BUILD=$(BUILD) tests/lib/check -j 2 $(unit_checks) $(corpus_checks) \
	  dialogues='tests/dialogues/run' $(foreach name,$(DELIVERIES),\
	  delivery-$(name)='tests/delivery/run tests/delivery/$(name)_test.py')

# Only the unit tests: a few seconds.
unit: $(UNIT_TESTS) $(CORPUS_TESTS) $(PROVE_TESTS)
	BUILD=$(BUILD) tests/lib/check -j 2 $(unit_checks) $(corpus_checks) \
	  $(call prove_checks,-2)

ANALYSED := $(CORE) $(OUT) $(SERVER) $(TLS_ONLY) $(VERIFY) $(REPORTS) relay.c verify.c \
            $(QUEUE_TOOL) \
            $(IMPORT) $(SHARED) $(sort $(SENDMAIL) $(FETCH) $(wildcard tools/*.c))
.PHONY: analyse
analyse:
	@# One process a file: for several, clang-tidy 14 reports uninitialized va_lists falsely.
	printf '%s\n' $(ANALYSED) | \
	  xargs -P 2 -I FILE clang-tidy --quiet FILE -- $(CPPFLAGS) -std=c17
	cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr \
	  --enable=warning,portability,performance --suppress=missingIncludeSystem \
	  -I. -D_GNU_SOURCE \
	  -DVERSION='"x"' $(ANALYSED)

# The compilation database has the compiler arguments of each source, for editors and clangd.
.PHONY: compile_commands.json
compile_commands.json:
	@{ sep='['; \
	  for file in $(ANALYSED) $(sort $(wildcard tests/unit/*.c tests/fuzz/*.c bench/*.c)); do \
	  printf '%s\n{ "directory": "%s", "file": "%s", "arguments": ["$(CC)"' \
	    "$$sep" "$(CURDIR)" "$$file"; \
	  for word in $(subst ",\",$(CPPFLAGS)) $(STD); do printf ', "%s"' "$$word"; done; \
	  printf ', "-c", "%s"] }' "$$file"; sep=,; done; printf '\n]\n'; } > $@
	@echo '  wrote $@'

# ---- use ----

.PHONY: run run-here
run:
	tools/deps.sh build
	$(MAKE) --no-print-directory run-here
run-here: all
	@BUILD=$(BUILD) tools/run.sh

# bench/NAME.c are programs that only the benchmarks run.
$(BUILD)/bench/%: $(BUILD)/gnu/bench/%.o $(BUILD)/libcore.a
	@mkdir -p $(@D)
	$(GNU_LINK) -o $@ $^

# These may speak TLS.
$(patsubst %,$(BUILD)/bench/%,clients sink): $(BUILD)/bench/%: $(BUILD)/gnu/bench/%.o \
  $(BUILD)/libcore.a
	@mkdir -p $(@D)
	$(GNU_LINK) -o $@ $^ $(TLS_LIBS)

# This program is linked like the handler; the benchmark compares the two.
$(BUILD)/bench/empty: $(HANDLER_OBJ)/bench/empty.o | $(HANDLER_SPECS)
	@mkdir -p $(@D)
	$(HANDLER_LINK) $(HANDLER_CFLAGS) $(HANDLER_LDFLAGS) $(LDFLAGS) -o $@ $^

# The handler at a fixed address: the benchmark shows the cost of a random one.
$(BUILD)/bench/smtp-handler-fixed: $(handler_objects)
	@mkdir -p $(@D)
	$(FIXED_LINK) $(HANDLER_CFLAGS) $(LDFLAGS) -o $@ $^

.PHONY: bench
bench: all $(BUILD)/bench/smtp-handler-fixed \
  $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard bench/*.c)))
	bench/run

# Two commits interleaved: is this tree slower than BASE?
.PHONY: bench-compare
bench-compare: all $(patsubst %,$(BUILD)/bench/%,accept commit fill sink)
	bench/compare '$(BASE)'

DOCDIR  = $(DESTDIR)$(PREFIX)/share/doc/smtp-handler
CONFDIR = $(DESTDIR)$(SYSCONFDIR)/smtp-handler
BASHDIR = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSHDIR  = $(DESTDIR)$(PREFIX)/share/zsh/site-functions
MAN8 := $(sort $(wildcard man/*.8))
MAN7 := $(sort $(wildcard man/*.7))
MAN5 := $(sort $(wildcard man/*.5))
SBINDIR := $(PREFIX)/sbin
fill := sed -e 's|@SBINDIR@|$(SBINDIR)|g' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g' \
  -e 's|@VERSION@|$(VERSION)|g'

.PHONY: install
install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(UNITDIR) $(DESTDIR)$(PREFIX)/share/man/man5 \
	  $(DESTDIR)$(PREFIX)/share/man/man7 $(DESTDIR)$(PREFIX)/share/man/man8 \
	  $(DESTDIR)$(SYSCONFDIR)/smtp-handler/conf.d \
	  $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d \
	  $(DESTDIR)$(PREFIX)/share/doc/smtp-handler/xinetd \
	  $(BASHDIR) $(ZSHDIR)
	install -m 755 $(PROGRAMS) $(DESTDIR)$(SBINDIR)
	$(fill) tools/hooks/smtp-handler-certificate > $(DESTDIR)$(SBINDIR)/smtp-handler-certificate
	chmod 755 $(DESTDIR)$(SBINDIR)/smtp-handler-certificate
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(USERUNITDIR)
	ln -sf ../sbin/sendmail $(DESTDIR)$(PREFIX)/bin/mailq
	ln -sf ../sbin/sendmail $(DESTDIR)$(PREFIX)/bin/newaliases
	for unit in units/user/*; do \
	  $(fill) $$unit > $(DESTDIR)$(USERUNITDIR)/$${unit##*/} && \
	    chmod 644 $(DESTDIR)$(USERUNITDIR)/$${unit##*/} || exit 1; done
	for unit in units/*.socket units/*.service units/*.path units/*.timer; do \
	  $(fill) $$unit > $(DESTDIR)$(UNITDIR)/$${unit##*/} && \
	    chmod 644 $(DESTDIR)$(UNITDIR)/$${unit##*/} || exit 1; done
	for name in submission submissions; do \
	  tools/submission-unit.sh $$name < units/smtp-handler-listen.service | $(fill) \
	    > $(DESTDIR)$(UNITDIR)/smtp-handler-$$name-listen.service && \
	    chmod 644 $(DESTDIR)$(UNITDIR)/smtp-handler-$$name-listen.service || exit 1; done
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/catalog $(DESTDIR)$(SYSCONFDIR)/fail2ban/filter.d
	install -m 644 units/fail2ban/* $(DESTDIR)$(SYSCONFDIR)/fail2ban/filter.d
	install -m 644 tools/grafana.json $(DOCDIR)/grafana.json
	install -m 644 units/catalog/* $(DESTDIR)$(PREFIX)/lib/systemd/catalog
	install -m 644 units/sysusers.d/* $(DESTDIR)$(PREFIX)/lib/sysusers.d
	install -m 644 units/tmpfiles.d/* $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	for file in units/xinetd/*; do \
	  $(fill) $$file > $(DOCDIR)/xinetd/$${file##*/} || exit 1; done
	install -d $(DOCDIR)/drop-ins
	for file in units/drop-ins/*; do \
	  $(fill) $$file > $(DOCDIR)/drop-ins/$${file##*/} || exit 1; done
	install -m 644 tools/hooks/smtp_handler.sh tools/doc/config-v1.1.xml $(DOCDIR)
	test -e $(DESTDIR)$(SYSCONFDIR)/smtp-handler/smtp-handler.conf || \
	  install -m 644 units/smtp-handler.conf $(CONFDIR)/smtp-handler.conf
	install -m 644 README.md CHANGES.md VIOLATIONS.md SECURITY.md LICENSE $(DOCDIR)
	install -m 644 $(MAN5) $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 $(MAN7) $(DESTDIR)$(PREFIX)/share/man/man7
	install -m 644 $(MAN8) $(DESTDIR)$(PREFIX)/share/man/man8
	for name in mailq newaliases; do \
	  ln -sf sendmail.8 $(DESTDIR)$(PREFIX)/share/man/man8/$$name.8 || exit 1; done
	ln -sf smtp-handler.8 $(DESTDIR)$(PREFIX)/share/man/man8/smtp-handler-tls.8
	install -m 644 tools/completion/smtp-queue.bash $(BASHDIR)/smtp-queue
	install -m 644 tools/completion/_smtp-queue $(DESTDIR)$(PREFIX)/share/zsh/site-functions

# Stops the units, and removes the files of `make install` but the configuration.
.PHONY: uninstall
uninstall:
	if [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ]; then \
	  units=$$(cd units && ls *.socket *.path *.timer) && \
	  systemctl disable --now $$units smtp-handler-submission-listen.socket && \
	  systemctl stop 'smtp-*.service'; fi
	stage=$$(mktemp -d) && $(MAKE) --no-print-directory -s install DESTDIR="$$stage" && \
	  (cd "$$stage" && find . ! -type d ! -path '.$(SYSCONFDIR)/smtp-handler/*') | \
	    while read -r file; do rm -f "$(DESTDIR)/$$file"; done && \
	  (cd "$$stage" && find . -depth -type d -path '*/doc/smtp-handler*') | \
	    while read -r folder; do rmdir "$(DESTDIR)/$$folder"; done; \
	  rm -rf "$$stage"
	if [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ]; then \
	  rm -rf /run/smtp-handler /run/smtp-verify /var/lib/smtp-verify && \
	  systemctl daemon-reload && systemctl reset-failed; fi

# All manual pages as one HTML page, which needs no other file.
.PHONY: doc
doc:
	@mkdir -p $(BUILD)/doc
	tools/doc/html-manual $(VERSION) man/*.[1-9] > $(BUILD)/doc/index.html

# A Debian package in build/deb/, and the source as one file in build/.
.PHONY: deb dist
deb:
	rm -rf build/deb && mkdir -p build/deb/src
	git ls-files | tar -cf - -T - | tar -xf - -C build/deb/src
	cd build/deb/src && dpkg-buildpackage -us -uc -b
	rm -rf build/deb/src
dist:
	mkdir -p build
	git archive --prefix=smtp-handler-$(VERSION)/ -o build/smtp-handler-$(VERSION).tar.gz HEAD

.PHONY: clean
clean:
	rm -rf build build-san

OBJECTS := $(addprefix $(BUILD)/,gnu musl fuzz/obj afl/obj)
-include $(shell find $(OBJECTS) -name '*.d' 2>/dev/null)
