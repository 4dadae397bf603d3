// SPDX-License-Identifier: ISC
#include "policy/sts.h"

#include <stdlib.h>

#include "base/clock.h"
#include "policy/sts_record.h"
#include "tests/lib/tap.h"

#define V   "version: STSv1\n"
#define NOW INT64_C(1800000000)

static void
test_ids(void)
{
	static const struct {
		const char *record, *id;
	} cases[] = {
		{ "v=STSv1; id=20160831085700Z;", "20160831085700Z" },
		{ "v=STSv1; id=1", "1" },
		{ "v=STSv1;id=1;", "1" },
		{ "v=STSv1 ; new=x; id = 1 ;", "1" },
		{ "v=STSv1; id=12345678901234567890123456789012",
		  "12345678901234567890123456789012" },
		{ "v=STSv1; id=123456789012345678901234567890123", "" },
		{ "v=STSv1; id=;", "" },
		{ "v=STSv1; id=a-b", "" },
		{ "v=STSv1;", "" },
		{ "v=STSv1", "" },
		{ "v=STSv2; id=1", "" },
		{ "v=STSv10; id=1", "" },
		{ "id=1; v=STSv1", "" },
		{ "v=spf1 -all", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ok(slice_eq(sts_id(slice_str(cases[i].record)), slice_str(cases[i].id)), "%s",
		    cases[i].record);
}

static void
test_announced(void)
{
	static char one[] = "v=STSv1; id=1;", two[] = "v=STSv1; id=2", spf[] = "v=spf1 -all",
	    next[] = "v=STSv10; id=3", bad[] = "v=STSv1; id=a-b";
	const struct {
		const char *name;
		char *texts[2];
		const char *id;
	} cases[] = {
		{ "one", { one, NULL }, "1" },
		{ "one beside another text", { spf, one }, "1" },
		{ "one beside another version", { next, one }, "1" },
		{ "two", { one, two }, "" },
		{ "one without an id first", { bad, one }, "" },
		{ "none", { spf, NULL }, "" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct dns_record records[] = {
			{ .type = DNS_TXT, .text = cases[i].texts[0] },
			{ .type = DNS_TXT, .text = cases[i].texts[1] },
		};

		ok(slice_eq(sts_announced(records, cases[i].texts[1] ? 2 : 1),
		    slice_str(cases[i].id)), "announced: %s", cases[i].name);
	}
	ok(sts_announced(NULL, 0).n == 0, "announced: no record");
}

static void
test_policies(void)
{
	static const struct {
		const char *name, *text;
		bool good;
		enum sts_mode mode;
		uint32_t age_s;
	} cases[] = {
		{ "CRLF", "version: STSv1\r\nmode: enforce\r\nmx: a.example\r\nmx: *.b.example\r\n"
		  "max_age: 604800\r\n", true, STS_ENFORCE, 604800 },
		{ "LF, no end, other order",
		  "mode: testing\nmx: mail.example.com\nmax_age: 86400\nversion: STSv1",
		  true, STS_TESTING, 86400 },
		{ "blanks", "version:STSv1 \nmode:\tenforce\t\nmx:  a.example \nmax_age :1\n",
		  true, STS_ENFORCE, 1 },
		{ "the first value counts", V "mode: none\nmode: enforce\nmax_age: 5\n"
		  "max_age: 6\n", true, STS_NONE, 5 },
		{ "unknown keys", V "mode: none\nnew: x\n\n# y\nmax_age: 5\n",
		  true, STS_NONE, 5 },
		{ "none without mx", V "mode: none\nmax_age: 5\n", true, STS_NONE, 5 },
		{ "too old", V "mode: none\nmax_age: 31557601\n", true, STS_NONE,
		  STS_AGE_MAX_S },
		{ .name = "enforce without mx", .text = V "mode: enforce\nmax_age: 5\n" },
		{ .name = "no name in mx", .text = V "mode: enforce\nmx: *\nmax_age: 5\n" },
		{ .name = "no version", .text = "mode: none\nmax_age: 5\n" },
		{ .name = "another version", .text = "version: STSv2\nmode: none\nmax_age: 5\n" },
		{ .name = "no mode", .text = V "max_age: 5\n" },
		{ .name = "another mode", .text = V "mode: Enforce\nmax_age: 5\n" },
		{ .name = "no max_age", .text = V "mode: none\n" },
		{ .name = "a negative max_age", .text = V "mode: none\nmax_age: -1\n" },
		{ .name = "a max_age with a word", .text = V "mode: none\nmax_age: 1d\n" },
		{ .name = "HTML", .text = "<!DOCTYPE html>\n<html>not found</html>\n" },
		{ .name = "nothing", .text = "" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char space[200];
		struct buf why = BUF(space);
		struct sts_policy p;
		const bool good = sts_parse(slice_str(cases[i].text), &p, &why);

		ok(good == cases[i].good && (why.n > 0) == !good, "%s: %s", cases[i].name,
		    buf_cstr(&why));
		if (good)
			ok(p.mode == cases[i].mode && p.max_age_s == cases[i].age_s,
			    "%s: its values", cases[i].name);
	}
}

static void
test_size(void)
{
	char *text = calloc(1, STS_TEXT_MAX + 2), space[200];
	struct buf why = BUF(space);
	struct sts_policy p;

	memset(text, '\n', STS_TEXT_MAX + 1);
	memcpy(text, V "mode: none\nmax_age: 5\n", 37);
	ok(sts_parse(slice_of(text, STS_TEXT_MAX), &p, &why), "64 KiB");
	ok(!sts_parse(slice_of(text, STS_TEXT_MAX + 1), &p, &why), "one octet more");
	free(text);
}

static void
test_matches(void)
{
	static const struct {
		const char *pattern, *name;
		bool allowed;
	} cases[] = {
		{ "mail.example.com", "mail.example.com", true },
		{ "MAIL.Example.com", "mail.example.COM", true },
		{ "mail.example.com.", "mail.example.com", true },
		{ "mail.example.com", "mail2.example.com", false },
		{ "mail.example.com", "a.mail.example.com", false },
		{ "example.com", "ample.com", false },
		{ "*.example.com", "mail.example.com", true },
		{ "*.example.com", "example.com", false },
		{ "*.example.com", "a.b.example.com", false },
		{ "*.example.com", ".example.com", false },
		{ "*.example.com", "mailexample.com", false },
		{ "*.com", "example.com", true },
		{ "m*.example.com", "mail.example.com", false },
		{ ".example.com", "mail.example.com", false },
		{ "xn--bcher-kva.example", "xn--bcher-kva.example", true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[300];
		const struct sts_policy p = {
			.text = slice_of(text, (size_t)snprintf(text, sizeof text,
			    "mx: other.example\r\nmx: %s\r\n", cases[i].pattern)),
		};

		ok(sts_allows(&p, slice_str(cases[i].name)) == cases[i].allowed, "%s and %s: %s",
		    cases[i].pattern, cases[i].name, cases[i].allowed ? "yes" : "no");
	}
}

static const char text[] = V "mode: enforce\nmx: a.example\nmax_age: 604800\n";

static struct sts_record
record_of(int64_t fetched_s, int64_t expires_s, int64_t failed_s)
{
	struct sts_record r = {
		.id = SL("1"), .fetched_s = fetched_s, .expires_s = expires_s,
		.failed_s = failed_s, .reason = SL("404\nNot: found"), .has_policy = true,
	};
	char space[200];
	struct buf why = BUF(space);

	(void)sts_parse(slice_str(text), &r.policy, &why);
	return r;
}

static void
test_files(void)
{
	const struct sts_record r = record_of(NOW, NOW + 604800, NOW + 10);
	struct sts_record back, failure = {
		.failed_s = NOW, .failure = STS_FAILURE_CERTIFICATE, .reason = SL("no host"),
	};
	char space[1000];
	struct buf b = BUF(space);

	sts_record_write(&b, &r);
	ok(sts_record_read(buf_slice(&b), &back) && slice_eq(back.id, r.id) && back.has_policy &&
	    back.fetched_s == NOW && back.expires_s == NOW + 604800 && back.failed_s == NOW + 10 &&
	    slice_eq(back.reason, SL("404 Not: found")) && back.policy.mode == STS_ENFORCE &&
	    slice_eq(back.policy.text, slice_str(text)), "a record comes back from its text");
	ok(slice_has_prefix(buf_slice(&b), SL("id: 1\nfetched: 2027-01-15T08:00:00Z\n")),
	    "it is readable");
	for (size_t n = 0; n < 4; n++)
		ok(!sts_record_read(slice_of(space, n), &back), "%zu octets of it are none", n);
	b.n = 0;
	sts_record_write(&b, &failure);
	ok(sts_record_read(buf_slice(&b), &back) && !back.has_policy && back.failed_s == NOW &&
	    back.failure == STS_FAILURE_CERTIFICATE && !sts_record_live(&back, NOW),
	    "a failure alone");
	ok(sts_record_read(SL("failed: 2027-01-15T08:00:00Z no host\nfailure: moon\n\n"), &back) &&
	    back.failure == STS_FAILURE_FETCH, "a failure of another release");
	ok(!sts_record_read(SL("fetched: yesterday\n\nversion: STSv1\n"), &back), "no time");
	ok(!sts_record_read(SL("id: 1\nfetched: 2027-01-15T08:00:00Z\n\nversion: STSv1\n"
	    "mode: none\nmax_age: 5\n"), &back), "a policy without its end");
	ok(!sts_record_read(SL("id: a/b\n\nversion: STSv1\n"), &back), "no id");
}

static void
test_due(void)
{
	static const struct {
		const char *name, *id;
		int64_t fetched_s, expires_s, failed_s, at_s;
		bool due;
	} cases[] = {
		{ "fresh", "1", NOW, NOW + 604800, 0, NOW + 10, false },
		{ "fresh, no TXT", "", NOW, NOW + 604800, 0, NOW + 10, false },
		{ "a new id", "2", NOW, NOW + 604800, 0, NOW + 10, true },
		{ "a day old", "1", NOW, NOW + 604800, 0, NOW + 86400, true },
		{ "a day old, no TXT", "", NOW, NOW + 604800, 0, NOW + 86400, true },
		{ "half of a short time", "1", NOW, NOW + 1000, 0, NOW + 500, true },
		{ "less than half", "1", NOW, NOW + 1000, 0, NOW + 499, false },
		{ "over", "1", NOW, NOW + 1000, 0, NOW + 1000, true },
		{ "over, no TXT", "", NOW, NOW + 1000, 0, NOW + 1000, false },
		{ "a failure an hour ago", "2", NOW, NOW + 604800, NOW + 10, NOW + 3610, true },
		{ "a failure before", "2", NOW, NOW + 604800, NOW + 10, NOW + 3609, false },
		{ "over, a failure 5 min ago", "1", NOW, NOW + 1, NOW + 10, NOW + 310, true },
		{ "over, a failure before", "1", NOW, NOW + 1, NOW + 10, NOW + 309, false },
		{ "a failure in the future", "2", NOW, NOW + 604800, NOW + 99, NOW + 10, true },
		{ "fetched in the future", "1", NOW + 99, NOW + 604800, 0, NOW + 10, true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct sts_record r =
		    record_of(cases[i].fetched_s, cases[i].expires_s, cases[i].failed_s);

		ok(sts_record_due(&r, slice_str(cases[i].id), cases[i].at_s) == cases[i].due,
		    "%s: %s", cases[i].name, cases[i].due ? "due" : "not due");
	}
	ok(sts_record_due(&(struct sts_record){ 0 }, SL("1"), NOW), "nothing is known: due");
	ok(!sts_record_due(&(struct sts_record){ 0 }, SL(""), NOW), "no record, nothing known");
}

int
main(void)
{
	test_ids();
	test_announced();
	test_policies();
	test_size();
	test_matches();
	test_files();
	test_due();
	return tap_done();
}
