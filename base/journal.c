// SPDX-License-Identifier: ISC
/*
 * Entries go directly to journald's socket: loading libsystemd would cost a session more than the
 * rest of its start.  journald takes pid, unit and user of the sender from the kernel, so sessions
 * of one listener stay distinct.  Nothing here may wait long.
 */
#include "base/journal.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define JOURNAL_PATH	"/run/systemd/journal/socket"
#define JOURNAL_WAIT_US	200000		/* a journald that hangs must not hold up mail */
/* A message and fields within the limits of log.h, and what is added here. */
#define ENTRY_MAX	8192

static int journal_fd = -1;

bool
journal_open(void)
{
	static const struct sockaddr_un address = {
		.sun_family = AF_UNIX, .sun_path = JOURNAL_PATH,
	};
	struct timeval wait = { .tv_usec = JOURNAL_WAIT_US };

	if (journal_fd >= 0)
		(void)close(journal_fd);
	journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (journal_fd < 0)
		return false;
	(void)setsockopt(journal_fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	if (connect(journal_fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		(void)close(journal_fd);
		journal_fd = -1;
	}
	return journal_fd >= 0;
}

void
journal_key(struct buf *fields, const char *key)
{
	buf_str(fields, "SMTP_");
	for (; *key; key++) {
		const bool small = *key >= 'a' && *key <= 'z';

		buf_chr(fields, small ? (char)(*key - 'a' + 'A') : *key == '-' ? '_' : *key);
	}
	buf_chr(fields, '=');
}

bool
journal_send(unsigned priority, const char *program, struct slice message, struct slice fields,
    const char *id)
{
	char space[ENTRY_MAX];
	struct buf entry = BUF(space);
	ssize_t n;

	if (journal_fd < 0)
		return false;
	buf_str(&entry, "PRIORITY=");
	buf_uint(&entry, priority);
	/* facility mail (RFC 3164 section 4.1.1) */
	buf_str(&entry, "\nSYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER=");
	buf_str(&entry, program);
	buf_str(&entry, "\nMESSAGE=");
	buf_add(&entry, message);
	buf_chr(&entry, '\n');
	buf_add(&entry, fields);
	if (id) {
		buf_str(&entry, "MESSAGE_ID=");
		buf_str(&entry, id);
		buf_chr(&entry, '\n');
	}
	if (entry.full)
		return false;
	do
		n = send(journal_fd, entry.p, entry.n, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n >= 0;
}
