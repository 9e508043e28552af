#!/bin/bash
# boot.bash -- where systemd is PID 1: what README.md and the manual pages say is typed as it stands, from the installation
# to the service that is there after a reboot. Run at each boot.
. "$(dirname "$0")/service.bash"
. "$(dirname "$0")/../../lib/blocks.bash"
[ -d /stage ] || { echo "only in the container of tests/vm/check_boot.bash"; exit 1; }
count_boots

# says FILE WORDS: the text has these words, wherever its lines end
says() {
	sed 's/\\-/-/g; s/^\.[A-Z]* //; s/"//g; s/`//g' "$ROOT/$1" | tr -s '\n ' '  ' | grep -qF -- "$2" || fail "$1 does not say: $2"
}
# typed USER [FILE]: the lines on standard input, by a user who has logged in, in a new directory
typed() {
	local home=/root
	[ "$1" = root ] || home=/home/$1
	cat >"$WORK/typed"
	chmod 755 "$WORK"
	rm -rf "$home/here" && install -d -o "$1" "$home/here"
	(cd "$home/here" && seq 20000 >words && exec setpriv --reuid "$1" --regid "$1" --init-groups env -i HOME="$home" \
		USER="$1" TERM=dumb LANG=C.UTF-8 timeout 60 bash -l -e -o pipefail -c 'PATH=/run/typed:$PATH; . "$1"' - "$WORK/typed") 2>&1
}
export -f says typed
# who types as root has no need of it, and a machine may not have it
mkdir -p /run/typed && printf '#!/bin/sh\nexec "$@"\n' >/run/typed/sudo && chmod 755 /run/typed/sudo

# --- the first boot: nothing is installed ---

case_install() {
	block README.md Install 2 >lines
	is "$(cat lines)" $'make\nsudo make install\nsudo ldconfig'
	# what the second does
	cp -a /stage/usr/local/. /usr/local/ && cp -a /stage/etc/. /etc/ || fail "copy"
	tail -n 1 lines | typed root || fail "ldconfig"
}

case_use() {
	local who
	for who in alice root; do
		block README.md Use 1 | typed $who >words || fail "$(cat words)"
		is "$(cat words)" 499500
	done
	block doc/libvmmalloc.7 EXAMPLES 1 | typed alice >words || fail "$(cat words)"
	is "$(sort -c /home/alice/here/sorted && wc -l </home/alice/here/sorted)" 20000
	{ block doc/libvmmalloc.7 EXAMPLES 3; echo 'ls /tmp/vmmalloc.log-* | wc -l'; } | typed alice >words || fail "$(cat words)"
	is "$(tail -n 1 words)" 1
}

# The same, for people who wait longer on slow machines.
# The first wait is for the daemon's pool, a second one for the program that has it.
until_shown() { echo "for i in {1..200}; do vmmallocctl --runtime-dir run $1 \&\& break; sleep 0.1; done"; }
with_patience() {
	sed "0,/^sleep [0-9]/ s|^sleep [0-9].*|$(until_shown "status \| grep -q 1/1")|; s|^sleep [0-9].*|$(until_shown "list -o STATE,USED,COMMAND \| grep -qE 'leased +[0-9.]+M +perl'")|"
}
export -f until_shown with_patience

# Without a service, by a user who has logged in.
case_daemon_by_hand() {
	local who
	for who in alice root; do
		{
			echo 'PATH=$PATH:/usr/local/sbin'
			block README.md "The daemon in a second minute" 1 | with_patience
			echo vmmallocctl reload
			block README.md "Clean up" 1 | grep -v '^make clean'
		} | typed $who >words || fail "$who: $(cat words)"
		grep -qE '^small +leased +warm +256M +[0-9.]+M +perl$' words || fail "$who: $(cat words)"
		! ps -C vmmallocd >left || fail "the example leaves a daemon: $(cat left)"
		block doc/vmmallocd.8 EXAMPLES 1 | with_patience | typed $who >words || fail "$who: $(cat words)"
		grep -qE '^small +256M ' words || fail "$who: $(cat words)"
		! ps -C vmmallocd >left || fail "the example leaves a daemon: $(cat left)"
	done
}

