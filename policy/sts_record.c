// SPDX-License-Identifier: ISC
/*
 * Times in the future are those of a clock that was wrong: they hold nobody up.
 */
#include "policy/sts_record.h"

#include "base/clock.h"

#define DAY_S	     86400
#define AGAIN_S	     300	/* after a failure without a policy that holds */
#define AGAIN_HELD_S 3600	/* with one */

static const char *const failure_words[STS_FAILURES] = {
	[STS_FAILURE_FETCH] = "fetch", [STS_FAILURE_POLICY] = "policy",
	[STS_FAILURE_CERTIFICATE] = "certificate",
};

/* An unknown word is that of another release. */
static enum sts_failure
read_failure(struct slice word)
{
	for (int i = 0; i < STS_FAILURES; i++)
		if (slice_eq(word, slice_str(failure_words[i])))
			return (enum sts_failure)i;
	return STS_FAILURE_FETCH;
}

static bool
read_time(struct slice value, int64_t *ret)
{
	return clock_stamp_parse(value, ret) && *ret > 0;
}

/* One line of the head; unknown ones are those of another release. */
static bool
read_line(struct slice line, struct sts_record *ret)
{
	struct slice value, reason;
	const struct slice key = slice_cut(line, ':', &value);

	value = slice_trim(value);
	if (slice_eq(key, SL("id"))) {
		ret->id = value;
		return sts_is_id(value);
	}
	if (slice_eq(key, SL("fetched")))
		return read_time(value, &ret->fetched_s);
	if (slice_eq(key, SL("expires")))
		return read_time(value, &ret->expires_s);
	if (slice_eq(key, SL("failed"))) {
		const struct slice time = slice_cut(value, ' ', &reason);

		ret->reason = slice_trim(reason);
		return read_time(time, &ret->failed_s);
	}
	if (slice_eq(key, SL("failure")))
		ret->failure = read_failure(value);
	return true;
}

bool
sts_record_read(struct slice text, struct sts_record *ret)
{
	char space[100];
	struct buf why = BUF(space);
	struct slice line;

	*ret = (struct sts_record){ .id = SL("") };
	if (text.n > STS_RECORD_MAX)
		return false;
	while (text.n) {
		line = slice_cut(text, '\n', &text);
		if (!line.n)
			break;
		if (!read_line(line, ret))
			return false;
	}
	ret->has_policy = text.n && ret->fetched_s && ret->expires_s &&
	    sts_parse(text, &ret->policy, &why);
	return ret->has_policy || (!text.n && ret->failed_s);
}

static void
write_time(struct buf *b, const char *key, int64_t time_s)
{
	buf_str(b, key);
	clock_stamp(b, time_s);
}

void
sts_record_write(struct buf *b, const struct sts_record *r)
{
	if (r->has_policy) {
		if (r->id.n) {
			buf_str(b, "id: ");
			buf_add(b, r->id);
			buf_chr(b, '\n');
		}
		write_time(b, "fetched: ", r->fetched_s);
		write_time(b, "\nexpires: ", r->expires_s);
		buf_chr(b, '\n');
	}
	if (r->failed_s) {
		write_time(b, "failed: ", r->failed_s);
		buf_chr(b, ' ');
		for (size_t i = 0; i < r->reason.n; i++)	/* it may quote the host */
			buf_chr(b, (unsigned char)r->reason.p[i] < ' ' ? ' ' : r->reason.p[i]);
		buf_str(b, "\nfailure: ");
		buf_str(b, failure_words[r->failure]);
		buf_chr(b, '\n');
	}
	buf_chr(b, '\n');
	if (r->has_policy)
		buf_add(b, r->policy.text);
}

bool
sts_record_live(const struct sts_record *r, int64_t now_s)
{
	return r->has_policy && now_s < r->expires_s;
}

bool
sts_record_due(const struct sts_record *r, struct slice id, int64_t now_s)
{
	const bool live = sts_record_live(r, now_s);
	const int64_t again_s = live ? AGAIN_HELD_S : AGAIN_S;
	int64_t fresh_s;

	if (r->failed_s && r->failed_s <= now_s && now_s - r->failed_s < again_s)
		return false;
	if (!live)
		return id.n > 0;
	if (id.n && !slice_eq(id, r->id))
		return true;
	fresh_s = (r->expires_s - r->fetched_s) / 2;
	if (fresh_s > DAY_S)
		fresh_s = DAY_S;
	return r->fetched_s > now_s || now_s - r->fetched_s >= fresh_s;
}
