// SPDX-License-Identifier: ISC
/*
 * Lines may end in LF as well as in CRLF.  Keys that this file does not know are left to others
 * (section 3.2).
 */
#include "policy/sts.h"

#include "base/name.h"

static const char *const modes[] = {
	[STS_NONE] = "none", [STS_TESTING] = "testing", [STS_ENFORCE] = "enforce",
};

const char *
sts_mode_word(enum sts_mode mode)
{
	return modes[mode];
}

/* ---- the record ---- */

static bool
is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

bool
sts_is_id(struct slice id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!is_alphanumeric(id.p[i]))
			return false;
	return id.n > 0 && id.n <= STS_ID_MAX;
}

/* Is it a record of this version?  *ret_rest gets its other fields. */
static bool
is_record(struct slice record, struct slice *ret_rest)
{
	return slice_eq(slice_trim(slice_cut(record, ';', ret_rest)), SL("v=STSv1"));
}

struct slice
sts_id(struct slice record)
{
	const struct slice none = { NULL, 0 };
	struct slice rest, value;

	if (!is_record(record, &rest))
		return none;
	while (rest.n) {
		const struct slice field = slice_cut(rest, ';', &rest);

		if (slice_eq(slice_trim(slice_cut(field, '=', &value)), SL("id")))
			return sts_is_id(slice_trim(value)) ? slice_trim(value) : none;
	}
	return none;
}

struct slice
sts_announced(const struct dns_record *records, size_t n)
{
	struct slice id = { NULL, 0 }, rest;
	unsigned found = 0;

	for (size_t i = 0; i < n; i++)
		if (is_record(slice_str(records[i].text), &rest) && found++ == 0)
			id = sts_id(slice_str(records[i].text));
	return found == 1 ? id : slice_of(NULL, 0);
}

/* ---- the policy ---- */

/* The next line of a text, cut at its colon.  False at the end. */
static bool
next_line(struct slice *text, struct slice *ret_key, struct slice *ret_value)
{
	struct slice line;

	if (!text->n)
		return false;
	line = slice_cut(*text, '\n', text);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	*ret_key = slice_trim(slice_cut(line, ':', ret_value));
	*ret_value = slice_trim(*ret_value);
	return true;
}

/* The domain of a pattern, without "*." and without the root's dot. */
static struct slice
domain_of(struct slice pattern)
{
	if (slice_has_prefix(pattern, SL("*.")))
		pattern = slice_skip(pattern, 2);
	if (pattern.n && pattern.p[pattern.n - 1] == '.')
		pattern.n--;
	return pattern;
}

struct slice
sts_next_pattern(struct slice *text)
{
	struct slice key, value;

	while (next_line(text, &key, &value))
		if (slice_eq(key, SL("mx")) && name_is_domain(domain_of(value)))
			return value;
	return slice_of(NULL, 0);
}

/* The values of a policy so far; a key counts where it is first (section 3.2). */
struct values {
	struct slice version, mode, max_age;
};

static void
keep_first(struct slice *place, struct slice value)
{
	if (!place->p)
		*place = value;
}

static bool
fault(struct buf *why, const char *text)
{
	buf_str(why, text);
	return false;
}

static bool
read_values(const struct values *v, struct sts_policy *ret, struct buf *why)
{
	uint64_t age = 0;
	size_t mode = 0;

	while (mode < sizeof modes / sizeof modes[0] && !slice_eq(v->mode, slice_str(modes[mode])))
		mode++;
	if (!slice_eq(v->version, SL("STSv1")))
		return fault(why, "its version is not STSv1");
	if (mode == sizeof modes / sizeof modes[0])
		return fault(why, "its mode is not enforce, testing or none");
	if (!slice_uint(v->max_age, UINT32_MAX, &age))
		return fault(why, "its max_age is not a number");
	ret->mode = (enum sts_mode)mode;
	ret->max_age_s = age > STS_AGE_MAX_S ? STS_AGE_MAX_S : (uint32_t)age;
	return true;
}

bool
sts_parse(struct slice text, struct sts_policy *ret, struct buf *why)
{
	struct values v = { .version = { NULL, 0 } };
	struct slice rest = text, key, value;

	*ret = (struct sts_policy){ .text = text };
	if (text.n > STS_TEXT_MAX)
		return fault(why, "it has more than 64 KiB");
	while (next_line(&rest, &key, &value)) {
		if (slice_eq(key, SL("version")))
			keep_first(&v.version, value);
		else if (slice_eq(key, SL("mode")))
			keep_first(&v.mode, value);
		else if (slice_eq(key, SL("max_age")))
			keep_first(&v.max_age, value);
	}
	if (!read_values(&v, ret, why))
		return false;
	rest = text;
	return ret->mode == STS_NONE || sts_next_pattern(&rest).n ||
	    fault(why, "it has no line mx with the name of an exchanger");
}

/* "*." stands for one label (section 4.1). */
static bool
matches(struct slice pattern, struct slice exchanger)
{
	struct slice parent = exchanger;

	if (slice_has_prefix(pattern, SL("*."))) {
		if (!slice_cut(exchanger, '.', &parent).n)
			return false;
	}
	return slice_ieq(domain_of(pattern), parent);
}

bool
sts_allows(const struct sts_policy *p, struct slice exchanger)
{
	struct slice rest = p->text, pattern;

	while ((pattern = sts_next_pattern(&rest)).n)
		if (matches(pattern, exchanger))
			return true;
	return false;
}
