// SPDX-License-Identifier: ISC
/*
 * The record of a stranger, then sessions of a day, as they may be in a damaged file: places are
 * clean, and lines become JSON without control characters.  The same octets as a post that waits.
 */
#include <string.h>

#include "fetch/post.h"
#include "reports/tls_feedback.h"
#include "reports/tls_rua.h"
#include "tests/fuzz/fuzz.h"

static void
check_places(struct slice record)
{
	static struct tls_rua p;

	(void)tls_rua_is_record(record);
	tls_rua_read(record, &p);
	must(p.n <= TLS_RUA_MAX);
	for (size_t i = 0; i < p.n; i++) {
		const char *text = p.list[i].url[0] ? p.list[i].url : p.list[i].mail.address;

		must(!strpbrk(text, " \t\r\n<>\"\\"));
		must(!p.list[i].url[0] || strncmp(text, "https://", 8) == 0);
	}
}

static void
check_post(struct slice text)
{
	struct post p;

	if (!post_read(text, &p))
		return;
	must(p.path[0] == '/' && !strpbrk(p.path, "\r\n") && !strpbrk(p.type, "\r\n"));
	must(!strpbrk(p.host, "/:@ \r\n"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size), file;
	struct tls_feedback f = {
		.organization = "a \"b\"", .contact = "r@example.org",
		.id = SL("1@example.org"), .begin_s = 86400, .end_s = 172799,
	};
	struct gzip *g = gzip_new();
	struct tls_sums s;

	must(g != NULL);
	check_post(text);
	check_places(slice_cut(text, '\n', &text));
	must(tls_sums_read(&s, text) == 0);
	for (size_t i = 0; i < s.n; i += f.n) {
		f.n = tls_sums_domain(&s.rows[i], s.n - i);
		must(f.n > 0);
		f.rows = &s.rows[i];
		tls_feedback_write(&f, g);
	}
	must(gzip_end(g, &file) == 0 && file.n > 18);
	gzip_free(g);
	tls_sums_done(&s);
	return 0;
}
