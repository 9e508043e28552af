#!/bin/bash
# configuration.bash -- a real daemon whose configuration is wrong: what is right in it is served, what is wrong is said,
# and nothing that was served before is taken away.
# waits: for reloads and periods of the daemon
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/helpers/daemon.bash"

FILE_WORDS='a reload was refused, and the configuration in use is not what the files say'

# Two classes; the arguments are more lines of the second.
two_classes() {
	conf <<-END
		[pool good]
		directory = $POOLS
		size = 16M
		[pool bad]
		directory = $POOLS
		size = 16M
		$(printf '%s\n' "$@")
	END
}
CLOSED="the class is closed by a mistake in the daemon's configuration: vmmallocctl status names it, and vmmallocctl reload lets it serve once it is mended"
export FILE_WORDS CLOSED
export -f two_classes

case_check() {
	setup
	conf <<-END
		[daemon]
		workers = many
		[pool a]
		directory = $POOLS
		size = 16M
		frobs = 1
		[pool b
		size = 16M
		[pool c]
		size = 16M
		users = root, nobody-of-that-name, and-not-this-one
	END
	"$DAEMON_PROGRAM" --config vmmallocd.conf --check 2>errors
	is $? 1
	cut -d: -f1-3 errors >lines
	diff - lines <<-END || fail "$(cat errors)"
		vmmallocd: vmmallocd.conf:2
		vmmallocd: vmmallocd.conf:6
		vmmallocd: vmmallocd.conf:7
		vmmallocd: vmmallocd.conf:11
		vmmallocd: vmmallocd.conf:9
	END
	grep -q 'there is no user nobody-of-that-name, and-not-this-one$' errors || fail "$(cat errors)"
	need python3
	"$DAEMON_PROGRAM" --config vmmallocd.conf --json >json 2>none
	is $? 1
	[ ! -s none ] || fail "$(cat none)"
	python3 - "$POOLS" <<-END || fail "$(cat json)"
		import json, sys
		said = json.load(open("json"))
		assert ["vmmallocd: " + line for line in said["mistakes"]] == open("errors").read().splitlines()
		assert [(c["name"], c["closed"]) for c in said["classes"]] == [("a", True), ("c", True)]
		a = said["classes"][0]
		assert (a["directory"], a["size"], a["ready"], a["max"], a["warm"]) == (sys.argv[1], 16 << 20, 1, 16, True)
		assert "frobs" in a["problem"] and said["version"] == 1
	END
	"$DAEMON_PROGRAM" --config vmmallocd.conf --check --json >/dev/full 2>errors
	is $? 1
	grep -q 'standard output: No space left on device' errors || fail "$(cat errors)"
}

case_class_with_a_mistake() {
	setup
	two_classes "ready = 1"
	daemon_start
	wait_count good ready 1; wait_count bad ready 1
	ask list | sort >before
	daemon_end TERM
	two_classes "ready = 1" "users = ,"
	daemon_start
	is "$(client take=good | cut -c1-3)" "ok "
	# clients of all versions are refused, and each in words that it knows
	is "$(client take=bad)" "no pool is ready"
	is "$(client wait=bad:0 reply)" "$CLOSED"
	is "$(VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=bad LD_PRELOAD=$LIBRARY /bin/true 2>&1)" \
		"Error (libvmmalloc): no pool of class bad: vmmallocd ($RUN/pool.sock): $CLOSED"
	is "$(ask problem bad)" "$WORK/vmmallocd.conf:8: users (,): expected names or numbers of users, with commas between them"
	is "$(ask problem good)$(ask daemon problem)" ""
	ctl status | grep -qE '^bad .*vmmallocd.conf:8: users' || fail "$(ctl status)"
	grep -q "vmmallocd.conf:8: users" log || fail "not in the log"
	# its pools wait, also for somebody who tidies up
	ask prune >/dev/null
	wait_least good ready 1
	grep -F "$(grep ' bad ' before)" <(ask list) >/dev/null || fail "the pools of the class are gone: $(ask list)"
	two_classes "ready = 1" "users = 0"
	ask reload || fail "reload"
	is "$(ask problem bad)" ""
	is "$(client take=bad | cut -d' ' -f3)" "$(awk '$2 == "bad" { print $1 }' before)"
}

# The directory and the size are wrong themselves: pools that are there stay as they are.
case_class_without_a_place() {
	setup
	two_classes "ready = 1"
	daemon_start
	wait_count good ready 1; wait_count bad ready 1
	hold take=bad map fill=7
	wait_count bad ready 1
	ask list | grep ' bad ' | cut -d' ' -f1-5 | sort >before
	daemon_end KILL
	sed -i '5s/directory.*/directory = here/; 6s/16M/16Q/' vmmallocd.conf
	daemon_start
	is "$(ask problem bad | cut -d: -f2)" 5
	is "$(client take=bad)" "no pool is ready"
	is "$(client take=bad:16777216)" "no pool is ready"
	is "$(ask list | grep ' bad ' | cut -d' ' -f1-5 | sort)" "$(cat before)"
	ctl status --json | grep -qF '"name":"bad","directory":"","size":0,' || fail "$(ctl status --json)"
	ctl status >shown || fail "status"
	grep -qE '^bad +- .* -$' shown && grep -q '^bad .*vmmallocd.conf:5: ' shown || fail "$(cat shown)"
	is "$(ctl status -n -o SIZE,DIRECTORY bad 2>&1)" "vmmallocctl: --output is for the table of all classes: it does not go with 'bad'"
	is "$(ctl status -n -o CLASS,SIZE,DIRECTORY | grep bad | tr -s ' ')" "bad - -"
	kill_held "$HELD"
	wait_count bad leased 0
	two_classes
	ask reload || fail "reload"
	wait_least bad ready 1
	client take=bad map zero | grep -qx zero || fail "not zero"
}

case_deleted_user() {
	setup
	need_root
	conf <<-END
		[pool some]
		directory = $POOLS
		size = 16M
		users = $NOBODY, nobody-of-that-name
		[pool one]
		directory = $POOLS
		size = 16M
		users = nobody-of-that-name
		[pool group]
		directory = $POOLS
		size = 16M
		groups = no-group-of-that-name
		[pool all]
		directory = $POOLS
		size = 16M
	END
	daemon_start
	wait_count some ready 1; wait_count one ready 1; wait_count group ready 1; wait_count all ready 1
	is "$(client_as $NOBODY take=some | cut -c1-3)" "ok "
	is "$(client_as $SOMEBODY take=some)" "the class is not for this user"
	# nobody is left of whom it may be, which is not everybody
	for class in one group; do
		is "$(client_as $NOBODY take=$class)" "the class is not for this user"
	done
	is "$(client_as $SOMEBODY take=all | cut -c1-3)" "ok "
	ask problem one | grep -q ':8: users .*there is no user nobody-of-that-name' || fail "$(ask problem one)"
	ask problem group | grep -q ':12: groups .*there is no group no-group-of-that-name' || fail "$(ask problem group)"
	is "$(ask problem all)" ""
}

# A directory service that comes late: the shim knows the user when there is a file `there`.
case_late_user() {
	setup
	need_root
	interpose late <<-END
		#include <pwd.h>
		#include <string.h>
		#include <unistd.h>
		int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size, struct passwd **ret)
		{
			*ret = NULL;
			if (strcmp(name, "late") != 0 || access("$WORK/there", F_OK) != 0)
				return 0;
			memset(entry, 0, sizeof(*entry));
			entry->pw_uid = $NOBODY;
			*ret = entry;
			return 0;
		}
	END
	two_classes "users = late"
	LD_PRELOAD=$WORK/late.so daemon_run
	wait_for is_serving
	wait_count bad ready 1
	is "$(client_as $NOBODY take=bad)" "the class is not for this user"
	: >there
	WAIT_SECONDS=40 wait_for eval '[ -z "$(ask problem bad)" ]'
	wait_least bad ready 1
	is "$(client_as $NOBODY take=bad | cut -c1-3)" "ok "
	is "$(client_as $SOMEBODY take=bad)" "the class is not for this user"
	is "$(grep -c "are known now" log)" 1
	daemon_end TERM || fail "exit status $?"
}

