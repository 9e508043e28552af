/* SPDX-License-Identifier: BSD-3-Clause */
/* waiters -- see waiters.h. */
#include "libvmmalloc/heap/waiters.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "common/base/text.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/mapping.h"

/* Younger than the headers that we may be built with. The numbers are the same on all machines but Alpha. */
#define NR_FUTEX_WAITV 449
#define NR_FUTEX_WAIT 455
#define FUTEX2_PRIVATE_FLAG 128u

#define WAITV_AT_ONCE 8
#define ONE_THREAD_LINKS 3              /* of /proc/self/task */

/* As in linux/futex.h of Linux 5.16. */
struct waitv {
	uint64_t value;
	uint64_t address;
	uint32_t flags;
	uint32_t reserved;
};

/* The system call that a thread sleeps in: /proc/PID/task/TID/syscall. */
struct sleep {
	long number;                    /* -1: in none */
	uint64_t arguments[3];
};

struct look {
	const struct vmm_pool *pool;
	int threads;                    /* the directory */
	char *page;                     /* of the file, mapped shared, or NULL */
	size_t offset;                  /* where in the file */
};

/* --- waking --- */

/* Maps the word where it still has the name by which the thread waits for it, readable. NULL if that cannot be done. */
static const char *old_place(struct look *look, uint64_t address)
{
	const char *word = (const char *)(uintptr_t)address, *frozen = vmm_pool_frozen(look->pool, word);
	size_t offset = (size_t)(word - look->pool->base), first = offset & ~(kernel_page() - 1);
	size_t bytes = kernel_page();
	const struct vmm_pool_file *file = vmm_pool_file_at(look->pool, first, &bytes);

	if (frozen)
		return frozen;
	if (look->page && look->offset != first) {
		(void)kernel_munmap(look->page, kernel_page());
		look->page = NULL;
	}
	if (!look->page) {
		look->page = kernel_mmap(NULL, bytes, PROT_READ, MAP_SHARED, file->fd,
					 vmm_pool_file_offset(file, first));
		look->offset = first;
	}
	if (!kernel_error(look->page))
		return look->page + (offset - first);
	look->page = NULL;
	return NULL;
}

static void wake(struct look *look, uint64_t address)
{
	const char *word;

	if (!vmm_pool_contains(look->pool, (const void *)(uintptr_t)address))
		return;
	word = old_place(look, address);
	if (word)
		(void)kernel_call(SYS_futex, (long)(intptr_t)word, FUTEX_WAKE, INT32_MAX, 0, 0, 0);
}

/* The kernel reads the list: it lies in the memory of a thread that may wake up and unmap it. */
static void wake_list(struct look *look, uint64_t address, uint64_t count)
{
	struct waitv list[WAITV_AT_ONCE];

	while (count > 0) {
		size_t n = count < WAITV_AT_ONCE ? count : WAITV_AT_ONCE;
		struct iovec to = { .iov_base = list, .iov_len = n * sizeof(*list) };
		struct iovec from = { .iov_base = (void *)(uintptr_t)address, .iov_len = to.iov_len };

		if (kernel_call(SYS_process_vm_readv, kernel_getpid(), (long)(intptr_t)&to, 1, (long)(intptr_t)&from, 1,
				0) != (long)to.iov_len)
			return;
		for (size_t i = 0; i < n; i++)
			if (!(list[i].flags & FUTEX2_PRIVATE_FLAG))
				wake(look, list[i].address);
		address += to.iov_len;
		count -= n;
	}
}

static void wake_sleeper(struct look *look, const struct sleep *sleep)
{
	const uint64_t *arguments = sleep->arguments;

	/* whatever the operation: those that do not wait are not slept in, and to wake too many does no harm */
	if (sleep->number == SYS_futex && !(arguments[1] & FUTEX_PRIVATE_FLAG))
		wake(look, arguments[0]);
	else if (sleep->number == NR_FUTEX_WAIT)
		wake(look, arguments[0]);
	else if (sleep->number == NR_FUTEX_WAITV && arguments[1] <= FUTEX_WAITV_MAX)
		wake_list(look, arguments[0], arguments[1]);
}

/* --- looking --- */

