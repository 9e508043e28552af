#!/bin/bash
# containers.bash -- programs in containers, with the daemon's sockets bound into them: the recipes of doc/containers.md.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/daemon.bash"
. "$(dirname "$0")/../lib/blocks.bash"
BUILT=$BUILD/${FLAVOUR:-release}
export BUILT

# A root file system around the machine's own programs: tree/
tree() {
	local link
	mkdir -p tree/{usr,proc,sys,dev,run/vmmalloc,tmp,etc,pools,built}
	for link in bin sbin lib lib64; do [ ! -L /$link ] || ln -s usr/$link tree/$link; done
	printf 'root:x:0:0::/:/bin/sh\n' >tree/etc/passwd
	cp /etc/os-release tree/etc
}

# As runc has it; EDIT is Python on the dictionary `c`.
bundle() {
	need runc python3
	[ -d tree ] || tree
	rm -f config.json
	runc spec || skip "runc makes no configuration here"
	EDIT=$1 RUN=$RUN python3 - "${@:2}" <<-'PY' || fail "no configuration"
		import json, os, sys
		c = json.load(open("config.json"))
		c["root"]["path"] = "tree"
		c["process"]["terminal"] = False
		c["process"]["args"] = sys.argv[1:]
		c["process"]["env"].append("LD_LIBRARY_PATH=/built")
		for inside, outside in (("/usr", "/usr"), ("/built", os.environ["BUILT"]), ("/run/vmmalloc", os.environ["RUN"])):
		    c["mounts"].append({"destination": inside, "type": "bind", "source": outside, "options": ["rbind", "ro"]})
		exec(os.environ["EDIT"])
		json.dump(c, open("config.json", "w"))
	PY
}
# in_runc EDIT COMMAND...: its words in ./out and ./err, its exit status
in_runc() {
	bundle "$@" || exit
	timeout 60 runc --root "$WORK/runc" run -b . "vmmalloc-$$-$RANDOM" >out 2>err
}
can_runc() {
	need_root
	bundle pass /bin/true
	timeout 60 runc --root "$WORK/runc" run -b . "vmmalloc-$$" >/dev/null 2>err || skip "runc cannot run here: $(tail -n 1 err)"
}
IN_USER_NAMESPACE='
c["linux"]["namespaces"].append({"type": "user"})
c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 1000}]'
export IN_USER_NAMESPACE
export -f tree bundle in_runc can_runc

classes() {
	setup
	conf <<-CONF
		[pool all]
		directory = $POOLS
		size = 16M
		[pool mapped]
		directory = $POOLS
		size = 16M
		users = 100000
		[pool roots]
		directory = $POOLS
		size = 16M
		users = 0
	CONF
	daemon_start
	# whoever is mapped has to come by
	chmod 711 "$WORK"
	wait_count all ready 1
	wait_count mapped ready 1
	wait_count roots ready 1
}
# The program's heap, as it sees it.
ON_POOL='import re; maps = open("/proc/self/maps").read(); print(bool(re.search("vmmalloc-[0-9a-f]+", maps)), len([bytearray(1000) for i in range(5000)]))'
export ON_POOL
export -f classes

runc_without_user_namespace() {
	classes
	can_runc
	in_runc pass /built/vmmallocctl run --class all -- /usr/bin/python3 -c "$ON_POOL" || fail "status $?: $(cat out err)"
	is "$(cat out)" "True 5000"
	in_runc pass /built/vmmallocctl run --class roots -- /bin/true && fail "root of a container has root's class"
	grep -q "the class is not for this user" err || fail "$(cat out err)"
	in_runc pass /built/vmmallocctl prune && fail "root of a container prunes"
	grep -q "not permitted" err || fail "$(cat out err)"
	wait_count all leased 0
}
run_case "runc, without a user namespace: a pool for everybody, and nothing that is root's" runc_without_user_namespace

runc_in_user_namespace() {
	classes
	can_runc
	in_runc "$IN_USER_NAMESPACE" /bin/true || skip "no user namespaces here: $(tail -n 1 err)"
	in_runc "$IN_USER_NAMESPACE" /built/vmmallocctl run --class mapped -- /usr/bin/python3 -c "$ON_POOL" ||
		fail "status $?: $(cat out err)"
	is "$(cat out)" "True 5000"
	grep -q 'handed to .* of uid 100000' log || fail "not as the user that it is here"
	in_runc "$IN_USER_NAMESPACE" /built/vmmallocctl run --class roots -- /bin/true && fail "root of a container has root's class"
	grep -q "the class is not for this user" err || fail "$(cat out err)"
}
run_case "runc, in a user namespace: who it is is who the machine sees" runc_in_user_namespace