# While a thread looks, and the database does not answer.
case_late_user_at_the_end() {
	setup
	interpose hang <<-END
		#include <fcntl.h>
		#include <pwd.h>
		#include <unistd.h>
		int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t bytes, struct passwd **ret)
		{
			*ret = 0;
			if (access("$WORK/hang", F_OK) == 0) {
				creat("$WORK/hangs", 0600);
				sleep(3);
			}
			return 0;
		}
	END
	two_classes "users = late"
	LD_PRELOAD=$WORK/hang.so daemon_run
	wait_for is_serving
	: >hang
	WAIT_SECONDS=30 wait_for test -e hangs
	# answers meanwhile
	is "$(ask problem good)" ""
	daemon_end TERM || fail "exit status $?"
	! grep -q ERROR log || fail "$(grep -A 10 ERROR log)"
}

# A thread looks, and meanwhile the file becomes another, which is refused as the name is still missing: what the thread
# has read is old.
case_late_user_and_reload() {
	setup
	need_root
	interpose late <<-END
		#define _GNU_SOURCE
		#include <fcntl.h>
		#include <pwd.h>
		#include <string.h>
		#include <unistd.h>
		int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t bytes, struct passwd **ret)
		{
			*ret = NULL;
			if (gettid() == getpid())
				return 0;
			close(creat("$WORK/looks", 0600));
			while (access("$WORK/there", F_OK) != 0)
				usleep(1000);
			memset(entry, 0, sizeof(*entry));
			entry->pw_uid = $NOBODY;
			*ret = entry;
			return 0;
		}
	END
	two_classes "users = late"
	LD_PRELOAD=$WORK/late.so daemon_run
	wait_for is_serving
	wait_count bad ready 1
	WAIT_SECONDS=30 wait_for test -e looks
	# another file, as editors write it
	rm vmmallocd.conf
	two_classes "users = late, $SOMEBODY"
	# its names are looked for by the thread that looks for the others, and no answer is no success
	ask reload >words 2>&1 && fail "the user database does not answer"
	grep -q "do not answer" words || fail "$(cat words)"
	is "$(client_as $SOMEBODY take=bad)" "the class is not for this user"
	: >there
	WAIT_SECONDS=40 wait_for grep -q "are known now" log
	is "$(ask daemon problem)" ""
	wait_least bad ready 1
	is "$(client_as $SOMEBODY take=bad | cut -c1-3)" "ok "
	is "$(grep -c "are known now" log)" 1
}