ready() { ls /dev/shm/vmmalloc | grep -q 'ready$'; }
export -f ready

# On a machine that runs: there is no user vmmalloc before.
case_service() {
	! getent passwd vmmalloc || fail "there is a user vmmalloc"
	printf '[pool small]\ndirectory = /dev/shm/vmmalloc\nsize = 16M\n' >/etc/vmmalloc/vmmallocd.conf
	block README.md "The daemon as a service" 1 | typed root >words || fail "$(cat words; systemctl status --no-pager vmmallocd.service)"
	is "$(show ActiveState) $(show ActiveState vmmallocd.socket) $(show ActiveState vmmallocd-control.socket)" "active active active"
	for unit in vmmallocd.service vmmallocd.socket vmmallocd-control.socket; do
		is "$(systemctl is-enabled $unit)" enabled
	done
	wait_for ready
	echo vmmallocctl status | typed alice >words || fail "$(cat words)"
	grep -qE '^small +16M +1/1' words || fail "$(cat words)"
	says README.md "systemctl reload vmmallocd"
	echo "systemctl reload vmmallocd" | typed root || fail "reload"
	block doc/vmmallocctl.1 EXAMPLES 2 | typed alice || fail "list"
}

case_new_directory() {
	mkdir -p /mnt/pmem0 && mount -t tmpfs -o mode=755,size=200M tmpfs /mnt/pmem0 || fail "mount"
	printf '[pool large]\ndirectory = /mnt/pmem0/pools\nsize = 16M\n' >/etc/vmmalloc/conf.d/large.conf
	block doc/vmmallocd.conf.5 "DIRECTORIES AND SYSTEMD" 1 | typed root || fail "typed"
	wait_least large ready 1
	is "$(ask problem large)" ""
	mkdir -p /etc/systemd/system/vmmallocd.service.d
	block doc/vmmallocd.conf.5 "DIRECTORIES AND SYSTEMD" 2 >/etc/systemd/system/vmmallocd.service.d/mounts.conf
	systemctl daemon-reload
	show Wants | grep -q mnt-pmem0.mount || fail "$(show Wants)"
	rm -r /etc/systemd/system/vmmallocd.service.d
	systemctl daemon-reload
}

