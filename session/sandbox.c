// SPDX-License-Identifier: ISC
/*
 * The rights of a session and of a listener: two tables of system calls, two sets of files.
 */
#include "session/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/seccomp.h"
#include "config/milter.h"
#include "config/secret.h"
#include "session/list.h"

#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
/* The kernel asks for WRITE_FILE when a file is created and opened at once. */
#define RIGHTS_TMP                                                                            \
	(LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_WRITE_FILE |                        \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REFER)
#define RIGHTS_NEW (LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER)

typedef void take_list(struct landlock *l, const char *file);

static void
each_list(struct landlock *l, const struct config *c, take_list *take)
{
	if (c->server.senders)
		take(l, c->server.senders);
	if (c->server.auth_senders)
		take(l, c->server.auth_senders);
	for (size_t i = 0; i < c->nroutes; i++) {
		if (c->routes[i].recipients)
			take(l, c->routes[i].recipients);
		if (c->routes[i].aliases)
			take(l, c->routes[i].aliases);
	}
}

/* A list is opened now; if too many are open, a rule allows the file as it is now. */
static void
hold_list(struct landlock *l, const char *file)
{
	if (!list_hold(file))
		landlock_allow_path(l, file, READ_FILE);
}

/* Allow what is in the folder of a file: editors replace the file by a new one while a listener
 * lives. */
static void
allow_folder_of(struct landlock *l, const char *file, uint64_t rights)
{
	const char *slash = strrchr(file, '/');
	char folder[PATH_MAX];

	if (!slash || (size_t)(slash - file) >= sizeof folder)
		return;
	memcpy(folder, file, (size_t)(slash - file));
	folder[slash - file] = '\0';
	landlock_allow_path(l, slash == file ? "/" : folder, rights);
}

/* The file may be a link into another folder: the rules hold for the folder where it leads. */
static void
allow_beside(struct landlock *l, const char *file, uint64_t rights)
{
	char target[PATH_MAX];

	allow_folder_of(l, file, rights);
	if (realpath(file, target))
		allow_folder_of(l, target, rights);
}

static void
allow_list(struct landlock *l, const char *file)
{
	allow_beside(l, file, READ_FILE);
}

/* Filters get the message from its file, so a file that is created is opened for reading too. */
static void
allow_queue(struct landlock *l, const struct queue *q, const struct config *c)
{
	if (!q)
		return;
	landlock_allow(l, q->tmp, RIGHTS_TMP | (c->server.milter ? READ_FILE : 0));
	landlock_allow(l, q->fresh, RIGHTS_NEW);
}

static int
wall_off_session_files(const struct sandbox *s)
{
	struct landlock l;

	landlock_begin(&l, LANDLOCK_NO_TCP | LANDLOCK_SCOPED);
	each_list(&l, s->config, hold_list);
	allow_queue(&l, s->queue, s->config);
	return landlock_enforce(&l);
}

/* Sessions connect to filters, or start them, before they confine themselves further. */
static bool
has_filters(const struct config *c, enum milter_where where)
{
	return milter_place_has(c->server.milter, where);
}

