// SPDX-License-Identifier: ISC
/* Each case is a child with a prepared fd 2, and connect() is led from /dev/log to a socket of ours. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/tap.h"

int __real_connect(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len);

static struct sockaddr_un journal_at = { .sun_family = AF_UNIX };
static struct sockaddr_un syslog_at = { .sun_family = AF_UNIX };	/* abstract, or none: sun_path[1] is NUL */
static int syslogd = -1;

int
__wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	const struct sockaddr_un *to = (const struct sockaddr_un *)(const void *)sa;

	if (to->sun_family == AF_UNIX && len >= sizeof *to && strcmp(to->sun_path, "/dev/log") == 0)
		return __real_connect(fd, (struct sockaddr *)&syslog_at, sizeof syslog_at);
	if (to->sun_family == AF_UNIX && len >= sizeof *to && strcmp(to->sun_path, "/run/systemd/journal/socket") == 0)
		return __real_connect(fd, (struct sockaddr *)&journal_at, sizeof journal_at);
	errno = EINVAL;
	return -1;
}

static void
start_syslogd(void)
{
	(void)snprintf(syslog_at.sun_path + 1, sizeof syslog_at.sun_path - 1, "smtp-handler-log-test-%d", (int)getpid());
	syslogd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (syslogd < 0 || bind(syslogd, (struct sockaddr *)&syslog_at, sizeof syslog_at) < 0)
		exit(1);
}

/* What can be read from fd without waiting. */
static struct slice
drain(int fd, char *room, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;
	ssize_t got;

	while (n < size && poll(&p, 1, 0) > 0 && (got = read(fd, room + n, size - n)) > 0)
		n += (size_t)got;
	return slice_of(room, n);
}

static pid_t child;

static void
run(void (*body)(void), int fd2)
{
	int status = -1;

	(void)fflush(stdout);
	child = fork();
	if (child < 0)
		exit(1);
	if (child == 0) {
		if (fd2 >= 0)
			(void)dup2(fd2, 2);
		else
			(void)close(2);
		body();
		_exit(0);
	}
	ok(waitpid(child, &status, 0) == child && status == 0, "the child lives");
}

static void
one_line(void)
{
	struct log_line l;

	log_open("test");
	errno = ERANGE;
	log_begin(&l, LOG_LEVEL_INFO, "event");
	log_str(&l, "key", SL("value"));
	log_uint(&l, "n", 42);
	log_end(&l);
	if (errno != ERANGE)
		_exit(1);
}

static void
is_line(struct slice got, const char *before, const char *after)
{
	char text[3000];
	struct buf want = BUF(text);

	buf_fmt(&want, "%stest[%d]: %s", before, (int)child, after);
	is(got, buf_slice(&want), "the line");
}

static void
check_pipe(void)
{
	int p[2];
	char room[4096];

	if (pipe(p) < 0)
		exit(1);
	run(one_line, p[1]);
	is_line(drain(p[0], room, sizeof room), "", "event key=value n=42\n");
	(void)close(p[0]);
	(void)close(p[1]);
}

static void
check_file(void)
{
	char path[] = "/tmp/smtp-handler-log-test-XXXXXX", room[4096], want[100];
	int fd = mkstemp(path);
	struct slice got;

	if (fd < 0)
		exit(1);
	(void)unlink(path);
	run(one_line, fd);
	(void)lseek(fd, 0, SEEK_SET);
	got = drain(fd, room, sizeof room);
	(void)snprintf(want, sizeof want, "Z test[%d]: event key=value n=42\n", (int)child);
	ok(got.n == 19 + strlen(want) && got.p[4] == '-' && got.p[10] == 'T' && got.p[16] == ':', "a file gets a time stamp");
	is(slice_skip(got, 19), slice_str(want), "and then the line");
	(void)close(fd);
}

static void
check_journal(void)
{
	int s[2];
	char room[4096], stream[64];
	struct stat st;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0 || fstat(s[1], &st) < 0)
		exit(1);
	(void)snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	(void)setenv("JOURNAL_STREAM", stream, 1);
	run(one_line, s[1]);
	is(drain(s[0], room, sizeof room), SL("<6>event key=value n=42\n"), "without its socket the journal gets text with the level");
	ok(drain(syslogd, room, sizeof room).n == 0, "and syslog nothing");
	(void)close(s[0]);
	(void)close(s[1]);
}

