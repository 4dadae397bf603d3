// SPDX-License-Identifier: ISC
/* base/log: each case is a child with a prepared fd 2; /dev/log is led to a socket of the test. */
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
#include "tests/unit/log_run.h"

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
	ok(got.n == 19 + strlen(want) && got.p[4] == '-' && got.p[10] == 'T' && got.p[16] == ':',
	    "a file gets a time stamp");
	is(slice_skip(got, 19), slice_str(want), "the line follows it");
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
	(void)snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	(void)setenv("JOURNAL_STREAM", stream, 1);
	run(one_line, s[1]);
	is(drain(s[0], room, sizeof room), SL("<6>event key=value n=42\n"),
	    "without its socket the journal gets a line with its level");
	ok(drain(syslogd, room, sizeof room).n == 0, "syslog gets nothing");
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

#define ENTRY(priority, message) \
	"PRIORITY=" priority "\nSYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER=test\nMESSAGE=" message "\n"

static void
check_journal_entries(void)
{
	int s[2], journald = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char room[65536], stream[64];
	struct stat st;
	ssize_t n;
	unsigned lines = 0;

	(void)snprintf(journal_at.sun_path + 1, sizeof journal_at.sun_path - 1,
	    "smtp-handler-journal-test-%d", (int)getpid());
	if (journald < 0 || bind(journald, (struct sockaddr *)&journal_at, sizeof journal_at) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0 || fstat(s[1], &st) < 0)
		exit(1);
	(void)snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	(void)setenv("JOURNAL_STREAM", stream, 1);
	run(journal_lines, s[1]);
	n = recv(journald, room, sizeof room, MSG_DONTWAIT);
	is(slice_of(room, n > 0 ? (size_t)n : 0), SL(ENTRY("6", "event key=value n=42")
	    "SMTP_EVENT=event\nSMTP_KEY=value\nSMTP_N=42\n"), "an entry with its fields");
	n = recv(journald, room, sizeof room, MSG_DONTWAIT);
	is(slice_of(room, n > 0 ? (size_t)n : 0),
	    SL(ENTRY("5", "refused early-talker=\"two words\\x0aSMTP_ID=\\\"forged\\\"\"")
	    "SMTP_EVENT=refused\nSMTP_EARLY_TALKER=two words\\x0aSMTP_ID=\"forged\"\n"
	    "MESSAGE_ID=2e6ee4835f785637b77c93fd4f97fae8\n"),
	    "no value can forge a field");
	n = recv(journald, room, sizeof room, MSG_DONTWAIT);
	is(slice_of(room, n > 0 ? (size_t)n : 0), SL(ENTRY("3", "a sentence\\x0aMESSAGE=forged")),
	    "a sentence is a message");
	n = recv(journald, room, sizeof room, MSG_DONTWAIT);
	for (ssize_t i = 0; i < n; i++)
		lines += room[i] == '\n';
	ok(n > 5000 && n < 8192 && lines > 8 && room[n - 1] == '\n',
	    "a long entry is bounded (%zd octets, %u fields)", n, lines);
	ok(drain(s[0], room, sizeof room).n == 0, "standard error gets nothing");
	(void)close(journald);
	(void)close(s[0]);
	(void)close(s[1]);
}

/* Under xinetd fd 2 is the client, and $JOURNAL_STREAM may be xinetd's own. */
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
	ok(drain(s[0], room, sizeof room).n == 0, "octets written to fd 2 do not reach a client");
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
	start_syslogd();	/* this child's own */
	log_open("test");
	(void)close(syslogd);
	log_text(LOG_LEVEL_NOTICE, "nobody reads this");
	start_syslogd();
	log_text(LOG_LEVEL_NOTICE, "first");
	log_text(LOG_LEVEL_NOTICE, "second");
	{
		char room[4096], want[200];
		struct slice got = drain(syslogd, room, sizeof room);

		(void)snprintf(want, sizeof want, "<21>test[%d]: first<21>test[%d]: second",
		    (int)getpid(), (int)getpid());
		if (!slice_eq(got, slice_str(want)))
			_exit(1);
	}
}

static void
three_lines(void)
{
	one_line();
	one_line();
	one_line();
}

/* The reader of standard error has stopped: the program goes on. */
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
	return tap_done();
}
