// SPDX-License-Identifier: ISC
/*
 * MAIL and RCPT as a session answers them, and what it keeps of their parameters.
 */
#include "smtp/param.h"

#include "tests/unit/dialogue.h"

#define L8   "abcdefgh"
#define L56  L8 L8 L8 L8 L8 L8 L8
#define L64  L56 L8
#define D63  L56 "abcdefg"

#define FROM_OK "250 2.1.0 Ok"
#define TO_OK "250 2.1.5 Ok"
#define FROM_SYNTAX "501 5.5.4 Syntax: MAIL FROM:<address>"
#define TO_SYNTAX "501 5.5.4 Syntax: RCPT TO:<address>"
#define FROM_BAD "501 5.1.7 Bad sender address syntax"
#define TO_BAD "501 5.1.3 Bad recipient address syntax"
#define FROM_ASCII "550 5.6.7 Error: sender address is not ASCII"
#define TO_ASCII "553 5.6.7 Error: recipient address is not ASCII"
#define PARAMS "501 5.5.4 Syntax: MAIL FROM:<address> KEYWORD=value"
#define SIZE_SYNTAX "501 5.5.4 Syntax: SIZE=octets"
#define BODY_SYNTAX "501 5.5.4 Syntax: BODY=7BIT, BODY=8BITMIME or BODY=BINARYMIME"
#define RET_SYNTAX "501 5.5.4 Syntax: RET=FULL or RET=HDRS"
#define ENVID_SYNTAX "501 5.5.4 Syntax: ENVID=xtext, of at most 100 characters"
#define NOTIFY_SYNTAX "501 5.5.4 Syntax: NOTIFY=NEVER or some of SUCCESS,FAILURE,DELAY"
#define ORCPT_SYNTAX "501 5.5.4 Syntax: ORCPT=type;xtext, of at most 500 characters"
#define RCPT_PARAMS "501 5.5.4 Syntax: RCPT TO:<address> KEYWORD=value"
#define BY_SYNTAX "501 5.5.4 Syntax: BY=seconds;N or BY=seconds;R, with T to trace; R needs time"
#define PRIORITY_SYNTAX "501 5.5.4 Syntax: MT-PRIORITY=-9 to 9"
#define TWICE "501 5.5.4 Error: parameter given twice"
#define NO_RCPT_YET { S("RCPT TO:<u@d>"), "503 5.5.1 Error: need MAIL command", 0, false }

