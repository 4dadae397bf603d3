// SPDX-License-Identifier: ISC
/*
 * Replies to MAIL and RCPT, and the parameters that a session keeps.
 */
#include "smtp/param.h"

#include "tests/unit/dialogue.h"

#define L8   "abcdefgh"
#define L56  L8 L8 L8 L8 L8 L8 L8
#define L64  L56 L8
#define L512 L64 L64 L64 L64 L64 L64 L64 L64
#define LMAX L512 L512
#define R512 "@" D63 "." D63 "." D63 "." D63 ",@" D63 "." D63 "." D63 "." D63
#define D63  L56 "abcdefg"

#define FROM_OK "250 2.1.0 Ok"
#define TO_OK "250 2.1.5 Ok"
#define FROM_SYNTAX "501 5.5.4 Syntax: MAIL FROM:<address>"
#define TO_SYNTAX "501 5.5.4 Syntax: RCPT TO:<address>"
#define FROM_BAD "501 5.1.7 Bad sender address syntax"
#define TO_BAD "501 5.1.3 Bad recipient address syntax"
#define FROM_ASCII "550 5.6.7 Error: sender address is not ASCII"
#define FROM_UTF8 "501 5.1.7 Error: sender address is not valid UTF-8"
#define TO_UTF8 "501 5.1.3 Error: recipient address is not valid UTF-8"
#define TO_ASCII "553 5.6.7 Error: recipient address is not ASCII"
#define PARAMS "501 5.5.4 Syntax: MAIL FROM:<address> KEYWORD=value"
#define SIZE_SYNTAX "501 5.5.4 Syntax: SIZE=octets"
#define BODY_SYNTAX "501 5.5.4 Syntax: BODY=7BIT, BODY=8BITMIME or BODY=BINARYMIME"
#define RET_SYNTAX "501 5.5.4 Syntax: RET=FULL or RET=HDRS"
#define ENVID_SYNTAX "501 5.5.4 Syntax: ENVID=xtext, of at most 1000 printable characters"
#define NOTIFY_SYNTAX "501 5.5.4 Syntax: NOTIFY=NEVER or some of SUCCESS,FAILURE,DELAY"
#define ORCPT_SYNTAX "501 5.5.4 Syntax: ORCPT=type;xtext, of at most 3000 printable characters"
#define RCPT_PARAMS "501 5.5.4 Syntax: RCPT TO:<address> KEYWORD=value"
#define BY_SYNTAX "501 5.5.4 Syntax: BY=seconds;N or BY=seconds;R, with T to trace; R needs time"
#define PRIORITY_SYNTAX "501 5.5.4 Syntax: MT-PRIORITY=-9 to 9"
#define TWICE "501 5.5.4 Error: parameter given twice"
#define NO_RCPT_YET STEP("RCPT TO:<u@d>", "503 5.5.1 Error: need MAIL command")

