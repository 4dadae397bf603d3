// SPDX-License-Identifier: ISC
/*
 * The Received field: a line each for the address of the client, its name in EHLO, the name that a
 * proxy gives it, and the recipient.  Whatever they hold, it is one field of short lines.
 */
#include <string.h>

#include "base/utf8.h"
#include "message/field.h"
#include "message/trace.h"
#include "tests/fuzz/fuzz.h"

static void
check_field(struct slice text)
{
	struct slice rest = text, line;
	struct field f;

	must(text.n > 2 && text.p[text.n - 1] == '\n' && utf8_valid(text));
	must(field_next(&rest, FIELD_TO_BROKEN_LINE, &f) && rest.n == 0);
	must(field_is(&f, SL("Received")) && f.octets.n == text.n);
	while (text.n) {
		line = slice_cut(text, '\n', &text);
		must(line.n > 1 && line.n <= 999 && line.p[line.n - 1] == '\r');
		for (size_t i = 0; i + 1 < line.n; i++)
			must((unsigned char)line.p[i] >= ' ' || (i == 0 && line.p[i] == '\t'));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tls_facts tls = { .version = "TLSv1.3", .cipher = "C", .client = "aa" };
	struct slice rest = slice_of((const char *)data + 1, size ? size - 1 : 0), line;
	struct peer peer = { .kind = PEER_PIPE, .text = "uid 1" };
	struct trace t = {
		.hostname = S("mx.example"), .protocol = S("ESMTP"), .id = S("ID"), .peer = &peer,
	};
	char space[TRACE_MAX];
	struct buf b = BUF(space);
	struct smtp_path to;

	if (size == 0)
		return 0;
	(void)peer_set(&peer, slice_cut(rest, '\n', &rest));
	t.helo = slice_cut(rest, '\n', &rest);
	t.name = slice_cut(rest, '\n', &rest);
	line = slice_cut(rest, '\n', &rest);
	/* As long as the protocol lets them be. */
	if (t.helo.n > 1000 || t.name.n > 1000)
		return 0;
	if (smtp_path_parse_whole(line, SMTP_PATH_TOLERANT, &to))
		t.recipient = &to;
	t.time_s = data[0] & 1 ? 1763787773 : 0;
	t.tls = data[0] & 2 ? &tls : NULL;
	trace_received(&b, &t);
	must(!b.full);
	check_field(buf_slice(&b));
	return 0;
}
