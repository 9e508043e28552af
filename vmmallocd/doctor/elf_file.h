/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * elf_file -- what an ELF file says that matters to a preloaded library: elf(5). It is somebody's file: no number in it
 * is trusted, nothing of it is run or mapped, and what is wrong with it makes it no ELF file or leaves fields empty.
 */
#ifndef VMMALLOCD_DOCTOR_ELF_FILE_H
#define VMMALLOCD_DOCTOR_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define ELF_FILE_NAME_BYTES 128
#define ELF_FILE_NEEDED_MOST 64
#define ELF_FILE_RUNPATH_BYTES 1024

struct elf_file {
	bool is_native;            /* 64 bits, in this byte order: only then is anything known of what follows */
	uint16_t machine;          /* EM_X86_64 and so on */
	char interpreter[ELF_FILE_NAME_BYTES];    /* "": none */
	bool is_dynamic;
	bool has_symbols;          /* a table of them was found: sections were not stripped */
	bool is_go;                /* it has a section of the Go linker's */
	char runpath[ELF_FILE_RUNPATH_BYTES];     /* DT_RUNPATH, or else DT_RPATH */
	char needed[ELF_FILE_NEEDED_MOST][ELF_FILE_NAME_BYTES];
	size_t needed_count;
	uint64_t defines;          /* a bit for each of the names that were asked for: the file has such a symbol */
	uint64_t exports;          /* the same of those that others see */
};

/*
 * Opens a file to be read, if it is a regular one: to open a device may do something. A descriptor; -EINVAL: it is
 * another kind of file; -errno.
 */
int elf_file_open(const char *path, struct stat *ret_st);

/*
 * `names` ends in NULL and has at most 64. 0; -ENOEXEC: it is no ELF file; -ENOMEM; -errno: it cannot be read.
 */
int elf_file_read(int fd, const char *const *names, struct elf_file *ret_file);

#endif
