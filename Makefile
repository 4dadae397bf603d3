# smtp-handler: one Makefile, no recursion.
#
#   make            build everything into build/
#   make run        a server on 127.0.0.1:2525 with mailboxes under build/run/
#   make check      all tests (installs what they need, as root)
#   make install    obeys DESTDIR and PREFIX
#   make LIBC=gnu   the handler with glibc (LIBC=musl, static, is the default where musl-gcc is)
#   make check SAN=address,undefined    the same tests under the sanitizers

VERSION   := 0.1.0
PREFIX    ?= /usr/local
SYSCONFDIR ?= /etc
LIBEXEC   := $(PREFIX)/lib/smtp-handler
UNITDIR   ?= $(PREFIX)/lib/systemd/system
CC        ?= gcc
ifeq ($(origin CC),default)
CC        := gcc
endif
SAN       ?=
BUILD     ?= $(if $(SAN),build-san,build)
LIBC      ?= $(if $(SAN),gnu,$(if $(shell command -v musl-gcc 2>/dev/null),musl,gnu))

OPT       ?= -O2
WARN      := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Werror
CPPFLAGS  += -D_GNU_SOURCE -I. -DVERSION='"$(VERSION)"'
STD       := -std=c17 -g $(OPT) $(WARN) -fno-strict-aliasing -fstack-protector-strong
SANFLAGS  := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
GNU_CFLAGS = $(STD) $(SANFLAGS) $(CFLAGS) $(shell pkg-config --cflags ldns 2>/dev/null)
RELAY_LIBS = -lldns -lsystemd

# The handler's own objects: libc only, so that they build with musl too.
ifeq ($(LIBC),musl)
HANDLER_CC     := musl-gcc
MULTIARCH      := $(shell $(CC) -print-multiarch 2>/dev/null)
HANDLER_CFLAGS  = $(STD) $(CFLAGS) -idirafter /usr/include -idirafter /usr/include/$(MULTIARCH)
HANDLER_LDFLAGS = -static -no-pie
HANDLER_OBJ    := $(BUILD)/musl
else
HANDLER_CC     := $(CC)
HANDLER_CFLAGS  = $(GNU_CFLAGS)
HANDLER_LDFLAGS = $(SANFLAGS)
HANDLER_OBJ    := $(BUILD)/gnu
endif

# Rooms.  CORE needs libc only and is what the handler links; OUT is the runner's.
CORE := queue.c $(sort $(wildcard queue/*.c base/*.c smtp/*.c net/*.c))
OUT  := $(sort $(wildcard dns/*.c delivery/*.c runner/*.c))
SERVER := smtp-handler.c $(sort $(wildcard server/*.c))

core_objects    := $(CORE:%.c=$(BUILD)/gnu/%.o)
out_objects     := $(OUT:%.c=$(BUILD)/gnu/%.o)
handler_objects := $(sort $(SERVER:%.c=$(HANDLER_OBJ)/%.o) $(CORE:%.c=$(HANDLER_OBJ)/%.o))
PROGRAMS := $(BUILD)/smtp-handler $(BUILD)/smtp-relay

.PHONY: all
all: $(PROGRAMS)

$(BUILD)/gnu/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(GNU_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/musl/%.o: %.c
	@mkdir -p $(@D)
	musl-gcc $(CPPFLAGS) $(HANDLER_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/smtp-handler: $(handler_objects)
	$(HANDLER_CC) $(HANDLER_CFLAGS) $(HANDLER_LDFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/smtp-relay: $(BUILD)/gnu/relay.o $(out_objects) $(core_objects)
	$(CC) $(GNU_CFLAGS) $(LDFLAGS) -o $@ $^ $(RELAY_LIBS)

# Unit tests: tests/unit/NAME_test.c, each a program that prints TAP.
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/unit/*_test.c)))

$(BUILD)/libcore.a: $(core_objects)
	rm -f $@ && ar rcs $@ $^
$(BUILD)/libout.a: $(out_objects)
	rm -f $@ && ar rcs $@ $^

$(BUILD)/tests/%_test: $(BUILD)/gnu/tests/unit/%_test.o $(BUILD)/libout.a $(BUILD)/libcore.a
	@mkdir -p $(@D)
	$(CC) $(GNU_CFLAGS) $(LDFLAGS) $(WRAP_$*) -o $@ $< $(BUILD)/libout.a $(BUILD)/libcore.a $(RELAY_LIBS)

# Calls that a test makes fail on purpose: WRAP_<name> for tests/unit/<name>_test.c.
WRAP_queue := -Wl,--wrap=fsync,--wrap=write,--wrap=pwrite,--wrap=rename,--wrap=renameat

.PHONY: unit
unit: $(UNIT_TESTS)
	prove $(UNIT_TESTS)

.PHONY: clean
clean:
	rm -rf build build-san

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