/* MAIL after EHLO. */
static const struct line {
	const char *name;
	struct slice line;
	const char *want, *want_strict;	/* want_strict NULL: the same */
} mails[] = {
	{ .name = "H039 a sender", .line = S("MAIL FROM:<a@b.example>"), .want = FROM_OK },
	{ .name = "H040 the null path", .line = S("MAIL FROM:<>"), .want = FROM_OK },
	{ .name = "H043 space after the colon", .line = S("MAIL FROM: <a@b>"), .want = FROM_OK,
	    .want_strict = FROM_SYNTAX },
	{ .name = "H043 space after the colon, null path", .line = S("MAIL FROM: <>"),
	    .want = FROM_OK, .want_strict = FROM_SYNTAX },
	{ .name = "H044 no brackets", .line = S("MAIL FROM:a@b"), .want = FROM_OK,
	    .want_strict = FROM_SYNTAX },
	{ .name = "H044 no brackets, with a parameter", .line = S("MAIL FROM:a@b SIZE=1"),
	    .want = FROM_OK, .want_strict = FROM_SYNTAX },
	{ .name = "H044 unbalanced left", .line = S("MAIL FROM:<a@b"), .want = FROM_BAD },
	{ .name = "H044 unbalanced right", .line = S("MAIL FROM:a@b>"), .want = FROM_BAD,
	    .want_strict = FROM_SYNTAX },
	{ .name = "H045 source route", .line = S("MAIL FROM:<@x,@y:u@d.example>"),
	    .want = FROM_OK },
	{ .name = "H046 local part of 64", .line = S("MAIL FROM:<" L64 "@b>"), .want = FROM_OK },
	{ .name = "H046 local part of 1025", .line = S("MAIL FROM:<" LMAX "x@b>"),
	    .want = "501 5.1.7 Error: sender's local part is too long" },
	{ .name = "H046 domain of 256", .line = S("MAIL FROM:<a@" D63 "." D63 "." D63 "." D63 "x>"),
	    .want = "501 5.1.7 Error: sender's domain is too long" },
	{ .name = "H046 path of 256", .line = S("MAIL FROM:<" L64 "@" D63 "." D63 "." L56 "abcde>"),
	    .want = FROM_OK },
	{ .name = "H046 path over 2048",
	    .line = S("MAIL FROM:<" R512 "," R512 "," R512 "," R512 ":a@b>"),
	    .want = "501 5.1.7 Error: sender address is too long" },
	{ .name = "H047 quoted", .line = S("MAIL FROM:<\"Joe\\,Smith\"@b.example> SIZE=1"),
	    .want = FROM_OK },
	{ .name = "H048 literal", .line = S("MAIL FROM:<u@[192.0.2.1]>"), .want = FROM_OK },
	{ .name = "H048 bad literal", .line = S("MAIL FROM:<u@[256.1.1.1]>"), .want = FROM_BAD },
	{ .name = "H049 control character", .line = S("MAIL FROM:<a\x02@b>"), .want = FROM_BAD },
	{ .name = "H049 NUL", .line = S("MAIL FROM:<a\0@b>"), .want = FROM_BAD },
	{ .name = "H050 UTF-8 in the local part", .line = S("MAIL FROM:<\xc3\xbc@b>"),
	    .want = FROM_ASCII },
	{ .name = "H050 UTF-8 in the domain", .line = S("MAIL FROM:<a@\xc3\xbc>"),
	    .want = FROM_ASCII },
	{ .name = "H050 UTF-8 in a source route", .line = S("MAIL FROM:<@\xc3\xbc:a@b>"),
	    .want = FROM_ASCII },
	{ .name = "H050 Latin-1", .line = S("MAIL FROM:<\xfc@b>"), .want = FROM_ASCII },
	{ .name = "H052 unknown parameter", .line = S("MAIL FROM:<a@b> FOO=1"),
	    .want = "555 5.5.4 Unsupported option: FOO" },
	{ .name = "H052 unknown parameter without value", .line = S("MAIL FROM:<a@b> foo"),
	    .want = "555 5.5.4 Unsupported option: foo" },
	{ .name = "H052 unknown parameter after a known one",
	    .line = S("MAIL FROM:<a@b> SIZE=1 XRET=FULL"),
	    .want = "555 5.5.4 Unsupported option: XRET" },
	{ .name = "H052 a long unknown keyword is cut", .line = S("MAIL FROM:<a@b> " L64 L64 "=1"),
	    .want = "555 5.5.4 Unsupported option: " L64 },
	{ .name = "H056 RET=FULL", .line = S("MAIL FROM:<a@b> RET=FULL"), .want = FROM_OK },
	{ .name = "H056 RET=HDRS", .line = S("MAIL FROM:<a@b> ret=hdrs"), .want = FROM_OK },
	{ .name = "H056 RET=X", .line = S("MAIL FROM:<a@b> RET=X"), .want = RET_SYNTAX },
	{ .name = "H056 RET alone", .line = S("MAIL FROM:<a@b> RET"), .want = RET_SYNTAX },
	{ .name = "H056 two RET", .line = S("MAIL FROM:<a@b> RET=FULL RET=FULL"), .want = TWICE },
	{ .name = "H056 two ENVID", .line = S("MAIL FROM:<a@b> ENVID=x ENVID=y"), .want = TWICE },
	{ .name = "H056 ENVID", .line = S("MAIL FROM:<a@b> ENVID=QQ314159+2B"), .want = FROM_OK },
	{ .name = "H056 ENVID that is no xtext", .line = S("MAIL FROM:<a@b> ENVID=a+b"),
	    .want = ENVID_SYNTAX },
	{ .name = "H056 ENVID with =", .line = S("MAIL FROM:<a@b> ENVID=a=b"), .want = PARAMS },
	{ .name = "H056 ENVID alone", .line = S("MAIL FROM:<a@b> ENVID"), .want = ENVID_SYNTAX },
	{ .name = "H072 ENVID of 100", .line = S("MAIL FROM:<a@b> ENVID=" L64 L8 L8 L8 L8 "abcd"),
	    .want = FROM_OK },
	{ .name = "H072 ENVID of 1000",
	    .line = S("MAIL FROM:<a@b> ENVID=" L512 L64 L64 L64 L64 L64 L64 L64 L8 L8 L8 L8 L8),
	    .want = FROM_OK },
	{ .name = "H072 ENVID of 1001",
	    .line = S("MAIL FROM:<a@b> ENVID=" L512 L64 L64 L64 L64 L64 L64 L64 L8 L8 L8 L8 L8
		"x"),
	    .want = ENVID_SYNTAX },
	{ .name = "H072 ENVID of 100, encoded",
	    .line = S("MAIL FROM:<a@b> ENVID=" L64 L8 L8 L8 "abcdefghijk+3D"), .want = FROM_OK },
	{ .name = "a parameter of RCPT in MAIL", .line = S("MAIL FROM:<a@b> NOTIFY=NEVER"),
	    .want = "555 5.5.4 Unsupported option: NOTIFY" },
	{ .name = "MT-PRIORITY", .line = S("MAIL FROM:<a@b> MT-PRIORITY=-9"), .want = FROM_OK },
	{ .name = "MT-PRIORITY=10", .line = S("MAIL FROM:<a@b> MT-PRIORITY=10"),
	    .want = PRIORITY_SYNTAX },
	{ .name = "MT-PRIORITY=+1", .line = S("MAIL FROM:<a@b> MT-PRIORITY=+1"),
	    .want = PRIORITY_SYNTAX },
	{ .name = "MT-PRIORITY=-0", .line = S("MAIL FROM:<a@b> MT-PRIORITY=-0"),
	    .want = PRIORITY_SYNTAX },
	{ .name = "MT-PRIORITY alone", .line = S("MAIL FROM:<a@b> MT-PRIORITY"),
	    .want = PRIORITY_SYNTAX },
	{ .name = "H159 REQUIRETLS without TLS", .line = S("MAIL FROM:<a@b> REQUIRETLS"),
	    .want = "555 5.5.4 Unsupported option: REQUIRETLS" },
	{ .name = "DELIVERBY", .line = S("MAIL FROM:<a@b> BY=120;R"), .want = FROM_OK },
	{ .name = "DELIVERBY in any case, with a sign, with trace",
	    .line = S("MAIL FROM:<a@b> by=+999999999;nt"), .want = FROM_OK },
	{ .name = "DELIVERBY, the time has passed", .line = S("MAIL FROM:<a@b> BY=-1;N"),
	    .want = FROM_OK },
	{ .name = "DELIVERBY with mode R and no time", .line = S("MAIL FROM:<a@b> BY=0;R"),
	    .want = BY_SYNTAX },
	{ .name = "DELIVERBY with mode R and a past time", .line = S("MAIL FROM:<a@b> BY=-1;R"),
	    .want = BY_SYNTAX },
	{ .name = "DELIVERBY without a mode", .line = S("MAIL FROM:<a@b> BY=120"),
	    .want = BY_SYNTAX },
	{ .name = "DELIVERBY, ten digits", .line = S("MAIL FROM:<a@b> BY=1000000000;N"),
	    .want = BY_SYNTAX },
	{ .name = "DELIVERBY alone", .line = S("MAIL FROM:<a@b> BY"), .want = BY_SYNTAX },
	{ .name = "DELIVERBY twice", .line = S("MAIL FROM:<a@b> BY=1;R BY=1;R"),
	    .want = "501 5.5.4 Error: parameter given twice" },
	{ .name = "FUTURERELEASE from a stranger", .line = S("MAIL FROM:<a@b> HOLDFOR=1"),
	    .want = "555 5.5.4 Unsupported option: HOLDFOR" },
	{ .name = "H058 SMTPUTF8", .line = S("MAIL FROM:<\xc3\xbc@\xc3\xbc.example> SMTPUTF8"),
	    .want = FROM_OK },
	{ .name = "H058 SMTPUTF8 in any case, among others",
	    .line = S("MAIL FROM:<\xc3\xbc@b> SIZE=1 smtputf8 BODY=8BITMIME"), .want = FROM_OK },
	{ .name = "H058 SMTPUTF8 with an ASCII path", .line = S("MAIL FROM:<a@b> SMTPUTF8"),
	    .want = FROM_OK },
	{ .name = "H058 SMTPUTF8 with a value", .line = S("MAIL FROM:<a@b> SMTPUTF8=yes"),
	    .want = "501 5.5.4 Syntax: SMTPUTF8 has no value" },
	{ .name = "H058 SMTPUTF8 with an empty value", .line = S("MAIL FROM:<a@b> SMTPUTF8="),
	    .want = PARAMS },
	{ .name = "H058 two SMTPUTF8", .line = S("MAIL FROM:<a@b> SMTPUTF8 SMTPUTF8"),
	    .want = TWICE },
	{ .name = "H058 SMTPUTF8 with a path that is not UTF-8",
	    .line = S("MAIL FROM:<\xfc@b> SMTPUTF8"), .want = FROM_UTF8 },
	{ .name = "H058 SMTPUTF8 with a domain that is not UTF-8",
	    .line = S("MAIL FROM:<a@\xfc> BODY=8BITMIME smtputf8"), .want = FROM_UTF8 },
	{ .name = "H058 SMTPUTF8 with a path in UTF-8 whose syntax is wrong",
	    .line = S("MAIL FROM:<\xc3\xbc b@c> SMTPUTF8"), .want = FROM_BAD },
	{ .name = "H050 a path whose syntax is wrong, before a parameter beyond ASCII",
	    .line = S("MAIL FROM:<a b@c> ENVID=\xc3\xbc"), .want = FROM_BAD },
	{ .name = "H050 SMTPUTF8 in a path declares nothing",
	    .line = S("MAIL FROM:<\xfc SMTPUTF8@b>"), .want = FROM_ASCII },
	{ .name = "ENVID beyond ASCII", .line = S("MAIL FROM:<a@b> SMTPUTF8 ENVID=\xc3\xbc"),
	    .want = ENVID_SYNTAX },
	{ .name = "H053 SIZE", .line = S("MAIL FROM:<a@b> SIZE=10000"), .want = FROM_OK },
	{ .name = "H053 too big", .line = S("MAIL FROM:<a@b> SIZE=10001"),
	    .want = "552 5.3.4 Message size exceeds fixed limit" },
	{ .name = "H053 far too big", .line = S("MAIL FROM:<a@b> SIZE=99999999999999999999"),
	    .want = "552 5.3.4 Message size exceeds fixed limit" },
	{ .name = "H053 21 digits", .line = S("MAIL FROM:<a@b> SIZE=000000000000000000001"),
	    .want = SIZE_SYNTAX },
	{ .name = "H053 SIZE=x", .line = S("MAIL FROM:<a@b> SIZE=x"), .want = SIZE_SYNTAX },
	{ .name = "H053 SIZE=-1", .line = S("MAIL FROM:<a@b> SIZE=-1"), .want = SIZE_SYNTAX },
	{ .name = "H053 SIZE=1k", .line = S("MAIL FROM:<a@b> SIZE=1k"), .want = SIZE_SYNTAX },
	{ .name = "H053 SIZE alone", .line = S("MAIL FROM:<a@b> SIZE"), .want = SIZE_SYNTAX },
	{ .name = "H053 SIZE without its value", .line = S("MAIL FROM:<a@b> SIZE="),
	    .want = PARAMS },
	{ .name = "H053 two SIZEs", .line = S("MAIL FROM:<a@b> SIZE=1 SIZE=1"), .want = TWICE },
	{ .name = "H053 two SIZEs in any case", .line = S("MAIL FROM:<a@b> size=1 SiZe=1"),
	    .want = TWICE },
	{ .name = "H053 SIZE=0", .line = S("MAIL FROM:<a@b> SIZE=0"), .want = FROM_OK },
	{ .name = "H055 BODY=7BIT", .line = S("MAIL FROM:<a@b> BODY=7BIT"), .want = FROM_OK },
	{ .name = "H055 BODY=8BITMIME", .line = S("MAIL FROM:<a@b> BODY=8BITMIME"),
	    .want = FROM_OK },
	{ .name = "H055 any case", .line = S("MAIL FROM:<a@b> body=8bitmime size=5"),
	    .want = FROM_OK },
	{ .name = "H055 BODY=X", .line = S("MAIL FROM:<a@b> BODY=X"), .want = BODY_SYNTAX },
	{ .name = "H125 BODY=BINARYMIME", .line = S("MAIL FROM:<a@b> BODY=BINARYMIME"),
	    .want = FROM_OK },
	{ .name = "H055 BODY alone", .line = S("MAIL FROM:<a@b> BODY"), .want = BODY_SYNTAX },
	{ .name = "two BODYs", .line = S("MAIL FROM:<a@b> BODY=7BIT BODY=7BIT"), .want = TWICE },
	{ .name = "several blanks", .line = S("MAIL  FROM:<a@b>   SIZE=1 \t BODY=7BIT  "),
	    .want = FROM_OK },
	{ .name = "no blank after the path", .line = S("MAIL FROM:<a@b>SIZE=1"),
	    .want = FROM_SYNTAX },
	{ .name = "parameter that is no keyword", .line = S("MAIL FROM:<a@b> =1"), .want = PARAMS },
	{ .name = "parameter that begins with a hyphen", .line = S("MAIL FROM:<a@b> -X=1"),
	    .want = PARAMS },
	{ .name = "parameter with two =", .line = S("MAIL FROM:<a@b> X=1=2"), .want = PARAMS },
	{ .name = "parameter with a control character", .line = S("MAIL FROM:<a@b> X=\x01"),
	    .want = PARAMS },
	{ .name = "parameter with NUL", .line = S("MAIL FROM:<a@b> SIZE=1\0"), .want = PARAMS },
	{ .name = "parameter beyond ASCII", .line = S("MAIL FROM:<a@b> X=\xfc"), .want = PARAMS },
	{ .name = "no argument", .line = S("MAIL"), .want = FROM_SYNTAX },
	{ .name = "no path", .line = S("MAIL FROM:"), .want = FROM_SYNTAX },
	{ .name = "no colon", .line = S("MAIL FROM <a@b>"), .want = FROM_SYNTAX },
	{ .name = "blank before the colon", .line = S("MAIL FROM :<a@b>"), .want = FROM_SYNTAX },
	{ .name = "the other word", .line = S("MAIL TO:<a@b>"), .want = FROM_SYNTAX },
	{ .name = "no domain", .line = S("MAIL FROM:<a>"), .want = FROM_BAD },
	{ .name = "a parameter where the path should be", .line = S("MAIL FROM: SIZE=1"),
	    .want = FROM_BAD, .want_strict = FROM_SYNTAX },
};

