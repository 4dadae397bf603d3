// SPDX-License-Identifier: ISC
/*
 * Landlock and seccomp by their system calls, as the handler links nothing but libc.  The filter is
 * a constant; a call outside it kills the process.
 */
#include "session/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config/secret.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZER 1		/* reads /proc at exit, and needs more system calls */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define SANITIZER 1
#endif
#endif

/* The first ABI that allows a commit to rename from tmp/ to new/ (REFER); Debian 12 has it. */
#define LANDLOCK_ABI 2
#define RIGHTS_ALL                                                                            \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |                         \
	    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |                      \
	    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                  \
	    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |                      \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |                      \
	    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |                    \
	    LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define RIGHTS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_QUEUE                                                                          \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |                       \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |                    \
	    LANDLOCK_ACCESS_FS_REFER)

static bool
allow(int ruleset, int fd, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };

	if (fd < 0)
		return true;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

/* A file that is not there now stays out of reach. */
static bool
allow_file(int ruleset, const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	bool good = allow(ruleset, fd, LANDLOCK_ACCESS_FS_READ_FILE);

	if (fd >= 0)
		(void)close(fd);
	return good;
}

/* Allow the folder of a file: editors replace the file by a new one while a listener lives. */
static bool
allow_folder_of(int ruleset, const char *file)
{
	const char *slash = file ? strrchr(file, '/') : NULL;
	char folder[4096];
	bool good;
	int fd;

	if (!slash || (size_t)(slash - file) >= sizeof folder)
		return true;
	memcpy(folder, file, (size_t)(slash - file));
	folder[slash - file] = '\0';
	fd = open(slash == file ? "/" : folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return true;
	good = allow(ruleset, fd, RIGHTS_READ);
	(void)close(fd);
	return good;
}

/* The file may be a link into another folder: the rules hold for the folder where it leads. */
static bool
allow_beside(int ruleset, const char *file)
{
	char target[PATH_MAX];

	return allow_folder_of(ruleset, file) && (!file || !realpath(file, target) ||
	    allow_folder_of(ruleset, target));
}

static bool
allow_lists(int ruleset, const struct config *c)
{
	bool good = allow_beside(ruleset, c->server.senders) &&
	    allow_beside(ruleset, c->server.auth_senders);
	char space[4096] = "";
	struct buf users = BUF(space);

	if (good && c->server.auth == AUTH_FILE &&
	    secret_path(&users, slice_str(c->server.auth_target)) == 0)
		good = allow_beside(ruleset, space);
	for (size_t i = 0; good && i < c->nroutes; i++)
		good = allow_beside(ruleset, c->routes[i].recipients) &&
		    allow_beside(ruleset, c->routes[i].aliases);
	return good;
}

/* The files of a dynamic program, its libraries, their settings and the keys cannot be listed. */
static bool
allow_reading(int ruleset)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && allow(ruleset, fd, RIGHTS_READ | LANDLOCK_ACCESS_FS_EXECUTE);

	if (fd >= 0)
		(void)close(fd);
	return good;
}

static int
create_ruleset(const struct landlock_ruleset_attr *attr, size_t size, unsigned flags)
{
	return (int)syscall(SYS_landlock_create_ruleset, attr, size, flags);
}

static bool
wall_off_files(enum sandbox_for whom, const struct queue *q, const struct config *c,
    const char *config_file)
{
	struct landlock_ruleset_attr all = { .handled_access_fs = RIGHTS_ALL };
	bool good;
	int ruleset;

	if (create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < LANDLOCK_ABI)
		return false;
	ruleset = create_ruleset(&all, sizeof all.handled_access_fs, 0);
	if (ruleset < 0)
		return false;
	good = whom == SANDBOX_BEFORE_TLS ? allow_reading(ruleset) : allow_lists(ruleset, c);
	if (good && q)
		good = allow(ruleset, q->tmp, RIGHTS_QUEUE) &&
		    allow(ruleset, q->fresh, RIGHTS_QUEUE);
	if (good && whom == SANDBOX_LISTENER)
		good = allow_beside(ruleset, config_file ? config_file : CONFIG_DEFAULT_FILE) &&
		    allow_file(ruleset, "/etc/hosts");
	good = good && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	(void)close(ruleset);
	return good;
}

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#if defined(ARCH) && !defined(SANITIZER)

#define LOW_HALF (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4)
#define CALL(name)                                                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1),                                \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* The number of an x32 call has bit 30 set, so no line matches it. */
#define BEGIN                                                                                 \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),              \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),                                      \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),                                  \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define END BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

