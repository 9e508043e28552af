/* SPDX-License-Identifier: BSD-3-Clause */
/* elf_file -- see elf_file.h. What is read is copied first, so that the file may change, or shrink, meanwhile. */
#include "vmmallocd/doctor/elf_file.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util/cleanup.h"

#define HEADERS_MOST 65535u
#define STRINGS_MOST ((uint64_t)256 << 20)
#define DYNAMIC_MOST 4096u /* entries */
#define SYMBOLS_AT_A_TIME 1024u
#define SYMBOLS_MOST ((uint64_t)16 << 20)
#define NATIVE_DATA (BYTE_ORDER == LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB)

/* What is read of a file, whole; the caller frees it. */
struct elf_part {
	void *data;
	size_t bytes;
};

static void elf_part_done(struct elf_part *part)
{
	free(part->data);
}

static int elf_read_at(int fd, void *data, size_t bytes, uint64_t offset)
{
	size_t done = 0;

	if (offset > INT64_MAX - bytes)
		return -EBADMSG;
	while (done < bytes) {
		ssize_t n = pread(fd, (char *)data + done, bytes - done, (off_t)(offset + done));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EBADMSG;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Whatever the file says: no more is taken of memory than there is of the file. */
static int elf_read_part(int fd, uint64_t offset, uint64_t bytes, uint64_t most, struct elf_part *ret_part)
{
	off_t size = lseek(fd, 0, SEEK_END);
	void *data;
	int r;

	if (size < 0)
		return -errno;
	if (bytes == 0 || bytes > most || offset > (uint64_t)size || bytes > (uint64_t)size - offset)
		return -EBADMSG;
	data = malloc((size_t)bytes);
	if (!data)
		return -ENOMEM;
	r = elf_read_at(fd, data, (size_t)bytes, offset);
	if (r < 0) {
		free(data);
		return r;
	}
	*ret_part = (struct elf_part){ data, (size_t)bytes };
	return 0;
}

/* A string in a table of them; NULL: none begins and ends there. */
static const char *elf_string(const struct elf_part *strings, uint64_t offset)
{
	const char *string = strings->data;

	if (offset >= strings->bytes || !memchr(string + offset, '\0', strings->bytes - (size_t)offset))
		return NULL;
	return string + offset;
}

static void elf_copy_string(const struct elf_part *strings, uint64_t offset, char *copy, size_t bytes)
{
	const char *string = elf_string(strings, offset);

	if (string && strlen(string) < bytes)
		strcpy(copy, string);
}

/* --- program headers --- */

/* Where in the file an address of the loaded program lies; UINT64_MAX: nowhere. */
static uint64_t offset_of_address(const Elf64_Phdr *headers, size_t count, uint64_t address)
{
	for (size_t i = 0; i < count; i++)
		if (headers[i].p_type == PT_LOAD && address >= headers[i].p_vaddr &&
		    address - headers[i].p_vaddr < headers[i].p_filesz)
			return headers[i].p_offset + (address - headers[i].p_vaddr);
	return UINT64_MAX;
}

static void take_dynamic_entry(const Elf64_Dyn *entry, const struct elf_part *strings, struct elf_file *file)
{
	if (entry->d_tag == DT_NEEDED && file->needed_count < ELF_FILE_NEEDED_MOST) {
		char *name = file->needed[file->needed_count];

		elf_copy_string(strings, entry->d_un.d_val, name, ELF_FILE_NAME_BYTES);
		file->needed_count += name[0] != '\0';
	} else if (entry->d_tag == DT_RUNPATH || (entry->d_tag == DT_RPATH && file->runpath[0] == '\0')) {
		elf_copy_string(strings, entry->d_un.d_val, file->runpath, sizeof(file->runpath));
	}
}

static int read_dynamic_part(int fd, const Elf64_Phdr *headers, size_t count, const Elf64_Phdr *dynamic,
			     struct elf_file *file)
{
	CLEANUP(elf_part_done) struct elf_part part = { NULL, 0 }, strings = { NULL, 0 };
	uint64_t table = 0, table_bytes = 0;
	const Elf64_Dyn *entries;
	size_t entry_count = 0;
	int r = elf_read_part(fd, dynamic->p_offset, dynamic->p_filesz, DYNAMIC_MOST * sizeof(*entries), &part);

	if (r < 0)
		return r;
	entries = part.data;
	while (entry_count < part.bytes / sizeof(*entries) && entries[entry_count].d_tag != DT_NULL)
		entry_count++;
	for (size_t i = 0; i < entry_count; i++) {
		if (entries[i].d_tag == DT_STRTAB)
			table = offset_of_address(headers, count, entries[i].d_un.d_ptr);
		else if (entries[i].d_tag == DT_STRSZ)
			table_bytes = entries[i].d_un.d_val;
	}
	r = elf_read_part(fd, table, table_bytes, STRINGS_MOST, &strings);
	for (size_t i = 0; r == 0 && i < entry_count; i++)
		take_dynamic_entry(&entries[i], &strings, file);
	return r;
}

static int read_program_headers(int fd, const Elf64_Ehdr *header, struct elf_file *file)
{
	CLEANUP(elf_part_done) struct elf_part part = { NULL, 0 };
	const Elf64_Phdr *headers;
	int r;

	if (header->e_phentsize != sizeof(*headers) || header->e_phnum == 0)
		return 0;
	r = elf_read_part(fd, header->e_phoff, header->e_phnum * sizeof(*headers), HEADERS_MOST * sizeof(*headers),
			  &part);
	headers = part.data;
	for (size_t i = 0; r == 0 && i < header->e_phnum; i++) {
		if (headers[i].p_type == PT_INTERP && headers[i].p_filesz > 0 &&
		    headers[i].p_filesz < sizeof(file->interpreter)) {
			r = elf_read_at(fd, file->interpreter, headers[i].p_filesz, headers[i].p_offset);
			file->interpreter[sizeof(file->interpreter) - 1] = '\0';
		} else if (headers[i].p_type == PT_DYNAMIC && !file->is_dynamic) {
			file->is_dynamic = true;
			r = read_dynamic_part(fd, headers, header->e_phnum, &headers[i], file);
		}
	}
	return r;
}

/* --- sections --- */

static void take_symbol(const Elf64_Sym *symbol, const struct elf_part *strings, const char *const *names,
			bool is_export, struct elf_file *file)
{
	const char *name = symbol->st_shndx == SHN_UNDEF ? NULL : elf_string(strings, symbol->st_name);
	unsigned type = ELF64_ST_TYPE(symbol->st_info);

	if (!name || (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_OBJECT))
		return;
	for (size_t i = 0; names[i]; i++)
		if (strcmp(names[i], name) == 0) {
			file->defines |= UINT64_C(1) << i;
			if (is_export && ELF64_ST_BIND(symbol->st_info) != STB_LOCAL)
				file->exports |= UINT64_C(1) << i;
		}
}

static int read_symbols(int fd, const Elf64_Shdr *table, const Elf64_Shdr *names_of, const char *const *names,
			struct elf_file *file)
{
	CLEANUP(elf_part_done) struct elf_part strings = { NULL, 0 };
	uint64_t count = table->sh_size / sizeof(Elf64_Sym);
	Elf64_Sym symbols[SYMBOLS_AT_A_TIME];
	int r = elf_read_part(fd, names_of->sh_offset, names_of->sh_size, STRINGS_MOST, &strings);

	if (r < 0 || count > SYMBOLS_MOST)
		return r < 0 ? r : -EBADMSG;
	for (uint64_t i = 0; r == 0 && i < count; i += SYMBOLS_AT_A_TIME) {
		uint64_t part = count - i < SYMBOLS_AT_A_TIME ? count - i : SYMBOLS_AT_A_TIME;

		if (table->sh_offset > (uint64_t)INT64_MAX - table->sh_size)
			return -EBADMSG;
		r = elf_read_at(fd, symbols, (size_t)part * sizeof(*symbols), table->sh_offset + i * sizeof(*symbols));
		for (uint64_t j = 0; r == 0 && j < part; j++)
			take_symbol(&symbols[j], &strings, names, table->sh_type == SHT_DYNSYM, file);
	}
	file->has_symbols |= r == 0;
	return r;
}

/* The Go linker's names for what only it makes. */
static bool is_section_of_go(const char *name)
{
	return name && (strcmp(name, ".note.go.buildid") == 0 || strcmp(name, ".go.buildinfo") == 0 ||
			strcmp(name, ".gopclntab") == 0);
}

static int read_sections(int fd, const Elf64_Ehdr *header, const char *const *names, struct elf_file *file)
{
	CLEANUP(elf_part_done) struct elf_part part = { NULL, 0 }, titles = { NULL, 0 };
	const Elf64_Shdr *sections;
	int r;

	if (header->e_shentsize != sizeof(*sections) || header->e_shnum == 0)
		return 0;
	r = elf_read_part(fd, header->e_shoff, header->e_shnum * sizeof(*sections), HEADERS_MOST * sizeof(*sections),
			  &part);
	sections = part.data;
	if (r == 0 && header->e_shstrndx < header->e_shnum)
		r = elf_read_part(fd, sections[header->e_shstrndx].sh_offset, sections[header->e_shstrndx].sh_size,
				  STRINGS_MOST, &titles);
	for (size_t i = 0; r == 0 && i < header->e_shnum; i++) {
		const Elf64_Shdr *section = &sections[i];

		file->is_go |= titles.data && is_section_of_go(elf_string(&titles, section->sh_name));
		if (names[0] && (section->sh_type == SHT_DYNSYM || section->sh_type == SHT_SYMTAB) &&
		    section->sh_entsize == sizeof(Elf64_Sym) && section->sh_link < header->e_shnum)
			r = read_symbols(fd, section, &sections[section->sh_link], names, file);
	}
	return r;
}

int elf_file_open(const char *path, struct stat *ret_st)
{
	char again[64];
	struct stat st;
	int fd;

	CLEANUP(cleanup_fd) int place = open(path, O_PATH | O_CLOEXEC);
	if (place < 0 || fstat(place, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", place);
	fd = open(again, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_st = st;
	return fd;
}

int elf_file_read(int fd, const char *const *names, struct elf_file *ret_file)
{
	struct elf_file file = { 0 };
	Elf64_Ehdr header = { 0 };
	int r = elf_read_at(fd, &header, EI_NIDENT, 0);

	if (r < 0 || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return r < 0 && r != -EBADMSG ? r : -ENOEXEC;
	file.is_native = header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_ident[EI_DATA] == NATIVE_DATA;
	if (file.is_native) {
		r = elf_read_at(fd, &header, sizeof(header), 0);
		file.machine = header.e_machine;
		if (r == 0)
			r = read_program_headers(fd, &header, &file);
		/* what is wrong with one part says nothing of the other */
		if (r == 0 || r == -EBADMSG)
			r = read_sections(fd, &header, names, &file);
	}
	if (r < 0 && r != -EBADMSG)
		return r;
	*ret_file = file;
	return 0;
}