/* RCPT after MAIL. */
static const struct line rcpts[] = {
	{ .name = "H059 a recipient", .line = S("RCPT TO:<u@d.example>"), .want = TO_OK },
	{ .name = "H060 Postmaster", .line = S("RCPT TO:<Postmaster>"), .want = TO_OK },
	{ .name = "H060 postmaster", .line = S("RCPT TO:<postmaster>"), .want = TO_OK },
	{ .name = "H060 POSTMASTER", .line = S("RCPT TO:<POSTMASTER>"), .want = TO_OK },
	{ .name = "H062 the null path", .line = S("RCPT TO:<>"), .want = TO_BAD },
	{ .name = "H063 source route", .line = S("RCPT TO:<@hosta.int,@jkl.org:userc@d.example>"),
	    .want = TO_OK },
	{ .name = "H043 space after the colon", .line = S("RCPT TO: <a@b>"), .want = TO_OK,
	    .want_strict = TO_SYNTAX },
	{ .name = "H044 no brackets", .line = S("RCPT TO:a@b"), .want = TO_OK,
	    .want_strict = TO_SYNTAX },
	{ .name = "H044 unbalanced", .line = S("RCPT TO:<a@b"), .want = TO_BAD },
	{ .name = "H046 local part of 1025", .line = S("RCPT TO:<" LMAX "x@b>"),
	    .want = "501 5.1.3 Error: recipient's local part is too long" },
	{ .name = "H046 path over 2048",
	    .line = S("RCPT TO:<" R512 "," R512 "," R512 "," R512 ":a@b>"),
	    .want = "501 5.1.3 Error: recipient address is too long" },
	{ .name = "H046 domain of 256", .line = S("RCPT TO:<a@" D63 "." D63 "." D63 "." D63 "x>"),
	    .want = "501 5.1.3 Error: recipient's domain is too long" },
	{ .name = "H049 control character", .line = S("RCPT TO:<a\x7f@b>"), .want = TO_BAD },
	{ .name = "H050 UTF-8", .line = S("RCPT TO:<\xc3\xbc@b>"), .want = TO_ASCII },
	{ .name = "H050 Latin-1", .line = S("RCPT TO:<\xfc@b>"), .want = TO_ASCII },
	{ .name = "H071 NOTIFY=NEVER", .line = S("RCPT TO:<a@b> NOTIFY=NEVER"), .want = TO_OK },
	{ .name = "H071 lower case", .line = S("RCPT TO:<a@b> notify=success"), .want = TO_OK },
	{ .name = "H071 H072 a list of 28 octets",
	    .line = S("RCPT TO:<a@b> NOTIFY=SUCCESS,FAILURE,DELAY"), .want = TO_OK },
	{ .name = "H071 NEVER in a list", .line = S("RCPT TO:<a@b> NOTIFY=NEVER,FAILURE"),
	    .want = NOTIFY_SYNTAX },
	{ .name = "H071 NEVER at the end of a list",
	    .line = S("RCPT TO:<a@b> NOTIFY=FAILURE,NEVER"), .want = NOTIFY_SYNTAX },
	{ .name = "H071 an empty NOTIFY", .line = S("RCPT TO:<a@b> NOTIFY="), .want = RCPT_PARAMS },
	{ .name = "H071 NOTIFY alone", .line = S("RCPT TO:<a@b> NOTIFY"), .want = NOTIFY_SYNTAX },
	{ .name = "H071 an unknown word", .line = S("RCPT TO:<a@b> NOTIFY=ALWAYS"),
	    .want = NOTIFY_SYNTAX },
	{ .name = "H071 an empty word", .line = S("RCPT TO:<a@b> NOTIFY=SUCCESS,,DELAY"),
	    .want = NOTIFY_SYNTAX },
	{ .name = "H071 a comma at the end", .line = S("RCPT TO:<a@b> NOTIFY=SUCCESS,"),
	    .want = NOTIFY_SYNTAX },
	{ .name = "H071 a comma at the begin", .line = S("RCPT TO:<a@b> NOTIFY=,SUCCESS"),
	    .want = NOTIFY_SYNTAX },
	{ .name = "H071 two NOTIFY", .line = S("RCPT TO:<a@b> NOTIFY=NEVER NOTIFY=NEVER"),
	    .want = TWICE },
	{ .name = "H071 two ORCPT", .line = S("RCPT TO:<a@b> ORCPT=rfc822;a@b orcpt=rfc822;a@b"),
	    .want = TWICE },
	{ .name = "H071 ORCPT",
	    .line = S("RCPT TO:<a@b> ORCPT=rfc822;Bob+2BX@B.example NOTIFY=DELAY"), .want = TO_OK },
	{ .name = "H071 ORCPT of another type", .line = S("RCPT TO:<a@b> ORCPT=x400;/c=de/"),
	    .want = RCPT_PARAMS },
	{ .name = "H071 ORCPT of another type, encoded",
	    .line = S("RCPT TO:<a@b> ORCPT=x400;/c+3Dde/"), .want = TO_OK },
	{ .name = "H071 hex in lower case", .line = S("RCPT TO:<a@b> ORCPT=rfc822;a+2b@b"),
	    .want = TO_OK },
	{ .name = "H071 a bad hexchar", .line = S("RCPT TO:<a@b> ORCPT=rfc822;a+XYb@b"),
	    .want = ORCPT_SYNTAX },
	{ .name = "H071 an unfinished hexchar", .line = S("RCPT TO:<a@b> ORCPT=rfc822;a+2"),
	    .want = ORCPT_SYNTAX },
	{ .name = "H071 a lone plus", .line = S("RCPT TO:<a@b> ORCPT=rfc822;a+"),
	    .want = ORCPT_SYNTAX },
	{ .name = "H071 ORCPT without a type", .line = S("RCPT TO:<a@b> ORCPT=a@b"),
	    .want = ORCPT_SYNTAX },
	{ .name = "H071 ORCPT with an empty type", .line = S("RCPT TO:<a@b> ORCPT=;a@b"),
	    .want = ORCPT_SYNTAX },
	{ .name = "H071 ORCPT without an address", .line = S("RCPT TO:<a@b> ORCPT=rfc822;"),
	    .want = ORCPT_SYNTAX },
	{ .name = "H072 ORCPT of 500",
	    .line = S("RCPT TO:<a@b> ORCPT=rfc822;" L64 L64 L64 L64 L64 L64 L64 L8 L8 L8 L8 L8
		"abcde"),
	    .want = TO_OK },
	{ .name = "H072 ORCPT of 3000",
	    .line = S("RCPT TO:<a@b> ORCPT=rfc822;" LMAX LMAX L512 L64 L64 L64 L64 L64 L64 L8 L8 L8
		L8 L8 L8 "a"),
	    .want = TO_OK },
	{ .name = "H072 ORCPT of 3001",
	    .line = S("RCPT TO:<a@b> ORCPT=rfc822;" LMAX LMAX L512 L64 L64 L64 L64 L64 L64 L8 L8 L8
		L8 L8 L8 "ab"),
	    .want = ORCPT_SYNTAX },
	{ .name = "RET in RCPT", .line = S("RCPT TO:<a@b> RET=FULL"),
	    .want = "555 5.5.4 Unsupported option: RET" },
	{ .name = "a parameter of MAIL in RCPT", .line = S("RCPT TO:<a@b> SIZE=1"),
	    .want = "555 5.5.4 Unsupported option: SIZE" },
	{ .name = "a malformed parameter", .line = S("RCPT TO:<a@b> ="),
	    .want = "501 5.5.4 Syntax: RCPT TO:<address> KEYWORD=value" },
	{ .name = "no argument", .line = S("RCPT"), .want = TO_SYNTAX },
	{ .name = "no path", .line = S("RCPT TO:"), .want = TO_SYNTAX },
	{ .name = "the other word", .line = S("RCPT FROM:<a@b>"), .want = TO_SYNTAX },
	{ .name = "no domain", .line = S("RCPT TO:<joe>"), .want = TO_BAD },
};

