// SPDX-License-Identifier: ISC
/*
 * Domains in UTF-8, and the names that the DNS is asked for.
 */
#include "dns/name.h"

#include "tests/lib/tap.h"

#define X10(s) s s s s s s s s s s

static const struct {
	const char *domain;
	const char *want;		/* NULL: not a name */
} cases[] = {
	{ "Example.ORG", "example.org" },
	{ "b\303\274cher.example", "xn--bcher-kva.example" },
	{ "B\303\234CHER.example", "xn--bcher-kva.example" },
	{ "bu\314\210cher.example", "xn--bcher-kva.example" },	/* not composed */
	{ "stra\303\237e.example", "xn--strae-oqa.example" },	/* IDNA 2008, not ss */
	{ "\344\276\213\343\201\210.\343\203\206\343\202\271\343\203\210",
	  "xn--r8jz45g.xn--zckzah" },
	{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
	{ "b\303\274cher..example", NULL },
	{ "b\303cher.example", NULL },	/* not UTF-8 */
	{ "\342\230\203 x.example", NULL },
	{ X10(X10("\303\274")) ".example", NULL },	/* too long a label */
	{ "", NULL },
};

int
main(void)
{
	static char huge[2000];
	char got[DNS_NAME_MAX];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool good = dns_name_from_domain(slice_str(cases[i].domain), got);

		if (cases[i].want)
			is(slice_str(good ? got : "none"), slice_str(cases[i].want), cases[i].want);
		else
			ok(!good, "not a name: case %zu", i);
	}
	memset(huge, '\303', sizeof huge);
	ok(!dns_name_from_domain(slice_of(huge, sizeof huge), got), "2000 octets");
	ok(!dns_name_from_domain(slice_of("b\303\274\0x.example", 13), got), "NUL");
	return tap_done();
}
