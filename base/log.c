// SPDX-License-Identifier: ISC
/*
 * The lines of the log, and where they go.  Both the journal and syslog have own code here.
 * syslog(3) reads the zone file and can block for ever; sd_journal_send() needs a library at each
 * start.  A client's socket must never be written to.  errno survives every call.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/event.h"
#include "base/journal.h"
#include "base/utf8.h"

#define SYSLOG_PATH	"/dev/log"
#define SYSLOG_MAIL	(2 << 3)	/* the facility (RFC 3164 section 4.1.1) */
#define SYSLOG_WAIT_US	200000		/* a syslogd that hangs must not hold up mail */
/* A reader of standard error that hangs must not hold up mail. */
#define STDERR_WAIT_MS	1000
/* Octets of one value, so that a long one leaves room for others. */
#define VALUE_MAX	512
#define FIELD_MAX	(VALUE_MAX + 100)	/* one field of the journal, with its name */
/* Octets kept free in a line for the marks of a cut and the line end. */
#define SPARE		8

static enum { TO_STDERR, TO_FILE, TO_JOURNAL, TO_SYSLOG } sink = TO_STDERR;
static const char *program = "smtp-handler";
static int syslog_fd = -1;
static pid_t syslog_pid;		/* the process that has connected */
static bool sealed;
/* Standard error has no reader: lines are lost without another wait. */
static bool stalled;

/* Put /dev/null on each of fd 0, 1 and 2 that is closed.  Otherwise a later open() could get that
 * number, and text for standard error would end up in a file. */
static void
fill_standard_fds(void)
{
	int fd;

	for (int i = 0; i <= 2; i++) {
		if (fcntl(i, F_GETFD) >= 0)
			continue;
		fd = open("/dev/null", O_RDWR | O_NOCTTY);
		if (fd < 0)
			/* No /dev here; a write to this one fails, as it should. */
			fd = open("/", O_PATH);
		if (fd >= 0 && fd != i) {
			(void)dup2(fd, i);
			(void)close(fd);
		}
	}
}

/* Is this the stream of the journal?  $JOURNAL_STREAM holds its device and inode
 * (systemd.exec(5)). */
static bool
is_journal(const struct stat *st)
{
	struct slice ino, dev = slice_cut(slice_str(getenv("JOURNAL_STREAM")), ':', &ino);
	uint64_t d, i;

	return slice_uint(dev, UINT64_MAX, &d) && slice_uint(ino, UINT64_MAX, &i) &&
	    d == (uint64_t)st->st_dev && i == (uint64_t)st->st_ino;
}

