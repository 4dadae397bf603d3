// SPDX-License-Identifier: ISC
/*
 * The result of a session of TLS, from a worker that a host may have taken over.  One that is valid
 * becomes a line, which is read as the same result.  The rest of the input is a policy and a reason
 * as hosts give them.
 */
#include <string.h>

#include "policy/tls_result.h"
#include "tests/fuzz/fuzz.h"

static void
write_and_read(const struct tls_result *s)
{
	char space[TLS_RESULT_LINE_MAX];
	struct buf b = BUF(space);
	struct tls_result_line line;

	tls_result_write(&b, s, SL("A.example"), 1763787773);
	must(!b.full && b.n && b.p[b.n - 1] == '\n' && memchr(b.p, '\n', b.n) == b.p + b.n - 1);
	must(tls_result_read(slice_of(b.p, b.n - 1), &line));
	must(line.policy == s->policy && line.result == s->result &&
	    slice_eq(line.domain, SL("a.example")) && line.time_s == 1763787773);
	must(slice_eq(line.mx, slice_str(s->mx)) && slice_eq(line.ours, slice_str(s->ours)) &&
	    slice_eq(line.theirs, slice_str(s->theirs)));
	must(slice_eq(line.text, slice_str(s->text)) &&
	    slice_eq(line.reason, slice_str(s->reason)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_of((const char *)data, size), lines;
	struct tls_result s = { .policy = TLS_RESULT_NO_POLICY };

	memcpy(&s, data, size < sizeof s ? size : sizeof s);
	if (tls_result_valid(&s))
		write_and_read(&s);
	s = (struct tls_result){ .policy = TLS_RESULT_STS, .mx = "mx.a.example" };
	lines = slice_cut(rest, '\0', &rest);
	while (lines.n)
		tls_result_add_text(&s, slice_cut(lines, '\n', &lines));
	tls_result_set_reason(&s, rest);
	must(tls_result_valid(&s));
	write_and_read(&s);
	return 0;
}