static const struct dialogue dialogues[] = {
	{ .name = "H035 parameters after HELO",
	    .steps = {
		STEP("HELO c", "250 mx.example"),
		STEP("MAIL FROM:<a@b> SIZE=1", "555 5.5.4 Error: parameters need EHLO"),
		STEP("MAIL FROM:<a@b>", FROM_OK) } },
	{ .name = "H051 a bad MAIL opens nothing",
	    .steps = { EHLO, STEP("MAIL FROM:<bad", FROM_BAD), NO_RCPT_YET } },
	{ .name = "H052 a bad parameter opens nothing",
	    .steps = {
		EHLO, STEP("MAIL FROM:<a@b> FOO=1", "555 5.5.4 Unsupported option: FOO"),
		NO_RCPT_YET, MAIL } },
	{ .name = "H053 too big opens nothing",
	    .steps = {
		EHLO,
		STEP("MAIL FROM:<a@b> SIZE=99999", "552 5.3.4 Message size exceeds fixed limit"),
		NO_RCPT_YET } },
	{ .name = "H058 an internationalized transaction",
	    .steps = {
		EHLO, STEP("MAIL FROM:<> SMTPUTF8", FROM_OK),
		STEP("RCPT TO:<\xc3\xbc@d.example> ORCPT=utf-8;\xc3\xbc@d.example", TO_OK),
		STEP("RCPT TO:<v@\xc3\xbc.example> ORCPT=UTF-8;\\x{FC}@d.example", TO_OK),
		STEP("RCPT TO:<\xfc@d.example>", TO_UTF8),
		STEP("RCPT TO:<v@d.example> ORCPT=rfc822;\xc3\xbc@d.example", ORCPT_SYNTAX),
		JUDGED("RCPT TO:<\xc3\xb6@d>", SMTP_REFUSE_USER,
		    "550 5.1.1 <\xc3\xb6@d>: Recipient address rejected: User unknown"),
		DATA, DOT } },
	{ .name = "H058 recipients of an internationalized transaction that cannot be parsed",
	    .steps = {
		EHLO, STEP("MAIL FROM:<> SMTPUTF8", FROM_OK),
		STEP("RCPT TO:<d@\xc3>", TO_UTF8), STEP("RCPT TO:\xc3@d.example", TO_UTF8),
		STEP("RCPT TO:<\xc3\xbc b@d.example>", TO_BAD),
		STEP("RCPT TO:<a b@d.example> ORCPT=\xfc", TO_BAD) } },
	{ .name = "H050 the transaction after an internationalized one",
	    .steps = {
		EHLO, STEP("MAIL FROM:<> SMTPUTF8", FROM_OK), RCPT, DATA, DOT, MAIL,
		STEP("RCPT TO:<\xc3\xbc@d.example>", TO_ASCII),
		STEP("RCPT TO:<v@d.example> ORCPT=utf-8;\xc3\xbc@d.example", ORCPT_SYNTAX) } },
	{ .name = "H054 SIZE does not frame the message",
	    .steps = { EHLO, STEP("MAIL FROM:<a@b> SIZE=1", FROM_OK), RCPT, DATA, DOT } },
};