# reload METHOD: what is wrong is said, stays to be seen, and nothing changes until it is right
case_reload() {
	setup
	two_classes
	"$HELPERS/notify_listener" "$WORK/notify" >messages &
	PIDS=$!
	wait_for test -S notify
	NOTIFY_SOCKET=$WORK/notify daemon_start
	wait_count good ready 1; wait_count bad ready 1
	local words="$WORK/vmmallocd.conf:8: frobs (1): expected one of"
	two_classes "[daemon]" "frobs = 1" "workers = many"
	if [ "$1" = ctl ]; then
		ctl reload 2>errors
		is $? 1
		grep -qF "$words" errors || fail "$(cat errors)"
		grep -qF "(vmmallocd --check says 1 more)" errors || fail "$(cat errors)"
	else
		kill -HUP "$DAEMON"
	fi
	wait_for eval 'ask daemon problem | grep -q .'
	[[ $(ask daemon problem) = "$FILE_WORDS: $words"* ]] || fail "$(ask daemon problem)"
	ctl status | grep -qE "^problem +$FILE_WORDS: " || fail "$(ctl status)"
	ctl status --json | grep -qF "\"problem\":\"$FILE_WORDS: $words" || fail "$(ctl status --json)"
	wait_for grep -qE "^STATUS=2 classes; .*; $FILE_WORDS: " messages
	is "$(ask problem bad)$(ask problem good)" ""
	for class in good bad; do
		wait_count $class ready 1
		is "$(client take=$class | cut -c1-3)" "ok "
	done
	two_classes
	ctl reload || fail "reload"
	is "$(ask daemon problem)" ""
	wait_for eval 'grep ^STATUS= messages | tail -n 1 | grep -qE "^STATUS=2 classes; pools: [^;]*$"'
}