/* MAIL after EHLO. */
static const struct line {
	const char *name;
	struct slice line;
	const char *tolerant, *strict;	/* the reply; strict NULL: the same */
} mails[] = {
	{ "H039 a sender", S("MAIL FROM:<a@b.example>"), FROM_OK, NULL },
	{ "H040 the null path", S("MAIL FROM:<>"), FROM_OK, NULL },
	{ "H043 space after the colon", S("MAIL FROM: <a@b>"), FROM_OK, FROM_SYNTAX },
	{ "H043 space after the colon, null path", S("MAIL FROM: <>"), FROM_OK, FROM_SYNTAX },
	{ "H044 no brackets", S("MAIL FROM:a@b"), FROM_OK, FROM_SYNTAX },
	{ "H044 no brackets, with a parameter", S("MAIL FROM:a@b SIZE=1"), FROM_OK, FROM_SYNTAX },
	{ "H044 unbalanced left", S("MAIL FROM:<a@b"), FROM_BAD, NULL },
	{ "H044 unbalanced right", S("MAIL FROM:a@b>"), FROM_BAD, FROM_SYNTAX },
	{ "H045 source route", S("MAIL FROM:<@x,@y:u@d.example>"), FROM_OK, NULL },
	{ "H046 local part of 64", S("MAIL FROM:<" L64 "@b>"), FROM_OK, NULL },
	{ "H046 local part of 65", S("MAIL FROM:<" L64 "x@b>"), "501 5.1.7 Error: sender's local part is too long", NULL },
	{ "H046 domain of 256", S("MAIL FROM:<a@" D63 "." D63 "." D63 "." D63 "x>"),
	    "501 5.1.7 Error: sender's domain is too long", NULL },
	{ "H046 path of 256", S("MAIL FROM:<" L64 "@" D63 "." D63 "." L56 "abcde>"), FROM_OK, NULL },
	{ "H046 path of 257", S("MAIL FROM:<" L64 "@" D63 "." D63 "." L56 "abcdef>"),
	    "501 5.1.7 Error: sender address is too long", NULL },
	{ "H047 quoted", S("MAIL FROM:<\"Joe\\,Smith\"@b.example> SIZE=1"), FROM_OK, NULL },
	{ "H048 literal", S("MAIL FROM:<u@[192.0.2.1]>"), FROM_OK, NULL },
	{ "H048 bad literal", S("MAIL FROM:<u@[256.1.1.1]>"), FROM_BAD, NULL },
	{ "H049 control character", S("MAIL FROM:<a\x02@b>"), FROM_BAD, NULL },
	{ "H049 NUL", S("MAIL FROM:<a\0@b>"), FROM_BAD, NULL },
	{ "H050 UTF-8 in the local part", S("MAIL FROM:<\xc3\xbc@b>"), FROM_ASCII, NULL },
	{ "H050 UTF-8 in the domain", S("MAIL FROM:<a@\xc3\xbc>"), FROM_ASCII, NULL },
	{ "H050 UTF-8 in a source route", S("MAIL FROM:<@\xc3\xbc:a@b>"), FROM_ASCII, NULL },
	{ "H050 Latin-1", S("MAIL FROM:<\xfc@b>"), FROM_ASCII, NULL },
	{ "H052 unknown parameter", S("MAIL FROM:<a@b> FOO=1"), "555 5.5.4 Unsupported option: FOO", NULL },
	{ "H052 unknown parameter without value", S("MAIL FROM:<a@b> foo"), "555 5.5.4 Unsupported option: foo", NULL },
	{ "H052 unknown behind known", S("MAIL FROM:<a@b> SIZE=1 XRET=FULL"), "555 5.5.4 Unsupported option: XRET", NULL },
	{ "H052 a long unknown keyword is cut", S("MAIL FROM:<a@b> " L64 L64 "=1"),
	    "555 5.5.4 Unsupported option: " L64, NULL },
	{ "H056 RET=FULL", S("MAIL FROM:<a@b> RET=FULL"), FROM_OK, NULL },
	{ "H056 RET=HDRS", S("MAIL FROM:<a@b> ret=hdrs"), FROM_OK, NULL },
	{ "H056 RET=X", S("MAIL FROM:<a@b> RET=X"), RET_SYNTAX, NULL },
	{ "H056 RET alone", S("MAIL FROM:<a@b> RET"), RET_SYNTAX, NULL },
	{ "H056 two RET", S("MAIL FROM:<a@b> RET=FULL RET=FULL"), TWICE, NULL },
	{ "H056 two ENVID", S("MAIL FROM:<a@b> ENVID=x ENVID=y"), TWICE, NULL },
	{ "H056 ENVID", S("MAIL FROM:<a@b> ENVID=QQ314159+2B"), FROM_OK, NULL },
	{ "H056 ENVID that is no xtext", S("MAIL FROM:<a@b> ENVID=a+b"), ENVID_SYNTAX, NULL },
	{ "H056 ENVID with =", S("MAIL FROM:<a@b> ENVID=a=b"), PARAMS, NULL },
	{ "H056 ENVID alone", S("MAIL FROM:<a@b> ENVID"), ENVID_SYNTAX, NULL },
	{ "H072 ENVID of 100", S("MAIL FROM:<a@b> ENVID=" L64 L8 L8 L8 L8 "abcd"), FROM_OK, NULL },
	{ "H072 ENVID of 101", S("MAIL FROM:<a@b> ENVID=" L64 L8 L8 L8 L8 "abcde"), ENVID_SYNTAX, NULL },
	{ "H072 ENVID of 100, encoded", S("MAIL FROM:<a@b> ENVID=" L64 L8 L8 L8 "abcdefghijk+3D"), FROM_OK, NULL },
	{ "a parameter of RCPT", S("MAIL FROM:<a@b> NOTIFY=NEVER"), "555 5.5.4 Unsupported option: NOTIFY", NULL },
	{ "MT-PRIORITY", S("MAIL FROM:<a@b> MT-PRIORITY=-9"), FROM_OK, NULL },
	{ "MT-PRIORITY=10", S("MAIL FROM:<a@b> MT-PRIORITY=10"), PRIORITY_SYNTAX, NULL },
	{ "MT-PRIORITY=+1", S("MAIL FROM:<a@b> MT-PRIORITY=+1"), PRIORITY_SYNTAX, NULL },
	{ "MT-PRIORITY=-0", S("MAIL FROM:<a@b> MT-PRIORITY=-0"), PRIORITY_SYNTAX, NULL },
	{ "MT-PRIORITY alone", S("MAIL FROM:<a@b> MT-PRIORITY"), PRIORITY_SYNTAX, NULL },
	{ "H159 REQUIRETLS in clear", S("MAIL FROM:<a@b> REQUIRETLS"), "555 5.5.4 Unsupported option: REQUIRETLS", NULL },
	{ "DELIVERBY", S("MAIL FROM:<a@b> BY=120;R"), FROM_OK, NULL },
	{ "DELIVERBY, any case, a sign, the trace", S("MAIL FROM:<a@b> by=+999999999;nt"), FROM_OK, NULL },
	{ "DELIVERBY, the time is over", S("MAIL FROM:<a@b> BY=-1;N"), FROM_OK, NULL },
	{ "DELIVERBY, to be given back at once", S("MAIL FROM:<a@b> BY=0;R"), BY_SYNTAX, NULL },
	{ "DELIVERBY, to be given back before", S("MAIL FROM:<a@b> BY=-1;R"), BY_SYNTAX, NULL },
	{ "DELIVERBY without a mode", S("MAIL FROM:<a@b> BY=120"), BY_SYNTAX, NULL },
	{ "DELIVERBY, ten digits", S("MAIL FROM:<a@b> BY=1000000000;N"), BY_SYNTAX, NULL },
	{ "DELIVERBY alone", S("MAIL FROM:<a@b> BY"), BY_SYNTAX, NULL },
	{ "DELIVERBY twice", S("MAIL FROM:<a@b> BY=1;R BY=1;R"), "501 5.5.4 Error: parameter given twice", NULL },
	{ "FUTURERELEASE is not for strangers", S("MAIL FROM:<a@b> HOLDFOR=1"), "555 5.5.4 Unsupported option: HOLDFOR", NULL },
	{ "H058 SMTPUTF8", S("MAIL FROM:<\xc3\xbc@\xc3\xbc.example> SMTPUTF8"), FROM_OK, NULL },
	{ "H058 SMTPUTF8 in any case, among others", S("MAIL FROM:<\xc3\xbc@b> SIZE=1 smtputf8 BODY=8BITMIME"), FROM_OK, NULL },
	{ "H058 SMTPUTF8 with an ASCII path", S("MAIL FROM:<a@b> SMTPUTF8"), FROM_OK, NULL },
	{ "H058 SMTPUTF8 with a value", S("MAIL FROM:<a@b> SMTPUTF8=yes"), "501 5.5.4 Syntax: SMTPUTF8 has no value", NULL },
	{ "H058 SMTPUTF8 with an empty value", S("MAIL FROM:<a@b> SMTPUTF8="), PARAMS, NULL },
	{ "H058 two SMTPUTF8", S("MAIL FROM:<a@b> SMTPUTF8 SMTPUTF8"), TWICE, NULL },
	{ "H058 no excuse for what is not UTF-8", S("MAIL FROM:<\xfc@b> SMTPUTF8"), FROM_ASCII, NULL },
	{ "ENVID beyond ASCII", S("MAIL FROM:<a@b> SMTPUTF8 ENVID=\xc3\xbc"), ENVID_SYNTAX, NULL },
	{ "H053 SIZE", S("MAIL FROM:<a@b> SIZE=10000"), FROM_OK, NULL },
	{ "H053 too big", S("MAIL FROM:<a@b> SIZE=10001"), "552 5.3.4 Message size exceeds fixed limit", NULL },
	{ "H053 far too big", S("MAIL FROM:<a@b> SIZE=99999999999999999999"), "552 5.3.4 Message size exceeds fixed limit",
	    NULL },
	{ "H053 21 digits", S("MAIL FROM:<a@b> SIZE=000000000000000000001"), SIZE_SYNTAX, NULL },
	{ "H053 SIZE=x", S("MAIL FROM:<a@b> SIZE=x"), SIZE_SYNTAX, NULL },
	{ "H053 SIZE=-1", S("MAIL FROM:<a@b> SIZE=-1"), SIZE_SYNTAX, NULL },
	{ "H053 SIZE=1k", S("MAIL FROM:<a@b> SIZE=1k"), SIZE_SYNTAX, NULL },
	{ "H053 SIZE alone", S("MAIL FROM:<a@b> SIZE"), SIZE_SYNTAX, NULL },
	{ "H053 SIZE without its value", S("MAIL FROM:<a@b> SIZE="), PARAMS, NULL },
	{ "H053 two SIZEs", S("MAIL FROM:<a@b> SIZE=1 SIZE=1"), TWICE, NULL },
	{ "H053 two SIZEs in any case", S("MAIL FROM:<a@b> size=1 SiZe=1"), TWICE, NULL },
	{ "H053 SIZE=0", S("MAIL FROM:<a@b> SIZE=0"), FROM_OK, NULL },
	{ "H055 BODY=7BIT", S("MAIL FROM:<a@b> BODY=7BIT"), FROM_OK, NULL },
	{ "H055 BODY=8BITMIME", S("MAIL FROM:<a@b> BODY=8BITMIME"), FROM_OK, NULL },
	{ "H055 any case", S("MAIL FROM:<a@b> body=8bitmime size=5"), FROM_OK, NULL },
	{ "H055 BODY=X", S("MAIL FROM:<a@b> BODY=X"), BODY_SYNTAX, NULL },
	{ "H125 BODY=BINARYMIME", S("MAIL FROM:<a@b> BODY=BINARYMIME"), FROM_OK, NULL },
	{ "H055 BODY alone", S("MAIL FROM:<a@b> BODY"), BODY_SYNTAX, NULL },
	{ "two BODYs", S("MAIL FROM:<a@b> BODY=7BIT BODY=7BIT"), TWICE, NULL },
	{ "several blanks", S("MAIL  FROM:<a@b>   SIZE=1 \t BODY=7BIT  "), FROM_OK, NULL },
	{ "no blank behind the path", S("MAIL FROM:<a@b>SIZE=1"), FROM_SYNTAX, NULL },
	{ "parameter that is no keyword", S("MAIL FROM:<a@b> =1"), PARAMS, NULL },
	{ "parameter that begins with a hyphen", S("MAIL FROM:<a@b> -X=1"), PARAMS, NULL },
	{ "parameter with two =", S("MAIL FROM:<a@b> X=1=2"), PARAMS, NULL },
	{ "parameter with a control character", S("MAIL FROM:<a@b> X=\x01"), PARAMS, NULL },
	{ "parameter with NUL", S("MAIL FROM:<a@b> SIZE=1\0"), PARAMS, NULL },
	{ "parameter beyond ASCII", S("MAIL FROM:<a@b> X=\xfc"), PARAMS, NULL },
	{ "no argument", S("MAIL"), FROM_SYNTAX, NULL },
	{ "no path", S("MAIL FROM:"), FROM_SYNTAX, NULL },
	{ "no colon", S("MAIL FROM <a@b>"), FROM_SYNTAX, NULL },
	{ "blank before the colon", S("MAIL FROM :<a@b>"), FROM_SYNTAX, NULL },
	{ "the other word", S("MAIL TO:<a@b>"), FROM_SYNTAX, NULL },
	{ "no domain", S("MAIL FROM:<a>"), FROM_BAD, NULL },
	{ "a parameter where the path should be", S("MAIL FROM: SIZE=1"), FROM_BAD, FROM_SYNTAX },
};

