#!/bin/bash
# systemd_units.bash -- the files in systemd/: they verify, they are hardened, and the generator writes what it should.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"

# The units as `make install` makes them, with a program that exists.
units_here() {
	mkdir -p units
	cp "$ROOT"/systemd/*.service "$ROOT"/systemd/*.socket units/ || return 1
	sed -i 's|@SBINDIR@/vmmallocd|/bin/true|; s|@BINDIR@/vmmallocctl|/bin/true|; s|@SYSTEMDDIR@.*/|/bin/true |' \
		units/*.service
	export SYSTEMD_UNIT_PATH=$WORK/units:
}
# generator SHELL DIRECTORY DIRECTORY DIRECTORY [CONFIGURATION], with this vmmallocd
generator() { "$1" "$ROOT/systemd/vmmalloc-generator" "$2" "$3" "$4" "${5-etc/vmmallocd.conf}" "$BUILD/release/vmmallocd"; }
export -f units_here generator

# It reads all units that there are, and has words for those of others, too.
units_verify() {
	systemd-analyze verify --man=no vmmallocd.service vmmallocd.socket vmmallocd-control.socket vmmalloc-exporter.service \
		vmmalloc-mounts.service vmmalloc-dax@vmm_fast.service "$@" >words 2>&1 ||
		fail "$(cat words)"
	! grep -v '^/usr/lib/systemd/system/' words || fail "words"
}
# mount_unit_of PATH [DIRECTORY]
mount_unit_of() { echo "${2+$2/}$(systemd-escape -p --suffix=mount "$1")"; }
export -f units_verify mount_unit_of

verifies() {
	need systemd-analyze
	units_here || return 1
	printf '[pool a]\ndirectory = /mnt/pmem0/pools\n' >conf
	printf '[pool b]\ndirectory = /mnt/b\t1%%\nsize = 1G\ntmpfs = 2G\nnodes = 0,2\n' >>conf
	generator sh units x units "$PWD/conf" && [ -s units/vmmallocd.service.d/50-directories.conf ] ||
		fail "no drop-in"
	[ -s "$(mount_unit_of $'/mnt/b\t1%' units)" ] || fail "no mount: $(ls units)"
	units_verify "$(mount_unit_of $'/mnt/b\t1%')"
}
run_case "the units verify" verifies

