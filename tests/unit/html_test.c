// SPDX-License-Identifier: ISC
/* tools/queue/html and advice: escaped text, and something to do for each deferral. */
#include "tools/queue/html.h"

#include <stdlib.h>

#include "tests/lib/tap.h"
#include "tools/queue/advice.h"

static const struct {
	const char *name, *text, *wanted;
} texts[] = {
	{ "plain text", "mx.example 450 4.2.1 später", "mx.example 450 4.2.1 später" },
	{ "markup", "<b>&amp;</b>", "&lt;b&gt;&amp;amp;&lt;/b&gt;" },
	{ "quotes of both kinds", "\"'", "&quot;&#39;" },
	{ "control characters", "a\033[2J\n\tb\x7f",
	    "a\xef\xbf\xbd[2J\xef\xbf\xbd\xef\xbf\xbd" "b"
	    "\xef\xbf\xbd" },
	{ "octets that are not UTF-8", "\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd" },
	{ "a character that reorders text", "\xe2\x80\xae",
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ "nothing", "", "" },
};

static void
test_text(void)
{
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char *got = NULL;
		size_t n = 0;
		FILE *out = open_memstream(&got, &n);

		html_text(out, slice_str(texts[i].text));
		(void)fclose(out);
		ok(strcmp(got, texts[i].wanted) == 0, "%s: %s", texts[i].name, got);
		free(got);
	}
}

static void
test_advice(void)
{
	for (unsigned i = 0; i < CAUSE_COUNT; i++) {
		struct outcome o;

		outcome_set(&o, i, SL(""), SL(""));
		ok((o.kind == OUTCOME_DEFERRED) == (advice_of(i) != NULL),
		    "cause %u has advice if it defers", i);
	}
}

int
main(void)
{
	test_text();
	test_advice();
	return tap_done();
}