/* RCPT after MAIL. */
static const struct line rcpts[] = {
	{ "H059 a recipient", S("RCPT TO:<u@d.example>"), TO_OK, NULL },
	{ "H060 Postmaster", S("RCPT TO:<Postmaster>"), TO_OK, NULL },
	{ "H060 postmaster", S("RCPT TO:<postmaster>"), TO_OK, NULL },
	{ "H060 POSTMASTER", S("RCPT TO:<POSTMASTER>"), TO_OK, NULL },
	{ "H062 the null path", S("RCPT TO:<>"), TO_BAD, NULL },
	{ "H063 source route", S("RCPT TO:<@hosta.int,@jkl.org:userc@d.example>"), TO_OK, NULL },
	{ "H043 space after the colon", S("RCPT TO: <a@b>"), TO_OK, TO_SYNTAX },
	{ "H044 no brackets", S("RCPT TO:a@b"), TO_OK, TO_SYNTAX },
	{ "H044 unbalanced", S("RCPT TO:<a@b"), TO_BAD, NULL },
	{ "H046 local part of 65", S("RCPT TO:<" L64 "x@b>"), "501 5.1.3 Error: recipient's local part is too long", NULL },
	{ "H046 path of 257", S("RCPT TO:<" L64 "@" D63 "." D63 "." L56 "abcdef>"),
	    "501 5.1.3 Error: recipient address is too long", NULL },
	{ "H046 domain of 256", S("RCPT TO:<a@" D63 "." D63 "." D63 "." D63 "x>"),
	    "501 5.1.3 Error: recipient's domain is too long", NULL },
	{ "H049 control character", S("RCPT TO:<a\x7f@b>"), TO_BAD, NULL },
	{ "H050 UTF-8", S("RCPT TO:<\xc3\xbc@b>"), TO_ASCII, NULL },
	{ "H050 Latin-1", S("RCPT TO:<\xfc@b>"), TO_ASCII, NULL },
	{ "H071 NOTIFY=NEVER", S("RCPT TO:<a@b> NOTIFY=NEVER"), TO_OK, NULL },
	{ "H071 lower case", S("RCPT TO:<a@b> notify=success"), TO_OK, NULL },
	{ "H071 H072 a list of 28 octets", S("RCPT TO:<a@b> NOTIFY=SUCCESS,FAILURE,DELAY"), TO_OK, NULL },
	{ "H071 NEVER in a list", S("RCPT TO:<a@b> NOTIFY=NEVER,FAILURE"), NOTIFY_SYNTAX, NULL },
	{ "H071 NEVER at the end of a list", S("RCPT TO:<a@b> NOTIFY=FAILURE,NEVER"), NOTIFY_SYNTAX, NULL },
	{ "H071 an empty NOTIFY", S("RCPT TO:<a@b> NOTIFY="), RCPT_PARAMS, NULL },
	{ "H071 NOTIFY alone", S("RCPT TO:<a@b> NOTIFY"), NOTIFY_SYNTAX, NULL },
	{ "H071 an unknown word", S("RCPT TO:<a@b> NOTIFY=ALWAYS"), NOTIFY_SYNTAX, NULL },
	{ "H071 an empty word", S("RCPT TO:<a@b> NOTIFY=SUCCESS,,DELAY"), NOTIFY_SYNTAX, NULL },
	{ "H071 a comma behind", S("RCPT TO:<a@b> NOTIFY=SUCCESS,"), NOTIFY_SYNTAX, NULL },
	{ "H071 a comma in front", S("RCPT TO:<a@b> NOTIFY=,SUCCESS"), NOTIFY_SYNTAX, NULL },
	{ "H071 two NOTIFY", S("RCPT TO:<a@b> NOTIFY=NEVER NOTIFY=NEVER"), TWICE, NULL },
	{ "H071 two ORCPT", S("RCPT TO:<a@b> ORCPT=rfc822;a@b orcpt=rfc822;a@b"), TWICE, NULL },
	{ "H071 ORCPT", S("RCPT TO:<a@b> ORCPT=rfc822;Bob+2BX@B.example NOTIFY=DELAY"), TO_OK, NULL },
	{ "H071 ORCPT of another type", S("RCPT TO:<a@b> ORCPT=x400;/c=de/"), RCPT_PARAMS, NULL },
	{ "H071 ORCPT of another type, encoded", S("RCPT TO:<a@b> ORCPT=x400;/c+3Dde/"), TO_OK, NULL },
	{ "H071 hex in lower case", S("RCPT TO:<a@b> ORCPT=rfc822;a+2b@b"), ORCPT_SYNTAX, NULL },
	{ "H071 a bad hexchar", S("RCPT TO:<a@b> ORCPT=rfc822;a+XYb@b"), ORCPT_SYNTAX, NULL },
	{ "H071 an unfinished hexchar", S("RCPT TO:<a@b> ORCPT=rfc822;a+2"), ORCPT_SYNTAX, NULL },
	{ "H071 a lone plus", S("RCPT TO:<a@b> ORCPT=rfc822;a+"), ORCPT_SYNTAX, NULL },
	{ "H071 ORCPT without a type", S("RCPT TO:<a@b> ORCPT=a@b"), ORCPT_SYNTAX, NULL },
	{ "H071 ORCPT with an empty type", S("RCPT TO:<a@b> ORCPT=;a@b"), ORCPT_SYNTAX, NULL },
	{ "H071 ORCPT without an address", S("RCPT TO:<a@b> ORCPT=rfc822;"), ORCPT_SYNTAX, NULL },
	{ "H072 ORCPT of 500", S("RCPT TO:<a@b> ORCPT=rfc822;" L64 L64 L64 L64 L64 L64 L64 L8 L8 L8 L8 L8 "abcde"), TO_OK,
	    NULL },
	{ "H072 ORCPT of 501", S("RCPT TO:<a@b> ORCPT=rfc822;" L64 L64 L64 L64 L64 L64 L64 L8 L8 L8 L8 L8 "abcdef"),
	    ORCPT_SYNTAX, NULL },
	{ "a parameter of DSN at the wrong command", S("RCPT TO:<a@b> RET=FULL"), "555 5.5.4 Unsupported option: RET", NULL },
	{ "a parameter of MAIL", S("RCPT TO:<a@b> SIZE=1"), "555 5.5.4 Unsupported option: SIZE", NULL },
	{ "a malformed parameter", S("RCPT TO:<a@b> ="), "501 5.5.4 Syntax: RCPT TO:<address> KEYWORD=value", NULL },
	{ "no argument", S("RCPT"), TO_SYNTAX, NULL },
	{ "no path", S("RCPT TO:"), TO_SYNTAX, NULL },
	{ "the other word", S("RCPT FROM:<a@b>"), TO_SYNTAX, NULL },
	{ "no domain", S("RCPT TO:<joe>"), TO_BAD, NULL },
};

