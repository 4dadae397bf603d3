// SPDX-License-Identifier: ISC
#include "smtp/verp.h"

#include <stdlib.h>

#include "tests/lib/tap.h"

static const struct {
	const char *owner, *member, *path;	/* "": none */
	const char *back;		/* the owner of it; NULL: the owner itself */
} cases[] = {
	{ "owner-list@example.org", "anna@host.example",
	    "owner-list+anna=host.example@example.org", NULL },
	{ "Owner-List@Example.ORG", "A.B+c=d@h.example",
	    "Owner-List+A.B+c=d=h.example@Example.ORG", NULL },
	{ "owner-list@example.org", "\"a b\"@host.example",
	    "\"owner-list+a b=host.example\"@example.org", NULL },
	{ "\"owner-my list\"@example.org", "anna@host.example",
	    "\"owner-my list+anna=host.example\"@example.org", NULL },
	{ "owner-list@example.org", "anna@[192.0.2.1]",
	    "\"owner-list+anna=[192.0.2.1]\"@example.org", NULL },
	{ "owner-a+b@example.org", "anna@host.example",
	    "owner-a+b+anna=host.example@example.org", "owner-a@example.org" },
	{ "list@example.org", "anna@host.example", "list+anna=host.example@example.org", "" },
	{ "owner-list", "anna@host.example", "", NULL },
	{ "owner-list@example.org", "anna", "", NULL },
	{ "owner-list@example.org", "", "", NULL },
};

static const char *const no_owners[] = {
	"owner-list@example.org", "owner-@example.org", "owner-+anna=h@example.org",
	"list+anna=h@example.org", "+owner-list@example.org", "owner-list+x",
};

/* The longest address that is made. */
static void
check_length(void)
{
	char member[SMTP_LOCAL_MAX + 40];
	struct smtp_path path;
	size_t fits = 0;

	for (size_t n = 900; n <= SMTP_LOCAL_MAX; n++) {
		memset(member, 'a', n);
		memcpy(member + n, "@h.example", sizeof "@h.example");
		if (smtp_verp_make(SL("owner-list@example.org"), slice_str(member), &path))
			fits = n;
	}
	ok(fits == SMTP_LOCAL_MAX - strlen("owner-list+=h.example"), "the longest member");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct smtp_path path = { .n = 0 }, back = { .n = 0 };
		const char *wanted = cases[i].back ? cases[i].back : cases[i].owner;

		(void)smtp_verp_make(slice_str(cases[i].owner), slice_str(cases[i].member), &path);
		is(smtp_path_text(&path), slice_str(cases[i].path), cases[i].member);
		if (path.n == 0)
			continue;
		(void)smtp_verp_owner(&path, &back);
		is(smtp_path_text(&back), slice_str(wanted), "and its owner");
	}
	for (size_t i = 0; i < sizeof no_owners / sizeof no_owners[0]; i++) {
		struct smtp_path path, back;

		if (!smtp_path_parse_whole(slice_str(no_owners[i]), SMTP_PATH_LISTED, &path))
			abort();
		ok(!smtp_verp_owner(&path, &back), "no owner: %s", no_owners[i]);
	}
	check_length();
	return tap_done();
}
