// SPDX-License-Identifier: ISC
/*
 * As root the agent only looks the user up and becomes that user.  All paths are opened and all
 * octets of the message are read after that.
 */
#include "maildir/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/seccomp.h"
#include "maildir/agent_frame.h"
#include "maildir/maildir.h"
#include "maildir/mbox.h"
#include "maildir/user.h"

/* The result of a request, as it is answered. */
struct end {
	enum agent_result result;
	int error;
	struct buf text;
	char space[sizeof ((struct agent_answer *)NULL)->text];
};

static void
end_with(struct end *end, const char *what, const char *path, int error)
{
	end->result = AGENT_ERROR;
	end->error = -error;
	buf_fmt(&end->text, "cannot %s %s: %s", what, path, error == -ELOOP
	    ? "it is, or goes through, a symbolic link beneath the home" : strerror(-error));
}

/* The path of the Maildir in two parts: the base may have links, and what is beneath it may not. */
struct place {
	char base[PATH_MAX], beneath[PATH_MAX], whole[2 * PATH_MAX];
};

/* The length of the part of an absolute target that is the same for all users. */
static size_t
common_part(struct slice target)
{
	const char *brace = memmem(target.p, target.n, "{user}", strlen("{user}"));
	size_t n = brace ? (size_t)(brace - target.p) : target.n;

	while (n > 0 && target.p[n - 1] != '/')
		n--;
	return n;
}

static bool
find_place(struct slice target, const struct user *u, struct slice name, struct place *ret)
{
	const bool absolute = target.n && target.p[0] == '/';
	const size_t common = absolute ? common_part(target) : 0;
	struct buf base = BUF(ret->base), beneath = BUF(ret->beneath), whole = BUF(ret->whole);
	struct slice rest = slice_skip(target, common);

	buf_add(&base, absolute ? slice_of(target.p, common) : slice_str(u->home));
	while (rest.n) {
		if (slice_has_prefix(rest, SL("{user}"))) {
			buf_add(&beneath, name);
			rest = slice_skip(rest, strlen("{user}"));
		} else {
			buf_chr(&beneath, rest.p[0]);
			rest = slice_skip(rest, 1);
		}
	}
	buf_add(&whole, buf_slice(&base));
	if (!base.n || base.p[base.n - 1] != '/')
		buf_chr(&whole, '/');
	buf_add(&whole, buf_slice(&beneath));
	/* Behind the slash a folder that is mounted at its first use is mounted. */
	buf_str(&base, "/.");
	(void)buf_cstr(&base);
	(void)buf_cstr(&beneath);
	(void)buf_cstr(&whole);
	return !base.full && !beneath.full && !whole.full && beneath.n;
}

/* ---- the walls ---- */

#define FOLDER_RIGHTS                                                                         \
	(LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR |                          \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_WRITE_FILE |                     \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REFER)

/* The calls that write one message, and those of libc. */
static const struct seccomp_rule calls[] = {
	SECCOMP_CALL(pread64), SECCOMP_CALL(write), SECCOMP_CALL(close), SECCOMP_CALL(openat),
	SECCOMP_CALL(openat2), SECCOMP_CALL(mkdirat), SECCOMP_CALL(fstat),
	SECCOMP_CALL(newfstatat), SECCOMP_CALL(fsync), SECCOMP_CALL(renameat),
	SECCOMP_CALL(renameat2), SECCOMP_CALL(unlinkat), SECCOMP_CALL(uname),
	SECCOMP_WITH(flock, 2, LOCK_EX | LOCK_NB),
	SECCOMP_WITH(fcntl, 2, F_DUPFD_CLOEXEC), SECCOMP_CALL(sendto), SECCOMP_CALL(getpid),
	SECCOMP_CALL(clock_gettime), SECCOMP_CALL(brk), SECCOMP_CALL(munmap),
	SECCOMP_WITHOUT(mmap, 3, PROT_EXEC), SECCOMP_CALL(mremap), SECCOMP_CALL(madvise),
	SECCOMP_CALL(futex), SECCOMP_CALL(rt_sigreturn), SECCOMP_CALL(restart_syscall),
	SECCOMP_CALL(exit), SECCOMP_CALL(exit_group),
};