static const struct dialogue dialogues[] = {
	{ "H035 parameters after HELO", false, { { S("HELO c"), "250 mx.example", 0, false },
	    { S("MAIL FROM:<a@b> SIZE=1"), "555 5.5.4 Error: parameters need EHLO", 0, false },
	    { S("MAIL FROM:<a@b>"), FROM_OK, 0, false } } },
	{ "H051 a bad MAIL opens nothing", false, { EHLO, { S("MAIL FROM:<bad"), FROM_BAD, 0, false }, NO_RCPT_YET } },
	{ "H052 a bad parameter opens nothing", false, { EHLO,
	    { S("MAIL FROM:<a@b> FOO=1"), "555 5.5.4 Unsupported option: FOO", 0, false }, NO_RCPT_YET, MAIL } },
	{ "H053 too big opens nothing", false, { EHLO, { S("MAIL FROM:<a@b> SIZE=99999"),
	    "552 5.3.4 Message size exceeds fixed limit", 0, false }, NO_RCPT_YET } },
	{ "H058 an internationalized transaction", false, { EHLO, { S("MAIL FROM:<> SMTPUTF8"), FROM_OK, 0, false },
	    { S("RCPT TO:<\xc3\xbc@d.example> ORCPT=utf-8;\xc3\xbc@d.example"), TO_OK, 0, false },
	    { S("RCPT TO:<v@\xc3\xbc.example> ORCPT=UTF-8;\\x{FC}@d.example"), TO_OK, 0, false },
	    { S("RCPT TO:<\xfc@d.example>"), TO_BAD, 0, false },
	    { S("RCPT TO:<v@d.example> ORCPT=rfc822;\xc3\xbc@d.example"), ORCPT_SYNTAX, 0, false },
	    { S("RCPT TO:<\xc3\xb6@d>"), "550 5.1.1 <\xc3\xb6@d>: Recipient address rejected: User unknown", SMTP_REFUSE_USER,
		false }, DATA, DOT } },
	{ "H050 the next one is not", false, { EHLO, { S("MAIL FROM:<> SMTPUTF8"), FROM_OK, 0, false }, RCPT, DATA, DOT, MAIL,
	    { S("RCPT TO:<\xc3\xbc@d.example>"), TO_ASCII, 0, false },
	    { S("RCPT TO:<v@d.example> ORCPT=utf-8;\xc3\xbc@d.example"), ORCPT_SYNTAX, 0, false } } },
	{ "H054 SIZE is a promise, no framing", false, { EHLO, { S("MAIL FROM:<a@b> SIZE=1"), FROM_OK, 0, false }, RCPT,
	    DATA, DOT } },
};

