// SPDX-License-Identifier: ISC
/*
 * A whole session on a socket pair, from the greeting to its end, with a queue and a filter.  The
 * first octet chooses the role of the server, whether there is a filter, and whether the client has
 * a pipe.  Then follow the octets of the client, an octet 255, and those of the filter.
 *
 * Each reply is well-formed.  A message is in the queue, whole, if its client got a 250 with its
 * ID, and only then.
 */
#include <dirent.h>

#include "session/milter_link.c"
#define greet greet_filters
#include "session/milters.c"
#undef greet
/* The mains are in no library. */
int handler_main(int argc, char **argv);
#define main handler_main
#include "smtp-handler.c"
#undef main

#include <sys/mman.h>
#include <sys/socket.h>

#include "base/log.h"
#include "message/field.h"
#include "queue/run.h"
#include "session/sandbox.h"
#include "tests/fuzz/folder.h"

#define MAX	 8192
#define ROOM	 (32 << 20)	/* for replies that nobody reads yet */
#define MESSAGES 64

static struct config roles[4];

/* ---- what a fuzzer must not enter or change ---- */

struct sandbox_errors
sandbox_session(const struct sandbox *s)
{
	(void)s;
	return (struct sandbox_errors){ 0, 0 };
}

struct sandbox_errors
sandbox_parent(const struct sandbox *s, enum sandbox_parent kind)
{
	(void)s, (void)kind;
	return (struct sandbox_errors){ 0, 0 };
}

void
sandbox_foresee(const struct sandbox *s)
{
	(void)s;
}

volatile sig_atomic_t signals_stop, signals_reload;

void
signals_keep_reload(void)
{
}

int
signals_catch(enum signals_for whom)
{
	(void)whom;
	return -1;
}

void
signals_forget_admission(void)
{
}

void
signals_await_admission(int fd, int wait_ms)
{
	(void)fd;
	(void)wait_ms;
}

void
signals_drain(int fd)
{
	(void)fd;
}

/* ---- the log, of which only the form is tested ---- */

void
log_open(const char *name)
{
	(void)name;
}

void
log_to_system(void)
{
}

void
log_seal(void)
{
}

bool
log_on_stderr(void)
{
	return true;
}

void
log_begin(struct log_line *l, enum log_level level, const char *event)
{
	l->level = level;
	must(event && *event);
}

void
log_str(struct log_line *l, const char *key, struct slice value)
{
	must(l->level >= LOG_LEVEL_ERROR && key && (value.p || value.n == 0));
}

void
log_uint(struct log_line *l, const char *key, uint64_t value)
{
	(void)value;
	must(l->level >= LOG_LEVEL_ERROR && key);
}

void
log_end(struct log_line *l)
{
	must(l->level >= LOG_LEVEL_ERROR);
}

void
log_text(enum log_level level, const char *format, ...)
{
	char text[2000];
	va_list ap;

	va_start(ap, format);
	must(vsnprintf(text, sizeof text, format, ap) > 0 && level >= LOG_LEVEL_ERROR);
	va_end(ap);
}

/* ---- the set-up ---- */

static void
count_mistake(void *ctx, const char *file, unsigned line, const char *text)
{
	(void)ctx;
	(void)fprintf(stderr, "%s:%u: %s\n", file, line, text);
}

static void
load_role(struct config *ret, const char *lines)
{
	static const struct config_report report = { count_mistake, NULL };
	const int fd = memfd_create("config", MFD_CLOEXEC);
	char path[40];

	must(fd >= 0);
	(void)dprintf(fd, "[queue]\ndirectory = %s\nmin-free = 0\n[server]\nhostname = mx.example\n"
	    "max-message-size = 64K\nmax-errors = 100\nmax-recipients = 100\n%s\n"
	    "[route local.example]\nvia = discard\naccept = anyone\nsubaddress = +\n"
	    "[route gone.example]\nvia = reject:This domain has moved\naccept = anyone\n",
	    folder_path, lines);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	must(config_load(ret, path, NULL, 0, &report) == 0);
	(void)close(fd);
}

static void
set_up(void)
{
	const struct start start = { .rfd = -1, .wfd = -1, .print_fd = -1, .remark_fd = -1 };

	if (roles[0].queue.directory)
		return;
	(void)folder_get();
	load_role(&roles[0], "milter = unix:/filter");
	load_role(&roles[1], "syntax = strict\nbare-newline = normalize\ntrusted =");
	load_role(&roles[2], "role = lmtp\nmilter-on-failure = accept");
	load_role(&roles[3], "role = submission\nxclient = local");
	confine_session(&(struct confinement){
	    .config = &roles[0], .options = &options, .start = &start });
}