# A user's manager knows fewer settings than the system's.
verifies_for_users() {
	need systemd-analyze
	[ "$(id -u)" != 0 ] || export XDG_RUNTIME_DIR=$WORK
	mkdir units
	cp "$ROOT"/systemd/user/* units
	sed -i 's|@SBINDIR@/vmmallocd|/bin/true|; s|@BINDIR@/vmmallocctl|/bin/true|' units/*.service
	export SYSTEMD_UNIT_PATH=$WORK/units:
	systemd-analyze --user verify --man=no vmmallocd.service vmmallocd.socket vmmallocd-control.socket >words 2>&1 ||
		fail "$(cat words)"
	! grep -v '^/usr/lib/systemd/user/' words || fail "words"
}
run_case "the units for users verify" verifies_for_users

# What udev makes of a device with a file system of that label; a loop device stands for one that has DAX.
# wants_of LABEL [DAX]
wants_of() {
	truncate -s 16M disk && mkfs.ext4 -qF -L "$1" disk && losetup "$loop" "$PWD/disk" || skip "no loop device on this machine"
	mkdir -p /run/udev/rules.d
	echo 'SUBSYSTEM=="block", IMPORT{builtin}="blkid"' >/run/udev/rules.d/60-label.rules
	sed "s|ATTRS{queue/dax}==\"1\"|ATTRS{queue/dax}==\"${2-0}\"|" "$ROOT/systemd/vmmalloc.udev.rules" >/run/udev/rules.d/90-vmmalloc.rules
	udevadm test --action=add "/sys/block/${loop#/dev/}" >words 2>&1
	losetup -d "$loop"
	! grep -iE "90-vmmalloc.*(invalid|ignor|error)" words || fail "words"
	grep -q "^ID_FS_LABEL_ENC=$1\$" words || fail "$(cat words)"
	sed -n 's/^SYSTEMD_WANTS=//p' words
}
export -f wants_of
rule_is_udevs() {
	need udevadm mkfs.ext4 losetup
	need_mounts
	if [ ! -d /run/udev ]; then mkdir /run/udev && trap 'umount /run/udev; rmdir /run/udev' EXIT; fi
	mount -t tmpfs udev /run/udev || skip "no place for rules"
	loop=$(losetup -f) || skip "no loop device on this machine"
	[ "$(wants_of vmm_fast)" = vmmalloc-dax@vmm_fast.service ] || fail "$(cat words)"
	[ -z "$(wants_of vmm_fast 1)" ] || fail "a device without DAX: $(cat words)"
	for label in vmm_ vmm data vmm_a-b 'vmm_a\x2fb' vmm_a.b; do [ -z "$(wants_of $label)" ] || fail "$label: $(cat words)"; done
	if udevadm verify --help >/dev/null 2>&1; then
		udevadm verify "$ROOT/systemd/vmmalloc.udev.rules" >words 2>&1 || fail "$(cat words)"
	fi
}
run_case "udev's rule has file systems on DAX mounted, by their label" rule_is_udevs

# 20 is 2.0
is_hardened() {
	need systemd-analyze
	units_here || return 1
	for unit in vmmallocd vmmalloc-exporter; do
		systemd-analyze security --offline=yes --no-pager --threshold=20 units/$unit.service >words 2>&1 || fail "$(cat words)"
	done
}
run_case "the services are exposed by at most 2.0" is_hardened

# What the exporter's unit starts is taken by this vmmallocctl, and the dashboard's and documents' port is its own.
exporter_starts() {
	local words
	words=$(sed -n 's|^ExecStart=@BINDIR@/vmmallocctl ||p' "$ROOT/systemd/vmmalloc-exporter.service")
	"$BUILD/release/vmmallocctl" $words --help >out 2>&1 && grep -q '^Usage: vmmallocctl metrics' out || fail "$(cat out)"
	grep -qF "targets: ['${words##* }']" "$ROOT/doc/metrics.md" || fail "doc/metrics.md has another address than ${words##* }"
	! grep -rq exporter "$ROOT/systemd/vmmallocd.service" || fail "it is started with the daemon"
}
run_case "the exporter's unit starts what there is" exporter_starts

makes_user_and_directories() {
	need systemd-sysusers systemd-tmpfiles
	[ "$(id -u)" = 0 ] || skip "only root can give files away"
	mkdir -p root/etc root/run root/dev/shm
	systemd-sysusers --root="$WORK/root" "$ROOT/systemd/vmmalloc.sysusers.conf" 2>words || fail "$(cat words)"
	grep -q '^vmmalloc:x:[0-9]*:[0-9]*:Pools of vmmallocd:/var/lib/vmmalloc:.*nologin$' root/etc/passwd ||
		fail "$(cat root/etc/passwd)"
	grep -q '^vmmalloc:' root/etc/group || fail "$(cat root/etc/group)"
	systemd-tmpfiles --root="$WORK/root" --create "$ROOT/systemd/vmmalloc.tmpfiles.conf" 2>words || fail "$(cat words)"
	local uid
	uid=$(sed -n 's/^vmmalloc:x:\([0-9]*\):.*/\1/p' root/etc/passwd)
	for directory in run/vmmalloc dev/shm/vmmalloc; do
		[ "$(stat -c '%u %a' "root/$directory")" = "$uid 755" ] || fail "$(stat "root/$directory")"
	done
}
run_case "sysusers and tmpfiles make the user and its directories" makes_user_and_directories

