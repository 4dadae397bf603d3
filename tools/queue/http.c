// SPDX-License-Identifier: ISC
/*
 * smtp-queue stats: print the metrics, or serve one request of HTTP/1.0 on standard input, as
 * systemd hands over a connection (Accept=yes).  The reply ends with the connection.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fence.h"
#include "base/landlock.h"
#include "base/text.h"
#include "tools/queue/stats.h"

#define REQUEST_MAX 8192
#define REQUEST_MS  5000

/* Read up to the empty line after the header.  False if it does not come. */
static bool
read_request(struct buf *b)
{
	const int64_t until_ms = clock_ms() + REQUEST_MS;
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

	for (;;) {
		ssize_t n;

		if (b->n == b->cap || poll(&p, 1, clock_left_ms(until_ms)) <= 0)
			return false;
		n = read(STDIN_FILENO, b->p + b->n, b->cap - b->n);
		if (n <= 0)
			return false;
		b->n += (size_t)n;
		if (memmem(b->p, b->n, "\r\n\r\n", 4) || memmem(b->p, b->n, "\n\n", 2))
			return true;
	}
}

static bool
has_word(struct slice text, const char *word)
{
	return memmem(text.p, text.n, word, strlen(word)) != NULL;
}

static void
put_reply(const char *status, const char *type, const char *body, size_t n)
{
	text_print(stdout, "HTTP/1.0 %s", status);
	(void)fputs("\r\nConnection: close\r\n", stdout);
	text_print(stdout, "Content-Type: %s", type);
	(void)fputs("\r\n", stdout);
	text_print(stdout, "Content-Length: %zu", n);
	(void)fputs("\r\n\r\n", stdout);
	if (body)
		(void)fwrite(body, n, 1, stdout);
}

/* The header of the reply names the format that the client prefers. */
static int
put_metrics(const struct tool *t, struct slice request, bool head)
{
	char *body = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&body, &n);

	if (!out)
		return EX_OSERR;
	stats_put(out, t);
	if (fclose(out) != 0) {
		free(body);
		return EX_OSERR;
	}
	put_reply("200 OK", has_word(request, "application/openmetrics-text")
	    ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
	    : "text/plain; version=0.0.4; charset=utf-8", head ? NULL : body, n);
	free(body);
	return EX_OK;
}

/* A client that stops reading or sends on must not lose the reply to a reset. */
static void
end_connection(void)
{
	const int64_t until_ms = clock_ms() + REQUEST_MS;
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char rest[512];

	(void)fflush(stdout);
	if (shutdown(STDOUT_FILENO, SHUT_WR) < 0)
		return;
	while (poll(&p, 1, clock_left_ms(until_ms)) > 0 && clock_left_ms(until_ms) > 0 &&
	    read(STDIN_FILENO, rest, sizeof rest) > 0)
		;
}

#define FOLDER_RIGHTS                                                                         \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |                         \
	    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                     \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REFER)

/* The folders of the queue are open, and each may be a link to elsewhere. */
static void
put_up_walls(const struct queue *q)
{
	const int folders[] = {
		q->root, q->tmp, q->fresh, q->cur, q->wait, q->hold, q->dead, q->state
	};
	struct landlock l;

	fence_calls();
	landlock_begin(&l, LANDLOCK_NO_TCP | LANDLOCK_SCOPED);
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		landlock_allow(&l, folders[i], FOLDER_RIGHTS);
	(void)landlock_enforce(&l);
}

static int
serve_request(const struct tool *t)
{
	static const char usage[] = "The metrics are at /metrics.\n";
	char space[REQUEST_MAX];
	struct buf b = BUF(space);
	struct slice target, verb;
	int status = EX_OK;

	put_up_walls(&t->queue);
	if (!read_request(&b))
		return EX_OK;
	verb = slice_cut(buf_slice(&b), ' ', &target);
	if (!slice_eq(verb, SL("GET")) && !slice_eq(verb, SL("HEAD")))
		put_reply("405 Method Not Allowed", "text/plain", usage, sizeof usage - 1);
	else if (slice_has_prefix(target, SL("/metrics ")) ||
	    slice_has_prefix(target, SL("/metrics?")))
		status = put_metrics(t, buf_slice(&b), slice_eq(verb, SL("HEAD")));
	else
		put_reply("404 Not Found", "text/plain", usage, sizeof usage - 1);
	end_connection();
	return status;
}

int
tool_stats(struct tool *t)
{
	if (t->http)
		return serve_request(t);
	stats_put(stdout, t);
	return EX_OK;
}
