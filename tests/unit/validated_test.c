// SPDX-License-Identifier: ISC
/* dns/validated beside a validator that answers by a table; names that are not validated. */
#include "dns/validated.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "dns/reason.h"
#include "dns/unvalidated.h"
#include "dns/validator.h"
#include "tests/lib/tap.h"

/* The act of the validator on a question for a name. */
enum act {
	ACT_ADDRESS, ACT_TLSA, ACT_FAIL, ACT_OTHER_ID, ACT_GARBAGE, ACT_END, ACT_NO_AAAA
};

static const struct act_row {
	const char *name;
	enum act act;
	enum wire_rcode rcode;
	enum reason_code code;
	const char *why;		/* of a failure; or the data of a record */
	size_t n;
	bool secure;
	/* The answer. */
	bool known;
	enum dns_status status;
	enum dns_trust trust;
	const char *text;
} rows[] = {
	{ "secure.lab.org", ACT_ADDRESS, .why = "\300\0\2\1", .n = 4, .secure = true,
	    .known = true, .status = DNS_OK, .trust = DNS_SECURE, .text = "found" },
	{ "insecure.lab.org", ACT_ADDRESS, .why = "\300\0\2\1", .n = 4,
	    .known = true, .status = DNS_OK, .trust = DNS_INSECURE, .text = "found" },
	{ "bogus.lab.org", ACT_FAIL, WIRE_SERVFAIL, REASON_BOGUS, "a key is missing",
	    .known = true, .status = DNS_SERVFAIL, .trust = DNS_BOGUS,
	    .text = "bogus by DNSSEC: a key is missing" },
	{ "silent.lab.org", ACT_FAIL, WIRE_SERVFAIL, REASON_SILENT, "no answer in time",
	    .known = true, .status = DNS_TIMEOUT, .text = "no answer in time" },
	{ "failed.lab.org", ACT_FAIL, WIRE_SERVFAIL, REASON_OTHER, "", .known = true,
	    .status = DNS_SERVFAIL, .text = "SERVFAIL" },
	{ "off.lab.org", ACT_FAIL, WIRE_REFUSED, REASON_OTHER, .why = "the clock is wrong" },
	{ "garbage.lab.org", ACT_GARBAGE, .known = true, .status = DNS_SERVFAIL,
	    .text = "the answer cannot be used" },
	{ "id.lab.org", ACT_OTHER_ID, .why = "\300\0\2\1", .n = 4, .secure = true,
	    .known = true, .status = DNS_OK, .trust = DNS_SECURE, .text = "found" },
	{ "here.test", ACT_ADDRESS, .why = "\300\0\2\1", .n = 4, .secure = true },
	{ "mailhub", ACT_ADDRESS, .why = "\300\0\2\1", .n = 4, .secure = true },
	{ "end.lab.org", ACT_END, .known = true, .status = DNS_SERVFAIL,
	    .text = "the process that validates has ended" },
};

static const struct {
	const char *octets;
	size_t n;
	size_t records;
	const char *name;
} tlsa[] = {
	{ "\3\1\1\252\273", 5, 1, "a TLSA record" },
	{ "\3\1\1", 3, 0, "one without data" },
	{ "\3", 1, 0, "one that is cut off" },
	{ "", 0, 0, "an empty one" },
};

static const struct {
	const char *name, *more;
	bool is_private;
} names[] = {
	{ "mailhub", NULL, true }, { "a.b.test", NULL, true }, { "test.example.org", NULL, false },
	{ "mx.contest", NULL, false }, { "printer.LOCAL", NULL, true },
	{ "x.home.arpa", NULL, true }, { "home.arpa", NULL, true },
	{ "4.in-addr.arpa", NULL, false },
	{ "corp.example", "corp.example", true }, { "mx.corp.example", "a.b corp.example", true },
	{ "mycorp.example", "corp.example", false }, { "example.org", "", false },
	{ "example.org", " ", false },
};

