// SPDX-License-Identifier: ISC
/*
 * The secrets are read once in the life of a process: sessions and workers are short.
 */
#include "aliases/returns.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/idn.h"
#include "config/secret.h"
#include "smtp/srs.h"

#define TEXT_MAX (SRS_SECRETS * (SRS_SECRET_MAX + 2) + 64)

static struct {
	bool done;
	int error;			/* 0 or -errno, */
	char why[600];			/* and the reason */
	struct srs_secrets secrets;
	char text[TEXT_MAX];
} held;

/* Read the file into the held text.  0 or -errno with the reason. */
static int
read_text(const char *name, size_t *ret_n, struct buf *why)
{
	char space[4096];
	struct buf path = BUF(space);
	int r = secret_path(&path, slice_str(name)), fd;
	ssize_t n = 0;
	size_t all = 0;

	if (r < 0)
		buf_fmt(why, "%s: %s", name, r == -ENOENT ?
		    "there are no credentials: set LoadCredential= in the unit" : strerror(-r));
	if (r < 0)
		return r;
	fd = secret_open(space, why);
	if (fd < 0)
		return fd;
	while (all < sizeof held.text &&
	    (n = read(fd, held.text + all, sizeof held.text - all)) > 0)
		all += (size_t)n;
	r = n < 0 ? -errno : all == sizeof held.text ? -EFBIG : 0;
	(void)close(fd);
	if (r < 0)
		buf_fmt(why, "%s: %s", space, strerror(-r));
	*ret_n = all;
	return r;
}

void
returns_hold(const char *secret)
{
	struct buf why = { .p = held.why, .cap = sizeof held.why - 1 };
	const char *mistake = NULL;
	size_t n = 0;

	if (held.done || !secret)
		return;
	held.done = true;
	held.error = read_text(secret, &n, &why);
	if (held.error == 0)
		mistake = srs_secrets_parse(slice_of(held.text, n), &held.secrets);
	if (mistake) {
		held.error = -EINVAL;
		buf_fmt(&why, "%s: %s", secret, mistake);
	}
	(void)buf_cstr(&why);
}

/* 0; or -errno with the trouble in why. */
static int
get_secrets(const char *secret, struct buf *why)
{
	returns_hold(secret);
	if (held.error < 0)
		buf_str(why, held.why);
	return held.error;
}

bool
returns_is(const struct config *c, const struct smtp_path *to)
{
	return c->relay.srs_domain && srs_is(to) &&
	       idn_same(smtp_path_domain(to), slice_str(c->relay.srs_domain));
}

int
returns_find(const char *secret, const struct smtp_path *to, struct smtp_path *ret,
    struct buf *why)
{
	static const char *const reasons[] = {
		[SRS_RIGHT] = "",
		[SRS_MALFORMED] = "it is not an address of this server",
		[SRS_FORGED] = "this server has not made that address",
		[SRS_EXPIRED] = "the address has expired",
	};
	enum srs_end end;
	int r = get_secrets(secret, why);

	if (r < 0)
		return r;
	end = srs_undo(to, &held.secrets, clock_wall_s(), ret);
	buf_str(why, reasons[end]);
	return end == SRS_RIGHT;
}

static bool
is_ours(const struct config *c, struct slice domain)
{
	return domain.n == 0 || config_is_ours(c, domain) ||
	       idn_same(domain, slice_str(c->relay.srs_domain));
}

bool
returns_leaves(const struct config *c, const struct smtp_path *to)
{
	return c->relay.srs_domain && !is_ours(c, smtp_path_domain(to));
}

int
returns_make(const struct config *c, struct slice from, struct smtp_path *ret, struct buf *why)
{
	struct smtp_path path;
	int r;

	if (from.n == 0 || !smtp_path_parse_whole(from, SMTP_PATH_LISTED, &path) ||
	    is_ours(c, smtp_path_domain(&path)))
		return 0;
	r = get_secrets(c->relay.srs_secret, why);
	if (r < 0)
		return r;
	return srs_make(&path, slice_str(c->relay.srs_domain), &held.secrets, clock_wall_s(), ret);
}

unsigned
returns_check(const char *secret, const char *section, const struct config_report *report)
{
	char space[700], text[600];
	struct buf b = BUF(space), why = BUF(text);

	/* The credentials of a unit are there only while it runs. */
	if (!secret || (secret[0] != '/' && !getenv("CREDENTIALS_DIRECTORY")))
		return 0;
	if (get_secrets(secret, &why) == 0)
		return 0;
	buf_fmt(&b, "[%s] srs-secret: %s", section, buf_cstr(&why));
	report->error(report->ctx, NULL, 0, buf_cstr(&b));
	return 1;
}
