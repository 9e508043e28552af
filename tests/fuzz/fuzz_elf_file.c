/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_elf_file -- programs that nobody's linker has made. */
/* objects: vmmallocd/doctor/ common/base/ common/util/ */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "vmmallocd/doctor/elf_file.h"

static void assert_ended(const char *string, size_t bytes)
{
	FUZZ_ASSERT(strnlen(string, bytes) < bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "malloc", "main", "free", NULL };
	struct elf_file file;
	int fd = memfd_create("elf", MFD_CLOEXEC), r;

	FUZZ_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	r = elf_file_read(fd, names, &file);
	close(fd);
	FUZZ_ASSERT(r <= 0);
	if (r < 0)
		return 0;
	assert_ended(file.interpreter, sizeof(file.interpreter));
	assert_ended(file.runpath, sizeof(file.runpath));
	FUZZ_ASSERT(file.needed_count <= ELF_FILE_NEEDED_MOST);
	for (size_t i = 0; i < file.needed_count; i++) {
		assert_ended(file.needed[i], sizeof(file.needed[i]));
		FUZZ_ASSERT(file.needed[i][0] != '\0');
	}
	FUZZ_ASSERT(file.defines < 8 && (file.exports & ~file.defines) == 0);
	return 0;
}
