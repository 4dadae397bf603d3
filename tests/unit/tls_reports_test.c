// SPDX-License-Identifier: ISC
#include "policy/tls_result.h"
#include "reports/tls_rua.h"
#include "reports/tls_sums.h"
#include "runner/tls_results.h"
#include "tests/lib/tap.h"

#define HEAD "2026-11-28T01:02:03Z a.example sts success "
#define REST "mx.a.example 192.0.2.1 2001:db8::2\t"

static const struct {
	const char *line;
	bool good;
	const char *name;
} lines[] = {
	{ HEAD REST "mode: enforce|\t", true, "a line" },
	{ HEAD "- - -\t\t", true, "nothing is known" },
	{ HEAD REST "\tfailed: 1 2 3", true, "a reason with blanks" },
	{ HEAD REST "\ta\tb", false, "a third tab" },
	{ HEAD "mx 192.0.2.1 192.0.2.2 x\t\t", false, "a word too many" },
	{ "2026-11-28 a.example sts success " REST "\t", false, "no time" },
	{ "2026-11-28T01:02:03Z a..example sts success " REST "\t", false, "no domain" },
	{ "2026-11-28T01:02:03Z a.example dane success " REST "\t", false, "an unknown policy" },
	{ "2026-11-28T01:02:03Z a.example sts fine " REST "\t", false, "an unknown result" },
	{ HEAD REST "\xc3\xa4\t", false, "an octet above 127" },
	{ HEAD REST "\x1b[2J\t", false, "a control character" },
	{ "", false, "an empty line" },
};

static void
test_lines(void)
{
	struct tls_result_line l;

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		ok(tls_result_read(slice_str(lines[i].line), &l) == lines[i].good, "line: %s",
		    lines[i].name);
}

static struct tls_result session = {
	.policy = TLS_RESULT_TLSA, .result = TLS_RESULT_EXPIRED, .mx = "mx.a.example",
	.ours = "192.0.2.1", .theirs = "192.0.2.2",
};

static void
test_round(void)
{
	char space[TLS_RESULT_LINE_MAX], full[sizeof session.text];
	struct buf b = BUF(space);
	struct tls_result_line l;
	struct tls_result s = session;

	tls_result_add_text(&s, SL("3 1 1 00|FF"));
	tls_result_add_text(&s, SL("a\tb\xff"));
	tls_result_set_reason(&s, SL("its name\nis wrong"));
	ok(tls_result_valid(&s), "a session is valid");
	tls_result_write(&b, &s, SL("A.Example"), 1795827723);
	ok(!b.full && b.p[b.n - 1] == '\n' &&
	    tls_result_read(slice_of(b.p, b.n - 1), &l), "and what is written is read");
	ok(slice_eq(l.domain, SL("a.example")) && l.policy == TLS_RESULT_TLSA &&
	    l.result == TLS_RESULT_EXPIRED && slice_eq(l.mx, SL("mx.a.example")) &&
	    slice_eq(l.ours, SL("192.0.2.1")) && slice_eq(l.theirs, SL("192.0.2.2")),
	    "with all its words");
	ok(slice_eq(l.text, SL("3 1 1 00?FF|a?b?|")) &&
	    slice_eq(l.reason, SL("its name?is wrong")), "and with its texts, which are printable");
	memset(full, 'x', sizeof full);
	s.text[0] = '\0';
	tls_result_add_text(&s, slice_of(full, sizeof full - 1));
	ok(s.text[0] == '\0', "a line of a policy that does not fit is left out");
	tls_result_add_text(&s, slice_of(full, sizeof full - 2));
	ok(strlen(s.text) == sizeof s.text - 1, "one that just fits is kept");
	tls_result_set_reason(&s, slice_of(full, sizeof full));
	ok(strlen(s.reason) == sizeof s.reason - 1, "a long reason is cut");
	b.n = 0;
	memset(s.mx, 'm', sizeof s.mx - 1);
	tls_result_write(&b, &s, SL("a.example"), 1795827723);
	ok(!b.full && tls_result_read(slice_of(b.p, b.n - 1), &l), "the longest line fits");
}