/* Some architectures lack these. */
#ifdef SYS_poll
#define OLD_CALLS CALL(poll), CALL(open)
#define OLD_LOADER CALL(access), CALL(readlink), CALL(arch_prctl),
#else
#define OLD_CALLS CALL(ppoll)
#define OLD_LOADER
#endif
#ifdef SYS_fork
#define FORK CALL(fork), CALL(clone)
#else
#define FORK CALL(clone)
#endif

/* The most frequent calls of a group come first. */
#define CONVERSATION                                                                          \
	CALL(recvfrom), CALL(sendto), OLD_CALLS, CALL(ppoll), CALL(read), CALL(write),        \
	    CALL(writev), CALL(ioctl), CALL(shutdown), CALL(getsockname), CALL(getpeername),  \
	    CALL(getsockopt), CALL(setsockopt)
#define MESSAGE                                                                               \
	CALL(openat), CALL(close), CALL(fstat), CALL(newfstatat), CALL(fstatfs), CALL(flock),     \
	    CALL(fsync), CALL(syncfs), CALL(renameat), CALL(renameat2), CALL(pwrite64),       \
	    CALL(pread64), CALL(unlinkat), CALL(lseek), CALL(ftruncate), CALL(memfd_create),  \
	    CALL(sendfile), CALL(fcntl)
/* Only AF_UNIX, which the log needs: it does not leave the machine.  The family is an int, so it is
 * the low half of the first argument. */
#define UNIX_SOCKET                                                                           \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 4),                               \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS,                                                    \
	    offsetof(struct seccomp_data, args[0]) + LOW_HALF),                               \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 0, 1),                                   \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),                                         \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define LOG CALL(sendmsg), UNIX_SOCKET, CALL(connect), CALL(dup3)
#define PROCESS                                                                               \
	CALL(clock_gettime), CALL(gettimeofday), CALL(getrandom), CALL(mmap), CALL(munmap),       \
	    CALL(brk), CALL(madvise), CALL(getpid), CALL(getuid), CALL(eventfd2),             \
	    CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn),                     \
	    CALL(restart_syscall), CALL(exit), CALL(exit_group)
#define LISTENING                                                                             \
	CALL(accept4), CALL(accept), CALL(recvmsg), CALL(wait4), CALL(kill), FORK,            \
	    CALL(set_tid_address), CALL(set_robust_list), CALL(gettid), CALL(getdents64),     \
	    CALL(uname), CALL(prctl)

/* For the dynamic loader, glibc and OpenSSL, inside TLS too. */
#define LIBRARIES                                                                             \
	CALL(futex), CALL(mprotect), CALL(mremap), CALL(prlimit64), CALL(sysinfo),            \
	    CALL(clock_nanosleep)
#define LOADER                                                                                \
	CALL(execve), CALL(faccessat), CALL(readlinkat), OLD_LOADER CALL(rseq), CALL(umask),  \
	    CALL(getcwd), CALL(statx), CALL(geteuid), CALL(getgid), CALL(getegid),            \
	    CALL(landlock_create_ruleset), CALL(landlock_add_rule), CALL(landlock_restrict_self)

static const struct sock_filter session[] = {
	BEGIN, CONVERSATION, MESSAGE, LOG, PROCESS, LIBRARIES, END
};
static const struct sock_filter before_tls[] = {
	BEGIN, CONVERSATION, MESSAGE, LOG, PROCESS, LIBRARIES, LISTENING, LOADER, END
};
static const struct sock_filter listener[] = {
	BEGIN, CONVERSATION, MESSAGE, LOG, PROCESS, LISTENING, END
};

static bool
load_filter(const struct sock_filter *filter, size_t n)
{
	const struct sock_fprog program = {
		.len = (unsigned short)n,
		.filter = (struct sock_filter *)(uintptr_t)filter,	/* only read */
	};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static bool
wall_off_calls(enum sandbox_for whom)
{
	switch (whom) {
	case SANDBOX_SESSION:
		return load_filter(session, sizeof session / sizeof session[0]);
	case SANDBOX_BEFORE_TLS:
		return load_filter(before_tls, sizeof before_tls / sizeof before_tls[0]);
	case SANDBOX_LISTENER:
		return load_filter(listener, sizeof listener / sizeof listener[0]);
	}
	return false;
}

#else

static bool
wall_off_calls(enum sandbox_for whom)
{
	(void)whom;
	return false;
}

#endif

unsigned
sandbox_enter(enum sandbox_for whom, const struct queue *q, const struct config *c,
    const char *config_file)
{
	unsigned restrictions = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return 0;
#ifdef SANITIZER
	return 0;
#endif
	if (wall_off_files(whom, q, c, config_file))
		restrictions |= SANDBOX_FILES;
	if (wall_off_calls(whom))
		restrictions |= SANDBOX_CALLS;
	return restrictions;
}
