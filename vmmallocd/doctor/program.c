/* SPDX-License-Identifier: BSD-3-Clause */
/* program -- see program.h. */
#include "vmmallocd/doctor/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/shell_word.h"

#define SCRIPTS_MOST 5 /* that run each other: the kernel's limit */
#define LINE_BYTES 256 /* of a script's first line, as the kernel reads it */
#define USUAL_PATH "/bin:/usr/bin"

/* One that was found. */
struct program {
	char path[PATH_MAX];
	int fd;
	struct stat st;
};

static void program_close(struct program *program)
{
	cleanup_fd(&program->fd);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* As execvp(3): 0; -ENOENT; -EACCES: there is one that may not be run. */
static int find_program(const char *name, char path[PATH_MAX])
{
	const char *list = getenv("PATH");
	int r = -ENOENT;
	struct stat st;

	if (strchr(name, '/') || *name == '\0') {
		snprintf(path, PATH_MAX, "%s", name);
		return access(name, X_OK) == 0 ? 0 : -errno;
	}
	for (list = list ? list : USUAL_PATH;; list++) {
		size_t length = strcspn(list, ":");

		if (snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, list, length ? "/" : "", name) < PATH_MAX &&
		    stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
			if (access(path, X_OK) == 0)
				return 0;
			r = -EACCES;
		}
		list += length;
		if (*list == '\0')
			return r;
	}
}

static bool open_program(struct findings *findings, const char *name, struct program *program)
{
	int r = find_program(name, program->path);
	char command[FINDINGS_WORDS_BYTES] = "chmod +x ";
	struct text text = { command, sizeof(command), strlen(command) };

	program->fd = -1;
	shell_word_add(&text, program->path);
	if (r < 0) {
		findings_add(findings, FINDING_PROBLEM, CHECK_PROGRAM,
			     r == -EACCES ? command : "give its path, or add its directory to PATH",
			     "%s cannot be run: %s", name, strerrordesc_np(-r));
		return false;
	}
	program->fd = elf_file_open(program->path, &program->st);
	if (program->fd == -EINVAL)
		findings_add(findings, FINDING_PROBLEM, CHECK_PROGRAM, "name a program", "%s is no file of one",
			     program->path);
	else if (program->fd < 0)
		findings_add(findings, FINDING_NOTE, CHECK_PROGRAM, "run it as root", "%s cannot be read: %s",
			     program->path, strerrordesc_np(-program->fd));
	else
		findings_add(findings, FINDING_OK, CHECK_PROGRAM, NULL, "%s", program->path);
	return program->fd >= 0;
}

/* --- scripts --- */

/* The word behind env(1) that is a program. NULL: none is. */
static char *program_of_env(char *arguments)
{
	char *rest = NULL;

	for (char *word = strtok_r(arguments, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest))
		if (word[0] != '-' && !strchr(word, '='))
			return word;
	return NULL;
}

/* What runs a script. False: it is none. */
static bool read_interpreter(const struct program *program, char interpreter[LINE_BYTES])
{
	char line[LINE_BYTES];
	ssize_t n = pread(program->fd, line, sizeof(line) - 1, 0);
	char *path, *arguments;
	const char *named;

	if (n < 2 || line[0] != '#' || line[1] != '!')
		return false;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	path = line + 2 + strspn(line + 2, " \t");
	arguments = path + strcspn(path, " \t");
	if (*arguments)
		*arguments++ = '\0';
	named = strcmp(last_part(path), "env") == 0 ? program_of_env(arguments) : path;
	snprintf(interpreter, LINE_BYTES, "%s", named ? named : path);
	return true;
}

/* --- ELF files --- */

static bool is_on_nosuid(const struct program *program)
{
	struct statvfs fs;

	return fstatvfs(program->fd, &fs) == 0 && (fs.f_flag & ST_NOSUID);
}

/* A process that gains rights from its file is not given libraries by the environment: ld.so(8). */
static void look_at_privileges(struct findings *findings, const struct program *program)
{
	static const char advice[] =
		"run a copy without them, or link it with -lvmmalloc: but such a one runs on ordinary memory";
	const char *kind = NULL;
	char value[64];

	if (program->st.st_mode & S_ISUID && program->st.st_uid != geteuid())
		kind = "set-uid";
	else if (program->st.st_mode & S_ISGID && program->st.st_mode & S_IXGRP && program->st.st_gid != getegid())
		kind = "set-gid";
	else if (geteuid() != 0 && fgetxattr(program->fd, "security.capability", value, sizeof(value)) > 0)
		kind = "with file capabilities";
	if (!kind)
		findings_add(findings, FINDING_OK, CHECK_PRIVILEGES, NULL, "none that this user would gain");
	else if (is_on_nosuid(program))
		findings_add(findings, FINDING_OK, CHECK_PRIVILEGES, NULL,
			     "%s, on a file system where that has no effect", kind);
	else
		findings_add(findings, FINDING_PROBLEM, CHECK_PRIVILEGES, advice,
			     "%s: LD_PRELOAD is not heeded, and it stays on its own heap", kind);
}

