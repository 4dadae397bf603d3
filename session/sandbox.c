// SPDX-License-Identifier: ISC
/*
 * The rights of a session and of the processes that fork sessions: tables of system calls, and sets
 * of files.
 */
#include "session/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/large.h"
#include "base/seccomp.h"
#include "config/milter.h"
#include "config/secret.h"
#include "session/certificates.h"
#include "session/list.h"
#include "shared/tally_link.h"

#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
/* The kernel asks for WRITE_FILE when a file is created and opened at once. */
#define RIGHTS_TMP                                                                            \
	(LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_WRITE_FILE |                        \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REFER)
#define RIGHTS_NEW (LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER)

typedef void take_list(void *ctx, const char *file);

static void
each_list(void *ctx, const struct config *c, take_list *take)
{
	if (c->server.senders)
		take(ctx, c->server.senders);
	if (c->server.masquerade)
		take(ctx, c->server.masquerade);
	if (c->server.auth_senders)
		take(ctx, c->server.auth_senders);
	for (size_t i = 0; i < c->nroutes; i++) {
		if (c->routes[i].recipients)
			take(ctx, c->routes[i].recipients);
		if (c->routes[i].aliases)
			take(ctx, c->routes[i].aliases);
	}
}

static void
hold_list(void *all_held, const char *file)
{
	*(bool *)all_held &= list_hold(file);
}

/* If too many files are open, a rule allows a list as it is now. */
static void
allow_unheld(void *rules, const char *file)
{
	if (!list_hold(file))
		landlock_allow_path(rules, file, READ_FILE);
}

