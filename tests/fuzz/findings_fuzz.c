// SPDX-License-Identifier: ISC
/*
 * The findings of a day as another user may have written them: what is read can be written, and
 * becomes XML without foreign markup.  The first line is the record of a policy.
 */
#include <string.h>

#include "auth/rua.h"
#include "reports/feedback.h"
#include "tests/fuzz/fuzz.h"

static void
check_places(struct slice list)
{
	struct rua rua;

	for (int i = 0; i < 100 && rua_next(&list, &rua); i++) {
		must(strlen(rua.address) < sizeof rua.address);
		must(rua.domain > rua.address && rua.domain[-1] == '@');
		must(!strpbrk(rua.address, " \t\r\n<>\"(),:;\\"));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size), file;
	struct feedback f = {
		.organization = "a & b", .contact = "r@example.org", .generator = "x",
		.id = SL("1@example.org"), .begin_s = 86400, .end_s = 172799,
	};
	struct gzip *g = gzip_new();
	struct sums s;

	must(g != NULL);
	(void)dmarc_read(slice_cut(text, '\n', &text), &f.record);
	check_places(f.record.rua);
	must(sums_count(&s, text) == 0);
	for (size_t i = 0; i < s.n; i += f.n) {
		f.n = sums_group(&s, i);
		must(f.n > 0);
		f.rows = &s.rows[i];
		f.domain = s.rows[i].policy;
		feedback_write(&f, g);
	}
	must(gzip_end(g, &file) == 0 && file.n > 18);
	gzip_free(g);
	sums_done(&s);
	return 0;
}