# A container that is killed gives its pool back, and what forks in it is on pools, too.
runc_killed() {
	classes
	can_runc
	local name=vmmalloc-$$-killed
	bundle pass /built/vmmallocctl run --class all -- /bin/sh -c 'sleep 60 & sleep 60; wait'
	timeout 60 runc --root "$WORK/runc" run -b . "$name" >out 2>err </dev/null &
	PIDS="$PIDS $!"
	wait_least all leased 1
	runc --root "$WORK/runc" kill "$name" KILL
	wait_count all leased 0
	is "$(ask count all quarantined)" 0
}
run_case "runc: a container that is killed" runc_killed

nspawn() {
	need systemd-nspawn
	need_root
	tree
	timeout 60 systemd-nspawn -q --register=no --keep-unit --link-journal=no --console=pipe --private-network -D tree \
		--bind-ro=/usr --bind-ro="$BUILT:/built" --bind-ro="$RUN:/run/host-vmmalloc" "$@" >out 2>err </dev/null
}
export -f nspawn
in_nspawn() {
	classes
	nspawn /bin/true || skip "systemd-nspawn cannot run here: $(tail -n 1 err)"
	nspawn --setenv=VMMALLOC_RUNTIME_DIR=/run/host-vmmalloc /built/vmmallocctl run --class all -- /usr/bin/python3 -c "$ON_POOL" ||
		fail "status $?: $(cat out err)"
	is "$(tr -d '\r' <out)" "True 5000"
	nspawn --setenv=VMMALLOC_RUNTIME_DIR=/run/host-vmmalloc /built/vmmallocctl prune && fail "root of a container prunes"
	grep -q "not permitted" out err || fail "$(cat out err)"
}
run_case "systemd-nspawn" in_nspawn

# As doc/containers.md has it, on a machine with that root and a library installed.
as_documented() {
	need systemd-nspawn
	need_root
	need_mounts
	classes
	nspawn /bin/true || skip "systemd-nspawn cannot run here: $(tail -n 1 err)"
	MOUNTS="/var/lib/machines/guest/usr/local/lib /var/lib/machines/guest/usr /usr/local/lib /run/vmmalloc /run /var/lib"
	mount -t tmpfs tmpfs /usr/local/lib && cp "$BUILT/libvmmalloc.so.1" /usr/local/lib || fail "mount"
	mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/vmmalloc && mount --bind "$RUN" /run/vmmalloc || fail "mount"
	mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/machines && cp -a tree /var/lib/machines/guest &&
		mount --bind -o ro /usr /var/lib/machines/guest/usr && mount -t tmpfs tmpfs /var/lib/machines/guest/usr/local/lib ||
		fail "mount"
	block doc/containers.md systemd-nspawn 1 |
		sed 's/-q /-q --register=no --keep-unit --link-journal=no --console=pipe /' >script
	grep -q VMMALLOC_POOL=all script || fail "the document has another example"
	timeout 60 bash -e script >out 2>err </dev/null || fail "status $?: $(cat out err)"
	is "$(tr -d '\r' <out)" 5000
	wait_for grep -q "of class 'all': handed to python3" log
}
run_case "systemd-nspawn, as doc/containers.md has it" as_documented

# --- Kubernetes: there is no cluster here; a kubectl knows what fields there are ---

# It reads the manifest into its own types, in which what it does not know is lost, and writes that.
kubernetes() {
	need kubectl python3
	awk '/^```yaml/ { code = 1; next } /^```/ { code = 0 } code' "$ROOT/doc/containers.md" >pod.yaml
	local as=(timeout 60 kubectl --kubeconfig=/dev/null)
	export HOME=$WORK
	# as text, with a label; and as a Pod, with another image
	"${as[@]}" label --local -f pod.yaml tried=yes -o json >text.json 2>err && sed -i 's/"image": ".*"/"image": "tried:1"/' text.json &&
		"${as[@]}" set image --local -f text.json '*=tried:2' -o json >pod.json 2>err || fail "$(cat err)"
	sed -i 's/tried:2/tried:1/' pod.json
	python3 - <<-'PY' || fail "the manifest has what a Pod has not"
		import json, sys
		def lost(a, b, path):
		    if isinstance(a, dict):
		        return [l for k in a for l in (lost(a[k], b[k], path + "." + k) if isinstance(b, dict) and k in b else [path + "." + k])]
		    if isinstance(a, list):
		        return [path] if len(a) != len(b) else [l for i, (x, y) in enumerate(zip(a, b)) for l in lost(x, y, f"{path}[{i}]")]
		    return [] if a == b else [path]
		gone = lost(json.load(open("text.json")), json.load(open("pod.json")), "")
		print(gone)
		sys.exit(bool(gone))
	PY
}
run_case "Kubernetes: the manifest has fields that kubectl knows" kubernetes