static void
each(const struct line *lines, size_t n, bool after_mail)
{
	for (size_t i = 0; i < n; i++)
		for (int strict = 0; strict < 2; strict++) {
			const char *want =
			    strict && lines[i].want_strict ? lines[i].want_strict : lines[i].want;
			struct dialogue d = { .strict = strict,
				.steps = { EHLO, { .line = lines[i].line, .want = want } } };
			char name[128];

			if (after_mail) {
				d.steps[2] = d.steps[1];
				d.steps[1] = (struct step)MAIL;
			}
			(void)snprintf(name, sizeof name, "%s, %s", lines[i].name,
			    strict ? "strict" : "tolerant");
			d.name = name;
			play(&d);
		}
}

/* The envelope in the session. */
static void
test_kept(void)
{
	static const struct server server = { .hostname = S("mx.example"), .max_message_size = 0,
		.max_recipients = 10, .max_errors = 20 };
	struct server_session s;

	server_init(&s, &server);
	(void)server_command(&s, SL("EHLO c"));
	ok(server_command(&s, SL("MAIL FROM:<Smith@B.example> body=8bitmime SIZE=123456789"))
		    .next == SMTP_NEXT_CHECK_MAIL,
	    "without a limit any size is accepted");
	is(smtp_path_text(&s.from), SL("Smith@B.example"), "H041 the local part keeps its case");
	is(buf_slice(&s.params), SL("BODY=8BITMIME"), "the parameters for the envelope");
	ok(s.body == SMTP_BODY_8BITMIME && s.declared_size == 123456789, "body and size");
	(void)server_decide(&s, SMTP_ACCEPT, SL(""));
	(void)server_command(&s, SL("RCPT TO:<@x:U@d.example>"));
	is(smtp_path_text(&s.rcpt), SL("U@d.example"), "H063 the recipient without its route");
	is(smtp_path_domain(&s.rcpt), SL("d.example"), "H063 its domain");
	is(buf_slice(&s.params), SL(""), "a recipient without parameters");
	(void)server_decide(&s, SMTP_ACCEPT, SL(""));
	(void)server_command(&s,
	    SL("RCPT TO:<v@d.example> orcpt=RFC822;Bob+2BX@D notify=Success,delay"));
	is(buf_slice(&s.params), SL("ORCPT=RFC822;Bob+2BX@D NOTIFY=Success,delay"),
	    "DSN parameters are kept as they were written");
	(void)server_decide(&s, SMTP_ACCEPT, SL(""));
	is(smtp_path_text(&s.from), SL("Smith@B.example"), "the sender is kept");
	ok(s.recipients == 2 && s.refused == 0 && s.state == SMTP_AT_RCPT, "two recipients");
	(void)server_command(&s, SL("RCPT TO:<>"));
	ok(s.recipients == 2 && s.refused == 1, "a refused recipient is not counted");
	(void)server_end_of_data(&s, SMTP_DATA_LOCAL, SL(""));
	ok(s.from.n == 0 && s.rcpt.n == 0 && s.body == SMTP_BODY_UNKNOWN && s.declared_size == 0 &&
		s.recipients == 0 && s.refused == 0 && s.params.n == 0,
	    "H088 nothing is left of a transaction");
	(void)server_command(&s, SL("MAIL FROM:<a@b> SIZE=7 BODY=7BIT FOO"));
	ok(s.from.n == 0 && s.body == SMTP_BODY_UNKNOWN && s.declared_size == 0 && s.params.n == 0,
	    "nothing is left without a transaction");
	(void)server_command(&s, SL("MAIL FROM:<>"));
	ok(s.from.n == 0 && s.pending == SMTP_NEXT_CHECK_MAIL,
	    "H040 the null path needs a verdict too");
}

