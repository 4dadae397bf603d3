// SPDX-License-Identifier: ISC
/*
 * A container may run under a number that no database knows; then its environment counts.
 */
#include "tools/sendmail/caller.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

static bool
good_login(struct slice name)
{
	static const char others[] = "-._+$";

	for (size_t i = 0; i < name.n; i++) {
		const char c = ascii_lower(name.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    (c == '\0' || !strchr(others, c)))
			return false;
	}
	return name.n > 0 && name.n < CALLER_NAME_MAX;
}

bool
caller_login(struct buf *b)
{
	const struct passwd *user = getpwuid(getuid());
	const struct slice names[] = {
		slice_str(user ? user->pw_name : NULL),
		slice_str(getenv("LOGNAME")),
		slice_str(getenv("USER")),
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (!good_login(names[i]))
			continue;
		buf_add(b, names[i]);
		return true;
	}
	return false;
}

/* The first of the parts of the field, which commas separate.  '&' stands for the login name with
 * a capital letter. */
static void
add_gecos(struct buf *b, const struct passwd *user)
{
	struct slice rest, name = slice_cut(slice_str(user->pw_gecos), ',', &rest);

	for (size_t i = 0; i < name.n; i++) {
		const struct slice login = slice_str(user->pw_name);

		if (name.p[i] != '&' || login.n == 0) {
			buf_chr(b, name.p[i]);
			continue;
		}
		buf_chr(b, login.p[0] >= 'a' && login.p[0] <= 'z' ? (char)(login.p[0] - 'a' + 'A') :
		    login.p[0]);
		buf_add(b, slice_skip(login, 1));
	}
}

void
caller_full_name(struct buf *b)
{
	const char *name = getenv("NAME");
	const struct passwd *user;

	if (name && name[0] != '\0') {
		buf_str(b, name);
		return;
	}
	user = getpwuid(getuid());
	if (user && user->pw_gecos)
		add_gecos(b, user);
}
