# vmmallocd.mk -- the daemon and its command line, build/release/vmmallocd and build/release/vmmallocctl.

DAEMON_SOURCES := common/base/handout.c common/base/size.c common/base/text.c $(wildcard common/util/*.c) \
	$(wildcard vmmallocd/*.c)
CTL_SOURCES := common/base/handout.c common/base/size.c common/base/text.c $(wildcard common/util/*.c) \
	$(wildcard vmmallocd/ctl/*.c)
DAEMON := $(BUILD)/release/vmmallocd
CTL := $(BUILD)/release/vmmallocctl
PROGRAM_CFLAGS = $(STD_CFLAGS) -fPIE -fstack-protector-strong
PROGRAM_LDFLAGS := -pie -Wl,-z,now -Wl,-z,relro -Wl,--as-needed

.PHONY: daemon ctl
daemon: $(DAEMON) ## the daemon
ctl: $(CTL) ## the command line

$(DAEMON): $(DAEMON_SOURCES:%.c=$(BUILD)/program/%.o)
	@echo "  LINK     $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PROGRAM_LDFLAGS) $^ $(shell pkg-config --libs libuv jansson libsystemd inih) -pthread $(LDFLAGS) -o $@

$(CTL): $(CTL_SOURCES:%.c=$(BUILD)/program/%.o)
	@echo "  LINK     $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PROGRAM_LDFLAGS) $^ $(shell pkg-config --libs jansson smartcols) $(LDFLAGS) -o $@

$(BUILD)/program/%.o: %.c
	@echo "  CC       $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PROGRAM_CFLAGS) $(CFLAGS) -c $< -o $@

# They are in the object, and the compiler does not say so.
$(foreach b,program sanitized,$(BUILD)/$b/vmmallocd/control_interface.o): $(wildcard vmmallocd/*.varlink)
