// SPDX-License-Identifier: ISC
/*
 * A line has words, then the text of the policy and the reason behind tabs, because both have
 * blanks.  "-" stands for a word that is not known.
 */
#include "policy/tls_result.h"

#include "base/clock.h"
#include "base/foreign.h"
#include "base/name.h"

static const char *const policy_words[TLS_RESULT_POLICIES] = {
	[TLS_RESULT_NO_POLICY] = "no-policy-found", [TLS_RESULT_STS] = "sts",
	[TLS_RESULT_TLSA] = "tlsa",
};

static const char *const result_words[TLS_RESULT_TYPES] = {
	[TLS_RESULT_SUCCESS] = "success",
	[TLS_RESULT_STARTTLS_NOT_SUPPORTED] = "starttls-not-supported",
	[TLS_RESULT_HOST_MISMATCH] = "certificate-host-mismatch",
	[TLS_RESULT_EXPIRED] = "certificate-expired",
	[TLS_RESULT_NOT_TRUSTED] = "certificate-not-trusted",
	[TLS_RESULT_VALIDATION_FAILURE] = "validation-failure",
	[TLS_RESULT_TLSA_INVALID] = "tlsa-invalid",
	[TLS_RESULT_DNSSEC_INVALID] = "dnssec-invalid",
	[TLS_RESULT_STS_FETCH_ERROR] = "sts-policy-fetch-error",
	[TLS_RESULT_STS_INVALID] = "sts-policy-invalid",
	[TLS_RESULT_STS_WEBPKI_INVALID] = "sts-webpki-invalid",
};

const char *
tls_result_policy_word(enum tls_result_policy policy)
{
	return policy_words[policy];
}

const char *
tls_result_type_word(enum tls_result_type result)
{
	return result_words[result];
}

static char
good_octet(char c)
{
	return c >= ' ' && c <= '~' ? c : '?';
}

void
tls_result_add_text(struct tls_result *s, struct slice line)
{
	const size_t had = strlen(s->text);

	if (line.n + 2 > sizeof s->text - had)
		return;
	for (size_t i = 0; i < line.n; i++)
		s->text[had + i] = line.p[i] == '|' ? '?' : good_octet(line.p[i]);
	memcpy(s->text + had + line.n, "|", 2);
}

void
tls_result_set_reason(struct tls_result *s, struct slice reason)
{
	const size_t n = reason.n < sizeof s->reason ? reason.n : sizeof s->reason - 1;

	for (size_t i = 0; i < n; i++)
		s->reason[i] = good_octet(reason.p[i]);
	s->reason[n] = '\0';
}

static bool
is_printable(const char *text, size_t size)
{
	const size_t n = strnlen(text, size);

	for (size_t i = 0; i < n; i++)
		if (good_octet(text[i]) != text[i])
			return false;
	return n < size;
}

static bool
is_word(const char *text, size_t size)
{
	return is_printable(text, size) && !strchr(text, ' ') && strcmp(text, "-") != 0;
}

bool
tls_result_valid(const struct tls_result *s)
{
	return (unsigned)s->policy < TLS_RESULT_POLICIES &&
	    (unsigned)s->result < TLS_RESULT_TYPES && is_word(s->mx, sizeof s->mx) &&
	    is_word(s->ours, sizeof s->ours) && is_word(s->theirs, sizeof s->theirs) &&
	    is_printable(s->text, sizeof s->text) && is_printable(s->reason, sizeof s->reason);
}

static void
add_word(struct buf *b, const char *word)
{
	buf_chr(b, ' ');
	buf_str(b, word[0] ? word : "-");
}

void
tls_result_write(struct buf *b, const struct tls_result *s, struct slice domain, int64_t now_s)
{
	clock_stamp(b, now_s);
	buf_chr(b, ' ');
	for (size_t i = 0; i < domain.n; i++)
		buf_chr(b, ascii_lower(domain.p[i]));
	add_word(b, policy_words[s->policy]);
	add_word(b, result_words[s->result]);
	add_word(b, s->mx);
	add_word(b, s->ours);
	add_word(b, s->theirs);
	buf_chr(b, '\t');
	buf_str(b, s->text);
	buf_chr(b, '\t');
	buf_str(b, s->reason);
	buf_chr(b, '\n');
}

/* ---- reading ---- */

static bool
find_word(const char *const *words, int n, struct slice word, int *ret)
{
	for (*ret = 0; *ret < n; ++*ret)
		if (slice_eq(word, slice_str(words[*ret])))
			return true;
	return false;
}

/* The next word up to a blank, or all that is left. */
static struct slice
take_word(struct slice *rest)
{
	const struct slice word = slice_cut(*rest, ' ', rest);

	return slice_eq(word, SL("-")) ? SL("") : word;
}

static bool
are_printable(struct slice line)
{
	for (size_t i = 0; i < line.n; i++)
		if (good_octet(line.p[i]) != line.p[i] && line.p[i] != '\t')
			return false;
	return true;
}

bool
tls_result_read(struct slice line, struct tls_result_line *ret)
{
	struct slice words, more;
	int policy, result;

	if (line.n >= TLS_RESULT_LINE_MAX || !are_printable(line))
		return false;
	words = slice_cut(line, '\t', &more);
	ret->text = slice_cut(more, '\t', &ret->reason);
	if (!clock_stamp_parse(slice_cut(words, ' ', &words), &ret->time_s))
		return false;
	ret->domain = slice_cut(words, ' ', &words);
	if (!name_is_domain(ret->domain) ||
	    !find_word(policy_words, TLS_RESULT_POLICIES, slice_cut(words, ' ', &words),
	    &policy) ||
	    !find_word(result_words, TLS_RESULT_TYPES, slice_cut(words, ' ', &words),
	    &result))
		return false;
	ret->policy = (enum tls_result_policy)policy;
	ret->result = (enum tls_result_type)result;
	ret->mx = take_word(&words);
	ret->ours = take_word(&words);
	ret->theirs = take_word(&words);
	return words.n == 0 && !memchr(ret->reason.p ? ret->reason.p : "", '\t', ret->reason.n);
}
