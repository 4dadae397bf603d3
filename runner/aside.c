// SPDX-License-Identifier: ISC
/*
 * The message may kill what reads it, so a process of its own writes the notice.  If that dies too,
 * nobody is notified, the log has a line about it, and it is not tried again.
 */
#include "runner/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/foreign.h"
#include "base/landlock.h"
#include "notice/give_up.h"
#include "queue/aside.h"
#include "queue/operator.h"
#include "queue/reading.h"
#include "runner/runner.h"
#include "runner/schedule.h"

#define NOTICE_S  30		/* the longest time for one notice */
/* Kills from outside, in a row, while the same message was read.  By chance that does not happen.
 * A process that takes all memory is killed from outside, too. */
#define KILLS_MAX 5

/* The result of the process.  The message may have taken that over. */
struct result_of_notice {
	int error;
	char bounce[QUEUE_ID_SIZE];	/* "": nobody wants a notice */
	char to[300];
};

/* It may write new messages, and mark those of dead/.  It cannot reach the workers. */
static void
put_up_walls(const struct runner *r)
{
	const uint64_t marks = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
	const uint64_t messages = marks | LANDLOCK_ACCESS_FS_MAKE_REG |
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REFER;
	struct landlock l;

	for (const struct worker *w = r->workers; w; w = w->next)
		(void)close(w->fd);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return;
	landlock_begin(&l, LANDLOCK_NO_TCP | LANDLOCK_SCOPED);
	landlock_allow(&l, r->queue->tmp, messages);
	landlock_allow(&l, r->queue->fresh, messages);
	landlock_allow(&l, r->queue->dead, marks);
	(void)landlock_enforce(&l);
}

static _Noreturn void
write_notice(const struct runner *r, const char *id, int to)
{
	struct result_of_notice result = { 0 };
	struct buf b = { .p = result.to, .cap = sizeof result.to - 1 };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)alarm(NOTICE_S);
	put_up_walls(r);
	result.error = give_up_aside(r->queue, r->config, id, result.bounce, &b);
	(void)!write(to, &result, sizeof result);
	_exit(0);
}

static bool
is_valid(const struct result_of_notice *result)
{
	return result->error <= 0 && foreign_line(result->to, sizeof result->to) &&
	    foreign_line(result->bounce, sizeof result->bounce) &&
	    (!result->bounce[0] || queue_is_id(result->bounce));
}

/* 0: there is a result; -errno; or the status of a process that died, as of wait(2). */
static int
notify_apart(const struct runner *r, const char *id, struct result_of_notice *ret)
{
	int status = 0, pair[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		write_notice(r, id, pair[1]);
	(void)close(pair[1]);
	do
		n = pid < 0 ? 0 : read(pair[0], ret, sizeof *ret);
	while (n < 0 && errno == EINTR);
	(void)close(pair[0]);
	if (pid < 0)
		return -EAGAIN;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n == sizeof *ret && is_valid(ret))
		return 0;
	return status ? status : SIGABRT;
}

static void
settle_notice(struct runner *r, const char *id, const char *text)
{
	const int error = queue_aside_settled(r->queue, id, text);

	if (error < 0)
		report_trouble(&r->reports, "cannot write dead/why", id, error);
}

static int
notify_one(void *ctx, const char *id)
{
	static const char no_notice[] = "its sender gets no notice";
	struct runner *r = ctx;
	struct result_of_notice result = { 0 };
	char text[100];
	int died = notify_apart(r, id, &result);

	if (died > 0) {
		report_trouble(&r->reports, "no notice to the sender: the process that read the "
		    "message died", id, WTERMSIG(died));
		(void)snprintf(text, sizeof text, "%s: the process that read it was killed by "
		    "signal %d", no_notice, WTERMSIG(died));
		settle_notice(r, id, text);
	} else if (died < 0 || (result.error < 0 && result.error != -EBADMSG)) {
		report_trouble(&r->reports, "cannot queue a notice, will try again", id,
		    died < 0 ? died : result.error);
	} else if (result.error == -EBADMSG || !result.bounce[0]) {
		(void)snprintf(text, sizeof text, "%s: %s", no_notice,
		    result.error < 0 ? "it is no whole message" : "none is wanted");
		settle_notice(r, id, text);
	} else {
		r->wrote = true;
		report_notice(&r->reports, id, NOTICE_FAILED, result.bounce,
		    slice_str(result.to));
		(void)snprintf(text, sizeof text, "its sender gets the notice %s", result.bounce);
		settle_notice(r, id, text);
	}
	return 0;
}

void
aside_notify(struct runner *r)
{
	const int64_t before_s = clock_wall_s() - (int64_t)r->config->queue.lifetime_s;
	const int error = queue_each_aside(r->queue, before_s, notify_one, r);

	if (error < 0)
		report_trouble(&r->reports, "cannot read dead/why", "", error);
}

void
aside_begin(struct runner *r)
{
	const unsigned places = QUEUE_ANYWHERE & ~QUEUE_BIT(QUEUE_IN_DEAD);
	struct queue_reading_left left;
	struct queue_spot spot;
	char text[120];
	int error;

	if (!queue_reading_open(r->queue, &left) || (!left.signo && left.killed < KILLS_MAX) ||
	    queue_find(r->queue, left.id, places, &spot) < 0)
		return;
	if (left.signo)
		(void)snprintf(text, sizeof text, "smtp-relay was killed by signal %d (%s)",
		    left.signo, strsignal(left.signo));
	else
		(void)snprintf(text, sizeof text,
		    "smtp-relay was killed from outside %u times in a row", left.killed);
	error = queue_death(r->queue, left.id, text);
	if (error >= 0)
		error = queue_put_aside(r->queue, spot.folder, left.id);
	queue_spot_done(&spot);
	(void)queue_unask(r->queue, left.id, QUEUE_UNDONE);
	report_trouble(&r->reports, "the last smtp-relay died while it read a message", left.id,
	    left.signo);
	report_message(&r->reports, left.id, error < 0 ? REPORT_STUCK : REPORT_ASIDE, 0, error);
}

void
aside_postpone(struct runner *r, const char *id, int signo)
{
	const int64_t now_s = clock_wall_s();
	struct queue_entry e = { .fd = -1 };
	int64_t due_s = 0;
	char text[100];
	int error;

	report_trouble(&r->reports, "a process was killed by a signal while it read a message", id,
	    signo);
	(void)snprintf(text, sizeof text, "the process that reads messages was killed by signal %d "
	    "(%s)", signo, strsignal(signo));
	r->deaths = true;
	error = queue_death(r->queue, id, text);
	if (error >= QUEUE_DEATHS_MAX) {
		error = queue_put_aside(r->queue, r->queue->cur, id);
		report_message(&r->reports, id, error < 0 ? REPORT_STUCK : REPORT_ASIDE, 0, error);
		return;
	}
	memcpy(e.id, id, sizeof e.id);
	due_s = schedule_retry_s(r->config, error > 0 ? (unsigned)error - 1 : 0, now_s);
	error = queue_postpone(r->queue, &e, due_s);
	report_message(&r->reports, id, error < 0 ? REPORT_STUCK : REPORT_DEFERRED, due_s, error);
}