static void
each(const struct line *lines, size_t n, bool after_mail)
{
	for (size_t i = 0; i < n; i++)
		for (int strict = 0; strict < 2; strict++) {
			const char *want = strict && lines[i].strict ? lines[i].strict : lines[i].tolerant;
			struct dialogue d = { lines[i].name, strict, { EHLO, { lines[i].line, want, 0, false } } };
			char name[128];

			if (after_mail) {
				d.steps[2] = d.steps[1];
				d.steps[1] = (struct step)MAIL;
			}
			(void)snprintf(name, sizeof name, "%s, %s", lines[i].name, strict ? "strict" : "tolerant");
			d.name = name;
			play(&d);
		}
}

/* What the main finds in the session when it is asked. */
static void
test_kept(void)
{
	static const struct server server = { .hostname = S("mx.example"), .max_message_size = 0,
		.max_recipients = 10, .max_errors = 20 };
	struct server_session s;

	server_init(&s, &server);
	(void)server_command(&s, SL("EHLO c"));
	ok(server_command(&s, SL("MAIL FROM:<Smith@B.example> body=8bitmime SIZE=123456789")).next ==
	    SMTP_NEXT_CHECK_MAIL, "without a limit any size will do");
	is(smtp_path_text(&s.from), SL("Smith@B.example"), "H041 the local part keeps its case");
	is(buf_slice(&s.params), SL("BODY=8BITMIME"), "what the envelope keeps");
	ok(s.body == SMTP_BODY_8BITMIME && s.declared_size == 123456789, "body and size");
	(void)server_decide(&s, SMTP_ACCEPT, SL(""));
	(void)server_command(&s, SL("RCPT TO:<@x:U@d.example>"));
	is(smtp_path_text(&s.rcpt), SL("U@d.example"), "H063 the recipient without its route");
	is(smtp_path_domain(&s.rcpt), SL("d.example"), "H063 its domain");
	is(buf_slice(&s.params), SL(""), "a recipient without parameters");
	(void)server_decide(&s, SMTP_ACCEPT, SL(""));
	(void)server_command(&s, SL("RCPT TO:<v@d.example> orcpt=RFC822;Bob+2BX@D notify=Success,delay"));
	is(buf_slice(&s.params), SL("ORCPT=RFC822;Bob+2BX@D NOTIFY=Success,delay"), "DSN's are kept as they came");
	(void)server_decide(&s, SMTP_ACCEPT, SL(""));
	is(smtp_path_text(&s.from), SL("Smith@B.example"), "the sender is still there");
	ok(s.recipients == 2 && s.refused == 0 && s.state == SMTP_AT_RCPT, "two recipients");
	(void)server_command(&s, SL("RCPT TO:<>"));
	ok(s.recipients == 2 && s.refused == 1, "one refused");
	(void)server_end_of_data(&s, SMTP_DATA_LOCAL, SL(""));
	ok(s.from.n == 0 && s.rcpt.n == 0 && s.body == SMTP_BODY_UNKNOWN && s.declared_size == 0 && s.recipients == 0 &&
	    s.refused == 0 && s.params.n == 0, "H088 nothing is left of the transaction");
	(void)server_command(&s, SL("MAIL FROM:<a@b> SIZE=7 BODY=7BIT FOO"));
	ok(s.from.n == 0 && s.body == SMTP_BODY_UNKNOWN && s.declared_size == 0 && s.params.n == 0,
	    "nor of one that never was");
	(void)server_command(&s, SL("MAIL FROM:<>"));
	ok(s.from.n == 0 && s.pending == SMTP_NEXT_CHECK_MAIL, "H040 the null path is asked about too");
}

