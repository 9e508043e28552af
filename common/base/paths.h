/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * paths -- where things lie on the machine, as `make` was told. The values come from the Makefile, which makes every
 * object again that includes this when one of them changes.
 */
#ifndef COMMON_BASE_PATHS_H
#define COMMON_BASE_PATHS_H

#define PATHS_CONFIG_FILE VMMALLOC_SYSCONFDIR "/vmmalloc/vmmallocd.conf"
#define PATHS_RUNTIME_DIR VMMALLOC_RUNSTATEDIR "/vmmalloc"  /* of root's daemon, unless it is configured otherwise */
#define PATHS_USER_RUNTIME_NAME "vmmalloc"                   /* in XDG_RUNTIME_DIR: of a user's own */
#define PATHS_STATE_DIR VMMALLOC_STATEDIR "/vmmalloc"       /* the same */
#define PATHS_LIB_FROM_BIN VMMALLOC_LIB_FROM_BIN            /* from vmmallocctl's directory to the library's */

#endif