static void
journal_lines(void)
{
	static char letters[100000];
	struct log_line l;

	memset(letters, 'a', sizeof letters);
	one_line();
	log_begin(&l, LOG_LEVEL_NOTICE, "refused");
	log_str(&l, "early-talker", SL("two words\nSMTP_ID=\"forged\""));
	log_end(&l);
	log_text(LOG_LEVEL_ERROR, "a sentence\nMESSAGE=%s", "forged");
	log_begin(&l, LOG_LEVEL_INFO, "full");
	for (int i = 0; i < 30; i++)
		log_str(&l, "k", slice_of(letters, sizeof letters));
	log_end(&l);
}

#define ENTRY(priority, message) "PRIORITY=" priority "\nSYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER=test\nMESSAGE=" message "\n"

static void
check_journal_entries(void)
{
	int s[2], journald = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char room[65536], stream[64];
	struct stat st;
	ssize_t n;
	unsigned lines = 0;

	(void)snprintf(journal_at.sun_path + 1, sizeof journal_at.sun_path - 1, "smtp-handler-journal-test-%d", (int)getpid());
	if (journald < 0 || bind(journald, (struct sockaddr *)&journal_at, sizeof journal_at) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0 || fstat(s[1], &st) < 0)
		exit(1);
	(void)snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	(void)setenv("JOURNAL_STREAM", stream, 1);
	run(journal_lines, s[1]);
	n = recv(journald, room, sizeof room, MSG_DONTWAIT);
	is(slice_of(room, n > 0 ? (size_t)n : 0), SL(ENTRY("6", "event key=value n=42") "SMTP_EVENT=event\nSMTP_KEY=value\nSMTP_N=42\n"),
	    "an entry with its fields");
	n = recv(journald, room, sizeof room, MSG_DONTWAIT);
	is(slice_of(room, n > 0 ? (size_t)n : 0),
	    SL(ENTRY("5", "refused early-talker=\"two words\\x0aSMTP_ID=\\\"forged\\\"\"")
	       "SMTP_EVENT=refused\nSMTP_EARLY_TALKER=two words\\x0aSMTP_ID=\"forged\"\n"), "no value can forge a field");
	n = recv(journald, room, sizeof room, MSG_DONTWAIT);
	is(slice_of(room, n > 0 ? (size_t)n : 0), SL(ENTRY("3", "a sentence\\x0aMESSAGE=forged")), "a sentence is a message");
	n = recv(journald, room, sizeof room, MSG_DONTWAIT);
	for (ssize_t i = 0; i < n; i++)
		lines += room[i] == '\n';
	ok(n > 5000 && n < 8192 && lines > 8 && room[n - 1] == '\n', "what is too much is bounded (%zd octets, %u fields)", n, lines);
	ok(drain(s[0], room, sizeof room).n == 0, "and nothing of it comes as text");
	(void)close(journald);
	(void)close(s[0]);
	(void)close(s[1]);
}

/* xinetd: fd 2 is the client, and $JOURNAL_STREAM may be xinetd's own. */
static void
check_client_socket(const char *stream)
{
	int s[2];
	char room[4096];

	if (stream)
		(void)setenv("JOURNAL_STREAM", stream, 1);
	else
		(void)unsetenv("JOURNAL_STREAM");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
		exit(1);
	run(one_line, s[1]);
	ok(drain(s[0], room, sizeof room).n == 0, "a client reads nothing of the log");
	is_line(drain(syslogd, room, sizeof room), "<22>", "event key=value n=42");
	(void)close(s[0]);
	(void)close(s[1]);
}

static void
raw_stderr(void)
{
	log_open("test");
	if (log_on_stderr() || write(2, "oops\n", 5) != 5)
		_exit(1);
}

static void
check_raw_stderr(void)
{
	int s[2];
	char room[4096];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
		exit(1);
	run(raw_stderr, s[1]);
	ok(drain(s[0], room, sizeof room).n == 0, "even what is written to fd 2 does not reach a client");
	(void)close(s[0]);
	(void)close(s[1]);
}

static void
check_dev_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	char room[4096];

	run(one_line, fd);
	is_line(drain(syslogd, room, sizeof room), "<22>", "event key=value n=42");
	(void)close(fd);
}

