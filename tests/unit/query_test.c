// SPDX-License-Identifier: ISC
#include "shared/query.h"

#include "base/slice.h"
#include "tests/lib/tap.h"

#define LIMITS { { 32, 600, 60, 500, 200 } }
#define LIMITS_OCTETS "\0\0\0\40\0\0\2\130\0\0\0\74\0\0\1\364\0\0\0\310"
#define ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define IPV4  "\300\0\2\1\0\0\0\0"
#define IPV6  "\40\1\15\270\0\0\0\0"

static const struct {
	const char *name;
	struct query query;
	struct slice octets;
} queries[] = {
	{ "hello", { .kind = QUERY_HELLO },
	    S("\1\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0" ZEROS) },
	{ "a connection", { .kind = QUERY_ENTER, .number = 0x01020304,
	    .key = { UINT64_C(0xc000020100000000), 32 }, .open = 3, .limits = LIMITS },
	    S("\2\40\0\0\1\2\3\4" IPV4 "\0\0\0\3" LIMITS_OCTETS) },
	{ "a failed login", { .kind = QUERY_COUNT, .what = STRANGERS_LOGINS,
	    .key = { UINT64_C(0x20010db800000000), 64 }, .limits = LIMITS },
	    S("\3\100\2\0\0\0\0\0" IPV6 "\0\0\0\0" LIMITS_OCTETS) },
	{ "no connection is left", { .kind = QUERY_OPEN,
	    .key = { UINT64_C(0xc000020100000000), 32 } },
	    S("\4\40\0\0\0\0\0\0" IPV4 "\0\0\0\0" ZEROS) },
	{ "forget all", { .kind = QUERY_FORGET },
	    S("\5\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0" ZEROS) },
};

static const struct {
	const char *name;
	struct slice octets;
} no_queries[] = {
	{ "nothing", S("") },
	{ "one octet short", S("\4\40\0\0\0\0\0\0" IPV4 "\0\0\0" ZEROS) },
	{ "one octet long", S("\4\40\0\0\0\0\0\0" IPV4 "\0\0\0\0\0" ZEROS) },
	{ "kind 0", S("\0\40\0\0\0\0\0\0" IPV4 "\0\0\0\0" ZEROS) },
	{ "kind 6", S("\6\40\0\0\0\0\0\0" IPV4 "\0\0\0\0" ZEROS) },
	{ "a key of 33 bits", S("\4\41\0\0\0\0\0\0" IPV4 "\0\0\0\0" ZEROS) },
	{ "octets behind an IPv4 address", S("\4\40\0\0\0\0\0\0\300\0\2\1\0\0\0\1\0\0\0\0" ZEROS) },
	{ "no key", S("\2\0\0\0\1\2\3\4" "\0\0\0\0\0\0\0\0" "\0\0\0\3" LIMITS_OCTETS) },
	{ "a key of nobody", S("\1\40\0\0\0\0\0\0" IPV4 "\0\0\0\0" ZEROS) },
	{ "a failure that is a rate", S("\3\100\1\0\0\0\0\0" IPV6 "\0\0\0\0" LIMITS_OCTETS) },
	{ "a failure beyond all", S("\3\100\5\0\0\0\0\0" IPV6 "\0\0\0\0" LIMITS_OCTETS) },
	{ "a limit above 1000000", S("\2\40\0\0\1\2\3\4" IPV4 "\0\0\0\3"
	    "\0\0\0\40\0\17\102\101\0\0\0\74\0\0\1\364\0\0\0\310") },
	{ "limits of an open connection", S("\4\40\0\0\0\0\0\0" IPV4 "\0\0\0\0" LIMITS_OCTETS) },
	{ "octet 3", S("\4\40\0\1\0\0\0\0" IPV4 "\0\0\0\0" ZEROS) },
};

static const struct {
	const char *name;
	struct query_answer answer;
	struct slice octets;
} answers[] = {
	{ "here", { .kind = QUERY_HERE }, S("\1\0\0\0\0\0\0\0") },
	{ "away", { .kind = QUERY_AWAY }, S("\2\0\0\0\0\0\0\0") },
	{ "a limit is passed", { QUERY_VERDICT, 0x01020304, STRANGERS_RATE },
	    S("\3\1\0\0\1\2\3\4") },
	{ "none is passed", { QUERY_VERDICT, UINT32_MAX, STRANGERS_LIMITS },
	    S("\3\5\0\0\377\377\377\377") },
};

static const struct {
	const char *name;
	struct slice octets;
} no_answers[] = {
	{ "nothing", S("") },
	{ "kind 0", S("\0\0\0\0\0\0\0\0") },
	{ "kind 4", S("\4\0\0\0\0\0\0\0") },
	{ "a limit beyond all", S("\3\6\0\0\1\2\3\4") },
	{ "here with a number", S("\1\0\0\0\0\0\0\1") },
	{ "octet 2", S("\3\1\1\0\1\2\3\4") },
	{ "one octet long", S("\3\1\0\0\1\2\3\4\0") },
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static void
test_queries(void)
{
	for (size_t i = 0; i < COUNT(queries); i++) {
		unsigned char octets[QUERY_OCTETS], again[QUERY_OCTETS] = { 0 };
		struct query got;

		query_encode(&queries[i].query, octets);
		if (query_parse(octets, sizeof octets, &got))
			query_encode(&got, again);
		ok(slice_eq(slice_of((char *)octets, sizeof octets), queries[i].octets) &&
		    memcmp(again, octets, sizeof again) == 0, "%s", queries[i].name);
	}
	for (size_t i = 0; i < COUNT(no_queries); i++) {
		struct query got = { .number = 7 };

		ok(!query_parse(no_queries[i].octets.p, no_queries[i].octets.n, &got) &&
		    got.number == 7, "no query: %s", no_queries[i].name);
	}
}

static void
test_answers(void)
{
	for (size_t i = 0; i < COUNT(answers); i++) {
		unsigned char octets[QUERY_ANSWER_OCTETS];
		struct query_answer got;

		query_answer_encode(&answers[i].answer, octets);
		ok(slice_eq(slice_of((char *)octets, sizeof octets), answers[i].octets) &&
		    query_answer_parse(octets, sizeof octets, &got) &&
		    got.kind == answers[i].answer.kind && got.limit == answers[i].answer.limit &&
		    got.number == answers[i].answer.number, "%s", answers[i].name);
	}
	for (size_t i = 0; i < COUNT(no_answers); i++) {
		struct query_answer got;

		ok(!query_answer_parse(no_answers[i].octets.p, no_answers[i].octets.n, &got),
		    "no answer: %s", no_answers[i].name);
	}
}

int
main(void)
{
	test_queries();
	test_answers();
	return tap_done();
}