# With smaller pools than those of 1 and 64 GiB.
case_examples() {
	block doc/vmmallocd.conf.5 EXAMPLES 1 >/etc/vmmalloc/vmmallocd.conf
	rm -f /etc/vmmalloc/conf.d/*
	echo vmmallocd --check | typed root || fail "--check"
	sed -i 's/= 1G/= 16M/; s/= 64G/= 32M/' /etc/vmmalloc/vmmallocd.conf
	echo systemctl reload vmmallocd | typed root || fail "reload"
	wait_least small ready 2
	# not the one of the case before
	wait_for eval 'ask list | grep -q " large ready $((32 << 20)) "'
	block doc/vmmallocd.conf.5 EXAMPLES 2 | typed alice || fail "sort"
	is "$(wc -l </home/alice/here/sorted)" 20000
	mkdir -p /etc/systemd/system/example.service.d
	# what it falls back to is smaller than the class there, too
	block doc/vmmallocd.conf.5 EXAMPLES 3 | sed 's/=4G/=16M/' >/etc/systemd/system/example.service.d/heap.conf
	printf '[Service]\nType=oneshot\nExecStart=/bin/cp /proc/self/maps /run/example\n' >/etc/systemd/system/example.service
	systemctl daemon-reload && systemctl start example.service || fail "example.service"
	grep -qE '/pools/vmmalloc-[0-9a-f]{32}\.' /run/example || fail "not on its pool: $(grep -E "rw-s|vmmalloc" /run/example; "$CTL" list; "$CTL" status; journalctl -q --no-pager -n 5 -u example.service)"
}

case_program() {
	need redis-server
	block doc/vmmallocctl.1 EXAMPLES 1 | sed 's/^/timeout --preserve-status 5 /; s/redis-server$/redis-server --port 0 --unixsocket r/' |
		typed root >words || true
	grep -q 'Ready to accept connections\|ready to accept connections' words || fail "$(cat words)"
}

# --- the second: the service is there, and so are its pools ---

case_booted() {
	wait_for is_active
	# nobody has asked
	wait_for ready
	is "$(show ActiveState vmmallocd.socket) $(show ActiveState vmmallocd-control.socket)" "active active"
	is "$(stat -c '%U %a' /dev/shm/vmmalloc /run/vmmalloc | sort -u)" "vmmalloc 755"
	echo 'vmmallocctl run --class small -- grep vmmalloc /proc/self/maps' | typed alice >words || fail "$(cat words)"
	grep -q '/vmmalloc/vmmalloc-' words || fail "$(cat words)"
	! journalctl -q --no-pager -b -o cat -u vmmallocd.service | grep -i 'denied\|fail' || fail "something is odd"
}

case_by_socket() {
	echo "systemctl disable --now vmmallocd.service" | typed root || fail "disable"
	is "$(systemctl is-enabled vmmallocd.socket)" disabled
	block doc/vmmallocd.8 SYSTEMD 1 >lines
	is "$(cat lines)" "systemctl enable --now vmmallocd.socket"
	typed root <lines || fail "enable"
}

# --- the third: the first client starts it ---

case_booted_by_socket() {
	is "$(systemctl is-enabled vmmallocd.service)" disabled
	is_inactive || fail "it runs before anybody has asked"
	is "$(show ActiveState vmmallocd.socket) $(show ActiveState vmmallocd-control.socket)" "active active"
	echo 'vmmallocctl status' | typed alice >words || fail "$(cat words)"
	grep -qE '^small +16M' words || fail "$(cat words)"
	wait_for is_active
	says doc/vmmallocd.8 "systemctl enable --now vmmallocd.service"
	echo "systemctl enable --now vmmallocd.service" | typed root || fail "enable"
}

# Nothing is left, of whatever was installed and made at all boots; a program goes on with the pool that it has.
case_uninstall() {
	wait_for ready
	"$CTL" run --class small -- sleep 1000 &
	wait_for eval '[ "$(ask count small leased)" = 1 ]'
	{
		echo "tar -cC '$ROOT' --exclude=./build --exclude=./.git . | tar -x"
		block doc/install.md Uninstall 1
	} | typed root >words || fail "$(cat words)"
	kill -0 $! || fail "who has a pool ends"
	kill $!
	! getent passwd vmmalloc && ! getent group vmmalloc || fail "the user is there still"
	find / -xdev '(' -path "$ROOT" -o -path /root/here -o -path /stage -o -path /run/typed -o -path /proc ')' -prune -o -name '*vmmalloc*' -print |
		grep -v 'vmmalloc-test' >left
	find /usr/local /dev/shm /run -name '*vmmalloc*' 2>/dev/null | grep -v '^/run/systemd\|vmmalloc-test' >>left
	[ ! -s left ] || fail "left: $(cat left)"
	! systemctl list-unit-files --no-pager | grep vmmallocd || fail "units are left"
}

case $boot in
1)
	run_case "README: what is installed" case_install
	run_case "README and libvmmalloc(7): a command on a pool" case_use
	run_case "README and vmmallocd(8): a daemon by hand" case_daemon_by_hand
	run_case "README: the service, on a machine that runs" case_service
	run_case "vmmallocd.conf(5): a new directory" case_new_directory
	run_case "vmmallocd.conf(5): the examples" case_examples
	run_case "vmmallocctl(1): a program" case_program
	# what the next boot has
	printf '[pool small]\ndirectory = /dev/shm/vmmalloc\nsize = 16M\n' >/etc/vmmalloc/vmmallocd.conf
	;;
2)
	run_case "after a reboot the service is there, with its pools" case_booted
	run_case "vmmallocd(8): by the sockets instead" case_by_socket
	;;
*)
	run_case "after a reboot the sockets are there, and start it" case_booted_by_socket
	run_case "doc/install.md: nothing is left of an installation" case_uninstall
	boot_no_more
	exit 0
	;;
esac
boot_again