# A mistake in a class: that one is what it was, with its pools and its users, and all else is in use.
case_reload_of_a_bad_class() {
	setup
	need_root
	two_classes "ready = 1"
	daemon_start
	wait_count good ready 1; wait_count bad ready 1
	hold take=bad map fill=7
	wait_count bad ready 1
	ask list | grep ' bad ' | cut -d' ' -f1-5 | sort >before
	local line words after="the class is what it was before the reload"
	for line in "size = 16Q" "directory = here" "users = nobody-of-that-name" "ready = 99" "[pool bad]"; do
		two_classes "ready = 1" "$line"
		sed -i "/^\[pool bad\]/,\$s/^${line%% =*} = .*/$line/; 1a max = 7" vmmallocd.conf
		ctl reload 2>errors
		is $? 1
		grep -q '; all but such classes is in use, and they are what they were$' errors || fail "$line: $(cat errors)"
		is "$(ask daemon problem)$(ask problem good)" ""
		words=$(ask problem bad)
		[[ $words = "$WORK/vmmallocd.conf:"*"; $after" ]] || fail "$line: $words"
		ctl status --json | grep -qE '"name":"good",.*"max":7,.*"name":"bad",.*"max":16,' || fail "$(ctl status --json)"
		is "$(ask list | grep ' bad ' | cut -d' ' -f1-5 | sort)" "$(cat before)"
		ask prune >/dev/null
		is "$(ask list | grep ' bad ' | cut -d' ' -f1-5 | sort)" "$(cat before)"
	done
	# served as it was, and what comes back is ready again; a signal does the same
	is "$(client take=bad map zero | tail -n 1)" zero
	kill_held "$HELD"
	wait_count bad leased 0
	wait_least bad ready 1
	sed -i '1a max_waiting = 3' vmmallocd.conf
	kill -HUP "$DAEMON"
	wait_for eval 'grep -q "reloaded: 2 classes" log'
	wait_least bad ready 1
	is "$(client_as $NOBODY take=bad | cut -c1-3)" "ok "
	# one that comes with a mistake was nothing before
	two_classes "[pool new]" "directory = $POOLS" "size = 16Q"
	ctl reload 2>errors
	is $? 1
	is "$(ask problem bad)" ""
	[[ $(ask problem new) = *": size (16Q): expected"* ]] || fail "$(ask problem new)"
	is "$(client take=new)" "no pool is ready"
	wait_least bad ready 1
	is "$(client take=bad | cut -c1-3)" "ok "
	# what is right at last is in use
	two_classes "max = 5"
	ctl reload || fail "reload"
	is "$(ask problem bad)" ""
	ctl status --json | grep -qE '"name":"bad",.*"max":5,' || fail "$(ctl status --json)"
}