static size_t
put_record(uint8_t *p, unsigned type, const char *data, size_t n)
{
	const uint8_t head[] = { 0xc0, 12, 0, (uint8_t)type, 0, 1, 0, 0, 0, 60, 0, (uint8_t)n };

	memcpy(p, head, sizeof head);
	memcpy(p + sizeof head, data, n);
	return sizeof head + n;
}

static void
reply(int fd, const uint8_t *query, const struct act_row *row)
{
	uint8_t packet[REASON_REPLY_MAX];
	char name[DNS_NAME_MAX];
	unsigned type;
	size_t n;

	if (!wire_question(query, WIRE_QUERY_MAX, name, &type, &n))
		_exit(1);
	if (row->act == ACT_END)
		_exit(0);
	if (row->act == ACT_NO_AAAA && type == DNS_AAAA)
		return;
	if (row->act == ACT_FAIL) {
		n = reason_put(query, n, row->rcode, row->code, row->why, packet);
	} else {
		memcpy(packet, query, n);
		packet[2] = 0x81;
		packet[3] = (uint8_t)(0x80 | (row->secure ? WIRE_AD : 0));
		memset(packet + 6, 0, 6);
		packet[7] = 1;
		n += put_record(packet + n, type, row->why ? row->why : "", row->n);
		if (row->act == ACT_GARBAGE)
			packet[n - 1] = 7;	/* the record is longer than the packet */
		if (row->act == ACT_OTHER_ID) {
			packet[1] ^= 1;
			(void)send(fd, packet, n, 0);
			packet[1] ^= 1;
		}
	}
	(void)send(fd, packet, n, 0);
}

/* Start a validator for one row. */
static pid_t
start(const struct act_row *row, struct dns_resolver *r)
{
	uint8_t query[WIRE_QUERY_MAX] = { 0 };
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)close(pair[0]);
		while (recv(pair[1], query, sizeof query, 0) > 0)
			reply(pair[1], query, row);
		_exit(0);
	}
	(void)close(pair[1]);
	r->validator = pair[0];
	return pid;
}

static void
stop(pid_t pid, struct dns_resolver *r)
{
	(void)close(r->validator);
	(void)waitpid(pid, NULL, 0);
}

static void
test_row(const struct act_row *row)
{
	struct dns_question q = { .name = row->name, .type = DNS_A };
	struct dns_resolver r = { .nservers = 0 };
	const pid_t pid = start(row, &r);
	const int64_t begun_ms = clock_ms();
	bool known = false;

	validated_ask(&r, &q, 1, &known);
	stop(pid, &r);
	ok(known == row->known && clock_ms() - begun_ms < 5000, "%s: %s", row->name,
	    row->known ? "answered" : "left to the servers");
	if (!known)
		return;
	ok(q.status == row->status && q.trust == row->trust, "%s: status and trust", row->name);
	is(slice_str(dns_question_text(&q)), slice_str(row->text), row->name);
	ok((q.nrecords == 1) == (row->status == DNS_OK), "%s: records", row->name);
	if (row->status == DNS_OK)
		is(slice_str(q.canonical), slice_str(row->name), "the end of its aliases");
	dns_question_done(&q);
}

static void
test_tlsa(size_t i)
{
	const struct act_row row = {
		.name = "_25._tcp.mx.org", .act = ACT_TLSA, .why = tlsa[i].octets, .n = tlsa[i].n,
		.secure = true,
	};
	struct dns_question q = { .name = row.name, .type = DNS_TLSA };
	struct dns_resolver r = { .nservers = 0 };
	const pid_t pid = start(&row, &r);
	bool known = false;

	validated_ask(&r, &q, 1, &known);
	stop(pid, &r);
	ok(known && q.status == DNS_OK && q.trust == DNS_SECURE && q.nrecords == tlsa[i].records,
	    "%s: secure, with %zu records", tlsa[i].name, tlsa[i].records);
	if (q.nrecords == 1)
		ok(q.records[0].tlsa.usage == 3 && q.records[0].tlsa.selector == 1 &&
		    q.records[0].tlsa.matching == 1 && q.records[0].tlsa.n == 2 &&
		    memcmp(q.records[0].tlsa.octets, "\252\273", 2) == 0, "its fields");
	dns_question_done(&q);
}