static void look_at_linking(struct findings *findings, const struct elf_file *file)
{
	if (file->interpreter[0] == '\0')
		findings_add(findings, FINDING_PROBLEM, CHECK_LINKING, "link it dynamically",
			     "statically linked: no library is preloaded into it");
	else if (strstr(last_part(file->interpreter), "ld-musl"))
		findings_add(findings, FINDING_PROBLEM, CHECK_LIBC, "take a build for glibc",
			     "musl (%s): the library needs glibc", file->interpreter);
	else if (strncmp(last_part(file->interpreter), "ld", 2) != 0 || strstr(file->interpreter, "uClibc") ||
		 strstr(file->interpreter, "linker"))
		findings_add(findings, FINDING_NOTE, CHECK_LIBC, "take a build for glibc",
			     "its dynamic linker is %s, which is not known for glibc's", file->interpreter);
	else
		findings_add(findings, FINDING_OK, CHECK_LINKING, NULL, "dynamically, by %s", file->interpreter);
}

/* That of vmmallocctl, which is built with the library. */
static uint16_t own_machine(void)
{
	static const char *const none[] = { NULL };
	struct elf_file self;

	CLEANUP(cleanup_fd) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	return fd >= 0 && elf_file_read(fd, none, &self) == 0 ? self.machine : EM_NONE;
}

static void look_at_elf(struct findings *findings, const struct program *program, const char *name,
			const struct elf_file *file)
{
	uint16_t own = own_machine();

	if (!file->is_native || (own != EM_NONE && file->machine != own)) {
		findings_add(findings, FINDING_PROBLEM, CHECK_ARCHITECTURE, "take a build for this machine's 64 bits",
			     "%s: the library cannot be loaded into it",
			     file->is_native ? "it is for another machine" : "it has 32 bits, or another byte order");
		return;
	}
	findings_add(findings, FINDING_OK, CHECK_ARCHITECTURE, NULL, "that of the library");
	look_at_linking(findings, file);
	look_at_privileges(findings, program);
	runtime_look(findings, program->fd, program->path, name, file);
}

/* What only starts a program, elsewhere and with another environment. */
static void look_at_sandbox(struct findings *findings, const struct program *program)
{
	char real[PATH_MAX];
	const char *what = NULL;

	if (!realpath(program->path, real))
		return;
	if (strcmp(last_part(real), "snap") == 0 || strncmp(program->path, "/snap/bin/", 10) == 0)
		what = "snap";
	else if (strstr(program->path, "/flatpak/exports/bin/") || strcmp(last_part(real), "flatpak") == 0)
		what = "flatpak";
	else if (strcmp(last_part(real), "bwrap") == 0 || strcmp(last_part(real), "firejail") == 0)
		what = last_part(real);
	if (what)
		findings_add(findings, FINDING_NOTE, CHECK_SANDBOX, "run it without",
			     "%s: what it starts may not see the library, nor the directory of the pools", what);
}

void program_look(struct findings *findings, void *argv)
{
	const char *name = ((char *const *)argv)[0];
	char interpreter[LINE_BYTES];
	struct elf_file file;

	for (int i = 0; i <= SCRIPTS_MOST; i++) {
		CLEANUP(program_close) struct program program;
		int r;

		if (!open_program(findings, name, &program))
			return;
		look_at_sandbox(findings, &program);
		r = elf_file_read(program.fd, runtime_symbols(), &file);
		if (r == 0) {
			look_at_elf(findings, &program, last_part(name), &file);
			return;
		}
		if (!read_interpreter(&program, interpreter)) {
			findings_add(findings, FINDING_NOTE, CHECK_PROGRAM, NULL,
				     "%s is neither an ELF file nor a script%s%s", program.path,
				     r == -ENOEXEC ? "" : ": ", r == -ENOEXEC ? "" : strerrordesc_np(-r));
			return;
		}
		findings_add(findings, FINDING_OK, CHECK_SCRIPT, NULL, "of %s, whose heap it is", interpreter);
		name = interpreter;
	}
	findings_add(findings, FINDING_PROBLEM, CHECK_SCRIPT, NULL, "more than %d scripts that run each other",
		     SCRIPTS_MOST);
}