static void
hide_stderr(void)
{
	int fd = open("/dev/null", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		fd = open("/", O_PATH | O_CLOEXEC);
	if (fd < 0 || dup2(fd, 2) < 0)
		(void)close(2);		/* any state is better than the client's socket */
	if (fd >= 0)
		(void)close(fd);
}

static void
syslog_connect(void)
{
	static const struct sockaddr_un address = {
		.sun_family = AF_UNIX, .sun_path = SYSLOG_PATH,
	};
	struct timeval wait = { .tv_usec = SYSLOG_WAIT_US };

	if (sealed)
		return;
	if (syslog_fd >= 0)
		(void)close(syslog_fd);
	syslog_pid = getpid();
	syslog_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (syslog_fd < 0)
		return;
	(void)setsockopt(syslog_fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	if (connect(syslog_fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		(void)close(syslog_fd);
		syslog_fd = -1;
	}
}

void
log_open(const char *name)
{
	int saved = errno;
	struct stat st;

	program = name;
	fill_standard_fds();
	sink = TO_STDERR;
	if (fstat(2, &st) == 0) {
		if (S_ISSOCK(st.st_mode) && is_journal(&st)) {
			sink = TO_JOURNAL;
		} else if (S_ISSOCK(st.st_mode)) {
			hide_stderr();
			sink = TO_SYSLOG;
		} else if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)) {
			sink = TO_SYSLOG;
		} else if (S_ISREG(st.st_mode)) {
			sink = TO_FILE;
		}
	}
	/* Connect now: a sandbox may forbid it later. */
	if (sink == TO_SYSLOG)
		syslog_connect();
	else if (sink == TO_JOURNAL)
		(void)journal_open();
	errno = saved;
}

void
log_to_system(void)
{
	int saved = errno;

	sink = journal_open() ? TO_JOURNAL : TO_SYSLOG;
	if (sink == TO_SYSLOG)
		syslog_connect();
	errno = saved;
}

void
log_seal(void)
{
	const int saved = errno;

	/* syslogd may have been restarted since the parent connected. */
	if (sink == TO_SYSLOG && (syslog_fd < 0 || syslog_pid != getpid()))
		syslog_connect();
	sealed = true;
	errno = saved;
}

bool
log_on_stderr(void)
{
	return sink != TO_SYSLOG;
}

static void
send_syslog(struct slice line)
{
	if (syslog_fd >= 0 && (send(syslog_fd, line.p, line.n, MSG_NOSIGNAL) >= 0 ||
	    errno == EAGAIN || errno == EMSGSIZE))
		return;
	syslog_connect();		/* syslogd was restarted, or did not run before */
	if (syslog_fd >= 0 && !sealed)
		(void)send(syslog_fd, line.p, line.n, MSG_NOSIGNAL);
}

/* Can fd 2 take a line?  A pipe that is ready has room for PIPE_BUF octets, so the next write does
 * not wait. */
static bool
stderr_ready(void)
{
	struct pollfd p = { .fd = 2, .events = POLLOUT };
	int r;

	if (sink == TO_FILE)		/* never makes a writer wait */
		return true;
	r = poll(&p, 1, stalled ? 0 : STDERR_WAIT_MS);
	stalled = r == 0;
	return r != 0;
}

static void
write_line(struct buf *line)
{
	ssize_t n;

	buf_chr(line, '\n');
	if (!stderr_ready())
		return;
	do {
		if (sink == TO_JOURNAL)
			/* Without SIGPIPE: journald may be gone. */
			n = send(2, line->p, line->n, MSG_NOSIGNAL);
		else
			n = write(2, line->p, line->n);
	} while (n < 0 && errno == EINTR);
}

static void
start_line(struct log_line *l, enum log_level level)
{
	l->level = level;
	l->id = NULL;
	l->b = (struct buf){ .p = l->text, .cap = sizeof l->text - SPARE };
	l->fields = (struct buf){ .p = l->fields_text,
		.cap = sink == TO_JOURNAL ? sizeof l->fields_text : 0 };
	if (sink == TO_JOURNAL || sink == TO_SYSLOG) {
		buf_chr(&l->b, '<');
		buf_uint(&l->b, (unsigned)level | (sink == TO_SYSLOG ? SYSLOG_MAIL : 0));
		buf_chr(&l->b, '>');
	}
	if (sink == TO_JOURNAL)		/* the journal adds the name and the pid itself */
		return;
	/* A file shows no time of its own; the user of a terminal knows the time. */
	if (sink == TO_FILE) {
		clock_stamp(&l->b, clock_wall_s());
		buf_chr(&l->b, ' ');
	}
	buf_str(&l->b, program);
	buf_chr(&l->b, '[');
	buf_uint(&l->b, (uint64_t)getpid());
	buf_str(&l->b, "]: ");
}

static bool
needs_quotes(struct slice value)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c >= 0x7f)
			return true;
	}
	return value.n == 0;
}

/* Take one character off *value, as it is shown between quotes or in a sentence.  An octet that
 * could change how a line is shown becomes \xNN. */
static struct slice
escape_next(struct slice *value, bool quoted, char room[16])
{
	static const char hex[] = "0123456789abcdef";
	struct buf b = { .p = room, .cap = 16 };
	size_t n = utf8_printable(*value);
	struct slice c = slice_of(value->p, n ? n : 1);

	*value = slice_skip(*value, c.n);
	if (n == 0) {
		unsigned char octet = (unsigned char)c.p[0];

		buf_str(&b, "\\x");
		buf_chr(&b, hex[octet >> 4]);
		buf_chr(&b, hex[octet & 15]);
		return buf_slice(&b);
	}
	if (quoted && (c.p[0] == '"' || c.p[0] == '\\'))
		buf_chr(&b, '\\');
	buf_add(&b, c);
	return buf_slice(&b);
}

