// SPDX-License-Identifier: ISC
/*
 * STARTTLS and AUTH: the replies in each state, and the responses of PLAIN and LOGIN.
 */
#include "base/base64.h"
#include "tests/unit/dialogue.h"

#define SECURE_EHLO EHLO_MOST "250-" EHLO_LIMITS "\r\n"
#define EHLO_AUTH STEP("EHLO c.example", SECURE_EHLO "250-REQUIRETLS\r\n250 AUTH PLAIN LOGIN")
#define EHLO_TLS STEP("EHLO c.example", SECURE_EHLO "250 REQUIRETLS")
#define EHLO_AUTHENTICATED \
	STEP("EHLO c.example", \
	    SECURE_EHLO "250-FUTURERELEASE 2419200 1970-01-29T00:00:00Z\r\n" \
			"250-REQUIRETLS\r\n250 AUTH PLAIN LOGIN")
#define EHLO_STARTTLS STEP("EHLO c.example", SECURE_EHLO "250 STARTTLS")
#define PLAIN_ANNA "AGFubmEAcGFzcw=="		/* \0anna\0pass */
#define OK235 "235 2.7.0 Authentication successful"
#define FAILED "535 5.7.8 Error: authentication failed"
#define MALFORMED "501 5.5.2 Error: malformed authentication data"
#define MUST_TLS "530 5.7.0 Error: must issue a STARTTLS command first"
#define TLS_NOW "220 2.0.0 Ready to start TLS"
#define IN_TLS (SECURE_TLS | SECURE_AUTH)

