/* SPDX-License-Identifier: BSD-3-Clause */
/* test_psi -- the kernel's figures of memory pressure, and files that have none. */
/* objects: common/util/psi.o */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util/psi.h"
#include "tests/unit/test.h"

#define REST " avg60=0.55 avg300=0.11 total=556793\nfull avg10=99.99 avg60=0.00 avg300=0.00 total=0\n"

/* What is read of a file with that in it. */
static int read_text(const char *text, size_t bytes, unsigned *ret_share)
{
	char path[] = "/tmp/test_psi.XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, bytes), bytes);
	r = psi_read(path, ret_share);
	close(fd);
	unlink(path);
	return r;
}

TEST(test_psi_reads_what_the_kernel_writes)
{
	static const struct {
		const char *text;
		unsigned share;
	} shares[] = {
		{ "some avg10=0.00" REST, 0 }, { "some avg10=0.05" REST, 5 }, { "some avg10=3.07" REST, 307 },
		{ "some avg10=12.30" REST, 1230 }, { "some avg10=100.00" REST, PSI_WHOLE }, { "some avg10=1.00 ", 100 },
	};
	unsigned share;

	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		share = 77777;
		assert_int_equal(read_text(shares[i].text, strlen(shares[i].text), &share), 0);
		assert_int_equal(share, shares[i].share);
	}
}

TEST(test_psi_refuses_what_is_no_such_file)
{
	static const char *const texts[] = {
		"", "\n", "some", "some avg10=", "some avg10=1", "some avg10=1.", "some avg10=1.5",
		"some avg10=1.5" REST,
		"some avg10=101.00" REST, "some avg10=100.01" REST, "some avg10=4294967296.00" REST,
		"some avg10=-1.00" REST, "full avg10=1.00" REST, "SOME avg10=1.00" REST,
		"some avg60=1.00" REST, "some avg10=nan" REST, "some avg10=1.000" REST, "\xff\xfe",
	};
	unsigned share = 77777;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(read_text(texts[i], strlen(texts[i]), &share), -EBADMSG);
		assert_int_equal(share, 77777);
	}
	assert_int_equal(read_text("some\0avg10=1.00 ", 16, &share), -EBADMSG);
	assert_int_equal(psi_read("/tmp", &share), -EBADMSG);
	assert_int_equal(psi_read("/dev/zero", &share), -EBADMSG);
	assert_int_equal(psi_read("/proc/no/such/file", &share), -ENOENT);
	assert_int_equal(share, 77777);
}

/* Where the kernel measures it: the machine's, and this process's group's if that is to be seen. */
TEST(test_psi_reads_the_kernels_own_files)
{
	char path[PATH_MAX];
	unsigned share;

	if (access(PSI_MEMORY_FILE, R_OK) < 0)
		skip();
	assert_int_equal(psi_read(PSI_MEMORY_FILE, &share), 0);
	assert_true(share <= PSI_WHOLE);
	if (!psi_find_own_group(path))
		return;
	assert_non_null(strstr(path, "/memory.pressure"));
	assert_int_equal(psi_read(path, &share), 0);
	assert_true(share <= PSI_WHOLE);
}
