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
#include <unistd.h>

#include "base/large.h"
#include "base/log.h"
#include "session/certificates.h"
#include "session/forker.h"
#include "session/starter.h"

#define PROGRAM "smtp-handler-tls"

/* The configured program, or in space the one beside this program.  NULL if that is not known. */
static const char *
find_program(const struct config *config, char *space, size_t size)
{
	struct buf b = { .p = space, .cap = size };
	const char *slash;
	ssize_t n;

	if (config->server.tls_program)
		return config->server.tls_program;
	n = readlink("/proc/self/exe", space, size);
	slash = n > 0 ? memrchr(space, '/', (size_t)n) : NULL;
	if (!slash)
		return NULL;
	b.n = (size_t)(slash + 1 - space);
	buf_str(&b, PROGRAM);
	(void)buf_cstr(&b);
	return b.full ? NULL : space;
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
	const char *path = find_program(config, space, sizeof space);
	int r = -ENOENT;

	if (path) {
		(void)execv(path, argv);
		r = -errno;
		buf_fmt(why, "%s: %s", path, strerror(-r));
	} else {
		buf_str(why, "cannot find " PROGRAM " through /proc: set tls-program");
	}
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

	if (start->remark_fd >= 0) {
		if (!start->tls_served)
			buf_str(why, PROGRAM " did not start with the listener: start that again");
		return start->tls_served;
	}
	path = find_program(config, space, sizeof space);
	if (!path)
		buf_str(why, "cannot find " PROGRAM " through /proc: set tls-program");
	else if (access(path, X_OK) < 0)
		buf_fmt(why, "%s: %s", path, strerror(errno));
	else
		return true;
	return false;
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
secure_warm(void)
{
}

const char *
secure_name(const struct config *config)
{
	static LARGE char space[PATH_MAX];
	const char *path = find_program(config, space, sizeof space);

	return path ? path : PROGRAM;
}

int
secure_execute(const struct config *config, const struct options *options, const char *const *rest)
{
	char space[PATH_MAX];
	const char *path = find_program(config, space, sizeof space);

	return path ? handover_exec(path, options, rest) : -ENOENT;
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
	if (start->remark_fd >= 0 || r == -ESRCH || r == -EPROTO)
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
