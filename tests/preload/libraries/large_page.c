/*
 * large_page -- makes a process see a kernel with pages of PAGE bytes, a variable of the environment: what the kernel
 * left on the stack for getauxval(3) is changed before another library looks. libc has no environment by then.
 */
#include <link.h>
#include <stdlib.h>
#include <string.h>

__attribute__((constructor)) static void change(int argc, char **argv, char **environment)
{
	unsigned long page = 0;

	(void)argc, (void)argv;
	for (; *environment; environment++)
		if (strncmp(*environment, "PAGE=", 5) == 0)
			page = strtoul(*environment + 5, NULL, 10);
	for (ElfW(auxv_t) *entry = (ElfW(auxv_t) *)(environment + 1); page && entry->a_type != AT_NULL; entry++)
		if (entry->a_type == AT_PAGESZ)
			entry->a_un.a_val = page;
}