/* AAAA is dropped.  The addresses of A are as proven as they are alone. */
static void
test_no_aaaa(bool secure)
{
	const struct act_row row = { .name = "half.lab.org", .act = ACT_NO_AAAA,
		.why = "\300\0\2\1", .n = 4, .secure = secure };
	struct dns_question q[2] = {
		{ .name = row.name, .type = DNS_AAAA }, { .name = row.name, .type = DNS_A },
	};
	struct dns_resolver r = { .nservers = 0 };
	const pid_t pid = start(&row, &r);
	const int64_t begun_ms = clock_ms();
	bool known[2] = { false };
	int64_t took_ms;

	validated_ask(&r, q, 2, known);
	took_ms = clock_ms() - begun_ms;
	stop(pid, &r);
	ok(took_ms >= DNS_AAAA_DELAY_MS && took_ms < VALIDATOR_QUESTION_MS,
	    "AAAA is dropped: not waited for as long as for a silent server");
	ok(known[0] && q[0].status == DNS_TIMEOUT && q[0].trust == DNS_UNCHECKED,
	    "no answer for AAAA");
	ok(known[1] && q[1].status == DNS_OK && q[1].nrecords == 1 &&
	    q[1].trust == (secure ? DNS_SECURE : DNS_INSECURE), "that for A stays as it is");
	dns_question_done(&q[1]);
}

static void
test_reasons(void)
{
	struct wire_query query;
	uint8_t packet[REASON_REPLY_MAX];
	char why[DNS_WHY_MAX], longest[2 * DNS_WHY_MAX];
	size_t n;

	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	(void)wire_query(&query, "mx.org", DNS_A, false);
	n = reason_put(query.octets, query.n, WIRE_SERVFAIL, REASON_BOGUS, "two\nlines", packet);
	ok(reason_get(packet, n, why) == REASON_BOGUS && strcmp(why, "two?lines") == 0,
	    "a reason becomes one line");
	ok(wire_rcode(packet, n) == WIRE_SERVFAIL && wire_replies(&query, packet, n),
	    "it is a reply with its error");
	for (size_t i = 0; i < n; i++)
		if (reason_get(packet, i, why) != REASON_NONE)
			ok(false, "cut at %zu", i);
	ok(reason_get(query.octets, query.n, why) == REASON_NONE && !why[0], "no reason");
	n = reason_put(query.octets, query.n, WIRE_SERVFAIL, REASON_OTHER, longest, packet);
	ok(n <= sizeof packet && reason_get(packet, n, why) == REASON_OTHER &&
	    strlen(why) == DNS_WHY_MAX - 1, "a long reason is cut");
}

static void
test_questions(void)
{
	struct wire_query query;
	char name[DNS_NAME_MAX];
	unsigned type;
	size_t n, cut = 0;

	(void)wire_query(&query, "_25._tcp.mx.org", DNS_TLSA, true);
	ok(wire_question(query.octets, query.n, name, &type, &n) && type == DNS_TLSA &&
	    n == WIRE_HEADER + query.question && strcmp(name, "_25._tcp.mx.org") == 0,
	    "a question is read");
	for (size_t i = 0; i < n; i++)
		cut += wire_question(query.octets, i, name, &type, &n);
	ok(cut == 0, "a question that is cut off is none");
	query.octets[2] |= 0x80;
	ok(!wire_question(query.octets, query.n, name, &type, &n), "a reply is no question");
}

int
main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		test_row(&rows[i]);
	for (size_t i = 0; i < sizeof tlsa / sizeof tlsa[0]; i++)
		test_tlsa(i);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		ok(dns_is_private(names[i].name, names[i].more) == names[i].is_private,
		    "%s, list '%s': %s", names[i].name, names[i].more ? names[i].more : "",
		    names[i].is_private ? "private" : "public");
	test_no_aaaa(true);
	test_no_aaaa(false);
	test_reasons();
	test_questions();
	return tap_done();
}
