// SPDX-License-Identifier: ISC
/*
 * 8-bit and binary messages are converted for servers that take neither.
 */
#include "message/sevenbit.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/lib/tap.h"

#define TEXT_UTF8 "Content-Type: text/plain; charset=utf-8\r\n"
#define QP        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
#define B64       "Content-Transfer-Encoding: base64\r\n\r\n"
#define X9(s)     s s s s s s s s s
#define X10(s)    s s s s s s s s s s

static const struct {
	const char *name;
	struct slice in;
	const char *out;		/* NULL: refused */
} cases[] = {
	{ .name = "R149 seven bits: nothing changes",
	    .in = S("Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\nhello\r\n"),
	    .out = "Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\nhello\r\n" },
	{ .name = "R149 a text of 8 bits becomes quoted-printable",
	    .in = S("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
		    "Content-Transfer-Encoding: 8bit\r\nX: y\r\n\r\nGr\374\337e = 1 \r\nend\r\n"),
	    .out =
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nX: y\r\n" QP
		"Gr=FC=DFe =3D 1=20\r\nend\r\n" },
	{ .name = "R149 a text without a charset that is UTF-8",
	    .in = S("Subject: x\r\n\r\nlong long text \303\274\r\n"),
	    .out = "Subject: x\r\nMIME-Version: 1.0\r\n" TEXT_UTF8 QP "long long text =C3=BC\r\n" },
	{ .name = "R149 a text without a charset that is not UTF-8",
	    .in = S("Subject: x\r\n\r\nlong long text \374\r\n"),
	    .out =
		"Subject: x\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=unknown-8bit\r\n" QP "long long text =FC\r\n" },
	{ .name = "R149 a text mostly above 127: base64",
	    .in = S("MIME-Version: 1.0\r\n" TEXT_UTF8 "\r\n\303\274\303\274\303\274\r\n"),
	    .out = "MIME-Version: 1.0\r\n" TEXT_UTF8 B64 "w7zDvMO8DQo=\r\n" },
	{ .name = "R149 no text: base64",
	    .in = S("MIME-Version: 1.0\r\nContent-Type: image/png\r\n\r\nabc\377\r\n"),
	    .out = "MIME-Version: 1.0\r\nContent-Type: image/png\r\n" B64 "YWJj/w0K\r\n" },
	{ .name = "binary: NUL and bare line ends",
	    .in = S("MIME-Version: 1.0\r\nContent-Type: application/x\r\n"
		    "Content-Transfer-Encoding: binary\r\n\r\na\0\nb"),
	    .out = "MIME-Version: 1.0\r\nContent-Type: application/x\r\n" B64 "YQAKYg==\r\n" },
	{ .name = "a text with bare line ends",
	    .in = S("MIME-Version: 1.0\r\n" TEXT_UTF8 "\r\na\nb\rc\r\n"),
	    .out = "MIME-Version: 1.0\r\n" TEXT_UTF8 QP "a=0Ab=0Dc\r\n" },
	{ .name = "a text without a final line end",
	    .in = S("MIME-Version: 1.0\r\n" TEXT_UTF8 "\r\nthis is \303\274"),
	    .out = "MIME-Version: 1.0\r\n" TEXT_UTF8 QP "this is =C3=BC=\r\n" },
	/* Only the first 190 octets are compared. */
	{ .name = "a line of 1000 octets",
	    .in = S("MIME-Version: 1.0\r\n" TEXT_UTF8 "\r\n" X10(X10("0123456789")) "\r\n"),
	    .out = "MIME-Version: 1.0\r\n" TEXT_UTF8 QP X10(
		"012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n"
		"567890123456789") },
	{ .name = "R149 only the parts that need it change",
	    .in = S(
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b 1\"\r\n"
		"Content-Transfer-Encoding: 8bit\r\n\r\npreamble \377\r\n--b 1\r\n\r\nplain\r\n"
		"--b 1 \r\n" TEXT_UTF8 "Content-Transfer-Encoding: 8bit\r\n\r\nthis is \303\274\r\n"
		"--b 1\r\nContent-Type: image/x\r\n\r\n\377\r\n--b 1--\r\nepilogue\r\n"),
	    .out =
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b 1\"\r\n"
		"Content-Transfer-Encoding: 7bit\r\n\r\npreamble ?\r\n--b 1\r\n\r\nplain\r\n"
		"--b 1 \r\n" TEXT_UTF8 QP "this is =C3=BC\r\n--b 1\r\nContent-Type: image/x\r\n" B64
		"/w==\r\n--b 1--\r\nepilogue\r\n" },
	{ .name = "R149 a message inside a message, a multipart inside a multipart",
	    .in = S(
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
		"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ninner \303\274\r\n--a\r\n"
		"Content-Type: multipart/alternative;\r\n\t(comment) Boundary = ab\r\n\r\n--ab\r\n"
		"\r\nlong text \303\274\r\n--ab--\r\n--a--\r\n"),
	    .out =
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n"
		"Content-Transfer-Encoding: 7bit\r\n\r\n--a\r\nContent-Type: message/rfc822\r\n"
		"Content-Transfer-Encoding: 7bit\r\n\r\nSubject: in\r\nMIME-Version: 1.0\r\n"
		TEXT_UTF8 QP "inner =C3=BC\r\n--a\r\nContent-Type: multipart/alternative;\r\n"
		"\t(comment) Boundary = ab\r\nContent-Transfer-Encoding: 7bit\r\n\r\n--ab\r\n"
		TEXT_UTF8 QP "long text =C3=BC\r\n--ab--\r\n--a--\r\n" },
	{ .name = "a digest's parts are messages",
	    .in = S("Content-Type: multipart/digest; boundary=a\r\n\r\n--a\r\n\r\nSubject: 1\r\n"
		    "\r\nlong text \303\274\r\n--a--\r\n"),
	    .out =
		"Content-Type: multipart/digest; boundary=a\r\nMIME-Version: 1.0\r\n"
		"Content-Transfer-Encoding: 7bit\r\n\r\n--a\r\nContent-Transfer-Encoding: 7bit\r\n"
		"\r\nSubject: 1\r\nMIME-Version: 1.0\r\n" TEXT_UTF8 QP "long text =C3=BC\r\n"
		"--a--\r\n" },
	{ .name = "a preamble with bare line ends keeps its lines",
	    .in = S(
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\none\ntwo\r"
		"-x\n--a.\r\n--a\r\n\r\nplain\r\n--a--\r\nend\nof it\r\n"),
	    .out =
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n"
		"Content-Transfer-Encoding: 7bit\r\n\r\none\r\ntwo\r\n -x\r\n --a.\r\n--a\r\n\r\n"
		"plain\r\n--a--\r\nend\r\nof it\r\n" },
	{ .name = "a long line in an epilogue is broken",
	    .in = S("Content-Type: multipart/mixed; boundary=a\r\nMIME-Version: 1.0\r\n\r\n--a\r\n"
		    "\r\nplain\r\n--a--\r\n" X10(X10("0123456789")) "\r\n"),
	    .out =
		"Content-Type: multipart/mixed; boundary=a\r\nMIME-Version: 1.0\r\n"
		"Content-Transfer-Encoding: 7bit\r\n\r\n--a\r\n\r\nplain\r\n--a--\r\n"
		X9(X10("0123456789")) X9("0123456789") "01234567\r\n 89\r\n" },
	{ .name = "a multipart that is cut off",
	    .in = S("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
		    "\r\nlong text \303\274"),
	    .out = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n"
		   "Content-Transfer-Encoding: 7bit\r\n\r\n--a\r\n" TEXT_UTF8 QP
		   "long text =C3=BC\r\n" },
	{ .name = "quoted-printable with 8 bits in it",
	    .in = S("MIME-Version: 1.0\r\nContent-Transfer-Encoding: Quoted-Printable\r\n"
		    "Content-Type: text/x\r\n\r\na=3D\374=\r\nb\r\n"),
	    .out = "MIME-Version: 1.0\r\nContent-Type: text/x\r\n" QP "a=3D=FC=\r\nb\r\n" },
	{ .name = "V42 base64 with 8 bits in it",
	    .in = S("Content-Transfer-Encoding: base64\r\n\r\nYWJj\374\r\n") },
	{ .name = "V42 an unknown encoding",
	    .in = S("Content-Transfer-Encoding: x-uuencode\r\n\r\n\374\r\n") },
	{ .name = "V42 8 bits in the header section stay there",
	    .in = S("Subject: \303\274\r\n\r\nhello\r\n"),
	    .out = "Subject: \303\274\r\n\r\nhello\r\n" },
	{ .name = "8 bits in the header section, a text with NUL",
	    .in = S("Subject: \303\274\r\n\r\na\0b\r\n"),
	    .out = "Subject: \303\274\r\nMIME-Version: 1.0\r\n" TEXT_UTF8 B64 "YQBiDQo=\r\n" },
	{ .name = "NUL in a header section becomes a blank, and the text stays",
	    .in = S("Subject: a\0b\r\n\r\nhello\r\n"),
	    .out = "Subject: a b\r\n\r\nhello\r\n" },
	{ .name = "NUL in the header of a part becomes a blank, and the part stays",
	    .in = S("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
		    "Content-Disposition: attachment; filename=\"a\0b\"\r\n"
		    "Content-Transfer-Encoding: base64\r\n\r\nYWJj\r\n--a--\r\n"),
	    .out = "Content-Type: multipart/mixed; boundary=a\r\n"
		   "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n\r\n--a\r\n"
		   "Content-Disposition: attachment; filename=\"a b\"\r\n"
		   "Content-Transfer-Encoding: base64\r\n\r\nYWJj\r\n--a--\r\n" },
	{ .name = "8 bits in the header of a part above a text with NUL",
	    .in = S("Content-Type: multipart/mixed; boundary=a\r\nMIME-Version: 1.0\r\n\r\n"
		    "--a\r\nContent-Description: \303\274\r\n\r\n\303\0\r\n--a\r\n\r\n"
		    "long text \303\274\r\n--a--\r\n"),
	    .out = "Content-Type: multipart/mixed; boundary=a\r\nMIME-Version: 1.0\r\n"
		   "Content-Transfer-Encoding: 8bit\r\n\r\n"
		   "--a\r\nContent-Description: \303\274\r\n"
		   "Content-Type: text/plain; charset=unknown-8bit\r\n" B64 "wwA=\r\n--a\r\n"
		   TEXT_UTF8 QP "long text =C3=BC\r\n--a--\r\n" },
	{ .name = "NUL in the header of a message inside a message",
	    .in = S("Content-Type: message/rfc822\r\nMIME-Version: 1.0\r\n\r\n"
		    "Subject: a\0b\r\n\r\nhello\r\n"),
	    .out = "Content-Type: message/rfc822\r\nMIME-Version: 1.0\r\n"
		   "Content-Transfer-Encoding: 7bit\r\n\r\nSubject: a b\r\n\r\nhello\r\n" },
	{ .name = "NUL in base64 becomes a blank, which decoders pass over",
	    .in = S("Content-Transfer-Encoding: base64\r\n\r\nYWJj\0\r\n"),
	    .out = "Content-Transfer-Encoding: base64\r\n\r\nYWJj \r\n" },
	{ .name = "NUL in quoted-printable",
	    .in = S("MIME-Version: 1.0\r\nContent-Type: text/x\r\n"
		    "Content-Transfer-Encoding: quoted-printable\r\n\r\na=3D\0\r\n"),
	    .out = "MIME-Version: 1.0\r\nContent-Type: text/x\r\n" QP "a=3D=00\r\n" },
	{ .name = "a bare LF in the header section",
	    .in = S("Subject: x\nTo: y\r\n\r\n\374\r\n") },
	{ .name = "V42 a fragment",
	    .in = S("Content-Type: message/partial; id=1\r\n\r\n\374\r\n") },
	{ .name = "a multipart without a boundary",
	    .in = S("Content-Type: multipart/mixed\r\n\r\n\374\r\n") },
	{ .name = "a multipart that is encoded",
	    .in = S("Content-Type: multipart/mixed; boundary=a\r\n"
		    "Content-Transfer-Encoding: base64\r\n\r\n--a\r\n\r\n\374\r\n--a--\r\n") },
	{ .name = "a boundary of 71 octets",
	    .in = S("Content-Type: multipart/mixed; boundary=" X10("1234567") "8\r\n\r\n"
		    "\374\r\n") },
	{ .name = "no header section",
	    .in = S("\r\nhello there \303\274\r\n"),
	    .out = "MIME-Version: 1.0\r\n" TEXT_UTF8 QP "hello there =C3=BC\r\n" },
};

