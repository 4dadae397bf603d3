// SPDX-License-Identifier: ISC
/*
 * Authentication-Results is read word by word (RFC 8601 section 2.2): comments and blanks are
 * skipped, and a quoted string is one word, whatever is in it.
 */
#include "message/junk.h"

#include "base/idn.h"

#define COMMENTS_MAX 100	/* comments within each other; what has more is not read */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Skip a comment, which may have others in it.  False if it does not end. */
static bool
skip_comment(struct slice *s)
{
	unsigned depth = 0;

	do {
		if (s->n > 1 && s->p[0] == '\\')
			*s = slice_skip(*s, 1);
		else if (s->p[0] == '(')
			depth++;
		else if (s->p[0] == ')')
			depth--;
		*s = slice_skip(*s, 1);
	} while (depth && depth < COMMENTS_MAX && s->n);
	return depth == 0;
}

static bool
skip_blanks(struct slice *s)
{
	while (s->n && (is_space(s->p[0]) || s->p[0] == '(')) {
		if (s->p[0] == '(' && !skip_comment(s))
			return false;
		*s = slice_skip(*s, s->n && is_space(s->p[0]));
	}
	return s->n > 0;
}

/* A quoted string without its quotes.  False if it does not end. */
static bool
take_quoted(struct slice *s, struct slice *ret)
{
	size_t n = 1;

	while (n < s->n && s->p[n] != '"')
		n += s->p[n] == '\\' ? 2 : 1;
	if (n >= s->n)
		return false;
	*ret = slice_of(s->p + 1, n - 1);
	*s = slice_skip(*s, n + 1);
	return true;
}

/* The next word, or ";" or "=" alone.  False at the end. */
static bool
take_word(struct slice *s, struct slice *ret)
{
	size_t n = 0;

	if (!skip_blanks(s))
		return false;
	if (s->p[0] == '"')
		return take_quoted(s, ret);
	while (n < s->n && !is_space(s->p[n]) && !strchr(";=(\"", s->p[n]))
		n++;
	n += n == 0;
	*ret = slice_of(s->p, n);
	*s = slice_skip(*s, n);
	return true;
}

/* A result of DMARC, and the policy that is to be applied. */
static bool
is_refused(bool failed, struct slice policy)
{
	return failed && (slice_ieq(policy, SL("quarantine")) || slice_ieq(policy, SL("reject")));
}

/* "; method=result reason=... property=value", several times. */
static bool
read_results(struct slice rest, struct slice *ret_policy)
{
	struct slice before = SL(""), word = SL(""), next, policy = SL("");
	bool failed = false, first = false;

	while (take_word(&rest, &next)) {
		if (slice_eq(next, SL(";"))) {
			if (is_refused(failed, policy))
				break;
			first = true;
			failed = false;
			policy = SL("");
		} else if (slice_eq(word, SL("=")) && first) {
			failed = slice_ieq(next, SL("fail")) && (slice_ieq(before, SL("dmarc")) ||
			    slice_has_iprefix(before, SL("dmarc/")));
			first = false;
		} else if (slice_eq(word, SL("=")) && slice_ieq(before, SL("policy.dmarc"))) {
			policy = next;
		}
		before = word;
		word = next;
	}
	*ret_policy = policy;
	return is_refused(failed, policy);
}

bool
junk_marked(struct slice name, struct slice value, struct slice hostname, struct buf *why)
{
	struct slice server, policy;
	bool flag = slice_ieq(name, SL("X-Spam")) || slice_ieq(name, SL("X-Spam-Flag"));

	while (value.n && is_space(value.p[0]))
		value = slice_skip(value, 1);
	while (value.n && is_space(value.p[value.n - 1]))
		value.n--;
	if (flag && slice_ieq(value, SL("yes"))) {
		buf_add(why, name);
		buf_str(why, ": Yes");
		return true;
	}
	if (!slice_ieq(name, SL("Authentication-Results")) || !take_word(&value, &server) ||
	    !idn_same(server, hostname) || !read_results(value, &policy))
		return false;
	buf_str(why, "dmarc=fail policy.dmarc=");
	buf_add(why, policy);
	return true;
}
