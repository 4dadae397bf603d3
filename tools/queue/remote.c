// SPDX-License-Identifier: ISC
/*
 * smtp-queue --host: the command runs on other machines by ssh(1), on all at once, and their output
 * is printed machine by machine.  Each line shows its machine: as a word in front, as a member of a
 * JSON object, or as a label of a sample for Prometheus.
 *
 * A machine may take long, or hang.  The first SIGINT or SIGTERM ends ssh(1) for those that have
 * not ended, and the output of all is printed.
 */
#include "tools/queue/remote.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "tools/queue/samples.h"

#define MACHINES_MAX 64
#define OUTPUT_MAX   (UINT64_C(64) << 20)	/* octets of one machine */
#define PROGRAM_MAX  32				/* words of $SMTP_QUEUE_SSH */
#define SSH_FAILED   255			/* exit status of ssh(1) for an error of its own */
#define NOT_RUN      126			/* of a shell: a program that it cannot run, */
#define NOT_FOUND    127			/* or does not find */
#define PATIENCE_S   10				/* until those that have not ended are named */
#define DEFAULT_SSH  "ssh -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=15"

struct machine {
	struct slice name;
	pid_t pid;
	int out, err;			/* files in memory */
	struct slice text, errors;	/* what is in them */
	int status;
	bool cut_off;			/* by a signal to this process */
};

static struct machine machines[MACHINES_MAX];	/* for on_end() */
static size_t nmachines;
static volatile sig_atomic_t ended, late;

static void
on_end(int number)
{
	const int error = errno;

	(void)number;
	ended = 1;
	for (size_t i = 0; i < nmachines; i++)
		if (machines[i].pid > 0)
			(void)kill(machines[i].pid, SIGTERM);
	errno = error;
}

static void
on_late(int number)
{
	(void)number;
	late = 1;
}

/* A second signal ends this process. */
static void
watch_signals(void)
{
	const struct sigaction end = { .sa_handler = on_end, .sa_flags = (int)SA_RESETHAND };
	const struct sigaction alarm = { .sa_handler = on_late };
	const struct itimerval each = { { PATIENCE_S, 0 }, { PATIENCE_S, 0 } };

	(void)sigaction(SIGINT, &end, NULL);
	(void)sigaction(SIGTERM, &end, NULL);
	(void)sigaction(SIGALRM, &alarm, NULL);
	(void)setitimer(ITIMER_REAL, &each, NULL);
}

/* A host as ssh(1) takes it, without what a shell or a label of Prometheus would need quoted. */
static bool
is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && !strchr("@.:_-", s.p[i]))
			return false;
	return s.n > 0 && s.n < 256 && s.p[0] != '-';
}

/* ssh(1) gives a shell one text: each word is quoted. */
static void
add_quoted(struct buf *b, const char *word)
{
	buf_str(b, " '");
	for (; *word; word++)
		if (*word == '\'')
			buf_str(b, "'\\''");
		else
			buf_chr(b, *word);
	buf_chr(b, '\'');
}

/* "smtp-queue 'list' '--json'": the arguments without --host and its value.  malloc'ed. */
static char *
remote_command(int argc, char **argv)
{
	size_t room = sizeof "smtp-queue";
	struct buf b;

	for (int i = 1; i < argc; i++)
		room += 4 * strlen(argv[i]) + 3;
	b = (struct buf){ .p = malloc(room), .cap = room };
	if (!b.p)
		return NULL;
	buf_str(&b, "smtp-queue");
	for (int i = 1; i < argc; i++) {
		const size_t n = strcspn(argv[i], "=");

		/* "--hos" is --host, too. */
		if (n > 2 && n <= strlen("--host") && strncmp(argv[i], "--host", n) == 0)
			i += argv[i][n] == '\0';
		else
			add_quoted(&b, argv[i]);
	}
	(void)buf_cstr(&b);
	return b.p;
}

