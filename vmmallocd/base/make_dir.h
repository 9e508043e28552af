/* SPDX-License-Identifier: BSD-3-Clause */
/* make_dir -- a directory, and those above it, with a mode that no umask changes. */
#ifndef VMMALLOCD_BASE_MAKE_DIR_H
#define VMMALLOCD_BASE_MAKE_DIR_H

/*
 * mkdir -p: the directories above get mode 0755, the last one `mode`. 0, also if it is there, or -errno. Any thread may
 * call it. The umask of the process is another meanwhile, so files that other threads make then must say their mode.
 */
int make_dir(const char *path, unsigned mode);

#endif
