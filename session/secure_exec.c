// SPDX-License-Identifier: ISC
/*
 * smtp-handler's part in TLS: it has none of its own, so that plain sessions start fast, but knows who has.  The
 * standard wants all forgotten that came before STARTTLS (RFC 3207 section 4.2); to become another program is the
 * surest way.  Called by smtp-handler.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/log.h"
#include "session/certificates.h"
#include "session/secure.h"

#define PROGRAM "smtp-handler-tls"

/* The configured one, or the one beside this program, in space.  NULL when it cannot be told. */
static const char *
program(const struct config *config, char *space, size_t size)
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
	const char *path = program(config, space, sizeof space);
	int r = -ENOENT;

	if (path) {
		(void)execv(path, argv);
		r = -errno;
		buf_fmt(why, "%s: %s", path, strerror(-r));
	} else {
		buf_str(why, "where " PROGRAM " is, /proc does not tell: set tls-program");
	}
	return r;
}

unsigned
secure_check(const struct config *config, const struct config_report *report)
{
	(void)config;
	(void)report;
	return 0;		/* secure_become() never says that there could be one here */
}

enum server_starttls
secure_offer(const struct config *config)
{
	static struct certificates certificates;
	char space[PATH_MAX], text[600];
	struct buf why = BUF(text);
	const char *path;

	if (config->server.tls == SERVER_TLS_OFF)
		return SMTP_STARTTLS_OFF;
	path = program(config, space, sizeof space);
	if (!path)
		buf_str(&why, "where " PROGRAM " is, /proc does not tell: set tls-program");
	else if (access(path, X_OK) < 0)
		buf_fmt(&why, "%s: %s", path, strerror(errno));
	else if (certificates_find(&certificates, config, &why) == 0 && certificates_check(&certificates, &why) == 0)
		return SMTP_STARTTLS_OFFERED;
	log_text(LOG_LEVEL_ERROR, "STARTTLS is not offered: %s", buf_cstr(&why));
	return SMTP_STARTTLS_BROKEN;
}

static int
inherit(int fd)
{
	return fcntl(fd, F_SETFD, 0) < 0 ? -errno : 0;
}

enum smtp_verdict
secure_prepare(const struct config *config, const struct options *options, const struct handover *handover)
{
	char space[PATH_MAX], text[HANDOVER_MAX];
	struct buf resume = BUF(text);
	const char *path = program(config, space, sizeof space);
	int r = path ? 0 : -ENOENT;

	handover_format(&resume, handover);
	if (r == 0)
		r = inherit(handover->rfd);
	if (r == 0)
		r = inherit(handover->wfd);
	if (r == 0) {
		const char *const rest[] = { "--resume", buf_cstr(&resume), NULL };

		r = resume.full ? -ENAMETOOLONG : handover_exec(path, options, rest);
	}
	log_text(LOG_LEVEL_ERROR, "STARTTLS: %s: %s", path ? path : PROGRAM, strerror(-r));
	return SMTP_REFUSE_TLS;
}

int
secure_begin(struct stream *s, const struct peer *peer, int timeout_ms, struct tls_facts *ret)
{
	(void)s;
	(void)peer;
	(void)timeout_ms;
	(void)ret;
	return -ENOSYS;		/* secure_prepare() never says that there could be one here */
}

void
secure_end(void)
{
}
