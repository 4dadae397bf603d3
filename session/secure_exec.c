// SPDX-License-Identifier: ISC
/*
 * smtp-handler has no TLS of its own, so that plain sessions start fast.  STARTTLS must make a
 * server forget everything before it (RFC 3207 section 4.2); a process that becomes another program
 * cannot remember.
 */
#include "session/secure.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/large.h"
#include "base/log.h"
#include "session/certificates.h"
#include "session/forker.h"
#include "session/starter.h"

#define PROGRAM "smtp-handler-tls"

/* Write the program beside `path` into space.  0 if it can be executed, or -errno. */
static int
look_beside(struct slice path, char *space, size_t size)
{
	struct buf b = { .p = space, .cap = size };
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;

	if (!slash)
		return -ENOENT;
	buf_add(&b, slice_of(path.p, (size_t)(slash + 1 - path.p)));
	buf_str(&b, PROGRAM);
	(void)buf_cstr(&b);
	if (b.full)
		return -ENAMETOOLONG;
	return access(space, X_OK) < 0 ? -errno : 0;
}

/* Find the configured program, or in space the one beside this program.  0 if it can be executed.
 * Else -errno, and *ret is NULL if the path is not known. */
static int
find_program(const struct config *config, char *space, size_t size, const char **ret)
{
	const char *started = (const char *)(uintptr_t)getauxval(AT_EXECFN);
	char file[PATH_MAX];
	ssize_t n;
	int r;

	*ret = config->server.tls_program;
	if (*ret)
		return access(*ret, X_OK) < 0 ? -errno : 0;
	*ret = space;
	/* The path of the start is at hand.  It may be a link, with no other program beside it. */
	if (started && *started == '/' && look_beside(slice_str(started), space, size) == 0)
		return 0;
	n = readlink("/proc/self/exe", file, sizeof file);
	r = n < 0 ? -errno : look_beside(slice_of(file, (size_t)n), space, size);
	if (n < 0)
		*ret = NULL;
	return r;
}

static void
explain(struct buf *why, const char *path, int error)
{
	if (path)
		buf_fmt(why, "%s: %s", path, strerror(-error));
	else
		buf_str(why, "cannot find " PROGRAM " through /proc: set tls-program");
}

bool
secure_here(void)
{
	return false;
}

int
secure_become(const struct config *config, char **argv, struct buf *why)
{
	char space[PATH_MAX];
	const char *path;
	int r = find_program(config, space, sizeof space, &path);

	if (r == 0 && path) {
		(void)execv(path, argv);
		r = -errno;
	}
	explain(why, path, r);
	return r;
}

unsigned
secure_check(const struct config *config, const struct config_report *report)
{
	(void)config;
	(void)report;
	return 0;		/* unreachable: secure_become() never returns 0 in this program */
}

/* Is the program there that STARTTLS needs? */
static bool
has_program(const struct config *config, const struct start *start, struct buf *why)
{
	char space[PATH_MAX];
	const char *path;
	int r;

	if (start->remark_fd >= 0) {
		if (!start->tls_served)
			buf_str(why, PROGRAM " did not start with the listener: start that again");
		return start->tls_served;
	}
	r = find_program(config, space, sizeof space, &path);
	if (r < 0)
		explain(why, path, r);
	return r == 0;
}

enum server_starttls
secure_offer(const struct config *config, const struct start *start)
{
	static LARGE struct certificates certificates;
	char text[600];
	struct buf why = BUF(text);

	if (config->server.tls == SERVER_TLS_OFF)
		return SMTP_STARTTLS_OFF;
	if (has_program(config, start, &why) &&
	    certificates_find(&certificates, config, &why) == 0 &&
	    certificates_check(&certificates, &why) == 0)
		return SMTP_STARTTLS_OFFERED;
	log_text(LOG_LEVEL_ERROR, "STARTTLS is not offered: %s", buf_cstr(&why));
	return SMTP_STARTTLS_BROKEN;
}

static int
keep_open(int fd)
{
	return fcntl(fd, F_SETFD, 0) < 0 ? -errno : 0;
}

void
secure_warm(const struct config *config)
{
	(void)config;
}

const char *
secure_name(const struct config *config)
{
	static LARGE char space[PATH_MAX];
	const char *path;

	(void)find_program(config, space, sizeof space, &path);
	return path ? path : PROGRAM;
}

int
secure_execute(const struct config *config, const struct options *options, const char *const *rest)
{
	char space[PATH_MAX];
	const char *path;
	const int r = find_program(config, space, sizeof space, &path);

	return r == 0 ? handover_exec(path, options, rest) : r;
}

int
secure_resume(const struct config *config, const struct options *options,
    const struct handover *handover)
{
	char text[HANDOVER_MAX];
	struct buf resume = BUF(text);
	int r = handover->config_fd < 0 ? handover->config_fd : keep_open(handover->config_fd);

	handover_format(&resume, handover);
	if (r == 0)
		r = keep_open(handover->rfd);
	if (r == 0)
		r = keep_open(handover->wfd);
	if (r == 0) {
		const char *const rest[] = { "--resume", buf_cstr(&resume), NULL };

		r = resume.full ? -ENAMETOOLONG : secure_execute(config, options, rest);
	}
	log_text(LOG_LEVEL_ERROR, "STARTTLS: %s: %s", secure_name(config), strerror(-r));
	return r;
}

enum smtp_verdict
secure_prepare(const struct config *config, const struct start *start,
    const struct handover *handover)
{
	const int r = start->remark_fd < 0 ? starter_ask(handover) :
	    forker_ask(start->remark_fd, handover->rfd, handover->helo);

	(void)config;
	if (start->remark_fd >= 0 || r == -ESRCH || r == -EPIPE || r == -EPROTO)
		log_text(LOG_LEVEL_ERROR, "STARTTLS: nobody starts " PROGRAM ": %s", strerror(-r));
	return SMTP_REFUSE_TLS;
}

int
secure_begin(struct stream *s, const struct peer *peer, int timeout_ms, struct tls_facts *ret)
{
	(void)s;
	(void)peer;
	(void)timeout_ms;
	(void)ret;
	return -ENOSYS;		/* unreachable: secure_prepare() never accepts in this program */
}

void
secure_end(void)
{
}
