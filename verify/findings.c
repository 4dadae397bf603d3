// SPDX-License-Identifier: ISC
/*
 * The listener reads each line anew and stamps it with its own clock: a process that a stranger
 * has taken over may lie about messages, but reaches no other line and no other day.
 */
#include "verify/findings.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/day.h"
#include "base/log.h"

#define AT_ONCE	 64
#define SEND_S	 2		/* a listener that is busy for longer loses a line */

static int to_listener = -1;

/* The file of today.  False if there is none. */
static bool
open_file(struct findings *f, int64_t now_s)
{
	const int64_t today = now_s / DAY_SECONDS;
	char name[DAY_NAME];
	struct stat st;

	if (f->day == today)
		return f->file >= 0;
	if (f->file >= 0)
		(void)close(f->file);
	f->day = today;
	f->full = false;
	day_name(now_s, name);
	f->file = openat(f->folder, name,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
	if (f->file < 0 || fstat(f->file, &st) < 0) {
		log_text(LOG_LEVEL_ERROR, "[reports] dmarc-findings: cannot write %s there: %s",
		    name, strerror(errno));
		return false;
	}
	f->octets = (uint64_t)st.st_size;
	day_remove_before(f->folder, "", now_s - FINDINGS_DAYS * DAY_SECONDS);
	return true;
}

/* ---- the listener ---- */

void
findings_open(struct findings *f, const struct config *c)
{
	const char *path = c->reports.dmarc_findings;
	const struct timeval longest = { .tv_sec = SEND_S };
	int ends[2];

	*f = (struct findings){ .folder = -1, .file = -1, .in = -1, .out = -1, .day = -1 };
	if (!c->reports.contact || !path)
		return;
	f->folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (f->folder < 0) {
		log_text(LOG_LEVEL_ERROR, "[reports] dmarc-findings = %s: %s; there will be no "
		    "reports of DMARC: type systemd-tmpfiles --create smtp-handler.conf", path,
		    strerror(errno));
		return;
	}
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) < 0 ||
	    setsockopt(ends[1], SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest) < 0) {
		log_text(LOG_LEVEL_ERROR, "cannot prepare for reports: %s", strerror(errno));
		return;
	}
	f->in = ends[0];
	f->out = ends[1];
}

static void
keep_line(struct findings *f, struct slice line, int64_t now_s)
{
	char space[FINDING_LINE_MAX];
	struct buf b = BUF(space);
	struct finding finding;

	if (!finding_take(line, &finding))
		return;
	finding.time_s = now_s;
	if (!finding_put(&finding, &b) || !open_file(f, now_s))
		return;
	if (f->octets + b.n > FINDINGS_FILE_MAX ||
	    day_append(f->file, buf_slice(&b), (int64_t)f->octets) < 0) {
		if (!f->full)
			log_text(LOG_LEVEL_WARNING, "[reports] dmarc-findings: the file of today "
			    "has %llu octets and takes no more: reports will be incomplete",
			    (unsigned long long)f->octets);
		f->full = true;
		return;
	}
	f->octets += b.n;
}

void
findings_take(struct findings *f)
{
	char line[FINDING_LINE_MAX];

	for (int i = 0; i < AT_ONCE; i++) {
		const ssize_t n = recv(f->in, line, sizeof line, MSG_DONTWAIT);

		if (n <= 0)
			return;
		keep_line(f, slice_of(line, (size_t)n), clock_wall_s());
	}
}

/* ---- the process of a connection ---- */

void
findings_join(struct findings *f)
{
	to_listener = f->out;
	if (f->in >= 0)
		(void)close(f->in);
	if (f->folder >= 0)
		(void)close(f->folder);
	if (f->file >= 0)
		(void)close(f->file);
}

bool
findings_wanted(void)
{
	return to_listener >= 0;
}

void
findings_send(const struct finding *finding)
{
	char space[FINDING_LINE_MAX];
	struct buf b = BUF(space);

	if (findings_wanted() && finding_put(finding, &b))
		(void)send(to_listener, b.p, b.n - 1, MSG_NOSIGNAL);
}
