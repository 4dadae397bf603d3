// SPDX-License-Identifier: ISC
/*
 * STARTTLS and AUTH: what they answer in which state, and what PLAIN and LOGIN are made of.
 */
#include "base/base64.h"
#include "tests/unit/dialogue.h"

#define SECURE_EHLO EHLO_MOST "250-" EHLO_LIMITS "\r\n"
#define EHLO_AUTH { S("EHLO c.example"), SECURE_EHLO "250-REQUIRETLS\r\n250 AUTH PLAIN LOGIN", 0, false }
#define EHLO_TLS { S("EHLO c.example"), SECURE_EHLO "250 REQUIRETLS", 0, false }
#define EHLO_AUTHENTICATED { S("EHLO c.example"), SECURE_EHLO "250-FUTURERELEASE 2419200 1970-01-29T00:00:00Z\r\n" \
	"250-REQUIRETLS\r\n250 AUTH PLAIN LOGIN", 0, false }
#define EHLO_STARTTLS { S("EHLO c.example"), SECURE_EHLO "250 STARTTLS", 0, false }
#define PLAIN_ANNA "AGFubmEAcGFzcw=="		/* \0anna\0pass */
#define OK235 "235 2.7.0 Authentication successful"
#define FAILED "535 5.7.8 Error: authentication failed"
#define MALFORMED "501 5.5.2 Error: malformed authentication data"
#define MUST_TLS "530 5.7.0 Error: must issue a STARTTLS command first"
#define TLS_NOW "220 2.0.0 Ready to start TLS"
#define IN_TLS (SECURE_TLS | SECURE_AUTH)

