/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * program -- a program that is to have its heap on a pool: what of it, or around it, is in the way. It is not run.
 *
 *     program.c       found, script or ELF file, privileges, sandboxes
 *     runtime.c       what its symbols and libraries say of where its memory comes from
 *     surroundings.c  the environment that it gets: LD_PRELOAD, LD_AUDIT, filters of system calls
 */
#ifndef VMMALLOCD_DOCTOR_PROGRAM_H
#define VMMALLOCD_DOCTOR_PROGRAM_H

#include "vmmallocd/doctor/elf_file.h"
#include "vmmallocd/doctor/findings.h"

/* For look(): of the words of a command, which end in NULL. */
void program_look(struct findings *findings, void *argv);

/* For look(): of nothing. */
void surroundings_look(struct findings *findings, void *unused);

/* Symbols that runtime_look wants to know of, for elf_file_read. */
const char *const *runtime_symbols(void);
/* `fd` is open, `path` the program's, `name` its last part, as it was called. */
void runtime_look(struct findings *findings, int fd, const char *path, const char *name, const struct elf_file *file);

#endif
