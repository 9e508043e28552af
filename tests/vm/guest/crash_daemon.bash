# crash_daemon.bash -- what is the same before and after a crash: two mounts, a class on each, the registry on one.
crash_mount() {
	mkdir -p /mnt/ext4 /mnt/xfs
	mount -o dax=always /dev/pmem0 /mnt/ext4 && mount -o dax=always /dev/pmem1 /mnt/xfs &&
		"$VM_PROGRAMS/dax_facts" /mnt/ext4 dax && "$VM_PROGRAMS/dax_facts" /mnt/xfs dax
}

# So many ready of each class.
crash_conf() {
	RUN=/run/churn.run STATE=/mnt/ext4/state
	printf '[pool %s]\ndirectory = %s\nsize = 32M\nready = %d\nmax = 5\n' one /mnt/ext4/pools "$1" two /mnt/xfs/pools "$1" |
		conf
}
export -f crash_mount crash_conf
