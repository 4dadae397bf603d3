// SPDX-License-Identifier: ISC
/*
 * {local} and {domain} of a route's path become those of the recipient, in lower case, the domain
 * in A-labels: one person, one mailbox.  They cannot lead out of the folder where they stand.
 */
#include "mailbox/path.h"

#include <errno.h>
#include <limits.h>

#include "base/idn.h"
#include "smtp/address.h"

/* Is it a safe name for a folder, although a stranger wrote it?  It must not lead up, be hidden, or
 * contain control characters. */
static bool
safe_name(struct slice s)
{
	if (!s.n || s.n > NAME_MAX || s.p[0] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' || c == 127 || c == '/')
			return false;
	}
	return true;
}

static void
add_lower(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_chr(b, ascii_lower(s.p[i]));
}

/* The local part is added without quotes: <"a.b"@c> and <a.b@c> are one person (RFC 5321 section
 * 4.1.2). */
static void
add_local(struct buf *b, struct slice path, struct slice domain, char delimiter)
{
	char space[SMTP_LOCAL_MAX * 2 + 2];
	struct buf local = BUF(space);

	smtp_local_unquote(slice_of(path.p, domain.n ? path.n - domain.n - 1 : path.n), &local);
	b->full |= local.full;
	add_lower(b, smtp_local_user(buf_slice(&local), delimiter));
}

/* Can the file system have all folders of the path? */
static bool
has_short_names(struct slice path)
{
	while (path.n)
		if (slice_cut(path, '/', &path).n > NAME_MAX)
			return false;
	return true;
}

int
mailbox_path(const struct route *route, struct slice path, struct slice domain, struct slice here,
    struct buf *b)
{
	struct slice rest = slice_str(route->target);
	struct idn_name space;
	const size_t start = b->n;

	while (rest.n) {
		const bool user = slice_has_prefix(rest, SL("{user}"));
		size_t from = b->n;

		if (user || slice_has_prefix(rest, SL("{local}"))) {
			add_local(b, path, domain, route->subaddress);
			rest = slice_skip(rest, user ? strlen("{user}") : strlen("{local}"));
		} else if (slice_has_prefix(rest, SL("{domain}"))) {
			/* <postmaster> may have no domain (RFC 5321 section 4.5.1). */
			buf_add(b, idn_canonical(domain.n ? domain : here, &space));
			rest = slice_skip(rest, strlen("{domain}"));
		} else {
			buf_chr(b, rest.p[0]);
			rest = slice_skip(rest, 1);
			continue;
		}
		if (b->full || !safe_name(slice_of(b->p + from, b->n - from)))
			return -EINVAL;
	}
	if (b->full || b->n == b->cap)
		return -ENAMETOOLONG;
	return has_short_names(slice_of(b->p + start, b->n - start)) ? 0 : -EINVAL;
}

int
mailbox_user(const struct route *route, struct slice path, struct slice domain, bool whole,
    struct buf *b)
{
	const size_t from = b->n;

	add_local(b, path, domain, whole ? '\0' : route->subaddress);
	return b->full || !safe_name(slice_of(b->p + from, b->n - from)) ? -EINVAL : 0;
}

bool
mailbox_has_detail(const struct route *route, struct slice path, struct slice domain)
{
	return route->subaddress &&
	       memchr(path.p, route->subaddress, path.n > domain.n ? path.n - domain.n : path.n);
}

bool
mailbox_possible(const struct route *route, struct slice path, struct slice domain)
{
	char space[PATH_MAX];
	struct buf b = BUF(space), user = BUF(space);

	if (!way_of(route->via)->by_name)
		return true;
	if (route->via == VIA_OWNER && mailbox_user(route, path, domain, false, &user) < 0)
		return false;
	return mailbox_path(route, path, domain, SL(""), &b) == 0;
}