static const struct {
	struct dialogue d;
	unsigned secure;
} dialogues[] = {
	{ { "H127 STARTTLS is offered and answered 220", false, { EHLO_STARTTLS, { S("STARTTLS"), TLS_NOW, 0, false } } },
	    SECURE_STARTTLS },
	{ { "H127 STARTTLS before EHLO", false, { { S("starttls "), TLS_NOW, 0, false } } }, SECURE_STARTTLS },
	{ { "H127 STARTTLS with an argument", false, { EHLO_STARTTLS, { S("STARTTLS now"), "501 5.5.4 Syntax: STARTTLS", 0,
	    false }, MAIL } }, SECURE_STARTTLS },
	{ { "H127 no usable certificate, found out late", false, { EHLO_STARTTLS, { S("STARTTLS"),
	    "454 4.7.0 TLS not available due to local problem", SMTP_REFUSE_TLS, false }, MAIL, RCPT } }, SECURE_STARTTLS },
	{ { "H127 no usable certificate, known before", false, { EHLO, { S("STARTTLS"),
	    "454 4.7.0 TLS not available due to local problem", 0, false }, MAIL, RCPT } }, SECURE_BROKEN },
	{ { "H127 inside TLS it is not offered and 503", false, { EHLO_TLS, { S("STARTTLS"), "503 5.5.1 Error: TLS already active",
	    0, false }, MAIL } }, SECURE_STARTTLS | SECURE_TLS },
	{ { "H127 STARTTLS where TLS is off", false, { EHLO, { S("STARTTLS"), "502 5.5.1 Error: command not implemented", 0,
	    false } } }, 0 },
	{ { "H129 TLS required", false, { { S("NOOP"), "250 2.0.0 Ok", 0, false }, EHLO_STARTTLS,
	    { S("MAIL FROM:<a@b>"), MUST_TLS, 0, false }, { S("RSET"), MUST_TLS, 0, false },
	    { S("HELO c.example"), MUST_TLS, 0, false }, { S("VRFY a"), MUST_TLS, 0, false },
	    { S("AUTH PLAIN"), MUST_TLS, 0, false }, { S("STARTTLS"), TLS_NOW, 0, false } } },
	    SECURE_STARTTLS | SECURE_REQUIRED },
	{ { "H129 and QUIT", false, { { S("HELP"), MUST_TLS, 0, false }, { S("BLAH"),
	    "500 5.5.1 Error: command not recognized", 0, false }, { S("QUIT"), "221 2.0.0 Bye", 0, true } } },
	    SECURE_STARTTLS | SECURE_REQUIRED },
	{ { "H129 inside TLS nothing of it", false, { EHLO_TLS, MAIL, RCPT } }, SECURE_STARTTLS | SECURE_REQUIRED | SECURE_TLS },
	{ { "H131 no AUTH in the clear", false, { EHLO, { S("AUTH PLAIN " PLAIN_ANNA),
	    "538 5.7.11 Error: AUTH needs encryption: STARTTLS first", 0, false } } }, SECURE_NEEDS_TLS },
	{ { "H132 PLAIN with an initial response", false, { EHLO_AUTH, { S("AUTH PLAIN " PLAIN_ANNA), OK235, 0, false }, MAIL,
	    RCPT } }, IN_TLS },
	{ { "H132 PLAIN, asked for it", false, { EHLO_AUTH, { S("auth plain"), "334 ", 0, false },
	    { S(PLAIN_ANNA), OK235, 0, false }, MAIL } }, IN_TLS },
	{ { "H132 LOGIN", false, { EHLO_AUTH, { S("AUTH LOGIN"), "334 VXNlcm5hbWU6", 0, false },
	    { S("YW5uYQ=="), "334 UGFzc3dvcmQ6", 0, false }, { S("cGFzcw=="), OK235, 0, false }, MAIL } }, IN_TLS },
	{ { "H132 LOGIN with an initial response", false, { EHLO_AUTH,
	    { S("AUTH LOGIN YW5uYQ=="), "334 UGFzc3dvcmQ6", 0, false }, { S("cGFzcw=="), OK235, 0, false } } }, IN_TLS },
	{ { "H132 a wrong password", false, { EHLO_AUTH, { S("AUTH PLAIN " PLAIN_ANNA), FAILED, SMTP_REFUSE_PASSWORD, false },
	    { S("AUTH PLAIN " PLAIN_ANNA), OK235, 0, false } } }, IN_TLS },
	{ { "H132 the back end is down", false, { EHLO_AUTH, { S("AUTH PLAIN " PLAIN_ANNA),
	    "454 4.7.0 Temporary authentication failure", SMTP_REFUSE_AUTH, false }, MAIL } }, IN_TLS },
	{ { "H132 cancelled", false, { EHLO_AUTH, { S("AUTH PLAIN"), "334 ", 0, false },
	    { S("*"), "501 5.7.0 Authentication cancelled", 0, false }, { S("NOOP"), "250 2.0.0 Ok", 0, false },
	    { S("AUTH LOGIN"), "334 VXNlcm5hbWU6", 0, false }, { S("YW5uYQ=="), "334 UGFzc3dvcmQ6", 0, false },
	    { S("*"), "501 5.7.0 Authentication cancelled", 0, false }, MAIL } }, IN_TLS },
	{ { "H132 bad base64", false, { EHLO_AUTH, { S("AUTH PLAIN AGFu!"), MALFORMED, 0, false },
	    { S("AUTH LOGIN"), "334 VXNlcm5hbWU6", 0, false }, { S("NOOP"), "334 UGFzc3dvcmQ6", 0, false },
	    { S("MAIL FROM:<a@b>"), MALFORMED, 0, false }, MAIL } }, IN_TLS },
	{ { "H132 unknown mechanism", false, { EHLO_AUTH, { S("AUTH CRAM-MD5"),
	    "504 5.5.4 Error: authentication mechanism not supported", 0, false },
	    { S("AUTH"), "501 5.5.4 Syntax: AUTH mechanism", 0, false } } }, IN_TLS },
	{ { "H132 twice", false, { EHLO_AUTH, { S("AUTH PLAIN " PLAIN_ANNA), OK235, 0, false },
	    { S("AUTH PLAIN " PLAIN_ANNA), "503 5.5.1 Error: already authenticated", 0, false }, EHLO_AUTHENTICATED,
	    { S("AUTH LOGIN"), "503 5.5.1 Error: already authenticated", 0, false } } }, IN_TLS },
	{ { "H132 inside a transaction", false, { EHLO_AUTH, MAIL, { S("AUTH PLAIN " PLAIN_ANNA),
	    "503 5.5.1 Error: MAIL transaction in progress", 0, false }, RCPT } }, IN_TLS },
	{ { "H132 before EHLO, and after HELO", false, { { S("AUTH PLAIN"), "503 5.5.1 Error: send EHLO first", 0, false },
	    { S("HELO c"), "250 mx.example", 0, false }, { S("AUTH PLAIN"), "503 5.5.1 Error: send EHLO first", 0, false } } },
	    IN_TLS },
	{ { "H132 where it is off", false, { EHLO_TLS, { S("AUTH PLAIN"), "502 5.5.1 Error: command not implemented", 0, false } } },
	    SECURE_TLS },
	{ { "AUTH to act as somebody else", false, { EHLO_AUTH,
	    { S("AUTH PLAIN YmVuAGFubmEAcGFzcw=="), FAILED, 0, false },		/* ben\0anna\0pass */
	    { S("AUTH PLAIN YW5uYQBhbm5hAHBhc3M="), OK235, 0, false } } }, IN_TLS },
	{ { "AUTH without a name, a password, or with more", false, { EHLO_AUTH,
	    { S("AUTH PLAIN AABwYXNz"), FAILED, 0, false }, { S("AUTH PLAIN AGFubmEA"), FAILED, 0, false },
	    { S("AUTH PLAIN AGFubmEAcGEAc3M="), FAILED, 0, false },		/* \0anna\0pa\0ss */
	    { S("AUTH PLAIN ="), MALFORMED, 0, false }, { S("AUTH PLAIN YW5uYQ=="), MALFORMED, 0, false },
	    { S("AUTH PLAIN AGFuCm5hAHBhc3M="), FAILED, 0, false } } }, IN_TLS },	/* a line end in the name */
	{ { "MAIL with AUTH=, which is not relied on", false, { EHLO_AUTH,
	    { S("MAIL FROM:<a@b.example> AUTH=<>"), "250 2.1.0 Ok", 0, false }, { S("RSET"), "250 2.0.0 Ok", 0, false },
	    { S("MAIL FROM:<a@b.example> AUTH=e+3Dmc2@example.com SIZE=5"), "250 2.1.0 Ok", 0, false },
	    { S("RSET"), "250 2.0.0 Ok", 0, false },
	    { S("MAIL FROM:<a@b.example> AUTH"), "501 5.5.4 Syntax: AUTH=<> or AUTH=address", 0, false } } }, IN_TLS },
	{ { "MAIL with AUTH= where it is not offered", false, { EHLO,
	    { S("MAIL FROM:<a@b.example> AUTH=<>"), "555 5.5.4 Unsupported option: AUTH", 0, false } } }, 0 },
	{ { "a sender that is not the user's", false, { EHLO_AUTH, { S("AUTH PLAIN " PLAIN_ANNA), OK235, 0, false },
	    { S("MAIL FROM:<x@y.example>"), "553 5.7.1 <x@y.example>: Sender address rejected: not owned by user",
	    SMTP_REFUSE_OWNER, false }, MAIL } }, IN_TLS },
};