# --- podman: its storage, locks and sockets are in mounts that it has for as long as it runs. What it leaves to clean up
# behind it, when the case has ended, sees those, too. ---

# A machine with the library installed, and an image of a few programs with their libraries: "image".
can_podman() {
	need podman conmon runc busybox
	need_root
	need_mounts
	local program file
	mount -t tmpfs tmpfs /usr/local/lib && cp "$BUILT/libvmmalloc.so.1" /usr/local/lib && mount -t tmpfs -o mode=755 tmpfs /run &&
		mkdir /run/vmmalloc && mount --bind "$RUN" /run/vmmalloc && mount -t tmpfs tmpfs /var/lib || fail "mount"
	mkdir -p image/{bin,tmp,etc,usr/local/lib,run}
	for program in /bin/grep /bin/sleep "$(command -v busybox)"; do
		cp "$program" image/bin
		for file in $(ldd "$program" 2>/dev/null | grep -o '/[^ ]*'); do
			mkdir -p "image/${file%/*}" && cp -L "$file" "image/$file" || fail "$file"
		done
	done
	ln -s busybox image/bin/sh
	tar -cC image . | podman_here import -q - localhost/image:1 >out 2>err || skip "podman cannot import an image here: $(tail -n 1 err)"
	podman_here run --rm localhost/image:1 /bin/sh -c : >out 2>err || skip "podman cannot run here: $(tail -n 1 err)"
}
# With limits of descriptors and processes that may be set in here, no network, and without a service manager.
podman_here() {
	local command=$1
	shift
	[ "$command" != run ] || set -- --network none --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 "$@"
	TMPDIR=$WORK timeout 60 podman --storage-driver vfs --cgroup-manager cgroupfs --runtime runc --events-backend none "$command" "$@"
}
# in_own_machine CASE: with a /dev/shm of its own, in which podman has locks; nobody of podman's is left at its end.
in_own_machine() {
	need podman
	need_mounts
	unshare -m --propagation private bash -c '
		mount -t tmpfs -o mode=1777,size=200m tmpfs /dev/shm || fail "mount"
		"$1" && wait_for podman_is_gone' in "$1"
}
podman_is_gone() {
	local pid
	for pid in $(pgrep -x 'podman|conmon'); do
		[ "$(readlink /proc/$pid/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ] || return 1
	done
}
export -f can_podman podman_here podman_is_gone

podman_as_documented() {
	classes
	can_podman
	block doc/containers.md "Podman and Docker" 1 |
		sed 's|IMAGE PROGRAM|localhost/image:1 /bin/grep -c -m 1 vmmalloc-[0-9a-f]* /proc/self/maps|; s/^podman/podman_here/' >script
	grep -q VMMALLOC_POOL=all script && grep -q localhost/image script || fail "the document has another example"
	bash -e script >out 2>err </dev/null || fail "status $?: $(cat script out err)"
	is "$(cat out)" 1
	wait_for grep -q "of class 'all': handed to grep" log
	# who is root in there is not root here
	sed 's/VMMALLOC_POOL=all/VMMALLOC_POOL=roots/' script >others
	! bash -e others >out 2>err </dev/null || fail "root of a container has root's class"
	grep -q "the class is not for this user" err || fail "$(cat out err)"
	wait_count all leased 0
}
export -f podman_as_documented
run_case "podman, as doc/containers.md has it" in_own_machine podman_as_documented

podman_killed() {
	classes
	can_podman
	podman_here run --name long -v /run/vmmalloc:/run/vmmalloc:ro -v /usr/local/lib/libvmmalloc.so.1:/usr/local/lib/libvmmalloc.so.1:ro \
		-e LD_PRELOAD=/usr/local/lib/libvmmalloc.so.1 -e VMMALLOC_SOCKET=/run/vmmalloc/pool.sock -e VMMALLOC_POOL=all \
		localhost/image:1 /bin/sleep 1000 >out 2>err </dev/null &
	PIDS="$PIDS $!"
	wait_count all leased 1
	podman_here kill -s KILL long >out || fail "kill"
	wait_count all leased 0
	is "$(ask count all quarantined)" 0
}
export -f podman_killed
run_case "podman: a container that is killed gives its pool back" in_own_machine podman_killed

end_suite
