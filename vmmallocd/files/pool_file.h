/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_file -- one pool file in a directory of the daemon: made, warmed, probed, scrubbed, removed.
 *
 * What a file is called, and what its name says of it, is in pool_file_name.h. A file is ours only if it has such a
 * name, is regular, has one link and mode 0600, belongs to the daemon's effective user and begins with a pool header.
 * It needs no header if its id names its inode or the registry knows it: whoever had the pool may have wiped the
 * header, and a scrub that was cut short has not written it yet. Other files are not touched.
 *
 * All functions block, and may be called from any thread, one at a time for each file; no libuv, no logging, no state.
 * 0 or -errno, with the reason in `error` where there is one. `pool_file_*` never follow symbolic links.
 */
#ifndef VMMALLOCD_FILES_POOL_FILE_H
#define VMMALLOCD_FILES_POOL_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/pool_header.h"
#include "common/base/text.h"
#include "vmmallocd/files/pool_dir.h"
#include "vmmallocd/plan/pool_file_name.h"

/*
 * Makes a .new file of `size_bytes`, rounded up to the grain, all of it reserved (on 2 MiB boundaries as far as the
 * file system does that; on a tmpfs in huge pages where they can be had), with a header that names the class and this
 * boot. It has a name only once it is whole: killed meanwhile, or on failure, nothing is left. `cancel`, checked every
 * few MiB, ends it with -ECANCELED.
 */
int pool_file_create(const struct pool_dir *dir, const char *class_name, uint64_t size_bytes, const atomic_bool *cancel,
		     struct pool_file *ret_file, struct text *error);

/*
 * Makes a cold .new file: of that size, with a header, and no space reserved behind what a heap begins with. Whoever
 * gets it reserves space as it grows. A few system calls, no sync: 17 us on tmpfs, and 40 us on ext4, where it may wait
 * for the disk. -ENOSPC also where there is not enough space for the smallest heap.
 */
int pool_file_create_cold(const struct pool_dir *dir, const char *class_name, uint64_t size_bytes,
			  struct pool_file *ret_file, struct text *error);

/*
 * Puts the pool's pages where a client finds them at once. tmpfs: filled, and collapsed to huge pages (MADV_COLLAPSE),
 * what cannot be collapsed stays as it is. DAX: zeroed once, which turns unwritten extents into written ones. Others:
 * nothing but the reservation. `*ret_huge_bytes` says how much of it is in huge pages as far as that can be known.
 */
int pool_file_warm(const struct pool_dir *dir, const struct pool_file *file, const atomic_bool *cancel,
		   uint64_t *ret_huge_bytes, struct text *error);

/*
 * Renames it, and never replaces another. Not synced, so that no hand-out waits for a disk: after a crash of the system
 * the header's boot id says more than the mark.
 */
int pool_file_set_mark(const struct pool_dir *dir, struct pool_file *file, enum pool_file_mark mark);

/*
 * A new O_RDWR descriptor for one client. -ESTALE: the name is another file by now; -EPERM: its owner, mode or number
 * of links is not what it was; -EAGAIN: somebody holds a lease on it; -errno.
 */
int pool_file_open(const struct pool_dir *dir, const struct pool_file *file);

/*
 * Whether the name still is this file, and as it was. 0; -ENOENT; -ESTALE: the name is another file by now; -EPERM: its
 * owner, mode, number of links or size is not what it was.
 */
int pool_file_check(const struct pool_dir *dir, const struct pool_file *file);

/*
 * Whether anybody has it open or maps it: 0: nobody; -EAGAIN: somebody has. By a write lease on a read-only
 * descriptor, given back at once. SIGIO must be ignored in the process.
 */
int pool_file_probe(const struct pool_dir *dir, const struct pool_file *file);

/*
 * Whether pages of a pool are still held, in pipes and buffers, though nobody has it any more. -ETIMEDOUT: one is; they
 * stay in the file. 0: none is, and most are out of the file; or it cannot be seen, which it can on tmpfs only.
 * -EAGAIN: somebody has the pool; -ECANCELED; -errno. Does not wait, and takes some milliseconds for each GiB, or as
 * long as warming where pages are small. Of a cold pool only huge pages count. What was in the file is lost: for a pool
 * that is scrubbed or removed next.
 */
int pool_file_check_pins(const struct pool_dir *dir, const struct pool_file *file, bool cold,
			 const atomic_bool *cancel, struct text *error);

/*
 * Makes the file as good as new after nobody has it any more: checks that it is the file we know (type, owner, mode,
 * one link, inode) and that nobody has it, takes every page out of it (on DAX while it is mapped here, so that the
 * kernel waits for pins), takes a memory policy from it (mbind), brings it back to `size_bytes` rounded up, reserves
 * it again and writes a fresh header. The caller has marked it POOL_FILE_USED or _BAD, probed it, and warms it
 * afterwards.
 * -ETIMEDOUT: a page is pinned and that did not end in `timeout_ms`: quarantine it. -EAGAIN: somebody has it after all.
 * -ECANCELED. Any other error: destroy it.
 * Interrupts its own thread by a signal (SIGRTMIN + 6, which it takes for itself) to keep the deadline. Its descriptor
 * makes an IN_CLOSE_WRITE, as that of pool_file_warm does.
 */
int pool_file_scrub(const struct pool_dir *dir, struct pool_file *file, const char *class_name, uint64_t size_bytes,
		    unsigned timeout_ms, const atomic_bool *cancel, struct text *error);

/*
 * Unlinks it, after making sure that the name still is this file. 0 also if it is gone already. On DAX a .used or .bad
 * pool is emptied first, within a second, or its blocks would be free while pages are pinned: -EAGAIN: somebody has it;
 * -ETIMEDOUT: a page is pinned: quarantine it.
 */
int pool_file_destroy(const struct pool_dir *dir, const struct pool_file *file);

/*
 * Reads the header, and waits for nobody: -EAGAIN: whoever has the pool keeps others from reading it, or it is not in
 * memory. Its owner may have written anything there: figures, not facts. -EBADMSG, -EPROTO: as pool_header_decode.
 */
int pool_file_read_header(const struct pool_dir *dir, const struct pool_file *file, struct pool_header *ret_header);

/* Whether a header was written since this machine was booted; only the daemon has written that of a .ready file. */
bool pool_file_header_is_of_this_boot(const struct pool_header *header);

/*
 * Whether the pool's extents allow 2 MiB pages on DAX (FIEMAP: extents begin on 2 MiB boundaries of the device).
 * 0; or -EMEDIUMTYPE, and `advice` says what is wrong and which mkfs line would mend it; or -errno if it cannot be
 * known.
 */
int pool_file_check_layout(const struct pool_dir *dir, const struct pool_file *file, struct text *advice);

#endif