/* The user's rights are more than one message needs, and its octets are a stranger's.  An old
 * kernel lacks a wall, and the user's rights are then the only one. */
static void
put_up_walls(int base)
{
	struct landlock files;
	struct seccomp filter = { .n = 0 };

	if (SECCOMP_SANITIZER)
		return;
	landlock_begin(&files, LANDLOCK_NO_TCP | LANDLOCK_SCOPED);
	landlock_allow(&files, base, FOLDER_RIGHTS);
	(void)landlock_enforce(&files);
	SECCOMP_ADD(&filter, calls);
	(void)seccomp_enforce(&filter, SECCOMP_RET_ERRNO | EPERM);
}

/* ---- the message ---- */

/* The machine's own name: the one of the request would let its sender choose a file's name. */
static void
own_name(char name[HOST_NAME_MAX + 1])
{
	if (gethostname(name, HOST_NAME_MAX + 1) < 0 || !name[0])
		memcpy(name, "localhost", sizeof "localhost");
	name[HOST_NAME_MAX] = '\0';
}

/* This process is the user. */
static void
write_message(const struct agent_request *request, int message, const struct place *place,
    struct end *end)
{
	const struct slice address = slice_str(request->address);
	const struct queue_entry e = {
		.fd = message, .from = slice_str(request->from),
		.content_at = request->content_at, .content_size = request->content_size,
	};
	char host[HOST_NAME_MAX + 1];
	struct maildir m;
	int base, r;

	base = open(place->base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (base < 0) {
		end_with(end, "open the folder", place->base, -errno);
		return;
	}
	put_up_walls(base);
	r = mbox_loops(&e, address);
	if (r > 0) {
		end->result = AGENT_LOOP;
	} else if (r < 0) {
		end_with(end, "read the message for", place->whole, r);
	} else {
		own_name(host);
		r = maildir_open_beneath(base, place->beneath, &m);
		if (r == 0 && request->junk)
			r = maildir_enter_junk(&m);
		if (r == 0)
			r = maildir_write(&m, host, &e, address);
		maildir_close(&m);
		if (r < 0)
			end_with(end, "write to the mailbox", place->whole, r);
		else
			buf_fmt(&end->text, "%s%s", place->whole,
			    request->junk ? "/" MAILDIR_JUNK : "");
	}
	(void)close(base);
}

/* Find the user and become it.  False: the request has ended. */
static bool
become_user(const struct agent_request *request, const struct agent_terms *terms,
    struct user *ret, struct end *end)
{
	int r = user_find(request->user, terms->min_uid, ret);

	if (r == 0 || r == -EPERM) {
		end->result = r == 0 ? AGENT_NO_USER : AGENT_SYSTEM_USER;
		return false;
	}
	if (r < 0) {
		end_with(end, "look up the user", request->user, r);
		return false;
	}
	r = user_become(ret);
	if (r == -EPERM)
		end->result = AGENT_NO_RIGHT;
	else if (r < 0)
		end_with(end, "become the user", request->user, r);
	return r == 0;
}

static void
carry_out(const struct agent_request *request, int message, const struct agent_terms *terms,
    struct end *end)
{
	static struct place place;	/* large for a stack */
	static struct user user;

	if (!terms->has_route(terms->ctx, request->target))
		end->result = AGENT_NO_ROUTE;
	else if (strchr(request->user, '/') || request->user[0] == '.' || !request->user[0])
		end->result = AGENT_NO_USER;
	else if (!become_user(request, terms, &user, end))
		return;
	else if (!find_place(slice_str(request->target), &user, slice_str(request->user), &place))
		end_with(end, "use the path", request->target, -ENAMETOOLONG);
	else
		write_message(request, message, &place, end);
}

int
agent_serve(int fd, const struct agent_terms *terms)
{
	static struct agent_request request;
	struct end end = { .result = AGENT_DELIVERED, .text = BUF(end.space) };
	int message, r;

	r = agent_frame_take(fd, &request, &message);
	if (r < 0)
		return r;
	carry_out(&request, message, terms, &end);
	(void)close(message);
	return agent_frame_answer(fd, end.result, end.error, buf_slice(&end.text));
}
