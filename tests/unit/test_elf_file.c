/* SPDX-License-Identifier: BSD-3-Clause */
/* test_elf_file -- what is read of programs that a compiler made, and of files that are none. */
/* objects: vmmallocd/doctor/ common/base/ common/util/ */
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "vmmallocd/doctor/elf_file.h"

static const char *const names[] = { "malloc", "elf_file_read", "main", NULL };

/* Of bytes that are a file's beginning, with as many zeros behind them as make it `size` long. */
static int read_bytes(const void *bytes, size_t count, size_t size, struct elf_file *ret_file)
{
	int fd = memfd_create("elf", MFD_CLOEXEC), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, count), count);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	r = elf_file_read(fd, names, ret_file);
	close(fd);
	return r;
}

TEST(test_elf_file_reads_this_program)
{
	struct elf_file file;
	bool needs_libc = false;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_int_equal(elf_file_read(fd, names, &file), 0);
	close(fd);
	assert_true(file.is_native && file.is_dynamic && file.has_symbols);
	assert_false(file.is_go);
	assert_int_equal(file.interpreter[0], '/');
	for (size_t i = 0; i < file.needed_count; i++)
		needs_libc |= strncmp(file.needed[i], "libc.so", 7) == 0;
	assert_true(needs_libc);
	/* it has a main and that function, and its malloc() is the sanitizer's library's */
	assert_int_equal(file.defines, 1u << 1 | 1u << 2);
}

TEST(test_elf_file_refuses_what_is_none)
{
	struct elf_file file;

	assert_int_equal(read_bytes("", 0, 0, &file), -ENOEXEC);
	assert_int_equal(read_bytes("#!/bin/sh\n", 10, 10, &file), -ENOEXEC);
	assert_int_equal(read_bytes(ELFMAG, SELFMAG, SELFMAG, &file), -ENOEXEC);
	assert_int_equal(read_bytes("\177ELG", 4, 64, &file), -ENOEXEC);
	assert_int_equal(elf_file_read(-1, names, &file), -EBADF);
}

TEST(test_elf_file_knows_nothing_of_32_bits)
{
	const unsigned char ident[EI_NIDENT] = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT };
	struct elf_file file;

	assert_int_equal(read_bytes(ident, sizeof(ident), 64, &file), 0);
	assert_false(file.is_native);
	assert_int_equal(file.machine, 0);
}

/* A header whose tables are beyond the end of the file, or as large as numbers can be. */
TEST(test_elf_file_believes_no_number)
{
	Elf64_Ehdr header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			      .e_machine = EM_X86_64, .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 65535,
			      .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 65535, .e_shstrndx = 65534 };
	static const uint64_t offsets[] = { 0, 64, 4096, UINT32_MAX, INT64_MAX, UINT64_MAX - 63, UINT64_MAX };
	struct elf_file file;

	if (BYTE_ORDER != LITTLE_ENDIAN)
		skip();
	for (size_t i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		header.e_phoff = header.e_shoff = offsets[i];
		assert_int_equal(read_bytes(&header, sizeof(header), 8192, &file), 0);
		assert_true(file.is_native);
		assert_int_equal(file.machine, EM_X86_64);
		assert_false(file.is_dynamic || file.has_symbols);
		assert_int_equal(file.needed_count, 0);
	}
}