# systemd makes directories for a service in /run and /var/lib alone.
makes_them_elsewhere() {
	need systemd-analyze systemd-sysusers systemd-tmpfiles
	[ "$(id -u)" = 0 ] || skip "only root can give files away"
	local placed=$WORK/build/placed/systemd file
	make -s -C "$ROOT" BUILD="$WORK/build" RUNSTATEDIR=/srv/live STATEDIR=/srv/kept SBINDIR=/bin BINDIR=/bin \
		"$placed"/{vmmalloc.sysusers.conf,vmmalloc.tmpfiles.conf} "$placed"/vmmallocd{.service,.socket,-control.socket} \
		"$placed"/vmmalloc-{exporter,mounts,dax@}.service ||
		fail "make"
	mkdir -p root/etc root/srv root/dev/shm
	systemd-sysusers --root="$WORK/root" "$placed/vmmalloc.sysusers.conf" 2>words || fail "$(cat words)"
	systemd-tmpfiles --root="$WORK/root" --create "$placed/vmmalloc.tmpfiles.conf" 2>words || fail "$(cat words)"
	[ "$(stat -c %a root/srv/kept/vmmalloc root/srv/live/vmmalloc | tr '\n' ' ')" = "700 755 " ] ||
		fail "$(stat root/srv/*/vmmalloc)"
	sed -i 's|^Exec\(.*\)=.*|Exec\1=/bin/true|' "$placed"/*.service
	SYSTEMD_UNIT_PATH=$placed: units_verify
	grep -l '/srv/live/vmmalloc' "$placed"/*.socket >sockets
	[ "$(wc -l <sockets)" = 2 ] || fail "sockets: $(cat sockets)"
}
run_case "elsewhere tmpfiles make them all, and the units verify" makes_them_elsewhere

# generate SHELL: the drop-in for ./etc/vmmallocd.conf in ./out, messages in ./words
generate() {
	rm -rf out
	mkdir out
	generator "$1" out out out 2>words || fail "status $?: $(cat words)"
	dropin=out/vmmallocd.service.d/50-directories.conf
}
expect() {
	diff -u - "$1" >difference || fail "$(cat difference)"
}
shells() {
	for shell in dash bash sh; do
		command -v "$shell"
	done
}
export -f generate expect shells

generates_a_dropin() {
	need systemd-escape
	mkdir -p etc/conf.d/directory.conf
	printf '%s\n' '[daemon]' 'state_dir = /srv/state' '[pool a]' 'directory = /mnt/pmem0' 'size = 1G' \
		'[pool b]' 'directory = /mnt/pmem0' >etc/vmmallocd.conf
	printf '[pool c]\ndirectory=/tmp/my pools/100%%' >etc/conf.d/c.conf
	printf '[pool d]\ndirectory=/not\n' >etc/conf.d/c.conf~
	for shell in $(shells); do
		generate "$shell"
		expect "$dropin" <<'END'
# Made by vmmalloc-generator from etc/vmmallocd.conf.
[Unit]
Wants=mnt-pmem0.mount mnt.mount srv-state.mount srv.mount tmp-my\x20pools-100\x25.mount tmp-my\x20pools.mount
After=mnt-pmem0.mount mnt.mount srv-state.mount srv.mount tmp-my\x20pools-100\x25.mount tmp-my\x20pools.mount
END
		[ ! -s words ] || fail "$(cat words)"
	done
}
run_case "the generator waits for the mounts of the configuration's directories" generates_a_dropin

# wants UNIT...: these and no others
wants() {
	printf '%s\n' "$@" >expected
	sed -n 's/^Wants=//p' "$dropin" | tr ' ' '\n' | expect expected
	[ "$(sed -n 's/^Wants=//p' "$dropin")" = "$(sed -n 's/^After=//p' "$dropin")" ] || fail "$(cat "$dropin")"
}
export -f wants

reads_as_the_daemon_does() {
	need systemd-escape
	mkdir etc
	printf '\357\273\277[ pool \t a ] ; one\r\n\t directory\t=  /a ; no\r\n#directory=/no1\r\n;directory=/no2\r\n' \
		>etc/vmmallocd.conf
	printf '%s\n' 'directory2 = /no3' '[other]' 'directory = /no4' '[daemon]' 'directory = /no5' 'words' '' \
		'[pool b]' 'directory : /b;c' 'runtime_dir = /no6' '[poolc]' 'directory = /no7' '[pool d' \
		'directory=/no8' >>etc/vmmallocd.conf
	for shell in $(shells); do
		generate "$shell"
		wants a.mount 'b\x3bc.mount'
	done
}
run_case "the generator reads lines as the daemon does" reads_as_the_daemon_does

# What is the same directory has the same mounts, however it is written.
squeezes_slashes() {
	need systemd-escape
	mkdir etc
	for path in /tmp/x/y //tmp/x/y /tmp//x///y /tmp/x/y/ /tmp//x//y//; do
		printf '[pool a]\ndirectory = %s\n' "$path" >etc/vmmallocd.conf
		for shell in $(shells); do
			generate "$shell"
			# never tmp.mount, which would hide what is there
			wants tmp-x-y.mount tmp-x.mount
		done
	done
}
run_case "the generator squeezes slashes" squeezes_slashes

follows_links() {
	need systemd-escape
	mkdir etc
	ln -s /mnt/pmem0 link
	ln -s link/further chain
	printf '[pool a]\ndirectory = %s/link/pools\n[pool b]\ndirectory = %s/chain\n' "$WORK" "$WORK" >etc/vmmallocd.conf
	for shell in $(shells); do
		generate "$shell"
		for unit in mnt-pmem0-pools.mount mnt-pmem0-further.mount mnt-pmem0.mount mnt.mount \
			"$(systemd-escape -p --suffix=mount "$WORK/link/pools")" "$(systemd-escape -p --suffix=mount "$WORK/link")"; do
			sed -n 's/^Wants=//p' "$dropin" | tr ' ' '\n' | grep -qxF "$unit" || fail "$unit: $(cat "$dropin")"
		done
	done
}
run_case "the generator waits for where symbolic links lead, too" follows_links

leaves_out() {
	need systemd-escape
	mkdir etc
	printf '%s\n' '[pool a]' 'directory =' '[pool b]' 'directory = relative' '[pool c]' 'directory = /' \
		'[pool d]' 'directory = /mnt/../etc' '[pool e]' 'directory = ///' '[pool f]' 'directory = /.' '[pool g]' \
		'directory = /tmp' '[pool h]' 'directory = //tmp/' >etc/vmmallocd.conf
	printf '[pool i]\ndirectory = /a\001b\n' >>etc/vmmallocd.conf
	for shell in $(shells); do
		generate "$shell"
		[ -z "$(ls out)" ] && [ ! -s words ] || fail "$(cat "$dropin" words)"
	done
}
run_case "the generator leaves out what the daemon refuses, and the root" leaves_out

does_nothing() {
	mkdir etc
	for shell in $(shells); do
		generate "$shell"
		[ -z "$(ls out)" ] && [ ! -s words ] || fail "without a file: $(ls -R out; cat words)"
	done
	cp "$ROOT/systemd/vmmallocd.conf" etc/
	for shell in $(shells); do
		generate "$shell"
		[ -z "$(ls out)" ] && [ ! -s words ] || fail "with the example: $(ls -R out; cat words)"
	done
	rm etc/vmmallocd.conf
	mkdir etc/vmmallocd.conf
	generate sh
	[ -z "$(ls out)" ] && [ ! -s words ] || fail "with a directory: $(ls -R out; cat words)"
}
run_case "the generator does nothing without directories" does_nothing

# A hostile name is data: not run, and no second line of the unit.
runs_nothing() {
	need systemd-escape
	mkdir etc
	# shellcheck disable=SC2016  # not for this shell either
	printf '%s\n' '[pool a]' 'directory = /$(touch ran)`touch ran`*[x]$HOME"\:%' >etc/vmmallocd.conf
	for shell in $(shells); do
		generate "$shell"
		# shellcheck disable=SC2016
		wants "$(systemd-escape -p --suffix=mount '/$(touch ran)`touch ran`*[x]$HOME"\:%')"
		[ ! -e ran ] && [ "$(grep -c = "$dropin")" = 2 ] || fail "$(ls; cat "$dropin")"
	done
}
run_case "the generator takes names as they are" runs_nothing

# What a class's tmpfs is mounted with, as the daemon says: "OPTIONS DIRECTORY", one a line; closed ones are left out.
daemon_mounts() {
	"$BUILD/release/vmmallocd" --config etc/vmmallocd.conf --json >json
	python3 - <<-'END'
		import json
		for c in json.load(open("json"))["classes"]:
		    if c["mount_options"] and not c["closed"]:
		        print(c["mount_options"], c["directory"])
	END
}
# The same, as the generator has units for it: with the daemon's way to write numbers, and without whose it is.
generator_mounts() {
	local unit options
	for unit in late/*.mount; do
		[ -e "$unit" ] || continue
		options=$(sed -n 's/^Options=//p' "$unit")
		[[ $options = *,uid=vmmalloc,gid=vmmalloc ]] || fail "$(cat "$unit")"
		[ "$(sed -n 's/^What=//p; s/^Type=//p' "$unit" | tr '\n' ' ')" = "vmmalloc tmpfs " ] || fail "$(cat "$unit")"
		echo "${options%,uid=*} $(sed -n 's/^Where=//p' "$unit" | sed 's/%%/%/g')"
	done
}
# same_mounts [LINE...]: of one class, a, in /srv/a; or of a whole file if the first line is a section
same_mounts() {
	local shell
	case ${1-} in '['*) ;; *) set -- '[pool a]' 'directory = /srv/a' 'size = 14M' "$@" ;; esac
	printf '%s\n' "$@" >etc/vmmallocd.conf
	daemon_mounts | sort -u >expected
	for shell in $(shells); do
		rm -rf late out
		generator "$shell" out early late 2>words && [ ! -s words ] ||
			fail "status $?: $(cat words)"
		generator_mounts | sort -u | diff -u expected - >difference || fail "$(cat etc/vmmallocd.conf difference)"
	done
}
export -f daemon_mounts generator_mounts same_mounts

mounts_a_tmpfs() {
	need systemd-escape python3
	mkdir etc
	same_mounts 'tmpfs = 64G'
	is_one() { [ "$(wc -l <expected)" = 1 ] || fail "the daemon has other mounts: $(cat expected etc/vmmallocd.conf)"; }
	is_one
	grep -qx 'Wants=srv-a.mount srv.mount' out/vmmallocd.service.d/50-directories.conf || fail "$(cat out/*/*)"
	local value
	for value in 1G 0064G 14M 99T 15000000K 8000000T; do
		same_mounts "tmpfs = $value"
		is_one
	done
	for value in 0 13M 14680063 1Q -1G 1.5G 'G' '' 9000000T 99999999999999999999 9223372036854775807K 08 1GG; do
		same_mounts "tmpfs = $value"
		[ ! -s expected ] || fail "the daemon takes $value"
	done
	for value in 0 0-1 '0,2-3 ; two' '0 , 2,5-7' 1023; do same_mounts "tmpfs:1G" "nodes = $value"; is_one; done
	for value in '' , 0, 3-2 1024 0--1 -1 1- 'all' '0 1' 99999999999999999999; do
		same_mounts "tmpfs = 1G" "nodes = $value"
		[ ! -s expected ] || fail "the daemon takes $value"
	done
	for value in never always within_size advise; do same_mounts "tmpfs = 1G" "huge = $value"; is_one; done
	for value in '' Always yes force deny; do
		same_mounts "huge = $value" "tmpfs = 1G"
		[ ! -s expected ] || fail "the daemon takes $value"
	done
	same_mounts
	same_mounts 'nodes = 0'
	same_mounts 'huge = never'
	same_mounts 'tmpfs = 1G' 'tmpfs = 1G'
	same_mounts 'tmpfs = 1G' 'directory = /srv/b'
	[ ! -s expected ] || fail "$(cat expected)"
}
run_case "the generator mounts what the daemon waits for" mounts_a_tmpfs

