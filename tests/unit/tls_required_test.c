// SPDX-License-Identifier: ISC
/* client/tls_required: the field of RFC 8689 section 3. */
#include "client/tls_required.h"

#include "tests/lib/tap.h"

static const struct {
	const char *name, *header;
	bool no;
} rows[] = {
	{ "the field", "Subject: x\r\nTLS-Required: No\r\nTo: a@b.example\r\n", true },
	{ "in other letters", "tls-required: NO\r\n", true },
	{ "with blanks and a fold", "TLS-Required :\r\n  No \t\r\nTo: x\r\n", true },
	{ "no field", "Subject: TLS-Required: No\r\n", false },
	{ "an empty section", "", false },
	{ "another value", "TLS-Required: Yes\r\n", false },
	{ "an empty value", "TLS-Required:\r\n", false },
	{ "more than the value", "TLS-Required: No, thanks\r\n", false },
	{ "a longer name", "X-TLS-Required: No\r\n", false },
	{ "twice", "TLS-Required: No\r\nTLS-Required: No\r\n", false },
	{ "twice, with other values", "TLS-Required: Yes\r\nTLS-Required: No\r\n", false },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		ok(tls_required_no(slice_str(rows[i].header)) == rows[i].no, "%s: %s", rows[i].name,
		    rows[i].no ? "waived" : "not waived");
	return tap_done();
}