static const struct {
	bool esmtp, tls, authenticated;
	const char *want;
} protocols[] = {
	{ false, false, false, "SMTP" }, { true, false, false, "ESMTP" }, { true, true, false, "ESMTPS" },
	{ true, false, true, "ESMTPA" }, { true, true, true, "ESMTPSA" }, { false, true, false, "SMTP" },
};

/* The longest line there may be: "AUTH PLAIN " with a password of 9000 octets. */
static void
test_lengths(void)
{
	static char octets[9000], line[2 * SMTP_AUTH_LINE];
	static struct server_auth auth;
	struct server server = { .hostname = S("mx.example"), .max_errors = 20, .tls = true, .auth = &auth };
	struct server_session s;
	struct buf b = BUF(line);

	memset(octets, 'x', sizeof octets);
	memcpy(octets, "\0anna", 6);
	buf_str(&b, "AUTH PLAIN ");
	base64_encode(&b, slice_of(octets, sizeof octets));
	server_init(&s, &server);
	ok(server_line_max(&s) == 12288, "H132 a line may have 12288 octets");
	(void)server_command(&s, SL("EHLO c"));
	ok(server_command(&s, buf_slice(&b)).next == SMTP_NEXT_CHECK_AUTH && auth.password.n == sizeof octets - 6,
	    "H132 a password of 9 kB");
	ok(server_decide(&s, SMTP_ACCEPT, SL("")).code == 235, "H132 is taken");
	ok(!memchr(auth.secret_space, 'x', sizeof auth.secret_space), "and wiped");
	is(auth.user, SL("anna"), "the name stays");
	memcpy(line, "NOOP PLAIN", 10);
	ok(server_command(&s, buf_slice(&b)).code == 500, "H009 any other line is too long then");
	server_init(&s, &server);
	(void)server_command(&s, SL("EHLO c"));
	ok(server_command(&s, SL("AUTH LOGIN")).code == 334 && server_overlong(&s).code == 500, "H132 more is too long");
	ok(server_command(&s, SL("NOOP")).code == 250, "H132 and ends the exchange");
	octets[0] = 'a';
	b.n = 0;
	base64_encode(&b, slice_of(octets, 300));
	(void)server_command(&s, SL("AUTH LOGIN"));
	memset(octets, 'n', 300);
	b.n = 0;
	base64_encode(&b, slice_of(octets, 300));
	ok(server_command(&s, buf_slice(&b)).code == 334, "H132 a name of 300 octets is not told from others");
	ok(server_command(&s, SL("cGFzcw==")).code == 535, "H132 but is nobody's");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++)
		play_secure(&dialogues[i].d, dialogues[i].secure);
	for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
		const struct server server = { .tls = protocols[i].tls };
		const struct server_session s = { .server = &server, .esmtp = protocols[i].esmtp,
			.authenticated = protocols[i].authenticated };

		struct server_session utf8 = s;
		char name[32];

		is(server_protocol(&s), slice_str(protocols[i].want), "H097 the protocol in Received");
		if (!s.esmtp)
			continue;
		utf8.utf8 = true;
		(void)snprintf(name, sizeof name, "UTF8%s", protocols[i].want + 1);	/* RFC 6531 section 4.3 */
		is(server_protocol(&utf8), slice_str(name), "H097 with SMTPUTF8");
	}
	test_lengths();
	return tap_done();
}
