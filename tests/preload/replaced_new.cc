// A program that replaces two basic forms gets all others through them.
#include <cstdlib>
#include <new>

#include "tests/preload/check.h"

static int news, deletes;
static bool fail;

void *operator new(std::size_t n)
{
	news++;
	if (fail)
		throw std::bad_alloc();
	return std::malloc(n);
}

void operator delete(void *pointer) noexcept
{
	deletes++;
	std::free(pointer);
}

int main()
{
	// the compiler may not pair them away: called by name
	operator delete[](operator new[](10));
	operator delete(operator new(10, std::nothrow), std::nothrow);
	operator delete[](operator new[](10, std::nothrow), std::nothrow);
	operator delete(operator new(10), std::size_t(10));
	operator delete[](operator new[](10), std::size_t(10));
	CHECK(news == 5 && deletes == 5);
	fail = true;
	CHECK(operator new(10, std::nothrow) == nullptr && operator new[](10, std::nothrow) == nullptr);
	CHECK(news == 7);
	return 0;
}
