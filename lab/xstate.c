/*
 * A library to preload into the user-mode kernel. It lets the kernel run on processors whose
 * register state is larger than the kernel's buffer.
 *
 * Linux 6.1 as a user-mode kernel saves and restores a process's extended registers through a
 * buffer of fixed size. On a processor with a larger state (AMX) the host's kernel fills the
 * short buffer, but PTRACE_SETREGSET fails with EFAULT unless it gets the whole state. So this
 * library reads the process's whole state, copies the short state over its start, and sets that.
 * The guest cannot use the registers beyond the short state, so nothing is lost.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef long ptrace_fn(enum __ptrace_request, pid_t, void *, void *);

long ptrace(enum __ptrace_request request, ...)
{
	static ptrace_fn *next;
	static char whole[1 << 16];
	va_list ap;

	va_start(ap, request);
	pid_t pid = va_arg(ap, pid_t);
	void *addr = va_arg(ap, void *);
	void *data = va_arg(ap, void *);
	va_end(ap);

	if (!next)
		next = (ptrace_fn *)dlsym(RTLD_NEXT, "ptrace");
	if (request == PTRACE_SETREGSET && addr == (void *)NT_X86_XSTATE) {
		struct iovec *part = data;
		struct iovec full = { whole, sizeof(whole) };

		if (next(PTRACE_GETREGSET, pid, addr, &full) == 0 && full.iov_len > part->iov_len) {
			memcpy(whole, part->iov_base, part->iov_len);
			return next(request, pid, addr, &full);
		}
	}
	return next(request, pid, addr, data);
}
