// SPDX-License-Identifier: ISC
/*
 * local(8) of Postfix, its transports, and local_recipient_maps.
 */
#include "tools/import/postfix_users.h"

/* A folder in the home, for the mail of users. */
const char *
postfix_users_folder(const struct maincf *m)
{
	struct slice folder = slice_str(maincf_get(m, "home_mailbox"));

	if (folder.n && folder.p[folder.n - 1] == '/')
		return plan_copy(m->im->plan, slice_of(folder.p, folder.n - 1));
	plan_note(m->im->plan, maincf_at(m, "home_mailbox"),
	    "mailboxes are Maildirs: new mail is in ~/Maildir and not in one file, so point the "
	    "users' programs there");
	return "Maildir";
}

/* The way of all users, if they have no Maildirs. */
const char *
postfix_users_way(const struct maincf *m, struct plan_at *ret_at)
{
	const char *way = maincf_get(m, "local_transport"), *name = "local_transport";
	struct slice rest, transport = slice_cut(slice_str(way), ':', &rest);

	if (transport.n == 0 || slice_eq(transport, SL("local"))) {
		name = "mailbox_transport";
		way = maincf_get(m, name);
	}
	*ret_at = maincf_at(m, name);
	return way;
}

/* Is each user of the machine a recipient? */
bool
postfix_users_all(const struct maincf *m)
{
	const char *aliases = maincf_get(m, "alias_maps");
	struct slice rest = slice_str(maincf_get(m, "local_recipient_maps")), word;
	bool users = rest.n == 0, others = false;

	while ((word = maincf_map(&rest)).n) {
		const bool passwd = word.n > strlen("passwd.byname") &&
		    memmem(word.p, word.n, "passwd.byname", strlen("passwd.byname"));

		users |= passwd;
		others |= !passwd && !memmem(aliases, strlen(aliases), word.p, word.n);
	}
	return users || !others;
}