struct collected {
	char p[65536];
	size_t n, stop_at;
};

static int
collect(void *ctx, struct slice octets)
{
	struct collected *c = ctx;

	if (c->n + octets.n > (c->stop_at ? c->stop_at : sizeof c->p))
		return -ENOSPC;
	memcpy(c->p + c->n, octets.p, octets.n);
	c->n += octets.n;
	return 0;
}

static void
test_cases(void)
{
	static struct collected got;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct mime_sink sink = { collect, &got };
		const char *why = NULL;
		struct slice out;
		int r;

		got.n = 0;
		r = mime_sevenbit(cases[i].in, &sink, &why);
		out = slice_of(got.p, got.n);
		if (!cases[i].out)
			ok(r == -ENOTSUP && why && strlen(why) > 10, "%s: refused", cases[i].name);
		else if (strstr(cases[i].name, "1000"))
			ok(r == 0 && got.n > 1000 && memcmp(got.p, cases[i].out, 190) == 0, "%s",
			    cases[i].name);
		else if (!is(out, slice_str(cases[i].out), cases[i].name) || r != 0)
			printf("# %d %s\n", r, why ? why : "");
	}
}

static void
test_limits(void)
{
	static struct collected got;
	const struct mime_sink sink = { collect, &got };
	static char in[65536];
	const char *why = NULL;
	size_t n = 0;

	for (int i = 0; i < 30; i++)
		n += (size_t)sprintf(in + n,
		    "Content-Type: multipart/mixed; boundary=b%dx\r\n\r\n--b%dx\r\n", i, i);
	n += (size_t)sprintf(in + n, "\r\n\374\r\n");
	ok(mime_sevenbit(slice_of(in, n), &sink, &why) == -ENOTSUP && strstr(why, "deep"),
	    "30 parts inside each other: %s", why);
	got.n = 0;
	got.stop_at = 20;
	ok(mime_sevenbit(SL("Subject: x\r\n\r\nlong long \374\r\n"), &sink, &why) == -ENOSPC,
	    "an error of the sink ends the conversion");
	got.stop_at = 0;
}

int
main(void)
{
	test_cases();
	test_limits();
	return tap_done();
}
