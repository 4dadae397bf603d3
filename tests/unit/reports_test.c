// SPDX-License-Identifier: ISC
#include "auth/finding.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/rua.h"
#include "base/day.h"
#include "reports/letter.h"
#include "reports/places.h"
#include "reports/sent.h"
#include "reports/sums.h"
#include "tests/lib/tap.h"
#include "tests/unit/queue_fixture.h"

#define BEGIN "2026-11-28T01:02:03Z 192.0.2.1 policy=a.example author=b.a.example "
#define PROOF "action=none reason=none dkim=pass spf=fail"

static const struct {
	const char *line;
	bool good;
	const char *name;
} lines[] = {
	{ BEGIN PROOF, true, "a line without senders and signatures" },
	{ BEGIN PROOF " mfrom=c.example/softfail", true, "the result of SPF" },
	{ BEGIN PROOF " helo=c.example/none d.example/s1/pass", true, "a null path" },
	{ BEGIN PROOF " d.example/s1/pass e.example/S.2/policy", true, "two signatures" },
	{ "2026-11-28T01:02:03Z 2001:db8::1 policy=a author=b " PROOF, true, "IPv6" },
	{ "2026-11-28T01:02:03Z 2001:db8:0::1 policy=a author=b " PROOF, false, "long IPv6" },
	{ "2026-11-28T01:02:03Z 192.0.2.1:25 policy=a author=b " PROOF, false, "a port" },
	{ "2026-11-28 192.0.2.1 policy=a.example author=b.a.example " PROOF, false, "no time" },
	{ BEGIN PROOF " ", false, "a blank at the end" },
	{ " " BEGIN PROOF, false, "a blank at the start" },
	{ BEGIN "action=none  reason=none dkim=pass spf=fail", false, "two blanks" },
	{ BEGIN "action=drop reason=none dkim=pass spf=fail", false, "an unknown action" },
	{ BEGIN "action=none reason=x dkim=pass spf=fail", false, "an unknown reason" },
	{ BEGIN "action=none reason=none dkim=none spf=fail", false, "an unknown proof" },
	{ BEGIN "reason=none action=none dkim=pass spf=fail", false, "another order" },
	{ BEGIN PROOF " mfrom=c.example/maybe", false, "an unknown result of SPF" },
	{ BEGIN PROOF " d.example/s/pass mfrom=c.example/pass", false, "SPF behind a signature" },
	{ BEGIN PROOF " d.example/s", false, "a signature without a result" },
	{ BEGIN PROOF " d.<example/s/pass", false, "markup" },
	{ BEGIN PROOF " D.example/s/pass", false, "upper case" },
	{ BEGIN PROOF " d/1/pass d/2/pass d/3/pass d/4/pass d/5/pass d/6/pass d/7/pass d/8/pass",
	    true, "8 signatures" },
	{ BEGIN PROOF " d/1/pass d/2/pass d/3/pass d/4/pass d/5/pass d/6/pass d/7/pass d/8/pass "
	    "d/9/pass", false, "9 signatures" },
	{ "", false, "an empty line" },
};

static void
test_lines(void)
{
	struct finding f;

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		ok(finding_take(slice_str(lines[i].line), &f) == lines[i].good, "%s",
		    lines[i].name);
	ok(finding_take(SL(BEGIN PROOF " helo=c.example/none d.example/s1/pass"), &f) &&
	    f.time_s == 1795827723 && f.null_path && f.dkim && !f.spf && f.nsignatures == 1 &&
	    f.spf_result == SPF_NONE && f.signatures[0].result == DKIM_PASS,
	    "the parts of a line");
	is(f.author, SL("b.a.example"), "the author");
	is(f.signatures[0].selector, SL("s1"), "the selector");
}

static void
test_writing(void)
{
	char space[FINDING_LINE_MAX];
	struct buf b = BUF(space);
	struct finding f = {
		.client = SL("192.0.2.1"), .policy = SL("A.example"), .author = SL("a.example"),
		.action = FINDING_REJECT, .sender = SL("x\ny"), .nsignatures = 2,
		.signatures = { { SL("d example"), SL("s"), DKIM_PASS },
		    { SL("D.example"), SL("S"), DKIM_FAIL } },
	};

	ok(finding_put(&f, &b), "a line is written");
	is(buf_slice(&b), SL("1970-01-01T00:00:00Z 192.0.2.1 policy=a.example author=a.example "
	    "action=reject reason=none dkim=fail spf=fail d.example/S/fail\n"),
	    "names with other octets are left out");
	f.author = SL("a b");
	b.n = 0;
	ok(!finding_put(&f, &b) && b.n == 0, "an author with other octets: no line");
}