# same_mounts_none LINE...: besides a tmpfs, and they close the class
same_mounts_none() {
	same_mounts 'tmpfs = 1G' "$@"
	[ ! -s expected ] || fail "the daemon takes $*"
}
export -f same_mounts_none

# Whatever closes a class, nothing is mounted for it; its directory is one of those that the service starts after.
mounts_no_closed_class() {
	need systemd-escape python3
	mkdir etc
	for line in 'no_such_key = 1' 'words' 'warm = perhaps' 'users = ,' 'ready = 17' 'max = 0' 'size = 1G' 'size = 15M' \
		"cold = yes$(printf '%200s' '' | tr ' ' y)" $'cold = \001' 'ready = 99999999' '= 1' '[pool a]'; do
		same_mounts_none "$line"
		grep -qx 'Wants=srv-a.mount srv.mount' out/vmmallocd.service.d/50-directories.conf || fail "$line: $(cat out/*/*)"
	done
	same_mounts_none 'directory = /srv/b'
	same_mounts '[pool a b]' 'directory = /srv/a' 'size = 16M' 'tmpfs = 1G'
	same_mounts '[pool a' 'directory = /srv/a' 'size = 16M' 'tmpfs = 1G'
	same_mounts '[pool a] words' 'directory = /srv/a' 'size = 16M' 'tmpfs = 1G'
	same_mounts '[pool a]' 'directory = /srv/a' 'size = 1G' 'ready = 2' 'tmpfs = 1G'
	[ ! -s expected ] || fail "$(cat expected)"
	# names are not looked up, and close nothing
	same_mounts 'tmpfs = 1G' 'users = nobody-of-that-name, root'
	[ "$(wc -l <expected)" = 1 ] || fail "$(cat expected)"
}
run_case "the generator mounts nothing for a class that a mistake closes" mounts_no_closed_class

