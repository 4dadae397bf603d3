// SPDX-License-Identifier: ISC
/*
 * The structures are declared here as the newest kernel has them, because headers are often older
 * than the kernel.  An older kernel gets zeros for what it does not know.
 */
#include "base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/seccomp.h"

#define RIGHT_TRUNCATE	(UINT64_C(1) << 14)	/* ABI 3 */
#define RIGHT_IOCTL_DEV	(UINT64_C(1) << 15)	/* ABI 5 */
#define RIGHTS_ABI_2	((UINT64_C(1) << 14) - 1)
#define NET_BIND	UINT64_C(1)		/* ABI 4 */
#define NET_CONNECT	UINT64_C(2)		/* ABI 4 */
#define RULE_PORT	2			/* ABI 4 */
#define ABI_NET		4
#define SCOPE_SOCKETS	1			/* ABI 6: abstract sockets */
#define SCOPE_SIGNALS	2			/* ABI 6 */
#define ABI_SCOPES	6

/* ABI 2 is the first that allows a rename from one folder to another (REFER).  Debian 12 has it. */
#define ABI_MIN 2

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct port_attr {
	uint64_t rights, port;
};

static int
create_ruleset(const struct ruleset_attr *attr, size_t size, unsigned flags)
{
	const long r = syscall(SYS_landlock_create_ruleset, attr, size, flags);

	return r < 0 ? -errno : (int)r;
}

void
landlock_begin(struct landlock *l, unsigned walls)
{
	struct ruleset_attr all = { .fs = RIGHTS_ABI_2 };

	*l = (struct landlock){ .fd = -1, .error = -ENOTSUP };
	if (SECCOMP_SANITIZER)
		return;
	l->abi = create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	l->error = l->abi < 0 ? l->abi : l->abi < ABI_MIN ? -EPROTONOSUPPORT : 0;
	if (l->error < 0)
		return;
	if (l->abi >= 3)
		all.fs |= RIGHT_TRUNCATE;
	if (l->abi >= ABI_NET && walls & LANDLOCK_NO_TCP)
		all.net = NET_BIND | NET_CONNECT;
	if (l->abi >= 5)
		all.fs |= RIGHT_IOCTL_DEV;
	if (l->abi >= ABI_SCOPES && walls & LANDLOCK_NO_SIGNALS)
		all.scoped |= SCOPE_SIGNALS;
	if (l->abi >= ABI_SCOPES && walls & LANDLOCK_NO_SOCKETS)
		all.scoped |= SCOPE_SOCKETS;
	l->fd = create_ruleset(&all, l->abi < ABI_NET ? offsetof(struct ruleset_attr, net) :
	    l->abi < ABI_SCOPES ? offsetof(struct ruleset_attr, scoped) : sizeof all, 0);
	if (l->fd < 0)
		l->error = l->fd;
}

void
landlock_allow(struct landlock *l, int fd, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };

	if (l->error < 0 || fd < 0)
		return;
	if (l->abi >= 3 && rights & LANDLOCK_ACCESS_FS_WRITE_FILE)
		rule.allowed_access |= RIGHT_TRUNCATE;
	if (syscall(SYS_landlock_add_rule, l->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		l->error = -errno;
}

void
landlock_allow_path(struct landlock *l, const char *path, uint64_t rights)
{
	const int fd = l->error < 0 ? -1 : open(path, O_PATH | O_CLOEXEC);

	landlock_allow(l, fd, rights);
	if (fd >= 0)
		(void)close(fd);
}

static void
allow_port(struct landlock *l, uint64_t rights, uint64_t port)
{
	const struct port_attr rule = { .rights = rights, .port = port };

	if (l->error == 0 && l->abi >= ABI_NET &&
	    syscall(SYS_landlock_add_rule, l->fd, RULE_PORT, &rule, 0) < 0)
		l->error = -errno;
}

void
landlock_allow_port(struct landlock *l, uint16_t port)
{
	allow_port(l, NET_CONNECT, port);
	allow_port(l, NET_BIND, 0);		/* the kernel chooses the port */
}

void
landlock_drop(struct landlock *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = -1;
}

int
landlock_enforce(struct landlock *l)
{
	if (l->error == 0 && syscall(SYS_landlock_restrict_self, l->fd, 0) < 0)
		l->error = -errno;
	landlock_drop(l);
	return l->error;
}

int
landlock_keep_signals(void)
{
	/* REFER is denied by each restriction that does not allow it. */
	const struct ruleset_attr signals = {
		.fs = LANDLOCK_ACCESS_FS_REFER, .scoped = SCOPE_SIGNALS,
	};
	struct landlock l = { .fd = -1 };

	if (SECCOMP_SANITIZER ||
	    create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < ABI_SCOPES)
		return 0;
	l.fd = create_ruleset(&signals, sizeof signals, 0);
	l.error = l.fd < 0 ? l.fd : 0;
	landlock_allow_path(&l, "/", LANDLOCK_ACCESS_FS_REFER);
	return landlock_enforce(&l);
}

const char *
landlock_reason(int error)
{
	switch (error) {
	case -ENOSYS:
		return "this kernel has none, or a container hides it";
	case -EOPNOTSUPP:
		return SECCOMP_SANITIZER ? "a build with sanitizers has none" :
		    "it is off since the boot (lsm= of the kernel's command line lacks landlock)";
	case -EPROTONOSUPPORT:
		return "this kernel is older than 5.19";
	case -EPERM:
		return "a filter of system calls forbids it (SystemCallFilter= of the unit lacks "
		       "@sandbox, or that of a container)";
	case -E2BIG:
		return "16 are stacked already";
	default:
		return "it cannot be had";
	}
}