static const struct {
	const char *list, *address;
	uint64_t octets;
} places[] = {
	{ "mailto:a@example.org", "a@example.org", 0 },
	{ "MAILTO:a@example.org!10m", "a@example.org", 10 << 20 },
	{ " mailto:a@example.org ! 5k , x", "a@example.org", 5 << 10 },
	{ "mailto:a@example.org!7", "a@example.org", 7 },
	{ "mailto:a@example.org!1T", "a@example.org", UINT64_C(1) << 40 },
	{ "mailto:a@example.org!10x", NULL, 0 },
	{ "mailto:a@example.org!0", NULL, 0 },
	{ "mailto:a@example.org!99999999999999999999k", NULL, 0 },
	{ "mailto:a%21b%2Cc@example.org", NULL, 0 },
	{ "mailto:a%21b@example.org?subject=x", "a!b@example.org", 0 },
	{ "mailto:a%2@example.org", NULL, 0 },
	{ "mailto:a%00@example.org", NULL, 0 },
	{ "mailto:a%0d%0ab@example.org", NULL, 0 },
	{ "mailto:<a@example.org>", NULL, 0 },
	{ "mailto:a..b@example.org", NULL, 0 },
	{ "mailto:@example.org", NULL, 0 },
	{ "mailto:a@localhost", NULL, 0 },
	{ "mailto:a@exa mple.org", NULL, 0 },
	{ "https://example.org/, mailto:b@example.org", "b@example.org", 0 },
	{ "", NULL, 0 },
};

static void
test_places(void)
{
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		struct slice list = slice_str(places[i].list);
		struct rua rua;
		const bool found = rua_next(&list, &rua);

		ok(found == (places[i].address != NULL) && (!found ||
		    (strcmp(rua.address, places[i].address) == 0 &&
		    rua.octets == places[i].octets)), "rua=%s", places[i].list);
	}
}

static void
test_sums(void)
{
	static const char text[] =
	    BEGIN PROOF "\n"
	    "2026-11-28T01:02:04Z 192.0.2.1 policy=b.example author=b " PROOF "\n"
	    "nonsense\n"
	    "2026-11-28T09:00:00Z 192.0.2.1 policy=a.example author=b.a.example " PROOF "\n"
	    "2026-11-28T09:00:00Z 192.0.2.2 policy=a.example author=b.a.example " PROOF "\n"
	    BEGIN PROOF;
	struct sums s;

	ok(sums_count(&s, slice_str(text)) == 0 && s.n == 3 && s.bad == 1 && s.dropped == 0,
	    "equal lines are one row");
	ok(sums_group(&s, 0) == 2 && s.rows[0].count == 3 && s.rows[1].count == 1,
	    "rows of a domain are together");
	is(s.rows[2].policy, SL("b.example"), "the next domain");
	sums_done(&s);
	ok(sums_count(&s, SL("")) == 0 && s.n == 0, "an empty day");
	sums_done(&s);
}

/* ---- consent ---- */

static const struct {
	const char *name, *text;
} zone[] = {
	{ "_dmarc.a.example", "v=DMARC1; rua=mailto:r@a.example, mailto:r@x.a.example, "
	    "mailto:r@other.example, mailto:r@far.example" },
	{ "a.example._report._dmarc.far.example", "v=DMARC1;" },
	{ "_dmarc.far.example", "v=DMARC1" },
	{ "_dmarc.other.example", "v=DMARC1" },
	{ "_dmarc.b.example", "v=DMARC1; rua=mailto:r@far.example" },
	{ "b.example._report._dmarc.far.example", "v=DMARC1; rua=mailto:new@far.example!1m" },
	{ "_dmarc.c.example", "v=DMARC1; rua=mailto:r@far.example" },
	{ "c.example._report._dmarc.far.example", "v=DMARC1; rua=mailto:r@sub.far.example" },
	{ "_dmarc.d.example", "v=DMARC1; rua=mailto:r@far.example" },
	{ "d.example._report._dmarc.far.example", "rua=mailto:r@far.example; v=DMARC1" },
	{ "_dmarc.e.example", "v=DMARC1; rua=mailto:r@far.example" },
	{ "e.example._report._dmarc.far.example", "!" },
	{ "_dmarc.f.example", "!" },
	{ "_dmarc.g.example", "v=DMARC1; p=none" },
};

static const struct auth_answer *
answer(void *ctx, struct slice name, enum auth_type type)
{
	static struct auth_answer answers[64];
	static struct auth_record records[64];
	static size_t turn;
	const size_t n = turn++ % 64;

	(void)ctx;
	(void)type;
	answers[n] = (struct auth_answer){ .status = AUTH_NXDOMAIN, .records = &records[n] };
	for (size_t i = 0; i < sizeof zone / sizeof zone[0]; i++) {
		if (!slice_ieq(slice_str(zone[i].name), name))
			continue;
		records[n].text = slice_str(zone[i].text);
		answers[n].status = zone[i].text[0] == '!' ? AUTH_FAILED : AUTH_FOUND;
		answers[n].n = zone[i].text[0] != '!';
	}
	return &answers[n];
}