/* Parameters of extensions that are offered to some: with an octet of who, then the reply's code and what is kept. */
static const struct offer {
	const char *name;
	struct slice line;
	int code;		/* for one who may; 0: the main is asked */
	const char *kept;
} offers[] = {
	{ "H159 REQUIRETLS", S("MAIL FROM:<a@b> REQUIRETLS"), 0, "REQUIRETLS" },
	{ "H159 REQUIRETLS with a value", S("MAIL FROM:<a@b> REQUIRETLS=1"), 501, NULL },
	{ "HOLDFOR", S("MAIL FROM:<a@b> RET=FULL HOLDFOR=2419200"), 0, "RET=FULL HOLDFOR=2419200" },
	{ "HOLDFOR too long", S("MAIL FROM:<a@b> HOLDFOR=2419201"), 501, NULL },
	{ "HOLDFOR=0", S("MAIL FROM:<a@b> HOLDFOR=0"), 501, NULL },
	{ "HOLDFOR alone", S("MAIL FROM:<a@b> HOLDFOR"), 501, NULL },
	{ "HOLDUNTIL", S("MAIL FROM:<a@b> holduntil=1970-01-29T00:16:40Z"), 0, "HOLDUNTIL=1970-01-29T00:16:40Z" },
	{ "HOLDUNTIL too late", S("MAIL FROM:<a@b> HOLDUNTIL=1970-01-29T00:16:41Z"), 501, NULL },
	{ "HOLDUNTIL that is no time", S("MAIL FROM:<a@b> HOLDUNTIL=tomorrow"), 501, NULL },
	{ "both", S("MAIL FROM:<a@b> HOLDFOR=1 HOLDUNTIL=1970-01-29T00:16:40Z"), 501, NULL },
};

