// SPDX-License-Identifier: ISC
/*
 * Runs the checks and prints what they find.  A check that crashes or hangs harms no other.
 */
#include "doctor/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define CHECKS_MAX   32
#define FINDINGS_MAX 16		/* of one check; the rest is dropped */

struct running {
	pid_t pid;
	int in;				/* findings come here; -1: it is over */
	struct doctor_finding findings[FINDINGS_MAX];
	size_t n;
};

static const char *const words[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_SKIPPED] = "skipped",
	[DOCTOR_WARNING] = "warning",
	[DOCTOR_FAULT] = "fault",
};

void
doctor_report(struct doctor *d, enum doctor_state state, const char *fix, const char *format, ...)
{
	struct doctor_finding f = { .state = state };
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(f.text, sizeof f.text, format, ap);
	va_end(ap);
	(void)snprintf(f.fix, sizeof f.fix, "%s", fix ? fix : "");
	/* A write of this size is never mixed with another (PIPE_BUF). */
	if (write(d->out, &f, sizeof f) != (ssize_t)sizeof f)
		_exit(1);
}

/* ---- a check in its process ---- */

static void
become_user(struct doctor *d, enum doctor_user user)
{
	struct owner owner;
	int r;

	if (user == DOCTOR_AS_CALLER)
		return;
	r = owner_of(d->config->queue.directory,
	    user == DOCTOR_AS_HANDLER ? OWNER_HANDLER : OWNER_RELAY, &owner);
	/* Without a queue and users, root's programs are not its users' yet. */
	if (r == 0)
		r = owner_become(&owner);
	if (r < 0) {
		doctor_report(d, DOCTOR_FAULT, "call smtp-queue doctor as root",
		    "cannot become the user of the program: %s", strerror(-r));
		_exit(0);
	}
}

static _Noreturn void
run_check(struct doctor *d, const struct doctor_check *check)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)setpgid(0, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	/* The findings are the output. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (null >= 0)
			(void)dup2(null, fd);
	d->caller = getuid();
	become_user(d, check->user);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	check->run(d);
	_exit(0);
}

static void
start_check(struct doctor *d, const struct doctor_check *check, struct running *r)
{
	int fds[2];

	r->in = -1;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	r->pid = fork();
	if (r->pid == 0) {
		d->out = fds[1];
		(void)close(fds[0]);
		run_check(d, check);
	}
	(void)close(fds[1]);
	if (r->pid > 0)
		r->in = fds[0];
	else
		(void)close(fds[0]);
}

/* ---- their findings ---- */

static void
take_finding(struct running *r)
{
	struct doctor_finding f;
	const ssize_t n = read(r->in, &f, sizeof f);

	if (n == (ssize_t)sizeof f) {
		f.text[sizeof f.text - 1] = f.fix[sizeof f.fix - 1] = '\0';
		if (r->n < FINDINGS_MAX && (unsigned)f.state <= DOCTOR_FAULT)
			r->findings[r->n++] = f;
	} else if (n >= 0 || errno != EINTR) {
		(void)close(r->in);
		r->in = -1;
	}
}

/* Take findings until all checks are over, or the time is up. */
static void
await_checks(struct running *all, size_t n)
{
	const int64_t end_ms = clock_ms() + DOCTOR_MS;
	struct pollfd fds[CHECKS_MAX];
	size_t open;

	do {
		open = 0;
		for (size_t i = 0; i < n; i++) {
			fds[i] = (struct pollfd){ .fd = all[i].in, .events = POLLIN };
			open += all[i].in >= 0;
		}
		if (open == 0 || poll(fds, (nfds_t)n, clock_left_ms(end_ms)) < 0)
			continue;
		for (size_t i = 0; i < n; i++)
			if (all[i].in >= 0 && fds[i].revents)
				take_finding(&all[i]);
	} while (open && clock_left_ms(end_ms) > 0);
}

static void
add_finding(struct running *r, enum doctor_state state, const char *text)
{
	if (r->n == FINDINGS_MAX)
		r->n--;
	r->findings[r->n] = (struct doctor_finding){ .state = state };
	(void)snprintf(r->findings[r->n].text, DOCTOR_TEXT_MAX, "%s", text);
	r->n++;
}

/* End the process of a check, and of all that it started. */
static void
end_check(struct running *r)
{
	int status = 0;
	pid_t ended;

	if (r->pid <= 0) {
		add_finding(r, DOCTOR_FAULT, "cannot start a process for this check");
		return;
	}
	if (r->in >= 0) {
		add_finding(r, DOCTOR_WARNING, "this check did not end in time");
		(void)kill(-r->pid, SIGKILL);
		(void)kill(r->pid, SIGKILL);
		(void)close(r->in);
	}
	while ((ended = waitpid(r->pid, &status, 0)) < 0 && errno == EINTR)
		continue;
	if (ended == r->pid && r->in < 0 && WIFSIGNALED(status))
		add_finding(r, DOCTOR_FAULT, "this check died of a signal");
	else if (r->n == 0)
		add_finding(r, DOCTOR_FAULT, "this check found nothing out");
}

static void
print_finding(const struct doctor *d, const struct doctor_check *check,
    const struct doctor_finding *f)
{
	const char *fix = f->state < DOCTOR_WARNING ? "" : f->fix[0] ? f->fix : check->fix;

	if (d->json) {
		(void)fputs("{\"check\":", stdout);
		json_string(stdout, slice_str(check->name));
		json_text(stdout, "state", slice_str(words[f->state]));
		json_text(stdout, "text", slice_str(f->text));
		if (fix[0])
			json_text(stdout, "fix", slice_str(fix));
		(void)fputs("}\n", stdout);
		return;
	}
	text_print(stdout, "%-8s %-13s %s\n", words[f->state], check->name, f->text);
	if (fix[0])
		text_print(stdout, "%-8s %-13s > %s\n", "", "", fix);
}

unsigned
doctor_run(struct doctor *d, const struct doctor_check *checks, size_t n)
{
	static struct running all[CHECKS_MAX];
	unsigned faults = 0;

	if (n > CHECKS_MAX)
		n = CHECKS_MAX;
	(void)fflush(stdout);
	for (size_t i = 0; i < n; i++)
		start_check(d, &checks[i], &all[i]);
	await_checks(all, n);
	for (size_t i = 0; i < n; i++) {
		end_check(&all[i]);
		for (size_t k = 0; k < all[i].n; k++) {
			print_finding(d, &checks[i], &all[i].findings[k]);
			faults += all[i].findings[k].state == DOCTOR_FAULT;
		}
	}
	return faults;
}
