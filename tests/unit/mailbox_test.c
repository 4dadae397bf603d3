// SPDX-License-Identifier: ISC
#include "message/mailbox.h"

#include "tests/lib/tap.h"

/* The addresses are joined by '|'; an element that is no mailbox is "?". */
static const struct {
	const char *name, *in, *want;
} cases[] = {
	{ "one address", "anna@example.org", "anna@example.org" },
	{ "several, with blanks", " anna@a.example ,\tben@b.example",
	  "anna@a.example|ben@b.example" },
	{ "local parts alone", "root, anna", "root|anna" },
	{ "display names", "Anna Lee <anna@a>, \"Lee, Ben\" <ben@b>", "anna@a|ben@b" },
	{ "a quoted local part", "\"a b\"@c, <\"x,y\"@z>", "\"a b\"@c|\"x,y\"@z" },
	{ "a folded body", "anna@a,\r\n\tben@b\r\n", "anna@a|ben@b" },
	{ "comments", "(x, y) anna (z)@(q) a.b (\\) ()), ben@b(no)", "anna@a.b|ben@b" },
	{ "blanks around dots and the @", "anna . lee @ example . org", "anna.lee@example.org" },
	{ "an address literal", "a@[192.0.2.1], b@[IPv6:2001:db8::1]",
	  "a@[192.0.2.1]|b@[IPv6:2001:db8::1]" },
	{ "a group", "friends: anna@a, Ben <ben@b>;, c@d", "anna@a|ben@b|c@d" },
	{ "an empty group", "undisclosed-recipients:;", "" },
	{ "empty elements", ",, anna@a,,<>,", "anna@a" },
	{ "a source route", "<@a.example,@b.example:anna@c.example>", "anna@c.example" },
	{ "UTF-8", "Gr\303\244f <gr\303\244f@\303\274.example>", "gr\303\244f@\303\274.example" },
	{ "two words are no mailbox; the next one counts", "anna lee, ben@b", "?|ben@b" },
	{ "two pairs of brackets", "<a@b> <c@d>, e@f", "?|e@f" },
	{ "a bracket within brackets", "<a <b@c>, e@f", "?|e@f" },
	{ "a bracket that nobody opened", "a@b>, c@d", "?|c@d" },
	{ "a bracket that nobody closes", "a@b, <c@d", "a@b|?" },
	{ "a string without its end", "a@b, \"c@d, e@f", "a@b|?" },
	{ "a comment without its end", "a@b, (c@d, e@f", "a@b|?" },
	{ "a backslash", "a@b, c\\@d", "a@b|?" },
	{ "a backslash is not the end of the list", "a\\@b, c@d", "?|c@d" },
	{ "a bracket that nobody opened, in a list", "a], b), c@d", "?|?|c@d" },
	{ "a stray octet in a display name", "Anna :-) <a@b>, c@d", "a@b|c@d" },
	{ "a comma without blank in brackets", "<a@b,c@d>", "a@bc@d" },
	{ "nothing", "", "" },
};

int
main(void)
{
	char space[400], small[8];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice rest = slice_str(cases[i].in), element;
		struct buf b = BUF(space);
		enum mailbox_result r;
		size_t n = 0;

		while ((n = b.n, r = mailbox_next(&rest, &b, &element)) != MAILBOX_END) {
			if (r == MAILBOX_BAD) {
				b.n = n;
				buf_chr(&b, '?');
			}
			buf_chr(&b, '|');
		}
		is(slice_of(b.p, b.n ? b.n - 1 : 0), slice_str(cases[i].want),
		    cases[i].name);
	}
	{
		struct slice rest = SL("anna@example.org"), element;
		struct buf b = BUF(small);

		ok(mailbox_next(&rest, &b, &element) == MAILBOX_BAD,
		    "an address that does not fit");
		is(element, SL("anna@example.org"), "the element as it is written");
	}
	return tap_done();
}