/* Octets at the start of value that stand for themselves everywhere in a line. */
static size_t
plain_run(struct slice value)
{
	size_t n = 0;

	while (n < value.n && value.p[n] >= ' ' && value.p[n] < 0x7f && value.p[n] != '"' &&
	    value.p[n] != '\\')
		n++;
	return n;
}

/* Add value, escaped, in at most max octets.  False if it was cut. */
static bool
add_escaped(struct buf *b, struct slice value, bool quoted, size_t max)
{
	char room[16];
	size_t left = b->cap - b->n < max ? b->cap - b->n : max;
	struct slice c;

	while (value.n) {
		/* Room for "..." stays; an octet that has no place is not looked at. */
		const size_t most = left > 3 ? left - 3 : 0;

		c = slice_of(value.p, value.n < most ? value.n : most);
		c.n = plain_run(c);
		if (c.n)
			value = slice_skip(value, c.n);
		else
			c = escape_next(&value, quoted, room);
		if (c.n + 3 > left && (c.n > left || value.n)) {
			buf_str(b, left >= 3 ? "..." : "");
			return false;
		}
		buf_add(b, c);
		left -= c.n;
	}
	return true;
}

/* Add the value as a field of the journal: without quotes, but with the same escapes. */
static void
add_field(struct buf *fields, const char *key, struct slice value)
{
	/* Full, or the log does not go to the journal. */
	if (fields->cap - fields->n < FIELD_MAX)
		return;
	journal_key(fields, key);
	(void)add_escaped(fields, value, false, VALUE_MAX);
	buf_chr(fields, '\n');
}

void
log_begin(struct log_line *l, enum log_level level, const char *event)
{
	int saved = errno;

	start_line(l, level);
	if (sink == TO_JOURNAL)
		l->id = event_id(event);
	buf_str(&l->b, event);
	add_field(&l->fields, "event", slice_str(event));
	errno = saved;
}

/* Add " key=" if there is room for it and for a mark of a cut. */
static bool
add_key(struct log_line *l, const char *key)
{
	if (l->b.full || l->b.cap - l->b.n < strlen(key) + 8) {
		l->b.full = true;
		return false;
	}
	buf_chr(&l->b, ' ');
	buf_str(&l->b, key);
	buf_chr(&l->b, '=');
	return true;
}

void
log_str(struct log_line *l, const char *key, struct slice value)
{
	bool quoted = needs_quotes(value);

	add_field(&l->fields, key, value);
	if (!add_key(l, key))
		return;
	if (quoted) {
		buf_chr(&l->b, '"');
		l->b.cap--;		/* room for the closing quote */
	}
	(void)add_escaped(&l->b, value, quoted, VALUE_MAX);
	if (quoted) {
		l->b.cap++;
		buf_chr(&l->b, '"');
	}
}

void
log_uint(struct log_line *l, const char *key, uint64_t value)
{
	char digits[20];
	struct buf number = BUF(digits);

	buf_uint(&number, value);
	add_field(&l->fields, key, buf_slice(&number));
	if (add_key(l, key))
		buf_add(&l->b, buf_slice(&number));
}

void
log_end(struct log_line *l)
{
	int saved = errno;

	l->b.cap = sizeof l->text;
	if (l->b.full) {		/* fields are missing: mark it */
		l->b.full = false;
		buf_str(&l->b, " ...");
	}
	if (sink == TO_SYSLOG)
		send_syslog(buf_slice(&l->b));
	else if (sink != TO_JOURNAL || !journal_send(l->level, program,
	    slice_skip(buf_slice(&l->b), strlen("<6>")), buf_slice(&l->fields), l->id))
		write_line(&l->b);
	errno = saved;
}

void
log_text(enum log_level level, const char *format, ...)
{
	int saved = errno;
	char text[1500];
	struct log_line l;
	va_list ap;

	va_start(ap, format);
	if (vsnprintf(text, sizeof text, format, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	start_line(&l, level);
	if (sink == TO_JOURNAL)
		l.id = event_id_of_sentence(format);
	(void)add_escaped(&l.b, slice_str(text), false, sizeof l.text);
	log_end(&l);
	errno = saved;
}
