/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * operators -- C++ operator new and delete, in C, without a dependency on a C++ library.
 *
 * A program linked to another allocator would otherwise leak out of the pool.
 * Functions carry their mangled names (Itanium C++ ABI, 5.1): nw new, na new[], dl delete, da delete[];
 * m size_t, Pv void *, RKSt9nothrow_t const std::nothrow_t &, St11align_val_t std::align_val_t.
 *
 * [new.delete]: a program may replace some forms only, and the others must then end up in its form. Hence each form
 * looks whether the basic one is still ours. The file is compiled with -fexceptions: bad_alloc passes through it.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "libvmmalloc/base/report.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/exports/loader.h"
#include "libvmmalloc/jemalloc/front_calls.h"
#include "libvmmalloc/jemalloc/jemalloc.h"

#pragma GCC visibility push(default)

#define LIKELY(condition) __builtin_expect(!!(condition), 1)

typedef void (*new_handler)(void);

/* The C++ library's, if the program has one. */
extern new_handler cxx_get_new_handler(void) __asm__("_ZSt15get_new_handlerv") __attribute__((weak));
extern void cxx_throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv") __attribute__((weak));

/* The forms that others end up in, by the names that the whole program uses: not ours if it replaced them. */
void *_Znwm(size_t size);
void *_Znam(size_t size);
void *_ZnwmSt11align_val_t(size_t size, size_t align);
void *_ZnamSt11align_val_t(size_t size, size_t align);
void _ZdlPv(void *pointer);
void _ZdaPv(void *pointer);
void _ZdlPvSt11align_val_t(void *pointer, size_t align);
void _ZdaPvSt11align_val_t(void *pointer, size_t align);

/* A C program that loads a C++ plugin with RTLD_LOCAL does not see the plugin's library: ask for it by name. */
static void *find_in_cxx_library(const char *name)
{
	static const char libraries[][sizeof("libc++abi.so.1")] = { "libstdc++.so.6", "libc++abi.so.1", "libc++.so.1" };

	for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++) {
		void *library = dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD);
		void *symbol = library ? dlsym(library, name) : NULL;

		if (library)
			(void)dlclose(library);
		if (symbol)
			return symbol;
	}
	return NULL;
}

static new_handler current_new_handler(void)
{
	new_handler (*get)(void) = cxx_get_new_handler;

	if (!get)
		get = (new_handler (*)(void))find_in_cxx_library("_ZSt15get_new_handlerv");
	return get ? get() : NULL;
}

static void throw_bad_alloc(void)
{
	void (*throw)(void) = cxx_throw_bad_alloc;

	if (!throw)
		throw = (void (*)(void))find_in_cxx_library("_ZSt17__throw_bad_allocv");
	if (throw)
		throw();
	vmm_report_fatal("operator new: out of memory, and no C++ library to throw std::bad_alloc");
}

/* The pool is full: the program's handler may make room, throw, or end the process; without one, bad_alloc. */
static __attribute__((noinline, cold)) void *new_slow(size_t size, size_t align)
{
	for (;;) {
		new_handler handler = current_new_handler();
		void *pointer;

		if (!handler)
			throw_bad_alloc();
		handler();
		pointer = align ? je_aligned_alloc(align, size) : vmm_front_malloc(size);
		if (pointer)
			return pointer;
	}
}

/*
 * Only C++ can catch what a handler, or a program's own form, throws. Its library's nothrow form does: it calls the
 * throwing form, which is ours or the program's, and returns NULL for an exception.
 */
static __attribute__((noinline, cold)) void *nothrow_slow(const char *name, size_t size, const void *tag)
{
	void *(*form)(size_t, const void *) = (void *(*)(size_t, const void *))vmm_loader_next(name);

	if (!form)
		form = (void *(*)(size_t, const void *))find_in_cxx_library(name);
	return form ? form(size, tag) : NULL;
}

static __attribute__((noinline, cold)) void *nothrow_aligned_slow(const char *name, size_t size, size_t align,
								   const void *tag)
{
	typedef void *(*aligned_form)(size_t, size_t, const void *);
	aligned_form form = (aligned_form)vmm_loader_next(name);

	if (!form)
		form = (aligned_form)find_in_cxx_library(name);
	return form ? form(size, align, tag) : NULL;
}

/* --- the basic forms: ours under a second, hidden name, to compare with --- */

static void *own_new(size_t size)
{
	void *pointer = vmm_front_malloc(size);

	TRACE(4, "size %zu = %p", size, pointer);
	return LIKELY(pointer) ? pointer : new_slow(size, 0);
}