static void
open_closed(void)
{
	int fd;

	(void)close(0);
	(void)close(1);
	log_open("test");
	fd = open("/dev/null", O_RDONLY);
	if (fd <= 2 || fcntl(0, F_GETFD) < 0 || fcntl(1, F_GETFD) < 0 || fcntl(2, F_GETFD) < 0)
		_exit(1);
	log_text(LOG_LEVEL_ERROR, "closed %d", 3);
}

static void
check_closed(void)
{
	char room[4096];

	run(open_closed, -1);
	is_line(drain(syslogd, room, sizeof room), "<19>", "closed 3");
}

static void
restarted_syslogd(void)
{
	start_syslogd();		/* this child's own */
	log_open("test");
	(void)close(syslogd);
	log_text(LOG_LEVEL_NOTICE, "nobody hears this");
	start_syslogd();
	log_text(LOG_LEVEL_NOTICE, "first");
	log_text(LOG_LEVEL_NOTICE, "second");
	{
		char room[4096], want[200];
		struct slice got = drain(syslogd, room, sizeof room);

		(void)snprintf(want, sizeof want, "<21>test[%d]: first<21>test[%d]: second", (int)getpid(), (int)getpid());
		if (!slice_eq(got, slice_str(want)))
			_exit(1);
	}
}

static const struct {
	const char *name;
	struct slice value;
	const char *want;
} values[] = {
	{ "plain", S("a@example.org"), "a@example.org" },
	{ "empty", S(""), "\"\"" },
	{ "blank", S("a b"), "\"a b\"" },
	{ "quote", S("a\"b"), "\"a\\\"b\"" },
	{ "equals", S("a=b"), "\"a=b\"" },
	{ "backslash", S("a\\b"), "\"a\\\\b\"" },
	{ "newline", S("a\nevent x=y"), "\"a\\x0aevent x=y\"" },
	{ "crlf", S("\r\n"), "\"\\x0d\\x0a\"" },
	{ "nul", S("a\0b"), "\"a\\x00b\"" },
	{ "tab", S("\t"), "\"\\x09\"" },
	{ "escape", S("\033[2J"), "\"\\x1b[2J\"" },
	{ "delete", S("\177"), "\"\\x7f\"" },
	{ "utf8", S("b\xc3\xbc" "cher"), "\"b\xc3\xbc" "cher\"" },
	{ "utf8_four_octets", S("\xf0\x9f\x93\xa7"), "\"\xf0\x9f\x93\xa7\"" },
	{ "utf8_cut", S("a\xc3"), "\"a\\xc3\"" },
	{ "utf8_overlong", S("\xc0\xaf"), "\"\\xc0\\xaf\"" },
	{ "utf8_overlong_three", S("\xe0\x80\xaf"), "\"\\xe0\\x80\\xaf\"" },
	{ "utf8_surrogate", S("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"" },
	{ "utf8_above_the_last", S("\xf4\x90\x80\x80"), "\"\\xf4\\x90\\x80\\x80\"" },
	{ "utf8_lone_continuation", S("\x80"), "\"\\x80\"" },
	{ "c1_control", S("\xc2\x9b" "2J"), "\"\\xc2\\x9b2J\"" },
	{ "line_separator", S("\xe2\x80\xa8"), "\"\\xe2\\x80\\xa8\"" },
	{ "right_to_left_override", S("\xe2\x80\xae"), "\"\\xe2\\x80\\xae\"" },
};

static void
all_values(void)
{
	struct log_line l;

	log_open("test");
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		log_begin(&l, LOG_LEVEL_INFO, "e");
		log_str(&l, "v", values[i].value);
		log_str(&l, "w", SL("x"));
		log_end(&l);
	}
	log_text(LOG_LEVEL_INFO, "a sentence with \"quotes\"\nand \\ %s", "\033");
}

static void
check_values(void)
{
	int p[2];
	char room[16384], want[200];
	struct slice line, rest;

	if (pipe(p) < 0)
		exit(1);
	run(all_values, p[1]);
	rest = drain(p[0], room, sizeof room);
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		line = slice_cut(rest, '\n', &rest);
		(void)snprintf(want, sizeof want, "test[%d]: e v=%s w=x", (int)child, values[i].want);
		is(line, slice_str(want), values[i].name);
	}
	is_line(rest, "", "a sentence with \"quotes\"\\x0aand \\ \\x1b\n");
	(void)close(p[0]);
	(void)close(p[1]);
}