/* A filter whose answers are there already. */
static int
open_filter(struct slice answers)
{
	int pair[2];
	struct milter_link *l = &links[0];

	nlinks = 1;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &(int){ ROOM }, sizeof(int));
	must(send(pair[1], answers.p, answers.n, 0) == (ssize_t)answers.n &&
	    shutdown(pair[1], SHUT_WR) == 0);
	l->fd = pair[0];
	l->place = (struct milter_place){ .text = SL("unix:/filter") };
	l->trouble = NULL;
	l->session_over = l->message_over = l->skips_body = l->in_message = l->reported = false;
	l->out = (struct buf)BUF(l->space_out);
	l->unread = slice_of(l->space_in, 0);
	milter_begin(&l->milter);
	return pair[1];
}

/* ---- what must hold ---- */

static char replies[1 << 20];

static struct slice
read_replies(int fd)
{
	size_t n = 0;
	ssize_t got;

	while ((got = recv(fd, replies + n, sizeof replies - n, MSG_DONTWAIT)) > 0)
		n += (size_t)got;
	return slice_of(replies, n);
}

/* The IDs of messages that are acknowledged. */
static size_t
take_ids(struct slice rest, struct slice ids[MESSAGES])
{
	const struct slice queued = SL("queued as ");
	size_t n = 0;

	while (rest.n) {
		const struct slice line = slice_cut(rest, '\n', &rest);
		const char *at = memmem(line.p, line.n, queued.p, queued.n);

		must(line.n >= 5 && line.p[line.n - 1] == '\r' && line.p[0] >= '2' &&
		    line.p[0] <= '5' && (line.p[3] == ' ' || line.p[3] == '-'));
		if (at && slice_has_prefix(line, SL("250 ")) && n < MESSAGES)
			ids[n++] = slice_of(at + queued.n, QUEUE_ID_SIZE - 1);
	}
	return n;
}

static bool
has_id(const struct slice *ids, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(ids[i], slice_str(name)))
			return true;
	return false;
}

static size_t
take_messages(const struct queue *q, const struct slice *ids, size_t nids)
{
	const int fd = openat(q->fresh, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	const struct dirent *entry;
	struct queue_entry e;
	size_t n = 0;

	must(d != NULL);
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		must(nids == MESSAGES || has_id(ids, nids, entry->d_name));
		must(queue_load_open(openat(q->fresh, entry->d_name, O_RDWR | O_CLOEXEC),
		    entry->d_name, NULL, &e) == 0);
		must(e.nrcpts > 0 && queue_entry_valid(&e));
		queue_unload(&e);
		(void)unlinkat(q->fresh, entry->d_name, 0);
		n++;
	}
	(void)closedir(d);
	return n;
}

/* Nothing is left of messages that were not acknowledged. */
static void
check_rest(const struct queue *q)
{
	const int fd = openat(q->tmp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	const struct dirent *entry;

	must(d != NULL);
	while ((entry = readdir(d)))
		must(!queue_is_id(entry->d_name));
	(void)closedir(d);
}

static void
check(int client, bool filter, bool lmtp)
{
	struct slice ids[MESSAGES];
	const size_t acknowledged = take_ids(read_replies(client), ids);
	const size_t queued = take_messages(&folder_queue, ids, acknowledged);

	/* A filter may have a message discarded. */
	must(filter || (acknowledged == 0) == (queued == 0));
	must(filter || lmtp || acknowledged == queued || acknowledged == MESSAGES);
	check_rest(&folder_queue);
}

/* ---- an input ---- */

static void
open_client(struct slice octets, bool pipes, struct start *start, int *ret)
{
	int pair[2], ends[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &(int){ ROOM }, sizeof(int));
	start->rfd = start->wfd = pair[0];
	*ret = pair[1];
	if (pipes) {
		must(pipe2(ends, O_CLOEXEC) == 0 &&
		    write(ends[1], octets.p, octets.n) == (ssize_t)octets.n);
		(void)close(ends[1]);
		start->rfd = ends[0];
	} else {
		must(send(pair[1], octets.p, octets.n, 0) == (ssize_t)octets.n);
	}
	must(shutdown(pair[1], SHUT_WR) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct start start = { .print_fd = -1, .remark_fd = -1 };
	struct slice answers, octets;
	int client, filter = -1;
	bool lmtp;

	if (size == 0 || size > MAX)
		return 0;
	set_up();
	octets = slice_cut(slice_of((const char *)data + 1, size - 1), '\377', &answers);
	config = roles[data[0] & 3];
	lmtp = config.server.role == ROLE_LMTP;
	memset(&session, 0, sizeof session);
	memset(&now, 0, sizeof now);
	nlinks = 0;
	if (data[0] & 4)
		filter = open_filter(answers);
	open_client(octets, data[0] & 8, &start, &client);
	serve(&start);
	if (filter >= 0)
		(void)close(filter);
	if (start.rfd != start.wfd)
		(void)close(start.rfd);
	(void)close(start.wfd);
	check(client, filter >= 0, lmtp);
	(void)close(client);
	return 0;
}