# Paths and classes: who has it first says how it is.
mounts_at_paths() {
	need systemd-escape python3
	mkdir etc
	two() { same_mounts '[pool a]' "directory = $1" 'size = 16M' "$2" '[pool b]' "directory = $3" 'size = 16M' "$4"; }
	two '/srv/a b 100%' 'tmpfs = 1G' '/srv/a*[x]$HOME"' 'tmpfs = 2G'
	[ "$(wc -l <expected)" = 2 ] || fail "$(cat expected)"
	two /srv/a 'tmpfs = 1G' /srv/a/ 'tmpfs = 1G'
	two /srv/a 'tmpfs = 1G' /srv//a 'tmpfs = 2G'
	two /srv/a 'tmpfs = 1G' /srv/a ''
	[ "$(cat expected)" = "size=1G,mode=0755,nosuid,nodev /srv/a" ] || fail "$(cat expected)"
	two /srv/a '' /srv/a 'tmpfs = 1G'
	two /srv/a 'tmpfs = 1Q' /srv/a 'tmpfs = 1G'
	two /srv/../a 'tmpfs = 1G' / 'tmpfs = 1G'
	two $'/srv/a\tb' 'tmpfs = 1G' /srv/b 'tmpfs = 2G'
	[ "$(wc -l <expected)" = 2 ] || fail "$(cat expected)"
	# what is in /tmp would be hidden: whoever wants that mounts it himself
	printf '[pool a]\ndirectory = /tmp\nsize = 16M\ntmpfs = 1G\n[pool b]\ndirectory = /a\\\nsize = 16M\ntmpfs = 1G\n' \
		>etc/vmmallocd.conf
	rm -rf late out
	generator sh out early late || fail "status $?"
	[ ! -e late ] || fail "$(ls late)"
	# systemd mounts at no symbolic link
	mkdir "$WORK/there" && ln -s there "$WORK/link"
	printf '[pool a]\ndirectory = %s/link\nsize = 16M\ntmpfs = 1G\n' "$WORK" >etc/vmmallocd.conf
	generator sh out early late || fail "status $?"
	grep -qx "Where=$WORK/there" "$(mount_unit_of "$WORK/there" late)" || fail "$(head late/*)"
	# links to links, up and down
	mkdir -p one/two && ln -s ../../link one/two/up && ln -s "$WORK/./one/two" two && ln -s round round
	printf '[pool a]\ndirectory = %s/two/up/new/x\nsize = 16M\ntmpfs = 1G\n[pool b]\ndirectory = %s/round\nsize = 16M\ntmpfs = 1G\n' \
		"$WORK" "$WORK" >etc/vmmallocd.conf
	rm -rf late out
	generator sh out early late || fail "status $?"
	[ "$(ls late)" = "$(mount_unit_of "$WORK/there/new/x")" ] || fail "$(ls late)"
	grep -qx "Where=$WORK/there/new/x" late/* || fail "$(head late/*)"
}
run_case "the generator mounts a class's tmpfs where its directory is" mounts_at_paths

# no_mounts LINK: of a class in a directory that is such a symbolic link
no_mounts() {
	local shell
	rm -f link
	ln -s "$1" link
	[ $# -eq 1 ] || chown -h "$2" link || fail "chown"
	printf '[pool a]\ndirectory = %s/link\nsize = 16M\ntmpfs = 1G\n' "$WORK" >etc/vmmallocd.conf
	for shell in $(shells); do
		rm -rf late out
		generator "$shell" out early late || fail "status $?"
		[ ! -e late ] || fail "$shell: $(head late/*)"
	done
}
export -f no_mounts

# Who may make a link there says nothing about what root mounts, and where.
mounts_at_no_links_of_others() {
	need systemd-escape
	mkdir etc
	no_mounts $'/srv/x\nWhere=\nWhat=/srv/image\nType=ext4'
	no_mounts '/srv/blank '
	need_root
	no_mounts /srv/x 65534
}
run_case "the generator follows root's links only, and takes no lines of units from them" mounts_at_no_links_of_others

# Mounted for the service alone, a file system would not be unmounted for it; see vmmallocd.service.
mounts_nothing() {
	units_here || return 1
	! grep -E '^(BindPaths|BindReadOnlyPaths|ReadWritePaths|ReadOnlyPaths|InaccessiblePaths|TemporaryFileSystem|Root[A-Z].*|PrivateTmp|PrivateDevices|ProtectHome)=|^ProtectSystem=strict' \
		units/vmmallocd.service || fail "the service has mounts of its own"
	# all that systemd makes a mount namespace for, as of its version 257; the network's since 254
	! grep -E '^(Bind.*Paths|Read.*Paths|InaccessiblePaths|(No)?ExecPaths|TemporaryFileSystem|Root[A-Z].*|MountImages|Extension[A-Z].*|Mount(Flags|APIVFS)|Private(Tmp|Devices|Mounts|Network|IPC|PIDs|BPF)|(Network|IPC)NamespacePath|Protect(System|Home|Kernel[A-Z].*|ControlGroups|Proc)|ProcSubset)=' \
		units/vmmalloc-mounts.service || fail "what it unmounts would be unmounted for itself alone"
}
run_case "the services have no mounts of their own where pools may be" mounts_nothing

# Prints how many of one mount are left by vmmalloc-mounts.service, with the configuration etc/vmmallocd.conf.
mounts_with() {
	unshare -m --propagation private sh -c 'mount -t tmpfs -o size=1M vmmalloc "$1" &&
		{ [ -z "${BOUND-}" ] || mount --bind "$1" "$BOUND"; } &&
		timeout 20 "$2" --mounts x y etc/vmmallocd.conf "$3" >said && grep -c " $1 " /proc/self/mountinfo' sh "$WORK/mounted" \
		"$ROOT/systemd/vmmalloc-generator" "$BUILD/release/vmmallocd"
}
export -f mounts_with

unmounts() {
	need systemd-escape unshare
	unshare -m --propagation private true 2>/dev/null || skip "mounting is not allowed here"
	mkdir etc mounted
	# an editor may have it out of the way for a moment
	[ "$(mounts_with)" = 1 ] || fail "it was unmounted"
	printf '[pool a]\ndirectory = %s/mounted\nsize = oops\n' "$WORK" >etc/vmmallocd.conf
	[ "$(mounts_with)" = 1 ] || fail "it was unmounted"
	grep -qx "etc/vmmallocd.conf: nothing is unmounted while it has mistakes: vmmallocd --check says which" said ||
		fail "$(cat said)"
	# a mistake may hide whose it is
	printf '[pool a\ndirectory = %s/mounted\nsize = 16M\n' "$WORK" >etc/vmmallocd.conf
	[ "$(mounts_with)" = 1 ] || fail "it was unmounted"
	printf '[pool a]\ndirectory = /srv/other\nsize = 16M\n' >etc/vmmallocd.conf
	[ "$(mounts_with)" = 0 ] || fail "it stays"
	# bound to another place, for a chroot, it is not a mount of ours
	mkdir bound
	printf '[pool a]\ndirectory = %s/bound\nsize = 16M\ntmpfs = 32M\n' "$WORK" >etc/vmmallocd.conf
	[ "$(BOUND=$WORK/bound mounts_with)" = 1 ] || fail "it was unmounted in a place of somebody's"
}
run_case "what no class has is unmounted, but not for want of a configuration" unmounts

end_suite
