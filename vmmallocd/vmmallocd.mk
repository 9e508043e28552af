# vmmallocd.mk -- the daemon and its command line: build/release/vmmallocd and build/release/vmmallocctl, and the same
# under sanitizers in build/asan (with UBSan) and build/tsan.

COMMON_SOURCES := $(sort $(wildcard common/*/*.c))
DAEMON_SOURCES := $(COMMON_SOURCES) $(filter-out vmmallocd/ctl/% vmmallocd/doctor/%,$(sort $(wildcard vmmallocd/*.c vmmallocd/*/*.c)))
CTL_SOURCES := $(COMMON_SOURCES) $(sort $(wildcard vmmallocd/ctl/*.c vmmallocd/doctor/*.c))
DAEMON := $(BUILD)/release/vmmallocd
CTL := $(BUILD)/release/vmmallocctl
PROGRAM_CFLAGS = $(STD_CFLAGS) -fPIE -fstack-protector-strong
PROGRAM_LDFLAGS := -pie -Wl,-z,now -Wl,-z,relro -Wl,--as-needed

.PHONY: daemon ctl
daemon: $(DAEMON) ## the daemon
ctl: $(CTL) ## the command line

# program_flavour DIRECTORY OBJECTS FLAGS: both programs in build/DIRECTORY, of the objects in build/OBJECTS
define program_flavour
$(BUILD)/$1/vmmallocd: $(DAEMON_SOURCES:%.c=$(BUILD)/$2/%.o)
	@echo "  LINK     $$@"
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(PROGRAM_LDFLAGS) $3 $$^ $$(shell pkg-config --libs libuv jansson libsystemd) -pthread $$(LDFLAGS) -o $$@

$(BUILD)/$1/vmmallocctl: $(CTL_SOURCES:%.c=$(BUILD)/$2/%.o)
	@echo "  LINK     $$@"
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(PROGRAM_LDFLAGS) $3 $$^ $$(shell pkg-config --libs jansson smartcols ncursesw) $$(LDFLAGS) -o $$@
endef
$(eval $(call program_flavour,release,program))
$(eval $(call program_flavour,asan,sanitized,$$(SANITIZE)))
$(eval $(call program_flavour,tsan,program-tsan,-fsanitize=thread))

# Said once, before the compiler says it of every file.
$(BUILD)/program/packages:
	@pkg-config --exists libuv jansson libsystemd smartcols ncursesw libmicrohttpd || { echo "the daemon needs libuv," \
		"jansson, libsystemd, smartcols, ncursesw and libmicrohttpd: \`make deps\` installs what is needed;" \
		"\`make lib\` does without" >&2; exit 1; }
	$(Q)mkdir -p $(@D) && touch $@

$(BUILD)/program/%.o: %.c | $(BUILD)/program/packages
	@echo "  CC       $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PROGRAM_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(BUILD)/program-tsan/%.o: %.c
	@echo "  CC       $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PROGRAM_CFLAGS) -fsanitize=thread -O1 -g -c $< -o $@

# They are in the object, and the compiler does not say so.
$(foreach b,program program-tsan sanitized,$(BUILD)/$b/vmmallocd/control/interface.o): $(wildcard vmmallocd/control/*.varlink)