static void
test_offers(void)
{
	static const struct server may = { .hostname = S("mx.example"), .max_recipients = 100, .max_errors = 20,
		.trusted = true, .tls = true, .now_s = 1000 };
	struct server_session s;
	struct smtp_reply r;

	server_init(&s, &may);
	r = server_command(&s, SL("EHLO c"));
	ok(memmem(r.text.p, r.text.n, "\nLIMITS RCPTMAX=100\nFUTURERELEASE 2419200 1970-01-29T00:16:40Z\nREQUIRETLS", 71) != NULL,
	    "H150 H159 EHLO offers LIMITS; FUTURERELEASE to who is trusted; REQUIRETLS inside TLS");
	for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
		r = server_command(&s, offers[i].line);
		ok(r.code == offers[i].code, "%s", offers[i].name);
		if (offers[i].kept)
			is(buf_slice(&s.params), slice_str(offers[i].kept), offers[i].name);
	}
}

static void
test_take(void)
{
	struct slice in = SL("  SIZE=12\tX-Y  BODY=7BIT=");
	struct smtp_param p = { 0 };

	ok(smtp_param_take(&in, &p) == SMTP_PARAM_TAKEN, "the first parameter");
	is(p.keyword, SL("SIZE"), "its keyword");
	is(p.value, SL("12"), "its value");
	is(p.whole, SL("SIZE=12"), "as it was written");
	ok(smtp_param_take(&in, &p) == SMTP_PARAM_TAKEN && p.value.p == NULL, "one without a value");
	is(p.whole, SL("X-Y"), "as it was written");
	ok(smtp_param_take(&in, &p) == SMTP_PARAM_MALFORMED, "a malformed one");
	ok(smtp_param_take(&in, &p) == SMTP_PARAM_MALFORMED, "which is not passed over");
	in = SL(" \t");
	ok(smtp_param_take(&in, &p) == SMTP_PARAM_NONE && in.n == 0, "blanks are no parameter");
}

int
main(void)
{
	each(mails, sizeof mails / sizeof mails[0], false);
	each(rcpts, sizeof rcpts / sizeof rcpts[0], true);
	for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++)
		play(&dialogues[i]);
	test_kept();
	test_take();
	test_offers();
	return tap_done();
}
