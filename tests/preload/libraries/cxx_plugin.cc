// Loaded RTLD_LOCAL by a C program that has no C++ library of its own: bad_alloc must be thrown and caught in here.
#include <cstdint>
#include <new>

extern "C" int plugin_catches_bad_alloc()
{
	try {
		operator delete(operator new(SIZE_MAX / 2));
	} catch (const std::bad_alloc &) {
		return 1;
	}
	return 0;
}
