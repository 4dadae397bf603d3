// SPDX-License-Identifier: ISC
#include "client/tls_policy.h"

#include "client/sts.h"
#include "tests/lib/tap.h"

/* The TLS that configuration, route and message demand. */
static const struct row {
	const char *name;
	enum relay_tls relay, route;
	enum route_via via;
	enum route_scheme scheme;
	bool requiretls;
	enum relay_tls want;
	bool implicit, by_message;
	const char *source;
} rows[] = {
	{ .name = "may", .relay = RELAY_TLS_MAY, .via = VIA_MX, .want = RELAY_TLS_MAY,
	    .source = "[relay] tls" },
	{ .name = "none", .relay = RELAY_TLS_NONE, .via = VIA_MX, .want = RELAY_TLS_NONE,
	    .source = "[relay] tls" },
	{ .name = "require", .relay = RELAY_TLS_REQUIRE, .via = VIA_SMTP, .want = RELAY_TLS_REQUIRE,
	    .source = "[relay] tls" },
	{ .name = "the route wins: more", .relay = RELAY_TLS_NONE, .route = RELAY_TLS_REQUIRE,
	    .via = VIA_MX, .want = RELAY_TLS_REQUIRE, .source = "tls of the route" },
	{ .name = "the route wins: less", .relay = RELAY_TLS_REQUIRE, .route = RELAY_TLS_NONE,
	    .via = VIA_SMTP, .want = RELAY_TLS_NONE, .source = "tls of the route" },
	{ .name = "smtps://", .relay = RELAY_TLS_NONE, .via = VIA_SMTP, .scheme = SCHEME_IMPLICIT,
	    .want = RELAY_TLS_REQUIRE, .implicit = true, .source = "smtps://" },
	{ .name = "smtp+starttls://", .relay = RELAY_TLS_NONE, .via = VIA_SMTP,
	    .scheme = SCHEME_STARTTLS, .want = RELAY_TLS_REQUIRE, .source = "smtp+starttls://" },
	{ .name = "LMTP without tls in its route", .relay = RELAY_TLS_REQUIRE, .via = VIA_LMTP,
	    .want = RELAY_TLS_NONE, .source = "lmtp:" },
	{ .name = "LMTP with tls in its route", .relay = RELAY_TLS_NONE, .route = RELAY_TLS_REQUIRE,
	    .via = VIA_LMTP, .want = RELAY_TLS_REQUIRE, .source = "tls of the route" },
	{ .name = "REQUIRETLS beats may", .relay = RELAY_TLS_MAY, .via = VIA_MX, .requiretls = true,
	    .want = RELAY_TLS_REQUIRE, .by_message = true, .source = "REQUIRETLS" },
	{ .name = "REQUIRETLS beats none", .relay = RELAY_TLS_MAY, .route = RELAY_TLS_NONE,
	    .via = VIA_MX, .requiretls = true, .want = RELAY_TLS_REQUIRE, .by_message = true,
	    .source = "REQUIRETLS" },
	{ .name = "REQUIRETLS adds nothing to require", .relay = RELAY_TLS_REQUIRE, .via = VIA_MX,
	    .requiretls = true, .want = RELAY_TLS_REQUIRE, .source = "[relay] tls" },
	{ .name = "REQUIRETLS does not count for LMTP", .relay = RELAY_TLS_MAY, .via = VIA_LMTP,
	    .requiretls = true, .want = RELAY_TLS_NONE, .source = "lmtp:" },
};

static void
test_rows(void)
{
	static char file[] = "/ca.pem";

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *w = &rows[i];
		const struct config c = { .relay.tls = w->relay, .relay.tls_ca_file = file };
		const struct route r = { .via = w->via, .scheme = w->scheme, .tls = w->route };
		const struct delivery d = { .config = &c, .route = &r };
		const struct tls_policy t = tls_policy_of(&d, w->requiretls);

		ok(t.tls == w->want && t.implicit == w->implicit && t.by_message == w->by_message &&
			strcmp(t.source, w->source) == 0 && !t.downgraded &&
			t.demand.authorities == file &&
			t.demand.verify == (w->want == RELAY_TLS_REQUIRE),
		    "%s", w->name);
	}
}

