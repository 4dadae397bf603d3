// SPDX-License-Identifier: ISC
/*
 * The text of a policy, a file of the cache, and a TXT record.  A record that was read is the same
 * after it was written and read again.
 */
#include "policy/sts_record.h"
#include "tests/fuzz/fuzz.h"

static void
check_record(struct slice text)
{
	static char space[STS_RECORD_MAX + 100];
	struct buf b = BUF(space);
	struct sts_record record, again;

	if (!sts_record_read(text, &record))
		return;
	(void)sts_record_due(&record, SL("1"), 1800000000);
	sts_record_write(&b, &record);
	if (b.full)
		return;
	must(sts_record_read(buf_slice(&b), &again));
	must(again.has_policy == record.has_policy && again.failed_s == record.failed_s);
	must(!record.has_policy || slice_eq(again.policy.text, record.policy.text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice text = slice_of((const char *)data, size);
	struct slice rest = text, pattern;
	char space[200];
	struct buf why = BUF(space);
	struct sts_policy policy;

	if (sts_parse(text, &policy, &why)) {
		while ((pattern = sts_next_pattern(&rest)).n)
			must(pattern.p >= text.p && pattern.p + pattern.n <= text.p + text.n);
		(void)sts_allows(&policy, SL("a.example"));
	} else {
		must(why.n > 0);
	}
	must(sts_id(text).n <= STS_ID_MAX);
	check_record(text);
	return 0;
}
