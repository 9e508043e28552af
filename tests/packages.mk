# packages.mk -- what building needs, and what the demo, the tests and the lint run besides, by Debian's names; those of
# others are in tests/lib/package-names.txt.

BUILD_PACKAGES := gcc g++ make binutils libc6-dev libjemalloc-dev pkg-config libuv1-dev libjansson-dev libsystemd-dev \
	libsmartcols-dev libncurses-dev libmicrohttpd-dev
DEMO_PACKAGES := perl-base
DEB_PACKAGES := build-essential debhelper dpkg-dev systemd systemd-dev
RPM_PACKAGES := rpm bzip2
LINT_PACKAGES := cppcheck man-db groff-base
TEST_PACKAGES := libcmocka-dev libjemalloc2 libtcmalloc-minimal4 procps strace pkg-config man-db \
	git python3 perl curl sqlite3 redis-server redis-tools memcached nginx-light zstd xz-utils bzip2 ed vim tcl gdb \
	openssl openssh-client xfsprogs btrfs-progs e2fsprogs util-linux postgresql systemd libseccomp-dev \
	fakeroot fakechroot libsocket-wrapper libnss-wrapper libuid-wrapper libpam-wrapper libresolv-wrapper torsocks \
	proxychains4 tsocks libeatmydata1 faketime datefudge alsa-oss authbind valgrind bindfs bubblewrap vsftpd crun runc \
	tmux libinih-dev busybox-static bash-completion zsh podman conmon distcc prometheus python3-prometheus-client \
	jq gnuplot-nox $(DEB_PACKAGES) lintian $(RPM_PACKAGES) rpmlint cpio systemd-container
VM_PACKAGES := qemu-system-x86 busybox-static cpio kmod xfsprogs e2fsprogs systemd-container ndctl daxctl fdisk \
	debootstrap
ARM64_PACKAGES := gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
ARM64_GUEST_PACKAGES := qemu-system-arm xz-utils
# of arm64: what is linked with, and what a guest has
ARM64_TARGET_PACKAGES := libc6-dev libjemalloc-dev libuv1-dev libjansson-dev libsystemd-dev libsmartcols-dev \
	libncurses-dev libmicrohttpd-dev libcmocka-dev libseccomp-dev base-files base-passwd bash busybox-static coreutils \
	dash diffutils e2fsprogs findutils grep mawk mount procps sed strace util-linux xfsprogs