/* A failed handshake counts for `may` only, and for a day (R134). */
static void
test_hosts(void)
{
	static const struct {
		enum relay_tls tls;
		int64_t failed_s, now_s;
		bool downgraded;
		const char *name;
	} hosts[] = {
		{ .tls = RELAY_TLS_MAY, .now_s = 1000000, .name = "nothing is known" },
		{ .tls = RELAY_TLS_MAY, .failed_s = 1000000, .now_s = 1000000, .downgraded = true,
		    .name = "it has just failed" },
		{ .tls = RELAY_TLS_MAY, .failed_s = 1000000, .now_s = 1000000 + 86399,
		    .downgraded = true, .name = "within a day" },
		{ .tls = RELAY_TLS_MAY, .failed_s = 1000000, .now_s = 1000000 + 86400,
		    .name = "a day later" },
		{ .tls = RELAY_TLS_REQUIRE, .failed_s = 1000000, .now_s = 1000000,
		    .name = "require knows no downgrade" },
		{ .tls = RELAY_TLS_NONE, .failed_s = 1000000, .now_s = 1000000,
		    .name = "none needs none" },
	};

	struct mx_exchanger x = { .name = "mx.example" };
	socklen_t len;

	(void)address_parse(SL("192.0.2.1"), 25, &x.addresses[0], &len);
	(void)address_parse(SL("192.0.2.2"), 25, &x.addresses[1], &len);
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		struct host one = { .address = "192.0.2.1:25", .tls_failed_s = hosts[i].failed_s };
		const struct hosts h = { .list = &one, .n = 1 };
		const struct delivery d = { .hosts = &h };
		struct tls_policy t = { .tls = hosts[i].tls }, other = t;

		tls_policy_of_host(&t, &d, &x, NULL, &x.addresses[0], hosts[i].now_s);
		tls_policy_of_host(&other, &d, &x, NULL, &x.addresses[1], hosts[i].now_s);
		ok(t.downgraded == hosts[i].downgraded &&
			t.tls == (t.downgraded ? RELAY_TLS_NONE : hosts[i].tls) &&
			strcmp(t.demand.name, "mx.example") == 0 && !other.downgraded &&
			other.tls == hosts[i].tls,
		    "R134 %s", hosts[i].name);
	}
}

static void
test_requiretls(void)
{
	static const struct { const char *from, *params; bool want; } messages[] = {
		{ "a@b", "", false }, { "a@b", "REQUIRETLS", true },
		{ "a@b", "RET=HDRS requiretls SIZE=1", true }, { "a@b", "ENVID=REQUIRETLS", false },
		{ "a@b", "REQUIRETLSX", false }, { "", "REQUIRETLS", false },
	};

	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		const struct queue_entry e = { .from = slice_str(messages[i].from),
			.from_params = slice_str(messages[i].params) };

		ok(tls_policy_requiretls(&e) == messages[i].want, "REQUIRETLS: <%s> %s",
		    messages[i].from, messages[i].params);
	}
}

/* A policy of MTA-STS adds to a demand, and takes nothing from it. */
static void
test_sts(void)
{
	const struct config may = { .relay.tls = RELAY_TLS_MAY };
	const struct config require = { .relay.tls = RELAY_TLS_REQUIRE };
	const struct route r = { .via = VIA_MX };
	const struct delivery d = { .config = &may, .route = &r };
	const struct delivery strict = { .config = &require, .route = &r };
	struct tls_policy t = tls_policy_of(&d, false);

	tls_policy_by_sts(&t);
	ok(t.tls == RELAY_TLS_REQUIRE && t.demand.verify && t.demand.dns_names &&
	    strcmp(t.source, "the MTA-STS policy of the domain") == 0, "may and a policy");
	t = tls_policy_of(&strict, false);
	tls_policy_by_sts(&t);
	ok(t.tls == RELAY_TLS_REQUIRE && t.demand.dns_names &&
	    strcmp(t.source, "[relay] tls") == 0, "require and a policy");
	t = tls_policy_of(&d, true);
	tls_policy_by_sts(&t);
	ok(t.tls == RELAY_TLS_REQUIRE && !t.by_message, "REQUIRETLS and a policy: no mail in the "
	    "clear");
}

