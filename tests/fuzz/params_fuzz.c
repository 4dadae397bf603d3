// SPDX-License-Identifier: ISC
/*
 * An alias stands for a member: the lines of the input are the owner of a list, the member, and
 * the parameters of RCPT.  Each parameter that is passed on can be read, none asks for a notice of
 * success that was sent already, and the owner is found in a reverse-path that was made of both.
 */
#include <string.h>

#include "smtp/dsn.h"
#include "smtp/param.h"
#include "smtp/verp.h"
#include "tests/fuzz/fuzz.h"

/* Text that was made xtext is the same text again. */
static void
check_xtext(struct slice text)
{
	char encoded[3 * 2000], decoded[2000];
	struct buf xtext = BUF(encoded), again = BUF(decoded);
	size_t n;

	text.n = text.n < sizeof decoded ? text.n : sizeof decoded;
	smtp_xtext_encode(text, &xtext);
	must(!xtext.full && smtp_xtext_valid(buf_slice(&xtext), false, &n));
	smtp_xtext_decode(buf_slice(&xtext), &again);
	must(slice_eq(buf_slice(&again), text) && n == text.n);
}

static void
check_copy(struct slice params, const struct smtp_path *to, bool answered)
{
	char space[8192];
	struct buf b = BUF(space);
	struct slice rest;
	struct smtp_param p;
	bool named = to->utf8 || 3 * to->n + sizeof "rfc822;" > SMTP_ORCPT_MAX;

	smtp_dsn_copy_rcpt(params, answered, to, &b);
	if (b.full)
		return;
	rest = buf_slice(&b);
	while (smtp_param_take(&rest, &p) == SMTP_PARAM_TAKEN) {
		named |= slice_ieq(p.keyword, SL("ORCPT"));
		if (answered && slice_ieq(p.keyword, SL("NOTIFY")))
			must(p.value.n && !(smtp_dsn_notify(p.whole) & SMTP_NOTIFY_SUCCESS));
	}
	must(rest.n == 0 && named);
}

static void
check_owner(struct slice owner, struct slice member)
{
	struct smtp_path made, found, from;

	if (!smtp_verp_make(owner, member, &made))
		return;
	must(smtp_path_parse_whole(owner, SMTP_PATH_LISTED, &from) && made.n > from.n);
	if (!slice_has_iprefix(owner, SL("owner-")) ||
	    memchr(from.text, '+', from.n) || smtp_path_local(&from).n == 6)
		return;
	must(smtp_verp_owner(&made, &found));
	must(slice_eq(smtp_path_text(&found), smtp_path_text(&from)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice params = slice_of((const char *)data, size);
	const struct slice owner = slice_cut(params, '\n', &params);
	const struct slice member = slice_cut(params, '\n', &params);
	struct smtp_path to;

	if (size > 4000)
		return 0;
	check_xtext(owner);
	check_owner(owner, member);
	if (smtp_path_parse_whole(member, SMTP_PATH_LISTED, &to)) {
		check_copy(params, &to, true);
		check_copy(params, &to, false);
	}
	return 0;
}