/* The words of the program, into argv.  Their number; 0: there are none, or too many. */
static size_t
split_words(char *text, char *argv[PROGRAM_MAX])
{
	char *rest = NULL;
	size_t n = 0;

	for (char *w = strtok_r(text, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
		if (n == PROGRAM_MAX)
			return 0;
		argv[n++] = w;
	}
	return n;
}

/* In the child: become ssh(1), with the output into files in memory.  It reads nothing: what our
 * standard input has is for others. */
_Noreturn static void
run_ssh(const struct machine *m, char *command)
{
	const char *program = getenv("SMTP_QUEUE_SSH");
	const struct rlimit limit = { OUTPUT_MAX, OUTPUT_MAX };
	char *words = strdup(program && program[0] ? program : DEFAULT_SSH);
	char *name = strndup(m->name.p, m->name.n), *argv[PROGRAM_MAX + 3];
	const int nothing = open("/dev/null", O_RDONLY);
	size_t n;

	if (!words || !name || dup2(nothing, STDIN_FILENO) < 0 || dup2(m->out, STDOUT_FILENO) < 0 ||
	    dup2(m->err, STDERR_FILENO) < 0 || setrlimit(RLIMIT_FSIZE, &limit) < 0)
		_exit(EX_OSERR);
	n = split_words(words, argv);
	if (n == 0) {
		(void)dprintf(STDERR_FILENO, "SMTP_QUEUE_SSH: write one to %d words\n",
		    PROGRAM_MAX);
		_exit(SSH_FAILED);
	}
	argv[n++] = name;
	argv[n++] = command;
	argv[n] = NULL;
	(void)execvp(argv[0], argv);
	(void)dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(SSH_FAILED);
}

static int
start(struct machine *m, char *command)
{
	m->out = memfd_create("output", MFD_CLOEXEC);
	m->err = memfd_create("errors", MFD_CLOEXEC);
	if (m->out < 0 || m->err < 0)
		return -errno;
	(void)fflush(NULL);
	m->pid = fork();
	if (m->pid == 0)
		run_ssh(m, command);
	return m->pid < 0 ? -errno : 0;
}

/* The text of a file in memory; it stays mapped. */
static struct slice
map_file(int fd)
{
	const off_t n = lseek(fd, 0, SEEK_END);
	void *p = n > 0 ? mmap(NULL, (size_t)n, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;

	return p == MAP_FAILED ? SL("") : slice_of(p, (size_t)n);
}

static bool
has_ended(const struct machine *m)
{
	siginfo_t info = { 0 };

	return m->pid <= 0 || waitid(P_PID, (id_t)m->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    info.si_pid != 0;
}

/* Name the machines that have not ended, once. */
static void
report_late(void)
{
	static bool reported;
	char name[256];

	for (size_t i = 0; i < nmachines && !reported; i++) {
		const struct machine *m = &machines[i];

		(void)snprintf(name, sizeof name, "%.*s", (int)m->name.n, m->name.p);
		if (!has_ended(m))
			tool_complain(name, "it has not ended yet; ^C prints what there is");
	}
	reported = true;
}

static void
finish(struct machine *m)
{
	int status = 0;

	while (waitpid(m->pid, &status, 0) < 0 && errno == EINTR)
		if (late && !ended)
			report_late();
	m->pid = 0;
	m->status = WIFEXITED(status) ? WEXITSTATUS(status) : SSH_FAILED;
	m->cut_off = ended && m->status == SSH_FAILED;
	m->text = map_file(m->out);
	m->errors = map_file(m->err);
}

static bool
next_line(struct slice *rest, struct slice *ret)
{
	if (rest->n == 0)
		return false;
	*ret = slice_cut(*rest, '\n', rest);
	return true;
}

static void
put_name(FILE *out, const char *before, const struct machine *m, const char *after)
{
	text_put(out, slice_str(before));
	text_put(out, m->name);
	text_put(out, slice_str(after));
}

/* False if a machine has printed too much. */
static bool
put_statistics(bool sum)
{
	struct samples_text texts[MACHINES_MAX];

	for (size_t i = 0; i < nmachines; i++)
		texts[i] = (struct samples_text){ machines[i].name, machines[i].text };
	return sum ? samples_put_sum(stdout, texts, nmachines)
		   : samples_put_labelled(stdout, texts, nmachines);
}

static void
put_line(FILE *out, const struct machine *m, struct slice line)
{
	put_name(out, "", m, ": ");
	text_put(out, line);
	(void)putc('\n', out);
}

static void
put_object(const struct machine *m, struct slice line)
{
	put_name(stdout, "{\"host\":\"", m, slice_eq(line, SL("{}")) ? "\"" : "\",");
	text_put(stdout, slice_skip(line, 1));
	(void)putc('\n', stdout);
}

static bool
is_object(struct slice line)
{
	return line.n > 1 && line.p[0] == '{' && line.p[line.n - 1] == '}';
}

/* Among objects are only objects: a line of a shell, or the half of one, is a complaint. */
static void
put_lines(const struct machine *m, FILE *out, struct slice text, bool json)
{
	struct slice line;

	while (next_line(&text, &line)) {
		if (line.n && line.p[line.n - 1] == '\r')	/* as ssh(1) ends its own lines */
			line.n--;
		if (json && is_object(line))
			put_object(m, line);
		else
			put_line(json ? stderr : out, m, line);
	}
}

/* The status of a machine that counts.  If the command did not run there, that is reported. */
static int
judge_status(const struct machine *m)
{
	char name[256];

	if (m->status != SSH_FAILED && m->status != NOT_RUN && m->status != NOT_FOUND)
		return m->status;
	(void)snprintf(name, sizeof name, "%.*s", (int)m->name.n, m->name.p);
	tool_complain(name, m->cut_off ? "a signal cut it off before its end" :
	    m->status == SSH_FAILED ? "ssh cannot run smtp-queue there" :
	    "its shell finds no smtp-queue: log in as root there, or extend PATH for this user");
	return EX_UNAVAILABLE;
}

/* Statistics have an end.  Without it a sum would lack a part, or all, of a machine. */
static bool
is_whole(const struct machine *m)
{
	const struct slice end = SL("# EOF\n");

	return m->text.n >= end.n && slice_eq(slice_skip(m->text, m->text.n - end.n), end);
}

static int
judge_statistics(const struct machine *m)
{
	const int status = judge_status(m);
	char name[256];

	if (status != EX_OK || is_whole(m))
		return status;
	(void)snprintf(name, sizeof name, "%.*s", (int)m->name.n, m->name.p);
	tool_complain(name, "it has not printed its statistics to their end");
	return EX_UNAVAILABLE;
}

static int
put_all(const struct tool *t, bool statistics)
{
	int worst = EX_OK;

	if (statistics && !put_statistics(t->sum)) {
		tool_complain("stats", "a machine has printed too many metrics");
		worst = EX_UNAVAILABLE;
	}
	for (size_t i = 0; i < nmachines; i++) {
		const struct machine *m = &machines[i];
		int status;

		if (!statistics)
			put_lines(m, stdout, m->text, t->json);
		(void)fflush(stdout);
		put_lines(m, stderr, m->errors, false);
		status = statistics ? judge_statistics(m) : judge_status(m);
		if (status > worst)
			worst = status;
	}
	return worst;
}

bool
remote_hosts_valid(const char *hosts)
{
	struct slice rest = slice_str(hosts);
	size_t n = 0;

	do
		if (!is_name(slice_cut(rest, ',', &rest)) || ++n > MACHINES_MAX)
			return false;
	while (rest.n);
	return hosts[strlen(hosts) - 1] != ',';
}

int
remote_run(const char *hosts, int argc, char **argv, const struct tool *t, bool statistics)
{
	struct slice rest = slice_str(hosts);
	char *command = remote_command(argc, argv);
	int r = command ? 0 : -ENOMEM, status;

	watch_signals();
	while (rest.n && r == 0) {
		machines[nmachines] = (struct machine){ .name = slice_cut(rest, ',', &rest) };
		r = start(&machines[nmachines], command);
		nmachines += r == 0;
	}
	for (size_t i = 0; i < nmachines; i++)
		finish(&machines[i]);
	free(command);
	if (r < 0) {
		tool_complain("ssh", strerror(-r));
		return EX_OSERR;
	}
	status = put_all(t, statistics);
	return fflush(stdout) == 0 && !tool_output_broken() ? status : EX_IOERR;
}
