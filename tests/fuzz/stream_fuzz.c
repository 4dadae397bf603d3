// SPDX-License-Identifier: ISC
/*
 * The reader of lines.  The first octet is the size of the pieces that arrive, the second one the
 * limit of a line.  However the octets arrive, the same lines come out: each octet once, without
 * its line end, and a line that is too long as a whole.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream.h"
#include "tests/fuzz/fuzz.h"

#define MAX 16384

static char once[3 * MAX], pieces[3 * MAX];
static struct stream s;

/* Take all lines that are there; false at the end. */
static bool
take_lines(struct buf *out, size_t max)
{
	for (;;) {
		struct slice line;
		bool crlf;
		int r = stream_line(&s, max, 0, &line, &crlf);

		if (r == -EMSGSIZE) {
			r = stream_skip_line(&s, false, 0);
			buf_str(out, r == 1 ? "L" : "l");
			while (r == -ETIMEDOUT)
				return true;	/* the rest of it follows */
			if (r != 1)
				return false;
			continue;
		}
		if (r != 1)
			return r == -ETIMEDOUT;
		must(line.n < max && !memchr(line.p, '\n', line.n));
		buf_chr(out, crlf ? 'R' : 'N');
		buf_add(out, line);
		buf_chr(out, '\n');
	}
}

static struct slice
read_all(struct slice in, size_t step, size_t max, char *space)
{
	struct buf out = { .p = space, .cap = 3 * MAX };
	int pair[2];
	bool more = true;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	stream_init(&s, pair[0], pair[0]);
	while (in.n && more) {
		const size_t n = in.n < step ? in.n : step;

		must(write(pair[1], in.p, n) == (ssize_t)n);
		in = slice_skip(in, n);
		more = take_lines(&out, max);
	}
	(void)close(pair[1]);
	(void)take_lines(&out, max);
	must(!out.full);
	(void)close(pair[0]);
	return buf_slice(&out);
}

/* The lines by another way: cut at each LF. */
static void
check_lines(struct slice in, size_t max, struct slice got)
{
	struct slice line, want;

	while (in.n && memchr(in.p, '\n', in.n)) {
		bool crlf;

		line = slice_cut(in, '\n', &in);
		must(got.n > 0);
		if (line.n >= max) {
			must(got.p[0] == 'L');
			got = slice_skip(got, 1);
			continue;
		}
		crlf = line.n && line.p[line.n - 1] == '\r';
		must(got.p[0] == (crlf ? 'R' : 'N'));
		line.n -= crlf;
		want = slice_of(got.p + 1, line.n);
		must(got.n >= line.n + 2 && slice_eq(line, want) && got.p[line.n + 1] == '\n');
		got = slice_skip(got, line.n + 2);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in, whole;
	size_t max;

	if (size < 2 || size > MAX)
		return 0;
	in = slice_of((const char *)data + 2, size - 2);
	max = 1U + data[1];
	whole = read_all(in, MAX, max, once);
	check_lines(in, max, whole);
	/* While a line that is too long is dropped piece by piece, its end is not told apart. */
	if (!memchr(whole.p, 'L', whole.n) && !memchr(whole.p, 'l', whole.n))
		must(slice_eq(read_all(in, 1U + data[0], max, pieces), whole));
	else
		(void)read_all(in, 1U + data[0], max, pieces);
	return 0;
}