static const struct dialogue dialogues[] = {
	{ .name = "H127 STARTTLS is offered, and its reply is 220", .secure = SECURE_STARTTLS,
	    .steps = { EHLO_STARTTLS, STEP("STARTTLS", TLS_NOW) } },
	{ .name = "H127 STARTTLS before EHLO", .secure = SECURE_STARTTLS,
	    .steps = { STEP("starttls ", TLS_NOW) } },
	{ .name = "H127 STARTTLS with an argument", .secure = SECURE_STARTTLS,
	    .steps = { EHLO_STARTTLS, STEP("STARTTLS now", "501 5.5.4 Syntax: STARTTLS"), MAIL } },
	{ .name = "H127 no usable certificate, found at STARTTLS", .secure = SECURE_STARTTLS,
	    .steps = { EHLO_STARTTLS,
		JUDGED("STARTTLS", SMTP_REFUSE_TLS,
		    "454 4.7.0 TLS not available due to local problem"),
		MAIL, RCPT } },
	{ .name = "H127 no usable certificate, known before EHLO", .secure = SECURE_BROKEN,
	    .steps = { EHLO, STEP("STARTTLS", "454 4.7.0 TLS not available due to local problem"),
		MAIL, RCPT } },
	{ .name = "H127 STARTTLS inside TLS", .secure = SECURE_STARTTLS | SECURE_TLS,
	    .steps = { EHLO_TLS, STEP("STARTTLS", "503 5.5.1 Error: TLS already active"), MAIL } },
	{ .name = "H127 STARTTLS if TLS is off",
	    .steps = { EHLO, STEP("STARTTLS", "502 5.5.1 Error: command not implemented") } },
	{ .name = "H129 TLS is required", .secure = SECURE_STARTTLS | SECURE_REQUIRED,
	    .steps = { STEP("NOOP", "250 2.0.0 Ok"), EHLO_STARTTLS,
		STEP("MAIL FROM:<a@b>", MUST_TLS), STEP("RSET", MUST_TLS),
		STEP("HELO c.example", MUST_TLS), STEP("VRFY a", MUST_TLS),
		STEP("AUTH PLAIN", MUST_TLS), STEP("STARTTLS", TLS_NOW) } },
	{ .name = "H129 TLS is required: HELP, an unknown command, QUIT",
	    .secure = SECURE_STARTTLS | SECURE_REQUIRED,
	    .steps = { STEP("HELP", MUST_TLS),
		STEP("BLAH", "500 5.5.1 Error: command not recognized"),
		CLOSING("QUIT", "221 2.0.0 Bye") } },
	{ .name = "H129 TLS is required and active",
	    .secure = SECURE_STARTTLS | SECURE_REQUIRED | SECURE_TLS,
	    .steps = { EHLO_TLS, MAIL, RCPT } },
	{ .name = "H131 no AUTH in the clear", .secure = SECURE_NEEDS_TLS,
	    .steps = { EHLO,
		STEP("AUTH PLAIN " PLAIN_ANNA,
		    "538 5.7.11 Error: AUTH needs encryption: STARTTLS first") } },
	{ .name = "H132 PLAIN with an initial response", .secure = IN_TLS,
	    .steps = { EHLO_AUTH, STEP("AUTH PLAIN " PLAIN_ANNA, OK235), MAIL, RCPT } },
	{ .name = "H132 PLAIN without an initial response", .secure = IN_TLS,
	    .steps = { EHLO_AUTH, STEP("auth plain", "334 "), STEP(PLAIN_ANNA, OK235), MAIL } },
	{ .name = "H132 LOGIN", .secure = IN_TLS,
	    .steps = { EHLO_AUTH, STEP("AUTH LOGIN", "334 VXNlcm5hbWU6"),
		STEP("YW5uYQ==", "334 UGFzc3dvcmQ6"), STEP("cGFzcw==", OK235), MAIL } },
	{ .name = "H132 LOGIN with an initial response", .secure = IN_TLS,
	    .steps = { EHLO_AUTH, STEP("AUTH LOGIN YW5uYQ==", "334 UGFzc3dvcmQ6"),
		STEP("cGFzcw==", OK235) } },
	{ .name = "H132 a wrong password", .secure = IN_TLS,
	    .steps = { EHLO_AUTH, JUDGED("AUTH PLAIN " PLAIN_ANNA, SMTP_REFUSE_PASSWORD, FAILED),
		STEP("AUTH PLAIN " PLAIN_ANNA, OK235) } },
	{ .name = "H132 the back end is down", .secure = IN_TLS,
	    .steps = { EHLO_AUTH,
		JUDGED("AUTH PLAIN " PLAIN_ANNA, SMTP_REFUSE_AUTH,
		    "454 4.7.0 Temporary authentication failure"),
		MAIL } },
	{ .name = "H132 cancelled", .secure = IN_TLS,
	    .steps = { EHLO_AUTH, STEP("AUTH PLAIN", "334 "),
		STEP("*", "501 5.7.0 Authentication cancelled"), STEP("NOOP", "250 2.0.0 Ok"),
		STEP("AUTH LOGIN", "334 VXNlcm5hbWU6"), STEP("YW5uYQ==", "334 UGFzc3dvcmQ6"),
		STEP("*", "501 5.7.0 Authentication cancelled"), MAIL } },
	{ .name = "H132 bad base64", .secure = IN_TLS,
	    .steps = { EHLO_AUTH, STEP("AUTH PLAIN AGFu!", MALFORMED),
		STEP("AUTH LOGIN", "334 VXNlcm5hbWU6"), STEP("NOOP", "334 UGFzc3dvcmQ6"),
		STEP("MAIL FROM:<a@b>", MALFORMED), MAIL } },
	{ .name = "H132 unknown mechanism", .secure = IN_TLS,
	    .steps = { EHLO_AUTH,
		STEP("AUTH CRAM-MD5", "504 5.5.4 Error: authentication mechanism not supported"),
		STEP("AUTH", "501 5.5.4 Syntax: AUTH mechanism") } },
	{ .name = "H132 AUTH twice", .secure = IN_TLS,
	    .steps = { EHLO_AUTH, STEP("AUTH PLAIN " PLAIN_ANNA, OK235),
		STEP("AUTH PLAIN " PLAIN_ANNA, "503 5.5.1 Error: already authenticated"),
		EHLO_AUTHENTICATED,
		STEP("AUTH LOGIN", "503 5.5.1 Error: already authenticated") } },
	{ .name = "H132 AUTH inside a transaction", .secure = IN_TLS,
	    .steps = { EHLO_AUTH, MAIL,
		STEP("AUTH PLAIN " PLAIN_ANNA, "503 5.5.1 Error: MAIL transaction in progress"),
		RCPT } },
	{ .name = "H132 V23 AUTH before EHLO, and after HELO, tolerant", .secure = IN_TLS,
	    .steps = { STEP("AUTH PLAIN", "503 5.5.1 Error: send EHLO first"),
		STEP("HELO c", "250 mx.example"),
		STEP("AUTH PLAIN", "334 ") } },
	{ .name = "H132 V23 AUTH after HELO, strict", .secure = IN_TLS, .strict = true,
	    .steps = { STEP("HELO c", "250 mx.example"),
		STEP("AUTH PLAIN", "503 5.5.1 Error: send EHLO first") } },
	{ .name = "H132 AUTH if it is off", .secure = SECURE_TLS,
	    .steps = { EHLO_TLS, STEP("AUTH PLAIN", "502 5.5.1 Error: command not implemented") } },
	/* The first response is ben\0anna\0pass. */
	{ .name = "AUTH to act as somebody else", .secure = IN_TLS,
	    .steps = { EHLO_AUTH, STEP("AUTH PLAIN YmVuAGFubmEAcGFzcw==", FAILED),
		STEP("AUTH PLAIN YW5uYQBhbm5hAHBhc3M=", OK235) } },
	/* The third response is \0anna\0pa\0ss.  The last one has a line end in the name. */
	{ .name = "AUTH without a name, without a password, with more", .secure = IN_TLS,
	    .steps = { EHLO_AUTH, STEP("AUTH PLAIN AABwYXNz", FAILED),
		STEP("AUTH PLAIN AGFubmEA", FAILED), STEP("AUTH PLAIN AGFubmEAcGEAc3M=", FAILED),
		STEP("AUTH PLAIN =", MALFORMED), STEP("AUTH PLAIN YW5uYQ==", MALFORMED),
		STEP("AUTH PLAIN AGFuCm5hAHBhc3M=", FAILED) } },
	{ .name = "V20 MAIL with AUTH=: the value is ignored", .secure = IN_TLS,
	    .steps = { EHLO_AUTH, STEP("MAIL FROM:<a@b.example> AUTH=<>", "250 2.1.0 Ok"),
		STEP("RSET", "250 2.0.0 Ok"),
		STEP("MAIL FROM:<a@b.example> AUTH=e+3Dmc2@example.com SIZE=5", "250 2.1.0 Ok"),
		STEP("RSET", "250 2.0.0 Ok"),
		STEP("MAIL FROM:<a@b.example> AUTH",
		    "501 5.5.4 Syntax: AUTH=<> or AUTH=address") } },
	{ .name = "V20 MAIL with AUTH= if AUTH is not offered",
	    .steps = { EHLO,
		STEP("MAIL FROM:<a@b.example> AUTH=a+b",
		    "501 5.5.4 Syntax: AUTH=<> or AUTH=address"),
		STEP("MAIL FROM:<a@b.example> AUTH=<a@b>",
		    "250 2.1.0 Ok"), STEP("RSET", "250 2.0.0 Ok"),
		STEP("MAIL FROM:<a@b.example> AUTH=<>", "250 2.1.0 Ok") } },
	{ .name = "a sender that does not belong to the user", .secure = IN_TLS,
	    .steps = { EHLO_AUTH, STEP("AUTH PLAIN " PLAIN_ANNA, OK235),
		JUDGED("MAIL FROM:<x@y.example>", SMTP_REFUSE_OWNER,
		    "553 5.7.1 <x@y.example>: Sender address rejected: not owned by user"),
		MAIL } },
};

