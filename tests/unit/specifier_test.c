// SPDX-License-Identifier: ISC
#include "config/specifier.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/tap.h"

static const struct {
	const char *path, *host;
	const char *wanted;	/* NULL: it is refused, and why has these words: */
	const char *why;
} cases[] = {
	{ "/srv/queues/%H", "mx1", "/srv/queues/mx1", NULL },
	{ "/srv/%H/%H.d", "mx1.a.org", "/srv/mx1.a.org/mx1.a.org.d", NULL },
	{ "/100%%/queue", "mx1", "/100%/queue", NULL },
	{ "/%%H", "mx1", "/%H", NULL },
	{ "/queue", "", "/queue", NULL },
	{ "/%h", "mx1", NULL, "write %H" },
	{ "/queue%", "mx1", NULL, "write %H" },
	{ "/%H", "", NULL, "has no name" },
	{ "/%H", "..", NULL, "has no name" },
	{ "/%H", "a/b", NULL, "has no name" },
	{ "/%H", "a\001b", NULL, "has no name" },
	{ "/%H", "12345678901234567890123456789.", "/12345678901234567890123456789.", NULL },
	{ "/%H", "12345678901234567890123456789..", NULL, "shorter" },
};

static void
check_case(size_t i)
{
	char path[31], text[100];
	struct buf got = BUF(path), why = BUF(text);
	const int r = specifier_expand(slice_str(cases[i].path), slice_str(cases[i].host), &got,
	    &why);
	bool good;

	if (cases[i].wanted)
		good = r == 0 && slice_eq(buf_slice(&got), slice_str(cases[i].wanted));
	else
		good = r < 0 && strstr(buf_cstr(&why), cases[i].why);
	if (!ok(good, "%s on \"%s\"", cases[i].path, cases[i].host))
		printf("# %d %.*s %s\n", r, (int)got.n, got.p, buf_cstr(&why));
}

static void
check_here(void)
{
	char name[HOST_NAME_MAX + 1] = "", path[300], text[100];
	struct buf got = BUF(path), why = BUF(text);

	(void)gethostname(name, sizeof name);
	ok(specifier_expand_here(SL("%H"), &got, &why) == 0 &&
	    slice_eq(buf_slice(&got), slice_str(name)), "the name is that of this machine");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		check_case(i);
	check_here();
	return tap_done();
}
