/* dlopen: C++ plugins in a C program, RTLD_DEEPBIND, and the caller's own RUNPATH. Argument: the libraries' folder. */
#include <dlfcn.h>
#include <string.h>

#include "tests/preload/check.h"

static void *load(const char *folder, const char *name, int flags)
{
	char path[4096];
	void *library;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	library = dlopen(path, flags);
	if (!library)
		fprintf(stderr, "%s\n", dlerror());
	CHECK(library);
	return library;
}

int main(int argc, char **argv)
{
	void *plugin = load(argv[argc - 1], "cxx_plugin.so", RTLD_NOW | RTLD_LOCAL);
	void *deep = load(argv[argc - 1], "allocates.so", RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	int (*catches)(void) = (int (*)(void))dlsym(plugin, "plugin_catches_bad_alloc");
	void *(*allocate)(size_t) = (void *(*)(size_t))dlsym(deep, "library_malloc");
	void *block;

	CHECK(catches() == 1);
	CHECK((block = allocate(1000)) && vmmalloc_contains(block));
	free(block);
	CHECK(dlclose(deep) == 0 && dlclose(plugin) == 0);
	/* only the program's RUNPATH leads to it: LD_LIBRARY_PATH and the cache do not */
	if (!dlopen("only_by_runpath.so", RTLD_NOW))
		return fprintf(stderr, "%s\n", dlerror()), 1;
	return 0;
}