/* Parameters of extensions that are offered to trusted clients only, or inside TLS only. */
static const struct offer {
	const char *name;
	struct slice line;
	int code;		/* 0: the session asks for a verdict */
	const char *kept;
} offers[] = {
	{ .name = "H159 REQUIRETLS", .line = S("MAIL FROM:<a@b> REQUIRETLS"),
	    .kept = "REQUIRETLS" },
	{ .name = "H159 REQUIRETLS with a value", .line = S("MAIL FROM:<a@b> REQUIRETLS=1"),
	    .code = 501 },
	{ .name = "HOLDFOR", .line = S("MAIL FROM:<a@b> RET=FULL HOLDFOR=2419200"),
	    .kept = "RET=FULL HOLDFOR=2419200" },
	{ .name = "HOLDFOR too long", .line = S("MAIL FROM:<a@b> HOLDFOR=2419201"), .code = 501 },
	{ .name = "HOLDFOR=0", .line = S("MAIL FROM:<a@b> HOLDFOR=0"), .code = 501 },
	{ .name = "HOLDFOR alone", .line = S("MAIL FROM:<a@b> HOLDFOR"), .code = 501 },
	{ .name = "HOLDUNTIL", .line = S("MAIL FROM:<a@b> holduntil=1970-01-29T00:16:40Z"),
	    .kept = "HOLDUNTIL=1970-01-29T00:16:40Z" },
	{ .name = "HOLDUNTIL too late", .line = S("MAIL FROM:<a@b> HOLDUNTIL=1970-01-29T00:16:41Z"),
	    .code = 501 },
	{ .name = "HOLDUNTIL without a time", .line = S("MAIL FROM:<a@b> HOLDUNTIL=tomorrow"),
	    .code = 501 },
	{ .name = "HOLDFOR and HOLDUNTIL",
	    .line = S("MAIL FROM:<a@b> HOLDFOR=1 HOLDUNTIL=1970-01-29T00:16:40Z"), .code = 501 },
};

