// SPDX-License-Identifier: ISC
/*
 * A line has blanks between its parts:
 *
 *	TIME CLIENT policy=D author=D action=WORD reason=WORD dkim=R spf=R [mfrom=D/R | helo=D/R]
 *	    [D/SELECTOR/R]...
 */
#include "auth/finding.h"

#include <netinet/in.h>

#include "base/cidr.h"
#include "base/clock.h"
#include "base/name.h"
#include "base/words.h"

static const char *const actions[] = {
	[FINDING_NONE] = "none", [FINDING_PASSED] = "pass", [FINDING_QUARANTINE] = "quarantine",
	[FINDING_REJECT] = "reject",
};

static const char *const reasons[] = {
	[FINDING_NO_REASON] = "none", [FINDING_LOCAL_POLICY] = "local_policy",
	[FINDING_TEST_MODE] = "policy_test_mode", [FINDING_FORWARDER] = "trusted_forwarder",
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const char *
finding_action_word(enum finding_action action)
{
	return actions[action];
}

const char *
finding_reason_word(enum finding_reason reason)
{
	return reasons[reason];
}

/* ---- write ---- */

static void
put_word(struct buf *b, const char *key, const char *word)
{
	buf_chr(b, ' ');
	buf_str(b, key);
	buf_str(b, word);
}

static void
put_name(struct buf *b, const char *key, struct slice name)
{
	put_word(b, key, "");
	for (size_t i = 0; i < name.n; i++)
		buf_chr(b, ascii_lower(name.p[i]));
}

/* The characters of a domain; unlike one, it may be a number. */
static bool
is_selector(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		const char c = ascii_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' &&
		    c != '.')
			return false;
	}
	return s.n > 0;
}

static void
put_signature(struct buf *b, const struct finding_signature *s)
{
	if (!name_is_domain(s->domain) || !is_selector(s->selector))
		return;
	put_name(b, "", s->domain);
	buf_chr(b, '/');
	buf_add(b, s->selector);
	buf_chr(b, '/');
	buf_str(b, dkim_word(s->result));
}

bool
finding_put(const struct finding *f, struct buf *b)
{
	const size_t before = b->n;

	if (!name_is_domain(f->policy) || !name_is_domain(f->author))
		return false;
	clock_stamp(b, f->time_s);
	buf_chr(b, ' ');
	buf_add(b, f->client);
	put_name(b, "policy=", f->policy);
	put_name(b, "author=", f->author);
	put_word(b, "action=", actions[f->action]);
	put_word(b, "reason=", reasons[f->reason]);
	put_word(b, "dkim=", f->dkim ? "pass" : "fail");
	put_word(b, "spf=", f->spf ? "pass" : "fail");
	if (name_is_domain(f->sender)) {
		put_name(b, f->null_path ? "helo=" : "mfrom=", f->sender);
		buf_chr(b, '/');
		buf_str(b, spf_word(f->spf_result));
	}
	for (size_t i = 0; i < f->nsignatures; i++)
		put_signature(b, &f->signatures[i]);
	buf_chr(b, '\n');
	if (b->full)
		b->n = before;
	return !b->full;
}

/* ---- read ---- */

/* The value of the next word, which must have this key. */
static struct slice
take_value(struct slice *rest, struct slice key)
{
	const struct slice word = words_next(rest);

	return slice_has_prefix(word, key) ? slice_skip(word, key.n) : slice_of(NULL, 0);
}

/* The number of a word in a table.  False if it is not there. */
static bool
find_word(const char *const *table, size_t n, struct slice word, unsigned *ret)
{
	for (*ret = 0; *ret < n; ++*ret)
		if (slice_eq(slice_str(table[*ret]), word))
			return true;
	return false;
}

static bool
take_choice(struct slice *rest, struct slice key, const char *const *table, size_t n, unsigned *ret)
{
	return find_word(table, n, take_value(rest, key), ret);
}

static bool
take_proof(struct slice *rest, struct slice key, bool *ret)
{
	static const char *const words[] = { "fail", "pass" };
	unsigned i;

	if (!take_choice(rest, key, words, COUNT(words), &i))
		return false;
	*ret = i == 1;
	return true;
}

/* The result of SPF.  False if the word has none. */
static bool
take_spf(struct slice word, struct finding *f)
{
	const struct slice key = SL("mfrom="), null_key = SL("helo=");

	f->null_path = slice_has_prefix(word, null_key);
	if (!f->null_path && !slice_has_prefix(word, key))
		return false;
	f->sender = slice_cut(slice_skip(word, f->null_path ? null_key.n : key.n), '/', &word);
	for (enum spf_result r = SPF_NONE; r <= SPF_PERMERROR; r++)
		if (slice_eq(slice_str(spf_word(r)), word)) {
			f->spf_result = r;
			return true;
		}
	f->sender.n = 0;
	return false;
}

static bool
take_signature(struct slice word, struct finding *f)
{
	struct finding_signature *s = &f->signatures[f->nsignatures];

	if (f->nsignatures == FINDING_SIGNATURES)
		return false;
	s->domain = slice_cut(word, '/', &word);
	s->selector = slice_cut(word, '/', &word);
	for (enum dkim_result r = DKIM_PASS; r <= DKIM_PERMERROR; r++)
		if (slice_eq(slice_str(dkim_word(r)), word)) {
			s->result = r;
			f->nsignatures++;
			return true;
		}
	return false;
}

/* Is it an address as address_text() writes it? */
static bool
is_address(struct slice s)
{
	struct sockaddr_storage ss = { .ss_family = AF_INET };
	char space[64];
	struct buf text = BUF(space);

	if (!ip_parse(AF_INET, s, &((struct sockaddr_in *)&ss)->sin_addr)) {
		ss.ss_family = AF_INET6;
		if (!ip_parse(AF_INET6, s, &((struct sockaddr_in6 *)&ss)->sin6_addr))
			return false;
	}
	address_text(&text, (const struct sockaddr *)&ss);
	return slice_eq(buf_slice(&text), s);
}

static bool
take_parts(struct slice rest, struct finding *f)
{
	struct slice word;
	unsigned action, reason;

	if (!clock_stamp_parse(words_next(&rest), &f->time_s))
		return false;
	f->client = words_next(&rest);
	if (!is_address(f->client))
		return false;
	f->policy = take_value(&rest, SL("policy="));
	f->author = take_value(&rest, SL("author="));
	if (!take_choice(&rest, SL("action="), actions, COUNT(actions), &action) ||
	    !take_choice(&rest, SL("reason="), reasons, COUNT(reasons), &reason) ||
	    !take_proof(&rest, SL("dkim="), &f->dkim) || !take_proof(&rest, SL("spf="), &f->spf))
		return false;
	f->action = (enum finding_action)action;
	f->reason = (enum finding_reason)reason;
	word = words_next(&rest);
	if (take_spf(word, f))
		word = words_next(&rest);
	for (; word.n; word = words_next(&rest))
		if (!take_signature(word, f))
			return false;
	return true;
}

/* A line is good if its parts make the same line again. */
bool
finding_take(struct slice line, struct finding *ret)
{
	char space[FINDING_LINE_MAX];
	struct buf again = BUF(space);

	*ret = (struct finding){ .nsignatures = 0 };
	return line.n < FINDING_LINE_MAX && take_parts(line, ret) && finding_put(ret, &again) &&
	    slice_eq(slice_of(again.p, again.n - 1), line);
}