# hanging_database: a library whose getpwnam_r() knows the user `late`, and answers while there is no file `hang`. While it
# waits there is a file `hangs`.
hanging_database() {
	interpose hanging <<-END
		#include <fcntl.h>
		#include <pwd.h>
		#include <string.h>
		#include <unistd.h>
		int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t bytes, struct passwd **ret)
		{
			if (access("$WORK/hang", F_OK) == 0)
				close(creat("$WORK/hangs", 0600));
			while (access("$WORK/hang", F_OK) == 0)
				usleep(1000);
			memset(entry, 0, sizeof(*entry));
			entry->pw_uid = $NOBODY;
			*ret = entry;
			return 0;
		}
	END
}

hanging_reload() {
	setup
	hanging_database
	two_classes "users = late"
	"$HELPERS/notify_listener" "$WORK/notify" >messages &
	PIDS=$!
	wait_for test -S notify
	NOTIFY_SOCKET=$WORK/notify LD_PRELOAD=$WORK/hanging.so daemon_run
	wait_for is_serving
	wait_count good ready 1
	: >hang
	two_classes "users = late" "ready = 2"
}
export -f hanging_database hanging_reload

# Clients get pools while a reload waits. One that is asked for meanwhile is about the files as they are then.
case_reload_that_hangs() {
	hanging_reload
	ctl reload 2>errors & FIRST=$!
	wait_for test -e hangs
	two_classes "users = late" "ready = 3"
	ctl reload 2>errors.second & SECOND=$!
	is "$(client take=good | cut -c1-3)" "ok "
	wait_least good ready 1
	is "$(ask problem good)" ""
	kill -0 $FIRST && kill -0 $SECOND || fail "an answer before the files were read: $(cat errors errors.second)"
	wait_for eval '[ "$(grep -cx RELOADING=1 messages)" -ge 1 ]'
	is "$(grep -cx READY=1 messages)" 1
	rm hang
	wait $FIRST || fail "$(cat errors)"
	wait $SECOND || fail "$(cat errors.second)"
	wait_count bad ready 3
	wait_for eval '[ "$(grep -cx READY=1 messages)" = 2 ]'
	is "$(grep -c "reloaded: 2 classes" log)" 2
	is "$(ask daemon problem)" ""
	daemon_end TERM || fail "exit status $?"
}

case_reload_that_hangs_for_long() {
	hanging_reload
	local words="the configuration's files or the user database do not answer"
	ctl reload 2>errors
	is $? 1
	is "$(cat errors)" "vmmallocctl: $words; they are waited for"
	wait_for eval '[ "$(ask daemon problem)" = "a reload waits for the configuration'"'"'s files or the user database" ]'
	wait_for grep -q "a reload waits for .*; clients are served meanwhile" log
	kill -HUP "$DAEMON"
	is "$(client take=good | cut -c1-3)" "ok "
	rm hang
	wait_count bad ready 2
	wait_for eval '[ -z "$(ask daemon problem)" ]'
	wait_for eval '[ "$(grep -c "reloaded: 2 classes" log)" = 2 ]'
	daemon_end TERM || fail "exit status $?"
}

case_end_while_a_reload_hangs() {
	hanging_reload
	kill -HUP "$DAEMON"
	wait_for test -e hangs
	daemon_end TERM || fail "exit status $?"
	[ -e hang ] || fail "it has waited"
	wait_for grep -qx STOPPING=1 messages
	is "$(grep -cx READY=1 messages)" 1
	! grep -q ERROR log || fail "$(grep -A 10 ERROR log)"
	[ ! -e "$RUN/control.sock" ] || fail "its socket is there"
	rm hang
	daemon_start
	wait_count bad ready 2
}

case_reload_that_is_not_enough() {
	setup
	two_classes "[daemon]" "state_dir = $STATE"
	"$DAEMON_PROGRAM" --config vmmallocd.conf --runtime-dir "$RUN" 2>>log &
	DAEMON=$!
	wait_for is_serving
	two_classes "[daemon]" "state_dir = $STATE/other" "runtime_dir = /somewhere"
	ask reload || fail "reload"
	is "$(ask daemon problem)" "only a restart changes state_dir"
	ask reload || fail "reload"
	is "$(ask daemon problem)" "only a restart changes state_dir"
	two_classes "[daemon]" "state_dir = $STATE"
	ask reload || fail "reload"
	is "$(ask daemon problem)" ""
}

