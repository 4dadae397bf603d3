// SPDX-License-Identifier: ISC
/* Fields that mark a message as junk, and fields that look like them. */
#include "message/junk.h"

#include <stdlib.h>

#include "tests/lib/tap.h"

#define AR "Authentication-Results"

static const struct row {
	const char *name, *field, *value;
	const char *why;		/* NULL: it does not mark */
} rows[] = {
	{ "rspamd", "X-Spam", "Yes", "X-Spam: Yes" },
	{ "in other case", "x-SPAM", "YES", "x-SPAM: Yes" },
	{ "folded", "X-Spam", "\r\n Yes\r\n", "X-Spam: Yes" },
	{ "folded as a filter sends it", "X-Spam", "\n\tyes ", "X-Spam: Yes" },
	{ "SpamAssassin", "X-Spam-Flag", "YES", "X-Spam-Flag: Yes" },
	{ "rspamd says no", "X-Spam", "No", NULL },
	{ "more than yes", "X-Spam", "Yes, score=99", NULL },
	{ "another field", "X-Spam-Status", "Yes", NULL },
	{ "no value", "X-Spam", "", NULL },
	{ "smtp-verify", AR, "mx.example.org;\n\tspf=fail smtp.mailfrom=a.example;\n\tdmarc=fail "
	    "header.from=a.example policy.dmarc=quarantine",
	    "dmarc=fail policy.dmarc=quarantine" },
	{ "p=reject", AR, "mx.example.org;\r\n\tdmarc=fail policy.dmarc=reject\r\n",
	    "dmarc=fail policy.dmarc=reject" },
	{ "a method follows", AR, "mx.example.org; dmarc=fail policy.dmarc=reject; spf=pass",
	    "dmarc=fail policy.dmarc=reject" },
	{ "in other case, with blanks, comments and a version", "authentication-results",
	    "(c) MX.Example.ORG (a (nested\\) one)) 1 ; DMARC/1 (x) = (y) FAIL policy.dmarc = "
	    "Reject", "dmarc=fail policy.dmarc=Reject" },
	{ "a reason with a semicolon", AR, "mx.example.org; dmarc=fail reason=\"a; b=\\\"c\" "
	    "policy.dmarc=reject", "dmarc=fail policy.dmarc=reject" },
	{ "p=none", AR, "mx.example.org; dmarc=fail policy.dmarc=none", NULL },
	{ "no policy", AR, "mx.example.org; dmarc=fail header.from=a.example", NULL },
	{ "a pass", AR, "mx.example.org; dmarc=pass policy.dmarc=reject", NULL },
	{ "temporary", AR, "mx.example.org; dmarc=temperror policy.dmarc=reject", NULL },
	{ "another method", AR, "mx.example.org; spf=fail policy.dmarc=reject", NULL },
	{ "the result is of another method", AR, "mx.example.org; dmarc=pass; spf=fail "
	    "policy.dmarc=reject", NULL },
	{ "the policy is of another method", AR, "mx.example.org; dmarc=fail; x=y "
	    "policy.dmarc=reject", NULL },
	{ "another server", AR, "mx.example.com; dmarc=fail policy.dmarc=reject", NULL },
	{ "a longer name of a server", AR, "mx.example.org.example; dmarc=fail "
	    "policy.dmarc=reject", NULL },
	{ "no server", AR, "; dmarc=fail policy.dmarc=reject", NULL },
	{ "in a quoted string", AR, "mx.example.org; spf=pass smtp.mailfrom=\"; dmarc=fail "
	    "policy.dmarc=reject\"", NULL },
	{ "in a comment", AR, "mx.example.org; spf=pass (; dmarc=fail policy.dmarc=reject)", NULL },
	{ "as a property", AR, "mx.example.org; spf=pass dmarc=fail policy.dmarc=reject", NULL },
	{ "a comment without an end", AR, "mx.example.org; (dmarc=fail policy.dmarc=reject", NULL },
	{ "a string without an end", AR, "mx.example.org; \"dmarc=fail policy.dmarc=reject", NULL },
	{ "a backslash at the end", AR, "mx.example.org; (\\", NULL },
	{ "a quoted backslash at the end", AR, "mx.example.org; \"\\", NULL },
	{ "empty", AR, "", NULL },
};

int
main(void)
{
	char deep[4000];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *r = &rows[i];
		char space[100];
		struct buf why = BUF(space);
		/* The exact size, for a checker of memory. */
		char *value = strdup(r->value);
		const bool marked = junk_marked(slice_str(r->field),
		    slice_of(value, strlen(value)), SL("mx.example.org"), &why);

		ok(marked == (r->why != NULL) && slice_eq(buf_slice(&why),
		    slice_str(r->why ? r->why : "")), "%s: %.*s", r->name, (int)why.n, why.p);
		free(value);
	}
	memset(deep, '(', sizeof deep);
	ok(!junk_marked(SL(AR), slice_of(deep, sizeof deep), SL("mx.example.org"),
	    &(struct buf){ 0 }), "comments in comments without end");
	return tap_done();
}
