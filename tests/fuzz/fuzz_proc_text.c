/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_proc_text -- /proc of processes whose names, and whose files' names, are odd. */
/* objects: vmmallocd/ctl/ common/base/ common/util/ */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vmmallocd/ctl/proc_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[4096];
	struct proc_mapping mapping;
	struct proc_stat stat;
	pid_t pid = 1;
	uid_t uid;

	if (size >= sizeof(text))
		size = sizeof(text) - 1;
	memcpy(text, data, size);
	text[size] = '\0';
	if (proc_text_stat(text, &stat)) {
		FUZZ_ASSERT(strnlen(stat.command, sizeof(stat.command)) < sizeof(stat.command));
		for (const char *c = stat.command; *c; c++)
			FUZZ_ASSERT(*c >= ' ' && *c <= '~');
	}
	if (proc_text_status(text, &uid, &pid))
		FUZZ_ASSERT(pid >= 1);
	(void)proc_text_path(text);
	if (proc_text_pid(text, &pid))
		FUZZ_ASSERT(pid >= 1);
	/* last: it changes the text */
	if (proc_text_mapping(text, &mapping)) {
		FUZZ_ASSERT(mapping.start < mapping.end);
		FUZZ_ASSERT(mapping.path >= text && mapping.path <= text + size);
		(void)proc_text_path(mapping.path);
	}
	return 0;
}