case_reload_without_a_file() {
	setup
	two_classes
	daemon_start
	rm vmmallocd.conf
	ctl reload 2>errors
	is $? 1
	is "$(cat errors)" "vmmallocctl: $WORK/vmmallocd.conf: cannot be read: No such file or directory"
	wait_count good ready 1
	is "$(client take=good | cut -c1-3)" "ok "
}

# What concerns all of it: who starts the daemon by hand is told, and has none.
case_by_hand() {
	setup
	for line in "workers = many" "frobs = 1" nonsense "[pol a]"; do
		two_classes "[daemon]" "$line"
		"$DAEMON_PROGRAM" --config vmmallocd.conf --runtime-dir "$RUN" --state-dir "$STATE" 2>errors
		is $? 1
		is "$(cut -d: -f1-3 errors)" "vmmallocd: $WORK/vmmallocd.conf:8"
	done
	rm vmmallocd.conf
	"$DAEMON_PROGRAM" --config vmmallocd.conf --runtime-dir "$RUN" --state-dir "$STATE" 2>errors
	is $? 1
	is "$(cat errors)" "vmmallocd: $WORK/vmmallocd.conf: cannot be read: No such file or directory"
}

# A service manager would start it again for ever: it goes on, and says what is wrong.
case_of_a_service_manager() {
	setup
	two_classes "[daemon]" "workers = many" "$1"
	[ "$1" != no-file ] || rm vmmallocd.conf
	daemon_by_sockets
	ask daemon problem >problem &
	PIDS=$!
	wait_for grep -q "Listening on .*pool.sock" log
	# starts it
	client take=good >/dev/null
	wait $PIDS || fail "it does not answer"
	grep -q '^the configuration has mistakes, and only what is right in it is in use: ' problem || fail "$(cat problem)"
	if [ "$1" = no-file ]; then
		is "$(client take=good)" "there is no such class of pools: vmmallocctl status lists all"
	else
		wait_least good ready 1
		is "$(client take=good | cut -c1-3)" "ok "
	fi
	two_classes
	ask reload || fail "reload"
	is "$(ask daemon problem)" ""
	wait_least good ready 1
	is "$(client take=good | cut -c1-3)" "ok "
	daemon_end TERM || fail "exit status $?"
}

run_case "--check says all that is wrong" case_check
run_case "a mistake in a class: the others are served, and its pools wait" case_class_with_a_mistake
run_case "a class without directory and size: its pools wait" case_class_without_a_place
run_case "a user who is gone is nobody, and all others go on" case_deleted_user
run_case "a user who comes late is let in" case_late_user
run_case "a user who comes late, and a reload meanwhile: the file is what counts" case_late_user_and_reload
run_case "it ends while the user database does not answer" case_late_user_at_the_end
run_case "vmmallocctl reload: refused, and shown until it is right" case_reload ctl
run_case "SIGHUP: refused, and shown until it is right" case_reload signal
run_case "reload: a class with a mistake is what it was, and all else is in use" case_reload_of_a_bad_class
run_case "reload while the user database hangs: clients are served, and a second one is about the files then" \
	case_reload_that_hangs
run_case "reload while the user database hangs for long: that is said, and it goes on" case_reload_that_hangs_for_long
run_case "it ends while a reload hangs" case_end_while_a_reload_hangs
run_case "reload: what only a restart changes is shown" case_reload_that_is_not_enough
run_case "reload without a file" case_reload_without_a_file
run_case "started by hand, a mistake that concerns all ends it" case_by_hand
run_case "started with sockets, it goes on with what is right" case_of_a_service_manager ""
run_case "started with sockets and without a file, it says so" case_of_a_service_manager no-file
end_suite
