# remove-pools.sh -- part of the scripts of the packages, run when the daemon is removed: takes back the pools that it has
# made. What is in use goes as well: a program keeps the memory of its pool, which has no name then, until it ends.
# In the registry some characters are like %25.
pool_directories() {
	echo /dev/shm/vmmalloc
	sed -n 's/.*"directory": "\([^"]*\)".*/\1/p' /var/lib/vmmalloc/registry.json 2>/dev/null | sort -u | sed 's|%|\\x|g' |
		xargs -r -d '\n' printf '%b\n'
}

# By the daemon's own user: what links lead to elsewhere stays what it is.
pool_directories | while IFS= read -r directory; do
	[ ! -d "$directory" ] || setpriv --reuid vmmalloc --regid vmmalloc --clear-groups \
		find "$directory" -maxdepth 1 -type f -user vmmalloc '(' -name "vmmalloc-$(printf '[0-9a-f]%.0s' $(seq 32)).*" -o -name '.vmmallocd.lock*' ')' -delete || :
done
rmdir /dev/shm/vmmalloc 2>/dev/null || :
# What was mounted for its classes; one that somebody has a pool on stays until the next boot.
findmnt -nlo TARGET -t tmpfs -S vmmalloc | while IFS= read -r directory; do
	umount "$directory" 2>/dev/null || :
done