/* Records of DANE decide alone, and MTA-STS where there are none (RFC 8461 section 2). */
static void
test_sts_and_dane(void)
{
	static const struct {
		enum dane_verdict verdict;
		bool forbids, by_dane;
	} cases[] = {
		{ DANE_NONE, true, false }, { DANE_MATCH, false, true },
		{ DANE_ENCRYPT, false, false }, { DANE_UNKNOWN, true, false },
	};
	const struct sts_policy policy = { STS_ENFORCE, 1, SL("mx: other.example\n") };
	const struct mx_exchanger x = { .name = "mx.example" };
	const struct config c = { .relay.tls = RELAY_TLS_MAY };
	const struct route r = { .via = VIA_MX };
	const struct sockaddr_storage address = { .ss_family = AF_INET };
	const struct hosts hosts = { 0 };
	const struct delivery d = { .config = &c, .route = &r, .hosts = &hosts };

	ok(sts_forbids(&policy, &x, NULL), "a policy without DANE forbids");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct exchanger_tls published = { .dane.verdict = cases[i].verdict };
		struct tls_policy t = tls_policy_of(&d, false);

		tls_policy_by_sts(&t);
		tls_policy_of_host(&t, &d, &x, &published, &address, 0);
		ok(sts_forbids(&policy, &x, &published) == cases[i].forbids &&
		    t.tls == RELAY_TLS_REQUIRE && (t.demand.dane != NULL) == cases[i].by_dane &&
		    t.demand.verify == !cases[i].by_dane, "verdict %d of DANE and a policy",
		    (int)cases[i].verdict);
	}
}

/* A host that is known for good certificates needs one with learned, and with that alone. */
static void
test_learned(void)
{
	static const struct {
		enum relay_tls tls;
		const char *name;
		enum relay_tls want;
	} cases[] = {
		{ RELAY_TLS_LEARNED, "mx.known.example", RELAY_TLS_REQUIRE },
		{ RELAY_TLS_LEARNED, "mx.new.example", RELAY_TLS_MAY },
		{ RELAY_TLS_LEARNED, "mx.other.example", RELAY_TLS_MAY },
		{ RELAY_TLS_MAY, "mx.known.example", RELAY_TLS_MAY },
		{ RELAY_TLS_NONE, "mx.known.example", RELAY_TLS_NONE },
	};
	const int64_t now_s = 1800000000;
	struct learned_host list[] = {
		{ .name = "mx.known.example", .first_s = now_s - LEARNED_S, .good_s = now_s,
		    .days = 10 },
		{ .name = "mx.new.example", .first_s = now_s - LEARNED_S + 1, .good_s = now_s,
		    .days = 10 },
	};
	const struct hosts hosts = { .learned = { list, 2, 2 } };
	const struct sockaddr_storage address = { .ss_family = AF_INET };
	const struct route r = { .via = VIA_MX };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct config c = { .relay.tls = cases[i].tls };
		const struct delivery d = { .config = &c, .route = &r, .hosts = &hosts };
		struct mx_exchanger x = { .preference = 0 };
		struct tls_policy t = tls_policy_of(&d, false);

		(void)snprintf(x.name, sizeof x.name, "%s", cases[i].name);
		tls_policy_of_host(&t, &d, &x, NULL, &address, now_s);
		ok(t.tls == cases[i].want && t.demand.verify == (t.tls == RELAY_TLS_REQUIRE) &&
		    t.demand.look, "learned: %d, %s", (int)cases[i].tls, cases[i].name);
	}
}

int
main(void)
{
	test_rows();
	test_learned();
	test_sts();
	test_sts_and_dane();
	test_hosts();
	test_requiretls();
	return tap_done();
}