static const struct {
	bool esmtp, tls, authenticated;
	const char *want;
} protocols[] = {
	{ .want = "SMTP" },
	{ .esmtp = true, .want = "ESMTP" },
	{ .esmtp = true, .tls = true, .want = "ESMTPS" },
	{ .esmtp = true, .authenticated = true, .want = "ESMTPA" },
	{ .esmtp = true, .tls = true, .authenticated = true, .want = "ESMTPSA" },
	{ .tls = true, .want = "SMTP" },
};

/* The longest line is "AUTH PLAIN " with a password of 9000 octets. */
static void
test_lengths(void)
{
	static char octets[9000], line[2 * SMTP_AUTH_LINE];
	static struct server_auth auth;
	struct server server = {
		.hostname = S("mx.example"), .max_errors = 20, .tls = true, .auth = &auth
	};
	struct server_session s;
	struct buf b = BUF(line);

	memset(octets, 'x', sizeof octets);
	memcpy(octets, "\0anna", 6);
	buf_str(&b, "AUTH PLAIN ");
	base64_encode(&b, slice_of(octets, sizeof octets));
	server_init(&s, &server);
	ok(server_line_max(&s) == 12288, "H132 a line may have 12288 octets");
	(void)server_command(&s, SL("EHLO c"));
	ok(server_command(&s, buf_slice(&b)).next == SMTP_NEXT_CHECK_AUTH &&
		auth.password.n == sizeof octets - 6,
	    "H132 a password of 9 kB");
	ok(server_decide(&s, SMTP_ACCEPT, SL("")).code == 235,
	    "H132 a password of 9 kB is passed on");
	ok(!memchr(auth.secret_space, 'x', sizeof auth.secret_space), "a password is wiped");
	is(auth.user, SL("anna"), "the name of the user is kept");
	memcpy(line, "NOOP PLAIN", 10);
	ok(server_command(&s, buf_slice(&b)).code == 500,
	    "H009 any other line of that length is too long");
	server_init(&s, &server);
	(void)server_command(&s, SL("EHLO c"));
	ok(server_command(&s, SL("AUTH LOGIN")).code == 334 && server_overlong(&s).code == 500,
	    "H132 a response with more octets is too long");
	ok(server_command(&s, SL("NOOP")).code == 250,
	    "H132 a response that is too long ends the exchange");
	octets[0] = 'a';
	b.n = 0;
	base64_encode(&b, slice_of(octets, 300));
	(void)server_command(&s, SL("AUTH LOGIN"));
	memset(octets, 'n', 300);
	b.n = 0;
	base64_encode(&b, slice_of(octets, 300));
	ok(server_command(&s, buf_slice(&b)).code == 334,
	    "H132 the reply to a name of 300 octets is the usual one");
	ok(server_command(&s, SL("cGFzcw==")).code == 535, "H132 a name of 300 octets fails");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++)
		play(&dialogues[i]);
	for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
		const struct server server = { .tls = protocols[i].tls };
		const struct server_session s = { .server = &server, .esmtp = protocols[i].esmtp,
			.authenticated = protocols[i].authenticated };

		struct server_session utf8 = s;
		char name[32];

		is(server_protocol(&s), slice_str(protocols[i].want),
		    "H097 the protocol in Received");
		if (!s.esmtp)
			continue;
		utf8.utf8 = true;
		/* UTF8SMTP and so on (RFC 6531 section 4.3). */
		(void)snprintf(name, sizeof name, "UTF8%s", protocols[i].want + 1);
		is(server_protocol(&utf8), slice_str(name), "H097 with SMTPUTF8");
	}
	test_lengths();
	return tap_done();
}