static const size_t lengths[] = { 500, 508, 509, 510, 513, 514, 1000, 100000 };

static void
long_values(void)
{
	static char letters[100000], tabs[100000];
	struct log_line l;

	memset(letters, 'a', sizeof letters);
	memset(tabs, '\t', sizeof tabs);
	log_open("test");
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		log_begin(&l, LOG_LEVEL_INFO, "e");
		log_str(&l, "a", slice_of(letters, lengths[i]));
		log_str(&l, "b", SL("x"));
		log_end(&l);
	}
	log_begin(&l, LOG_LEVEL_INFO, "tabs");
	log_str(&l, "a", slice_of(tabs, sizeof tabs));
	log_end(&l);
	for (size_t room = 0; room < 512; room += 3) {		/* the line itself runs full, anywhere */
		log_begin(&l, LOG_LEVEL_INFO, "full");
		for (int i = 0; i < 6; i++) {
			log_str(&l, "k", slice_of(room % 2 ? tabs : letters, room));
			log_uint(&l, "number", UINT64_MAX);
			log_str(&l, "t", slice_of(tabs, room));
		}
		log_end(&l);
	}
	log_text(LOG_LEVEL_INFO, "%.*s", (int)sizeof tabs, tabs);
}

static void
check_long(void)
{
	char path[] = "/tmp/smtp-handler-log-test-XXXXXX";
	static char room[1 << 20];
	int fd = mkstemp(path);
	struct slice line, rest;
	unsigned lines = 0, marks = 0, bad = 0;

	if (fd < 0)
		exit(1);
	(void)unlink(path);
	run(long_values, fd);
	(void)lseek(fd, 0, SEEK_SET);
	rest = drain(fd, room, sizeof room);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		line = slice_cut(rest, '\n', &rest);
		if (lengths[i] <= 510)
			ok(!memmem(line.p, line.n, "...", 3), "%zu octets are whole", lengths[i]);
		else
			ok(memmem(line.p, line.n, "a... b=x", 8) != NULL, "%zu octets are cut", lengths[i]);
	}
	line = slice_cut(rest, '\n', &rest);
	ok(memmem(line.p, line.n, "\\x09...\"", 8) != NULL, "cut between escapes, with the closing quote");
	while (rest.n) {
		line = slice_cut(rest, '\n', &rest);
		lines++;
		bad += line.n >= sizeof ((struct log_line *)NULL)->text;
		marks += line.n > 3 && memcmp(line.p + line.n - 3, "...", 3) == 0;
	}
	ok(lines == 172 && bad == 0, "full lines are one line each, and bounded (%u)", lines);
	ok(marks > 100, "what was left out is marked (%u)", marks);
	(void)close(fd);
}

static void
three_lines(void)
{
	one_line();
	one_line();
	one_line();
}

/* Whoever should read standard error has stopped to: mail goes on. */
static void
check_full_pipe(void)
{
	static char room[1 << 20];
	int p[2];
	struct slice got;

	if (pipe(p) < 0 || fcntl(p[1], F_SETFL, O_NONBLOCK) < 0)
		exit(1);
	while (write(p[1], room, 4096) > 0)
		;
	if (fcntl(p[1], F_SETFL, 0) < 0)
		exit(1);
	(void)alarm(30);
	run(three_lines, p[1]);
	(void)alarm(0);
	got = drain(p[0], room, sizeof room);
	ok(got.n > 0 && got.p[got.n - 1] == '\0', "lines that do not fit are left out");
	run(one_line, p[1]);
	is_line(drain(p[0], room, sizeof room), "", "event key=value n=42\n");
	(void)close(p[0]);
	(void)close(p[1]);
}

int
main(void)
{
	(void)unsetenv("JOURNAL_STREAM");
	start_syslogd();
	check_pipe();
	check_full_pipe();
	check_file();
	check_journal();
	check_journal_entries();
	check_client_socket(NULL);
	check_client_socket("1:2");
	check_client_socket(":");
	check_raw_stderr();
	check_dev_null();
	check_closed();
	run(restarted_syslogd, open("/dev/null", O_RDWR | O_CLOEXEC));
	check_values();
	check_long();
	return tap_done();
}
