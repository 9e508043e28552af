// Every form of operator new and delete serves from the pool; a full pool is std::bad_alloc, a handler, or nullptr.
#include <cstdint>
#include <new>
#include <string>
#include <vector>

#include "tests/preload/check.h"

static const std::align_val_t align{ 256 };

template <typename Pointer> static Pointer in_pool(Pointer pointer)
{
	CHECK(pointer && vmmalloc_contains(pointer));
	return pointer;
}

static void *aligned(void *pointer)
{
	CHECK((uintptr_t)pointer % 256 == 0);
	return in_pool(pointer);
}

static void all_forms(size_t n)
{
	operator delete(in_pool(operator new(n)));
	operator delete(in_pool(operator new(n)), n);
	operator delete(in_pool(operator new(n, std::nothrow)), std::nothrow);
	operator delete[](in_pool(operator new[](n)));
	operator delete[](in_pool(operator new[](n)), n);
	operator delete[](in_pool(operator new[](n, std::nothrow)), std::nothrow);
	operator delete(aligned(operator new(n, align)), align);
	operator delete(aligned(operator new(n, align)), n, align);
	operator delete(aligned(operator new(n, align, std::nothrow)), align, std::nothrow);
	operator delete[](aligned(operator new[](n, align)), align);
	operator delete[](aligned(operator new[](n, align)), n, align);
	operator delete[](aligned(operator new[](n, align, std::nothrow)), align, std::nothrow);
}

template <typename Call> static bool throws(Call call)
{
	try {
		call();
	} catch (const std::bad_alloc &) {
		return true;
	}
	return false;
}

static int handler_calls;

static void handler()
{
	if (++handler_calls == 3)
		std::set_new_handler(nullptr);
}

static void throwing_handler()
{
	throw std::bad_alloc();
}

int main()
{
	const size_t most = SIZE_MAX / 2;

	for (size_t n : { 0, 1, 16, 100, 5000, 100000, 5000000 })
		all_forms(n);
	operator delete(nullptr), operator delete(nullptr, 8), operator delete[](nullptr, 8);

	CHECK(throws([] { operator delete(operator new(most)); }));
	CHECK(throws([] { operator delete[](operator new[](most)); }));
	CHECK(throws([] { operator delete(operator new(most, align), align); }));
	CHECK(throws([] { operator delete[](operator new[](most, align), align); }));
	CHECK(operator new(most, std::nothrow) == nullptr && operator new[](most, std::nothrow) == nullptr);
	CHECK(operator new(most, align, std::nothrow) == nullptr);
	CHECK(operator new[](most, align, std::nothrow) == nullptr);

	std::set_new_handler(handler);
	CHECK(throws([] { operator delete(operator new(most)); }) && handler_calls == 3);
	std::set_new_handler(throwing_handler);
	CHECK(operator new(most, std::nothrow) == nullptr && operator new[](most, std::nothrow) == nullptr);
	CHECK(throws([] { std::vector<char> large(most / 2); in_pool(large.data()); }));

	std::vector<std::string> strings;
	for (int i = 0; i < 1000; i++)
		strings.push_back(std::string(100, 'a'));
	in_pool(strings.data()), in_pool(strings[999].data());
	return 0;
}
