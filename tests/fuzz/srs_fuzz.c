// SPDX-License-Identifier: ISC
/*
 * Addresses of SRS: the first octet chooses the day, the second one the secrets, the rest is a
 * path.  No address that a stranger writes is right, one that we make is, and it comes back as it
 * was.
 */
#include "smtp/srs.h"
#include "tests/fuzz/fuzz.h"

static const struct srs_secrets some[] = {
	{ { S("a secret of sixteen letters") }, 1 },
	{ { S("another one that is longer"), S("a secret of sixteen letters") }, 2 },
};

static bool
has_guard(const struct smtp_path *p)
{
	const struct slice local = slice_skip(smtp_path_local(p), p->text[0] == '"');

	return local.n > 3 && local.p[3] == '1';
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct srs_secrets *secrets;
	struct slice text = slice_of((const char *)data, size);
	struct smtp_path path, made, back;
	int64_t now_s;

	if (size < 2)
		return 0;
	now_s = INT64_C(86400) * 5 * data[0];
	secrets = &some[data[1] & 1];
	text = slice_skip(text, 2);
	if (!smtp_path_parse_whole(text, SMTP_PATH_TOLERANT, &path))
		return 0;
	(void)srs_is(&path);
	/* The corpus has addresses that are right. */
	if (srs_undo(&path, secrets, now_s, &back) == SRS_RIGHT)
		must(back.n > back.local_n + 1);
	if (!srs_make(&path, SL("forwarder.example"), secrets, now_s, &made))
		return 0;
	must(srs_is(&made) && slice_eq(smtp_path_domain(&made), SL("forwarder.example")));
	must(srs_undo(&made, secrets, now_s, &back) == SRS_RIGHT);
	/* An SRS1 leads to the first forwarder, not to the last one.  The tag may change its
	 * case. */
	if (!has_guard(&path) || !srs_is(&path))
		must(slice_ieq(smtp_path_text(&back), smtp_path_text(&path)));
	return 0;
}