/* Can a session hold all of them open? */
static bool
lists_fit(const struct config *c)
{
	size_t n = 3;

	for (size_t i = 0; i < c->nroutes; i++)
		n += (c->routes[i].recipients ? 1U : 0U) + (c->routes[i].aliases ? 1U : 0U);
	return n <= LIST_HELD_MAX;
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
allow_list(void *rules, const char *file)
{
	allow_beside(rules, file, READ_FILE);
}

/* Filters get the message from its file, so a file that is created is opened for reading too.  A
 * lease is read. */
static void
allow_queue(struct landlock *l, const struct queue *q, const struct config *c)
{
	if (!q)
		return;
	landlock_allow(l, q->tmp,
	    RIGHTS_TMP | (c->server.milter || c->queue.lease_ms ? READ_FILE : 0));
	landlock_allow(l, q->fresh, RIGHTS_NEW);
}

/* The rules of a session for files, but for lists. */
static void
begin_session_rules(struct landlock *l, const struct sandbox *s)
{
	landlock_begin(l, LANDLOCK_NO_TCP | LANDLOCK_NO_SOCKETS |
	    (s->keeps_signals ? 0 : LANDLOCK_NO_SIGNALS));
	allow_queue(l, s->queue, s->config);
}

/* Sessions connect to filters, or start them, before they confine themselves further. */
static bool
has_filters(const struct config *c, enum milter_where where)
{
	return milter_place_has(c->server.milter, where);
}

/* A new secret is found, too. */
static void
allow_secret(struct landlock *l, const char *name)
{
	char path[PATH_MAX];
	struct buf b = BUF(path);

	if (name && secret_path(&b, slice_str(name)) == 0)
		allow_beside(l, path, READ_FILE);
}

/* Certificates are renewed, and their files are often links. */
static void
allow_keys(struct landlock *l, const struct config *c)
{
	static LARGE struct certificates certificates;
	char text[200];
	struct buf why = BUF(text);

	(void)certificates_find(&certificates, c, &why);
	for (size_t i = 0; i < certificates.n; i++) {
		allow_beside(l, certificates.pairs[i].chain, READ_FILE);
		allow_beside(l, certificates.pairs[i].key, READ_FILE);
	}
	if (c->server.auth == AUTH_FILE)
		allow_secret(l, c->server.auth_target);
}

/* A parent may do what its sessions may; they open their lists, and the file of counts. */
static int
wall_off_parent_files(const struct sandbox *s, enum sandbox_parent kind)
{
	struct landlock l;

	landlock_begin(&l, LANDLOCK_NO_SOCKETS | (s->keeps_signals ? 0 : LANDLOCK_NO_SIGNALS) |
	    (has_filters(s->config, MILTER_INET) ? 0 : LANDLOCK_NO_TCP));
	allow_queue(&l, s->queue, s->config);
	if (s->queue)
		landlock_allow(&l, s->queue->tmp, READ_FILE);
	if (s->queue && s->queue->counts >= 0)
		landlock_allow(&l, s->queue->counts, READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
	each_list(&l, s->config, allow_list);
	allow_secret(&l, s->config->server.srs_secret);
	if (kind != SANDBOX_LISTENER)
		allow_keys(&l, s->config);
	if (kind != SANDBOX_FORKER)
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
	SECCOMP_CALL(pwritev2),			/* pwrite(3) of musl 1.2.6 */
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
	SECCOMP_WITH_2(setsockopt, 2, IPPROTO_TCP, 3, TCP_QUICKACK),
	SECCOMP_WITHOUT(mmap, 3, PROT_EXEC), SECCOMP_WITHOUT(mprotect, 3, PROT_EXEC),
};

/* A session that may wait for the program of its starter. */
static const struct seccomp_rule starter_calls[] = {
	SECCOMP_CALL(wait4), SECCOMP_CALL(close_range),
};

/* A session that may count a user on all machines.  A socket of this type cannot be sent to an
 * address, also if it has the number of the desk. */
static const struct seccomp_rule desk_calls[] = {
	SECCOMP_WITH_2(socketpair, 1, AF_UNIX, 2, TALLY_SOCKET),
};

/* A process that forks sessions, and these up to their own sandbox. */
static const struct seccomp_rule parent_calls[] = {
	SECCOMP_CALL(sendto), SECCOMP_CALL(recvmsg), SECCOMP_CALL(sendmsg),
	SECCOMP_CALL(set_tid_address), SECCOMP_CALL(set_robust_list),
	SECCOMP_CALL(gettid), SECCOMP_CALL(getppid), SECCOMP_CALL(getdents64),
	SECCOMP_CALL(uname), SECCOMP_CALL(prctl), SECCOMP_CALL(eventfd2), SECCOMP_CALL(ioctl),
	SECCOMP_CALL(fcntl), SECCOMP_CALL(setsockopt), SECCOMP_CALL(connect),
	SECCOMP_CALL(faccessat), SECCOMP_CALL(readlinkat),
	SECCOMP_WITH(socket, 1, AF_UNIX),
	SECCOMP_WITH_2(socketpair, 1, AF_UNIX, 2, TALLY_SOCKET),
	SECCOMP_CALL(landlock_create_ruleset), SECCOMP_CALL(landlock_add_rule),
	SECCOMP_CALL(landlock_restrict_self),
	SECCOMP_WITHOUT(mmap, 3, PROT_EXEC), SECCOMP_WITHOUT(mprotect, 3, PROT_EXEC),
#ifdef SYS_open
	SECCOMP_CALL(open), SECCOMP_CALL(access), SECCOMP_CALL(readlink),
#endif
};

/* Bits of clone(2) that fork(2) of no libc sets. */
#define NOT_FORK                                                                              \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_PARENT |    \
	    CLONE_PTRACE | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |      \
	    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

static const struct seccomp_rule listener_calls[] = {
	SECCOMP_CALL(accept4), SECCOMP_CALL(wait4), SECCOMP_CALL(kill),
	SECCOMP_CALL(shutdown), SECCOMP_WITHOUT(clone, 1, NOT_FORK),
#ifdef SYS_accept
	SECCOMP_CALL(accept),
#endif
#ifdef SYS_fork
	SECCOMP_CALL(fork),
#endif
};

static const struct seccomp_rule forker_calls[] = {
	SECCOMP_WITH(clone, 1, CLONE_PARENT | SIGCHLD), SECCOMP_CALL(shutdown),
};

/* Sessions connect to filters. */
static const struct seccomp_rule inet_filters[] = {
	SECCOMP_WITH(socket, 1, AF_INET), SECCOMP_WITH(socket, 1, AF_INET6),
};

/* The filter that a parent and its sessions are under; none: outer.n is 0. */
static LARGE struct seccomp outer;

/* The filter of a session, ready to be loaded. */
static LARGE struct ready {
	bool made;
	int client_fd, gives_away, desk;	/* it is for these */
	bool has_starter;
	struct seccomp_program program;
} ready;

/* The rules for files, ready for each session of a parent. */
static struct ready_rules {
	bool made, for_filters;
	struct landlock rules;
} ready_rules;

static bool
is_ready(const struct sandbox *s, bool has_starter)
{
	return ready.made && ready.client_fd == s->client_fd && ready.gives_away == s->gives_away &&
	       ready.desk == s->desk && ready.has_starter == has_starter;
}

static void
make_ready(const struct sandbox *s, bool has_starter)
{
	/* Sessions share their socket to the listener: none may shut it down. */
	const struct seccomp_rule end = SECCOMP_WITH(shutdown, 1, s->client_fd);
	const struct seccomp_rule give = SECCOMP_WITH(sendmsg, 1, s->gives_away);
	const struct seccomp_rule pass = SECCOMP_WITH(sendmsg, 1, s->desk);
	struct seccomp f = { .n = 0 };

	if (is_ready(s, has_starter))
		return;
	SECCOMP_ADD(&f, session_calls);
	SECCOMP_ADD(&f, session_arguments);
	seccomp_add(&f, &end, 1);
	if (s->gives_away >= 0)
		seccomp_add(&f, &give, 1);
	if (s->desk >= 0) {
		seccomp_add(&f, &pass, 1);
		SECCOMP_ADD(&f, desk_calls);
	}
	if (has_starter)
		SECCOMP_ADD(&f, starter_calls);
	seccomp_build(&ready.program, &f, outer.n ? &outer : NULL, SECCOMP_RET_KILL_PROCESS);
	ready.made = true;
	ready.client_fd = s->client_fd;
	ready.gives_away = s->gives_away;
	ready.desk = s->desk;
	ready.has_starter = has_starter;
}

/* If some lists need rules, each session makes its own. */
static void
make_rules(const struct sandbox *s)
{
	struct ready_rules *r = &ready_rules;

	if (r->made && (r->for_filters != !!s->config->server.milter || !lists_fit(s->config))) {
		landlock_drop(&r->rules);
		r->made = false;
	}
	if (r->made || !lists_fit(s->config))
		return;
	begin_session_rules(&r->rules, s);
	r->made = true;
	r->for_filters = !!s->config->server.milter;
}

void
sandbox_foresee(const struct sandbox *s)
{
	if (!outer.n)
		return;
	make_ready(s, false);
	make_rules(s);
}

static int
wall_off_session_files(const struct sandbox *s)
{
	struct landlock l = ready_rules.rules;
	bool all_held = true;

	each_list(&all_held, s->config, hold_list);
	/* A rule that is added to the ready ones would count for all later sessions. */
	if (!all_held && ready_rules.made)
		landlock_drop(&l);
	if (!all_held || !ready_rules.made)
		begin_session_rules(&l, s);
	if (!all_held)
		each_list(&l, s->config, allow_unheld);
	return landlock_enforce(&l);
}

struct sandbox_errors
sandbox_session(const struct sandbox *s)
{
	struct sandbox_errors errors = { .files = wall_off_session_files(s) };

	make_ready(s, s->has_starter);
	errors.calls = seccomp_load(&ready.program);
	return errors;
}

struct sandbox_errors
sandbox_parent(const struct sandbox *s, enum sandbox_parent kind)
{
	struct seccomp f = { .n = 0 };
	struct sandbox_errors errors = { .files = wall_off_parent_files(s, kind) };

	SECCOMP_ADD(&f, session_calls);
	SECCOMP_ADD(&f, parent_calls);
	if (kind == SANDBOX_FORKER)
		SECCOMP_ADD(&f, forker_calls);
	else
		SECCOMP_ADD(&f, listener_calls);
	if (has_filters(s->config, MILTER_INET))
		SECCOMP_ADD(&f, inet_filters);
	errors.calls = seccomp_enforce(&f, SECCOMP_RET_KILL_PROCESS);
	if (errors.calls == 0)
		outer = f;
	return errors;
}
