/* The library may be loaded while the program runs: its own functions work, and the old heap is not disturbed. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	char *before = strdup("before"), *after, *pooled;
	void *library;

	setenv("VMMALLOC_POOL_SIZE", "32M", 1);
	library = dlopen(argv[argc - 1], RTLD_NOW | RTLD_GLOBAL);
	if (!library)
		return fprintf(stderr, "%s\n", dlerror()), 1;
	void *(*late_malloc)(size_t) = (void *(*)(size_t))dlsym(library, "malloc");
	void (*late_free)(void *) = (void (*)(void *))dlsym(library, "free");
	int (*contains)(const void *) = (int (*)(const void *))dlsym(library, "vmmalloc_contains");

	after = strdup("after");
	pooled = late_malloc(1000);
	if (!contains(pooled) || contains(before) || contains(after))
		return 2;
	late_free(pooled);
	free(before), free(after);
	dlclose(library);
	free(strdup("and on"));
	return 0;
}
