// SPDX-License-Identifier: ISC
/*
 * The form of qmail and Postfix, with its default delimiters.
 */
#include "smtp/verp.h"

#define RAW_MAX (2 * SMTP_LOCAL_MAX + SMTP_DOMAIN_MAX + 2)

bool
smtp_verp_make(struct slice owner, struct slice member, struct smtp_path *ret)
{
	char space[RAW_MAX];
	struct buf raw = BUF(space);
	struct smtp_path from, to;

	if (!smtp_path_parse_whole(owner, SMTP_PATH_LISTED, &from) ||
	    !smtp_path_parse_whole(member, SMTP_PATH_LISTED, &to) ||
	    smtp_path_domain(&from).n == 0 || smtp_path_domain(&to).n == 0)
		return false;
	smtp_local_unquote(smtp_path_local(&from), &raw);
	buf_chr(&raw, '+');
	smtp_local_unquote(smtp_path_local(&to), &raw);
	buf_chr(&raw, '=');
	buf_add(&raw, smtp_path_domain(&to));
	return !raw.full && smtp_path_make(buf_slice(&raw), smtp_path_domain(&from), ret);
}

bool
smtp_verp_owner(const struct smtp_path *path, struct smtp_path *ret)
{
	const struct slice prefix = SL("owner-");
	char space[SMTP_LOCAL_MAX];
	struct buf local = BUF(space);
	struct slice user;

	smtp_local_unquote(smtp_path_local(path), &local);
	user = smtp_local_user(buf_slice(&local), '+');
	if (!slice_has_iprefix(user, prefix) || user.n == local.n || user.n == prefix.n)
		return false;
	if (smtp_path_domain(path).n)
		return smtp_path_make(user, smtp_path_domain(path), ret);
	return false;
}