static void
test_record(void)
{
	static const struct {
		const char *text;
		const char *places[4];
		const char *name;
	} cases[] = {
		{ "v=TLSRPTv1; rua=mailto:a@b.example", { "a@b.example" }, "an address" },
		{ "v=TLSRPTv1;rua=https://B.example/x?y=1;", { "https://b.example/x?y=1" },
		  "a web server" },
		{ "v=TLSRPTv1; rua=mailto:a@b.example, https://b.example:443/",
		  { "a@b.example", "https://b.example/" }, "both" },
		{ "v=TLSRPTv1; rua=https://b.example", { "https://b.example/" }, "no path" },
		{ "v=TLSRPTv1; x=y; rua=ftp://b.example/,mailto:c@d.example", { "c@d.example" },
		  "an unknown scheme is left out" },
		{ "v=TLSRPTv1; rua=mailto:a@b.example,mailto:A@B.example,https://b.example,"
		  "https://B.example/,mailto:c@b.example",
		  { "a@b.example", "https://b.example/", "c@b.example" },
		  "a place that is named twice" },
		{ "v=TLSRPTv1; rua=http://b.example/", { NULL }, "no TLS" },
		{ "v=TLSRPTv1; rua=https://b.example:25/", { NULL }, "another port" },
		{ "v=TLSRPTv1; rua=https://192.0.2.1/", { NULL }, "an address for a name" },
		{ "v=TLSRPTv1; rua=https://a@b.example/", { NULL }, "a user" },
		{ "v=TLSRPTv1; rua=https://b.example/a b", { NULL }, "a blank" },
		{ "v=TLSRPTv1; rua=https://b.example/#x", { NULL }, "a fragment" },
		{ "v=TLSRPTv1; rua=mailto:a b@c.example", { NULL }, "no address" },
		{ "v=TLSRPTv1; rua=", { NULL }, "no place" },
		{ "v=TLSRPTv1;", { NULL }, "no rua" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		static struct tls_rua p;
		bool same = tls_rua_is_record(slice_str(cases[i].text));
		size_t n = 0;

		tls_rua_read(slice_str(cases[i].text), &p);
		for (; cases[i].places[n]; n++)
			same = same && n < p.n && strcmp(cases[i].places[n], p.list[n].url[0] ?
			    p.list[n].url : p.list[n].mail.address) == 0;
		ok(same && n == p.n, "record: %s", cases[i].name);
	}
	ok(!tls_rua_is_record(SL("v=TLSRPTv1")) && !tls_rua_is_record(SL("v=TLSRPTv10; ")) &&
	    !tls_rua_is_record(SL("v=spf1 -all")) && !tls_rua_is_record(SL("")),
	    "what is no record");
}

static void
test_sums(void)
{
	static const char text[] =
	    "2026-11-28T01:02:03Z b.example sts success mx 1 2\tx|\t\n"
	    "2026-11-28T01:02:03Z a.example sts certificate-expired mx 1 2\tx|\told\n"
	    "garbage\n"
	    "2026-11-28T01:02:04Z a.example sts success mx 1 2\tx|\t\n"
	    "2026-11-28T01:02:05Z a.example sts certificate-expired mx 1 2\tx|\told\n"
	    "2026-11-28T01:02:05Z a.example sts certificate-expired mx 1 3\tx|\told\n"
	    "2026-11-28T01:02:05Z a.example tlsa success mx 1 2\ty|\t\n"
	    "2026-11-28T01:02:05Z a.exam";
	struct tls_sums s;

	ok(tls_sums_read(&s, slice_str(text)) == 0 && s.n == 6 && s.bad == 2,
	    "lines are read, others are counted");
	ok(tls_sums_domain(s.rows, s.n) == 5 && tls_sums_policy(s.rows, 5) == 4,
	    "by domain, by policy");
	ok(tls_sums_failure(s.rows, 4) == 1 && tls_sums_failure(s.rows + 1, 3) == 2,
	    "success first, then each failure");
	tls_sums_done(&s);
}

int
main(void)
{
	test_lines();
	test_round();
	test_record();
	test_sums();
	return tap_done();
}
