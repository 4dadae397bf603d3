// SPDX-License-Identifier: ISC
/*
 * System calls of the queue, wrapped (WRAP_queue in the Makefile).  A test counts them, acts before
 * one, or makes it fail, do half of its work, or kill the process.
 */
#ifndef TESTS_UNIT_QUEUE_FAULTS_H
#define TESTS_UNIT_QUEUE_FAULTS_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum call {
	CALL_OPENAT,
	CALL_FLOCK,
	CALL_FSTAT,
	CALL_WRITE,
	CALL_PWRITE,
	CALL_FSYNC,
	CALL_SYNCFS,
	CALL_RENAMEAT,
	CALL_UNLINKAT,
	CALLS
};

static struct {
	bool on;
	int seen;		/* calls since faults_arm() */
	int count[CALLS];	/* calls by kind */
	int fail_at;		/* number of the call that fails, from 1; 0: none */
	int error;		/* errno of that call */
	bool kill;		/* that call kills the process instead */
	size_t write_max;	/* most octets of one write; 0: no limit */
	bool interrupt;		/* each call fails with EINTR at its first try */
	bool interrupted;
	const char *name;	/* of the file of an openat or renameat, in before() */
	void (*before)(enum call call);
} faults;

static void
faults_arm(int fail_at, int error)
{
	memset(&faults, 0, sizeof faults);
	faults.fail_at = fail_at;
	faults.error = error;
	faults.on = true;
}

static void
faults_disarm(void)
{
	faults.on = false;
}

/* Returns true, with errno set, if this call has to fail. */
static bool
fault(enum call call)
{
	if (!faults.on)
		return false;
	if (faults.interrupt && (call == CALL_WRITE || call == CALL_PWRITE || call == CALL_FLOCK)) {
		faults.interrupted = !faults.interrupted;
		errno = EINTR;
		if (faults.interrupted)
			return true;
	}
	faults.seen++;
	faults.count[call]++;
	if (faults.before)
		faults.before(call);
	if (faults.seen != faults.fail_at)
		return false;
	if (faults.kill)
		(void)kill(getpid(), SIGKILL);
	errno = faults.error;
	return true;
}

static size_t
portion(size_t n)
{
	return faults.on && faults.write_max && n > faults.write_max ? faults.write_max : n;
}

int __real_openat(int folder, const char *name, int flags, ...);
int __wrap_openat(int folder, const char *name, int flags, ...);
int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_syncfs(int fd);
int __wrap_syncfs(int fd);
int __real_renameat(int from, const char *a, int to, const char *b);
int __wrap_renameat(int from, const char *a, int to, const char *b);
int __real_unlinkat(int folder, const char *name, int flags);
int __wrap_unlinkat(int folder, const char *name, int flags);

int
__wrap_openat(int folder, const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	faults.name = name;
	return fault(CALL_OPENAT) ? -1 : __real_openat(folder, name, flags, mode);
}

int
__wrap_flock(int fd, int operation)
{
	return fault(CALL_FLOCK) ? -1 : __real_flock(fd, operation);
}

int
__wrap_fstat(int fd, struct stat *st)
{
	return fault(CALL_FSTAT) ? -1 : __real_fstat(fd, st);
}

ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	return fault(CALL_WRITE) ? -1 : __real_write(fd, p, portion(n));
}

ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	return fault(CALL_PWRITE) ? -1 : __real_pwrite(fd, p, portion(n), at);
}

int
__wrap_fsync(int fd)
{
	return fault(CALL_FSYNC) ? -1 : __real_fsync(fd);
}

int
__wrap_syncfs(int fd)
{
	return fault(CALL_SYNCFS) ? -1 : __real_syncfs(fd);
}

int
__wrap_renameat(int from, const char *a, int to, const char *b)
{
	faults.name = a;
	return fault(CALL_RENAMEAT) ? -1 : __real_renameat(from, a, to, b);
}

int
__wrap_unlinkat(int folder, const char *name, int flags)
{
	return fault(CALL_UNLINKAT) ? -1 : __real_unlinkat(folder, name, flags);
}

#endif
