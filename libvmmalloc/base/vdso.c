/* SPDX-License-Identifier: BSD-3-Clause */
/* vdso -- see vdso.h. A shared object of the kernel's, mapped as a whole: vdso(7), elf(5). */
#include "libvmmalloc/base/vdso.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct image {
	uintptr_t bias;              /* what is added to addresses in it */
	const ElfW(Dyn) *dynamic;
	const ElfW(Sym) *symbols;
	const char *strings;
	const uint32_t *hash, *gnu_hash;  /* DT_HASH, DT_GNU_HASH; NULL: none */
};

static void read_segments(const char *start, struct image *image)
{
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)start;
	const ElfW(Phdr) *segment = (const ElfW(Phdr) *)(start + header->e_phoff);

	for (size_t i = 0; i < header->e_phnum; i++) {
		if (segment[i].p_type == PT_LOAD && !image->bias)
			image->bias = (uintptr_t)start + segment[i].p_offset - segment[i].p_vaddr;
		if (segment[i].p_type == PT_DYNAMIC)
			image->dynamic = (const ElfW(Dyn) *)(start + segment[i].p_offset);
	}
}

static void read_dynamic(struct image *image)
{
	for (const ElfW(Dyn) *entry = image->dynamic; entry && entry->d_tag != DT_NULL; entry++) {
		uintptr_t address = image->bias + entry->d_un.d_ptr;

		switch (entry->d_tag) {
		case DT_SYMTAB: image->symbols = (const ElfW(Sym) *)address; break;
		case DT_STRTAB: image->strings = (const char *)address; break;
		case DT_HASH: image->hash = (const uint32_t *)address; break;
		case DT_GNU_HASH: image->gnu_hash = (const uint32_t *)address; break;
		default: break;
		}
	}
}

/* Only the hash tables tell: in the older one it stands, in the newer one the last chain ends with it. */
static size_t symbol_count(const struct image *image)
{
	const uint32_t *gnu = image->gnu_hash, *buckets, *chains;
	size_t last = 0;

	if (image->hash)
		return image->hash[1];
	if (!gnu)
		return 0;
	buckets = gnu + 4 + gnu[2] * (sizeof(ElfW(Addr)) / sizeof(*gnu));
	chains = buckets + gnu[0];
	for (size_t i = 0; i < gnu[0]; i++)
		last = buckets[i] > last ? buckets[i] : last;
	if (last < gnu[1])
		return 0;
	while (!(chains[last - gnu[1]] & 1))
		last++;
	return last + 1;
}

void *vdso_find(const void *start, const char *name)
{
	struct image image = { 0 };
	size_t count;

	if (!start)
		return NULL;
	read_segments(start, &image);
	read_dynamic(&image);
	if (!image.symbols || !image.strings)
		return NULL;
	count = symbol_count(&image);
	for (size_t i = 0; i < count; i++) {
		const ElfW(Sym) *symbol = &image.symbols[i];

		if (symbol->st_shndx != SHN_UNDEF && strcmp(image.strings + symbol->st_name, name) == 0)
			return (void *)(image.bias + symbol->st_value);
	}
	return NULL;
}