/* A listener may do what its sessions may; they open their lists, and the file of counts. */
static int
wall_off_listener_files(const struct sandbox *s)
{
	struct landlock l;

	landlock_begin(&l, LANDLOCK_SCOPED |
	    (has_filters(s->config, MILTER_INET) ? 0 : LANDLOCK_NO_TCP));
	allow_queue(&l, s->queue, s->config);
	if (s->queue)
		landlock_allow(&l, s->queue->tmp, READ_FILE);
	/* The program with TLS opens them again. */
	if (s->queue && s->queue->counts >= 0)
		landlock_allow(&l, s->queue->counts, READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
	if (s->starts_tls) {
		/* The libraries of a dynamic program, their settings and the keys cannot be
		 * listed. */
		landlock_allow_path(&l, "/", READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
		    LANDLOCK_ACCESS_FS_EXECUTE);
		return landlock_enforce(&l);
	}
	each_list(&l, s->config, allow_list);
	allow_beside(&l, s->config_file ? s->config_file : CONFIG_DEFAULT_FILE,
	    READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
	landlock_allow_path(&l, "/etc/hosts", READ_FILE);
	return landlock_enforce(&l);
}

/* The conversation, the message, and what libc, OpenSSL and libcrypt need for themselves. */
static const struct seccomp_rule session_calls[] = {
	SECCOMP_CALL(recvfrom), SECCOMP_CALL(ppoll), SECCOMP_CALL(read),
	SECCOMP_CALL(write), SECCOMP_CALL(writev),
	SECCOMP_CALL(getsockname), SECCOMP_CALL(getpeername), SECCOMP_CALL(getsockopt),
	SECCOMP_CALL(openat), SECCOMP_CALL(close), SECCOMP_CALL(fstat), SECCOMP_CALL(newfstatat),
	SECCOMP_CALL(fstatfs), SECCOMP_CALL(flock), SECCOMP_CALL(fsync), SECCOMP_CALL(syncfs),
	SECCOMP_CALL(renameat), SECCOMP_CALL(renameat2), SECCOMP_CALL(pwrite64),
	SECCOMP_CALL(pread64), SECCOMP_CALL(unlinkat), SECCOMP_CALL(lseek),
	SECCOMP_CALL(memfd_create),
	SECCOMP_CALL(clock_gettime), SECCOMP_CALL(gettimeofday), SECCOMP_CALL(clock_nanosleep),
	SECCOMP_CALL(getrandom), SECCOMP_CALL(getpid), SECCOMP_CALL(getuid), SECCOMP_CALL(munmap),
	SECCOMP_CALL(mremap), SECCOMP_CALL(brk), SECCOMP_CALL(madvise), SECCOMP_CALL(futex),
	SECCOMP_CALL(sysinfo), SECCOMP_CALL(rt_sigaction), SECCOMP_CALL(rt_sigprocmask),
	SECCOMP_CALL(rt_sigreturn), SECCOMP_CALL(restart_syscall), SECCOMP_CALL(exit),
	SECCOMP_CALL(exit_group),
	SECCOMP_WITH(prlimit64, 1, 0),		/* its own limits, which it can only lower */
#ifdef SYS_poll					/* some architectures lack these */
	SECCOMP_CALL(poll), SECCOMP_CALL(stat),
#endif
};

/* Arguments that a session needs. */
static const struct seccomp_rule session_arguments[] = {
	/* Without an address: a socket for datagrams, as the log's is, sends to any path. */
	SECCOMP_NULL(sendto, 5),
	SECCOMP_WITH(ioctl, 2, FIONREAD),
	SECCOMP_WITH(fcntl, 2, F_GETFL), SECCOMP_WITH(fcntl, 2, F_OFD_SETLK),
	SECCOMP_WITH(fcntl, 2, F_SETLK), SECCOMP_WITH(fcntl, 2, F_SETLKW),	/* of --print */
	SECCOMP_WITH_2(setsockopt, 2, IPPROTO_TCP, 3, TCP_NODELAY),
	SECCOMP_WITHOUT(mmap, 3, PROT_EXEC), SECCOMP_WITHOUT(mprotect, 3, PROT_EXEC),
};

static const struct seccomp_rule listener_calls[] = {
	SECCOMP_CALL(sendto), SECCOMP_CALL(accept4), SECCOMP_CALL(accept),
	SECCOMP_CALL(recvmsg), SECCOMP_CALL(wait4), SECCOMP_CALL(kill), SECCOMP_CALL(shutdown),
	SECCOMP_CALL(clone), SECCOMP_CALL(set_tid_address), SECCOMP_CALL(set_robust_list),
	SECCOMP_CALL(gettid), SECCOMP_CALL(getppid), SECCOMP_CALL(getdents64),
	SECCOMP_CALL(uname), SECCOMP_CALL(prctl), SECCOMP_CALL(eventfd2), SECCOMP_CALL(ioctl),
	SECCOMP_CALL(fcntl), SECCOMP_CALL(setsockopt), SECCOMP_CALL(connect),
	SECCOMP_WITH(socket, 1, AF_UNIX), SECCOMP_WITH(socketpair, 1, AF_UNIX),
	SECCOMP_CALL(landlock_create_ruleset), SECCOMP_CALL(landlock_add_rule),
	SECCOMP_CALL(landlock_restrict_self),
	SECCOMP_WITHOUT(mmap, 3, PROT_EXEC), SECCOMP_WITHOUT(mprotect, 3, PROT_EXEC),
#ifdef SYS_fork
	SECCOMP_CALL(fork), SECCOMP_CALL(open),
#endif
};

/* Sessions connect to filters. */
static const struct seccomp_rule inet_filters[] = {
	SECCOMP_WITH(socket, 1, AF_INET), SECCOMP_WITH(socket, 1, AF_INET6),
};

/* A process that becomes smtp-handler-tls, up to the sandbox of that program. */
static const struct seccomp_rule program_calls[] = {
	SECCOMP_CALL(execve), SECCOMP_CALL(mmap), SECCOMP_CALL(mprotect), SECCOMP_CALL(faccessat),
	SECCOMP_CALL(readlinkat), SECCOMP_CALL(rseq), SECCOMP_CALL(umask), SECCOMP_CALL(getcwd),
	SECCOMP_CALL(statx), SECCOMP_CALL(geteuid), SECCOMP_CALL(getgid), SECCOMP_CALL(getegid),
	SECCOMP_CALL(prlimit64), SECCOMP_CALL(dup3),
#ifdef SYS_open
	SECCOMP_CALL(access), SECCOMP_CALL(readlink), SECCOMP_CALL(arch_prctl),
	SECCOMP_CALL(dup2),
#endif
};

struct sandbox_errors
sandbox_session(const struct sandbox *s)
{
	/* Sessions share their socket to the listener: none may shut it down. */
	const struct seccomp_rule end = SECCOMP_WITH(shutdown, 1, s->client_fd);
	struct seccomp f = { .n = 0 };
	struct sandbox_errors errors = { .files = wall_off_session_files(s) };

	SECCOMP_ADD(&f, session_calls);
	SECCOMP_ADD(&f, session_arguments);
	seccomp_add(&f, &end, 1);
	errors.calls = seccomp_enforce(&f, SECCOMP_RET_KILL_PROCESS);
	return errors;
}

struct sandbox_errors
sandbox_listener(const struct sandbox *s)
{
	struct seccomp f = { .n = 0 };
	struct sandbox_errors errors = { .files = wall_off_listener_files(s) };

	SECCOMP_ADD(&f, session_calls);
	SECCOMP_ADD(&f, listener_calls);
	if (has_filters(s->config, MILTER_INET))
		SECCOMP_ADD(&f, inet_filters);
	if (s->starts_tls)
		SECCOMP_ADD(&f, program_calls);
	errors.calls = seccomp_enforce(&f, SECCOMP_RET_KILL_PROCESS);
	return errors;
}