static void *own_new_aligned(size_t size, size_t align)
{
	void *pointer = je_aligned_alloc(align, size);

	TRACE(4, "alignment %zu, size %zu = %p", align, size, pointer);
	return LIKELY(pointer) ? pointer : new_slow(size, align);
}

static void own_delete(void *pointer)
{
	TRACE(4, "ptr %p", pointer);
	vmm_front_free(pointer);
}

static void *own_new_array(size_t size)
{
	return _Znwm == own_new ? own_new(size) : _Znwm(size);
}

static void *own_new_array_aligned(size_t size, size_t align)
{
	return _ZnwmSt11align_val_t(size, align);
}

static void own_delete_array(void *pointer)
{
	_ZdlPv(pointer);
}

void *_Znwm(size_t size) __attribute__((alias("own_new")));
void *_ZnwmSt11align_val_t(size_t size, size_t align) __attribute__((alias("own_new_aligned")));
void *_Znam(size_t size) __attribute__((alias("own_new_array")));
void *_ZnamSt11align_val_t(size_t size, size_t align) __attribute__((alias("own_new_array_aligned")));
void _ZdlPv(void *pointer) __attribute__((alias("own_delete")));
void _ZdaPv(void *pointer) __attribute__((alias("own_delete_array")));

/* --- new that returns NULL --- */

void *_ZnwmRKSt9nothrow_t(size_t size, const void *tag)
{
	void *pointer = _Znwm == own_new ? vmm_front_malloc(size) : NULL;

	return LIKELY(pointer) ? pointer : nothrow_slow("_ZnwmRKSt9nothrow_t", size, tag);
}

void *_ZnamRKSt9nothrow_t(size_t size, const void *tag)
{
	void *pointer = _Znam == own_new_array && _Znwm == own_new ? vmm_front_malloc(size) : NULL;

	return LIKELY(pointer) ? pointer : nothrow_slow("_ZnamRKSt9nothrow_t", size, tag);
}

void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t size, size_t align, const void *tag)
{
	void *pointer = _ZnwmSt11align_val_t == own_new_aligned ? je_aligned_alloc(align, size) : NULL;

	return LIKELY(pointer) ? pointer
			       : nothrow_aligned_slow("_ZnwmSt11align_val_tRKSt9nothrow_t", size, align, tag);
}

void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t size, size_t align, const void *tag)
{
	bool ours = _ZnamSt11align_val_t == own_new_array_aligned && _ZnwmSt11align_val_t == own_new_aligned;
	void *pointer = ours ? je_aligned_alloc(align, size) : NULL;

	return LIKELY(pointer) ? pointer
			       : nothrow_aligned_slow("_ZnamSt11align_val_tRKSt9nothrow_t", size, align, tag);
}

/* --- delete: sizes are of no matter --- */

void _ZdlPvm(void *pointer, size_t size)
{
	(void)size;
	TRACE(4, "ptr %p, size %zu", pointer, size);
	if (_ZdlPv != own_delete)
		_ZdlPv(pointer);
	else
		vmm_front_free(pointer);
}

void _ZdaPvm(void *pointer, size_t size)
{
	(void)size;
	TRACE(4, "ptr %p, size %zu", pointer, size);
	if (_ZdaPv != own_delete_array || _ZdlPv != own_delete)
		_ZdaPv(pointer);
	else
		vmm_front_free(pointer);
}

void _ZdlPvRKSt9nothrow_t(void *pointer, const void *tag)
{
	(void)tag;
	_ZdlPv(pointer);
}

void _ZdaPvRKSt9nothrow_t(void *pointer, const void *tag)
{
	(void)tag;
	_ZdaPv(pointer);
}

void _ZdlPvSt11align_val_t(void *pointer, size_t align)
{
	(void)align;
	TRACE(4, "ptr %p", pointer);
	vmm_front_free(pointer);
}

void _ZdaPvSt11align_val_t(void *pointer, size_t align)
{
	_ZdlPvSt11align_val_t(pointer, align);
}

void _ZdlPvmSt11align_val_t(void *pointer, size_t size, size_t align)
{
	(void)size;
	_ZdlPvSt11align_val_t(pointer, align);
}

void _ZdaPvmSt11align_val_t(void *pointer, size_t size, size_t align)
{
	(void)size;
	_ZdaPvSt11align_val_t(pointer, align);
}

void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *pointer, size_t align, const void *tag)
{
	(void)tag;
	_ZdlPvSt11align_val_t(pointer, align);
}

void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *pointer, size_t align, const void *tag)
{
	(void)tag;
	_ZdaPvSt11align_val_t(pointer, align);
}