static void
test_offers(void)
{
	static const struct server may = { .hostname = S("mx.example"),
		.max_recipients = 100,
		.max_errors = 20,
		.trusted = true,
		.tls = true,
		.now_s = 1000 };
	struct server_session s;
	struct smtp_reply r;

	server_init(&s, &may);
	r = server_command(&s, SL("EHLO c"));
	ok(memmem(r.text.p, r.text.n,
	       "\nLIMITS RCPTMAX=100\nFUTURERELEASE 2419200 1970-01-29T00:16:40Z\nREQUIRETLS",
	       71) != NULL,
	    "H150 H159 EHLO offers LIMITS, FUTURERELEASE to the trusted, REQUIRETLS inside TLS");
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
	is(p.keyword, SL("SIZE"), "the keyword of a parameter");
	is(p.value, SL("12"), "the value of a parameter");
	is(p.whole, SL("SIZE=12"), "the parameter as it was written");
	ok(smtp_param_take(&in, &p) == SMTP_PARAM_TAKEN && p.value.p == NULL,
	    "a parameter without a value");
	is(p.whole, SL("X-Y"), "the parameter as it was written");
	ok(smtp_param_take(&in, &p) == SMTP_PARAM_MALFORMED, "a malformed parameter");
	ok(smtp_param_take(&in, &p) == SMTP_PARAM_MALFORMED,
	    "a malformed parameter is not passed over");
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