static const struct auth_answer *
nothing_known(void *ctx, struct slice name, enum auth_type type)
{
	(void)ctx;
	(void)name;
	(void)type;
	return NULL;
}

static void
test_consent(void)
{
	static const struct {
		const char *domain;
		enum places_state state;
		size_t n;
		const char *last;
	} cases[] = {
		{ "a.example", PLACES_FOUND, 3, "r@far.example" },
		{ "b.example", PLACES_FOUND, 1, "new@far.example" },
		{ "c.example", PLACES_NONE, 0, NULL },
		{ "d.example", PLACES_NONE, 0, NULL },
		{ "e.example", PLACES_FAILED, 0, NULL },
		{ "f.example", PLACES_FAILED, 0, NULL },
		{ "g.example", PLACES_NONE, 0, NULL },
		{ "nothing.example", PLACES_NONE, 0, NULL },
	};
	const struct auth_dns known = { answer, NULL }, unknown = { nothing_known, NULL };
	enum places_state state;
	struct places p;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ok(places_decide(&known, slice_str(cases[i].domain), &p, &state) &&
		    state == cases[i].state && p.n == cases[i].n && (!p.n ||
		    strcmp(p.list[p.n - 1].address, cases[i].last) == 0),
		    "places of %s", cases[i].domain);
	ok(!places_decide(&unknown, SL("a.example"), &p, &state), "answers are missing");
}

#define DAY_S 1795824000	/* 2026-11-28 */

static void
test_sent(void)
{
	char path[] = "/tmp/reports.XXXXXX", file[64];
	const int folder = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY) : -1;
	struct sent one, other;

	ok(sent_open(&one, folder, "dmarc-", DAY_S, DAY_S - 3 * DAY_SECONDS) == 0 &&
	    !sent_has(&one, SL("a.example")) && sent_add(&one, SL("a.example")) == 0,
	    "a report is noted");
	ok(sent_open(&other, folder, "dmarc-", DAY_S, DAY_S - 3 * DAY_SECONDS) == -EBUSY,
	    "two runs do not make the reports of one day");
	sent_close(&one);
	ok(sent_open(&other, folder, "dmarc-", DAY_S, DAY_S - 3 * DAY_SECONDS) == 0 &&
	    sent_has(&other, SL("a.example")) && !sent_has(&other, SL("a.exampl")),
	    "the next run knows what was made");
	sent_close(&other);
	(void)snprintf(file, sizeof file, "%s/dmarc-2026-11-28", path);
	ok(truncate(file, (16 << 20) - 1) == 0 &&
	    sent_open(&other, folder, "dmarc-", DAY_S, DAY_S - 3 * DAY_SECONDS) == 0,
	    "a file that is nearly full");
	sent_close(&other);
	ok(truncate(file, (16 << 20) + 1) == 0 &&
	    sent_open(&other, folder, "dmarc-", DAY_S, DAY_S - 3 * DAY_SECONDS) == -EFBIG,
	    "a full one: nothing is made again");
	(void)unlink(file);
	(void)close(folder);
	(void)rmdir(path);
}

/* Two host names of the greatest length, and an ID that is made of both. */
static void
test_letter(void)
{
	static const char *const text[] = { "x", NULL };
	static char name[254], id[600], subject[1200], want[1300];
	const struct letter l = {
		.from = "a@example.org", .to = "b@example.org", .subject = subject, .id = id,
		.multipart = "mixed", .text = text, .type = "application/gzip", .file_name = "x",
		.file = SL("x"),
	};
	struct queue_entry e = { .fd = -1 };
	char content[8192] = "", message[QUEUE_ID_SIZE];
	struct fixture f;

	for (size_t i = 0; i < sizeof name - 1; i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
	(void)snprintf(id, sizeof id, "2026-11-28.%s@%s", name, name);
	(void)snprintf(subject, sizeof subject, "Report Domain: %s Submitter: %s Report-ID: <%s>",
	    name, name, id);
	(void)snprintf(want, sizeof want, "\nSubject: Report Domain:\r\n %s\r\n Submitter:\r\n %s"
	    "\r\n Report-ID:\r\n <%s>\r\nDate: ", name, name, id);
	fixture_open(&f);
	ok(letter_send(&f.q, &l, message) == 0 &&
	    renameat(f.q.fresh, message, f.q.cur, message) == 0 &&
	    queue_load(&f.q, message, &e) == 0 &&
	    queue_read(&e, 0, content, sizeof content - 1) > 0, "a letter about long names");
	ok(strstr(content, want) != NULL, "its subject is whole");
	queue_unload(&e);
	fixture_close(&f);
}

int
main(void)
{
	test_lines();
	test_writing();
	test_places();
	test_sums();
	test_consent();
	test_sent();
	test_letter();
	return tap_done();
}
