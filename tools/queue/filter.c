// SPDX-License-Identifier: ISC
/*
 * Filters over messages.  Patterns are not those of fnmatch(3): brackets are a part of addresses
 * here.  Only pending recipients of a message are matched, because only they are affected by an
 * action.
 */
#include "tools/queue/filter.h"

#include "base/idn.h"
#include "base/words.h"

/* An address with a domain in another form. */
#define FORM_MAX ((size_t)2 * IDN_MAX)

static const char *const states[] = {
	[QUEUE_IN_TMP] = "receiving",
	[QUEUE_IN_NEW] = "new",
	[QUEUE_IN_CUR] = "active",
	[QUEUE_IN_WAIT] = "waiting",
	[QUEUE_IN_HOLD] = "held",
	[QUEUE_IN_DEAD] = "dead",
};

const struct filter filter_none = { .older_s = -1, .younger_s = -1 };

bool
filter_reads(const struct filter *f)
{
	return f->sender || f->recipient || f->domain || f->older_s >= 0 || f->younger_s >= 0;
}

bool
filter_given(const struct filter *f)
{
	return filter_reads(f) || f->places;
}

bool
filter_age(const char *text, int64_t *ret_s)
{
	uint64_t ms;

	if (!words_duration_ms(slice_str(text), &ms) || ms > INT64_MAX / 1000000)
		return false;
	*ret_s = (int64_t)(ms / 1000);
	return true;
}

const char *
filter_state_name(enum queue_place place)
{
	return states[place];
}

bool
filter_states(const char *text, unsigned *ret_places)
{
	unsigned places = 0;

	for (bool more = true; more; text += more) {
		struct slice word = slice_of(text, strcspn(text, ","));
		size_t i = 0;

		while (
		    i < sizeof states / sizeof states[0] && !slice_ieq(word, slice_str(states[i])))
			i++;
		if (i == sizeof states / sizeof states[0])
			return false;
		places |= QUEUE_BIT(i);
		text += word.n;
		more = *text == ',';
	}
	*ret_places = places;
	return true;
}

bool
filter_glob(struct slice pattern, struct slice text)
{
	struct slice star = { 0 }, from = { 0 }; /* behind the last star; text it may still take */
	bool starred = false;

	while (text.n) {
		if (pattern.n && *pattern.p == '*') {
			starred = true;
			pattern = star = slice_skip(pattern, 1);
			from = text;
		} else if (pattern.n &&
		    (*pattern.p == '?' || ascii_lower(*pattern.p) == ascii_lower(*text.p))) {
			pattern = slice_skip(pattern, 1);
			text = slice_skip(text, 1);
		} else if (starred) {
			pattern = star;
			text = from = slice_skip(from, 1);
		} else {
			return false;
		}
	}
	while (pattern.n && *pattern.p == '*')
		pattern = slice_skip(pattern, 1);
	return pattern.n == 0;
}

/* Add an address, or a pattern of addresses, with its domain in A-labels or in U-labels. */
static void
add_form(struct buf *b, struct slice address, bool unicode)
{
	const char *at = address.n ? memrchr(address.p, '@', address.n) : NULL;
	const size_t local = at ? (size_t)(at - address.p) + 1 : 0;
	struct idn_name one, other;
	struct slice domain = idn_canonical(slice_skip(address, local), &one);

	if (unicode)
		domain = idn_unicode(domain, &other);
	buf_add(b, slice_of(address.p, local));
	buf_add(b, domain);
}

/* Do they match with their domains in this form? */
static bool
form_matches(struct slice pattern, struct slice text, bool unicode)
{
	char pattern_space[FORM_MAX], text_space[FORM_MAX];
	struct buf p = BUF(pattern_space), t = BUF(text_space);

	add_form(&p, pattern, unicode);
	add_form(&t, text, unicode);
	return !p.full && !t.full && filter_glob(buf_slice(&p), buf_slice(&t));
}

/* A star may stand for a part of a label, and such a label has one of the forms only. */
static bool
pattern_matches(struct slice pattern, struct slice text)
{
	return filter_glob(pattern, text) || form_matches(pattern, text, false) ||
	    form_matches(pattern, text, true);
}

/* An address may stand in angle brackets, as in an envelope; <> is the null sender. */
static bool
address_matches(const char *pattern, struct slice path)
{
	struct slice p = slice_str(pattern);

	if (p.n >= 2 && p.p[0] == '<' && p.p[p.n - 1] == '>')
		p = slice_of(p.p + 1, p.n - 2);
	return pattern_matches(p, path);
}

/* ".example.org" of "a.b.example.org" for two labels; empty if no label is in front of them. */
static struct slice
last_labels(struct slice domain, size_t labels)
{
	struct slice rest = slice_of(domain.p, domain.n);
	const char *dot = NULL;

	while (labels-- && (dot = rest.n ? memrchr(rest.p, '.', rest.n) : NULL))
		rest.n = (size_t)(dot - domain.p);
	return dot && rest.n ? slice_skip(domain, rest.n) : slice_of(NULL, 0);
}

/* Works like the pattern of a route: ".example.org" matches its subdomains. */
static bool
domain_matches(const char *pattern, struct slice domain)
{
	struct idn_name one, other;
	const struct slice p = idn_canonical(slice_str(pattern), &one);
	size_t dots = 0;

	domain = idn_canonical(domain, &other);
	for (size_t i = 0; i < p.n; i++)
		dots += p.p[i] == '.';
	if (p.n && p.p[0] == '.')
		domain = last_labels(domain, dots);
	return pattern_matches(p, domain);
}

static bool
rcpt_matches(const struct filter *f, const struct queue_rcpt *r)
{
	return (!f->recipient || address_matches(f->recipient, r->path)) &&
	    (!f->domain || domain_matches(f->domain, r->domain));
}

static bool
any_rcpt_matches(const struct filter *f, const struct queue_entry *e)
{
	bool pending = false;

	for (size_t i = 0; i < e->nrcpts; i++)
		pending |= e->rcpts[i].state == QUEUE_PENDING;
	for (size_t i = 0; i < e->nrcpts; i++)
		if ((!pending || e->rcpts[i].state == QUEUE_PENDING) &&
		    rcpt_matches(f, &e->rcpts[i]))
			return true;
	return false;
}

bool
filter_matches(const struct filter *f, const struct queue_entry *e, int64_t now_us)
{
	const int64_t age_us = now_us - e->arrived_us;

	if (f->older_s >= 0 && age_us <= f->older_s * 1000000)
		return false;
	if (f->younger_s >= 0 && age_us >= f->younger_s * 1000000)
		return false;
	if (f->sender && !address_matches(f->sender, e->from))
		return false;
	return (!f->recipient && !f->domain) || any_rcpt_matches(f, e);
}
