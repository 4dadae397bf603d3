// SPDX-License-Identifier: ISC
/*
 * A request for the metrics of a queue.  A whole request gets one reply, whose body is as long as
 * its header announces; the metrics are for GET of their path alone.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fence.h"
#include "base/landlock.h"

static int request_fd;
static FILE *reply;

#define fence_calls() ((void)0)
#define landlock_enforce(rules) 0
#undef STDIN_FILENO
#undef STDOUT_FILENO
#undef stdout
#define STDIN_FILENO request_fd
#define STDOUT_FILENO request_fd
#define stdout reply
#include "tools/queue/http.c"

#include "tests/fuzz/folder.h"

static void
check(struct slice text, bool head, bool metrics)
{
	const struct slice length = SL("Content-Length: ");
	const char *end = memmem(text.p, text.n, "\r\n\r\n", 4);
	const char *at = memmem(text.p, text.n, length.p, length.n);
	struct slice rest, body;
	uint64_t n;

	must(slice_has_prefix(text, SL("HTTP/1.0 ")) && end && at && at < end);
	body = slice_skip(text, (size_t)(end + 4 - text.p));
	rest = slice_skip(text, (size_t)(at - text.p) + length.n);
	must(slice_uint(slice_cut(rest, '\r', &rest), UINT32_MAX, &n));
	must(body.n == n || (head && body.n == 0));
	must(metrics == (text.p[9] == '2'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tool tool = { .http = true };
	const struct slice request = slice_of((const char *)data, size);
	const bool head = slice_has_prefix(request, SL("HEAD "));
	const bool get = head || slice_has_prefix(request, SL("GET "));
	const struct slice target = slice_skip(request, head ? 5 : 4);
	char *text = NULL;
	size_t n = 0;
	int pair[2];

	tool.queue = *folder_get();
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	reply = open_memstream(&text, &n);
	must(reply != NULL);
	if (size < 60000)
		must(send(pair[1], request.p, request.n, 0) == (ssize_t)request.n);
	must(shutdown(pair[1], SHUT_WR) == 0);
	request_fd = pair[0];
	(void)tool_stats(&tool);
	must(fclose(reply) == 0);
	if (n > 0)
		check(slice_of(text, n), head, get && (slice_has_prefix(target, SL("/metrics ")) ||
		    slice_has_prefix(target, SL("/metrics?"))));
	free(text);
	(void)close(pair[0]);
	(void)close(pair[1]);
	return 0;
}