static const char *parse_hex(const char *at, uint64_t *ret_value)
{
	uint64_t value = 0;

	while (*at == ' ')
		at++;
	if (at[0] != '0' || at[1] != 'x')
		return at;
	for (at += 2;; at++) {
		unsigned digit = *at >= '0' && *at <= '9' ? (unsigned)(*at - '0')
				 : *at >= 'a' && *at <= 'f' ? (unsigned)(*at - 'a') + 10 : 16;

		if (digit > 15)
			break;
		value = value << 4 | digit;
	}
	*ret_value = value;
	return at;
}

/* "202 0x7f... 0x80 ...", "-1 ..." or "running". False for the last. */
static bool parse(const char *at, struct sleep *ret_sleep)
{
	*ret_sleep = (struct sleep){ .number = -1 };
	if (*at == 'r')
		return false;
	if (*at < '0' || *at > '9')
		return true;
	ret_sleep->number = 0;
	for (; *at >= '0' && *at <= '9'; at++)
		ret_sleep->number = ret_sleep->number * 10 + (*at - '0');
	for (size_t i = 0; i < sizeof(ret_sleep->arguments) / sizeof(*ret_sleep->arguments); i++)
		at = parse_hex(at, &ret_sleep->arguments[i]);
	return true;
}

static void remember(pid_t thread)
{
	if (vmm_waiters.count < WAITERS_RUNNING_MOST)
		vmm_waiters.running[vmm_waiters.count++] = thread;
	else
		vmm_waiters.more = true;
}

static void look_at(struct look *look, pid_t thread)
{
	char buffer[192];
	struct text path = TEXT_INIT(buffer);
	struct sleep sleep;
	ssize_t n;
	int fd;

	text_add(&path, "%d/syscall", (int)thread);
	fd = (int)kernel_call(SYS_openat, look->threads, (long)(intptr_t)buffer, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return;  /* it has ended; or we may not know */
	n = kernel_read(fd, buffer, sizeof(buffer) - 1);
	(void)kernel_close(fd);
	if (n <= 0)
		return;
	buffer[n] = '\0';
	if (parse(buffer, &sleep))
		wake_sleeper(look, &sleep);
	else
		remember(thread);
}

static pid_t parse_thread(const char *name)
{
	pid_t thread = 0;

	for (; *name >= '0' && *name <= '9'; name++)
		thread = thread * 10 + (*name - '0');
	return thread;
}

/* As in linux/dirent.h of the kernel's sources. */
struct entry {
	uint64_t inode;
	int64_t next;
	uint16_t bytes;
	uint8_t type;
	char name[];
};

static void look_at_all(struct look *look)
{
	_Alignas(struct entry) char entries[512];
	pid_t self = kernel_gettid();
	long n;

	while ((n = kernel_call(SYS_getdents64, look->threads, (long)(intptr_t)entries, sizeof(entries), 0, 0, 0)) >
	       0) {
		for (long done = 0; done < n;) {
			const struct entry *entry = (const struct entry *)(entries + done);
			pid_t thread = parse_thread(entry->name);

			if (thread > 0 && thread != self)
				look_at(look, thread);
			done += entry->bytes;
		}
	}
}

static bool begin_look(struct look *look, const struct vmm_pool *pool)
{
	struct stat st;

	if (kernel_is_confined())
		return false;
	if (kernel_stat("/proc/self/task", &st) == 0 && st.st_nlink == ONE_THREAD_LINKS)
		return false;
	*look = (struct look){ .pool = pool };
	look->threads = kernel_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	return look->threads >= 0;
}

static void end_look(struct look *look)
{
	if (look->page)
		(void)kernel_munmap(look->page, kernel_page());
	(void)kernel_close(look->threads);
}

void vmm_waiters_wake(const struct vmm_pool *pool)
{
	struct look look;

	vmm_waiters.count = 0;
	vmm_waiters.more = false;
	if (!begin_look(&look, pool))
		return;
	look_at_all(&look);
	end_look(&look);
}

void vmm_waiters_look_again(const struct vmm_pool *pool)
{
	unsigned count = vmm_waiters.count;
	struct look look;

	if (vmm_waiters.more) {
		vmm_waiters_wake(pool);
		return;
	}
	vmm_waiters.count = 0;
	if (count == 0 || !begin_look(&look, pool))
		return;
	/* what is remembered again goes into places that were looked at */
	for (unsigned i = 0; i < count; i++)
		look_at(&look, vmm_waiters.running[i]);
	end_look(&look);
}
