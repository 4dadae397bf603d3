// SPDX-License-Identifier: ISC
/*
 * The envelope of a queue file as text: writes its fixed lines, parses all of it.  Pure, except
 * that the list of recipients is allocated.  A disk or an operator's editor may have changed the
 * file since queue.c wrote it.  Anything that queue.c would not write is -EBADMSG; nothing is
 * guessed.
 */
#include "queue/format.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#define LONGEST_MAX UINT64_C(9999999999)

static void
put_number(struct buf *b, const char *key, uint64_t v, unsigned base, size_t digits)
{
	buf_str(b, key);
	buf_digits(b, v, base, digits);
}

static void
put_flag(struct buf *b, const char *key, bool flag)
{
	buf_str(b, key);
	buf_chr(b, flag ? 'y' : 'n');
}

void
queue_fixed_write(char *text, const struct queue_fixed *fixed)
{
	const struct queue_facts *f = &fixed->facts;
	uint64_t longest = f->longest_line < LONGEST_MAX ? f->longest_line : LONGEST_MAX;
	struct buf b = { .p = text, .cap = QUEUE_FIXED };

	put_number(&b, "smtp-handler 1 size=", fixed->size, 10, 16);
	put_number(&b, " envelope=", fixed->envelope, 10, 8);
	put_number(&b, " sum=", fixed->sum, 16, 16);
	put_flag(&b, "\ncontent 8bit=", f->eight_bit);
	put_flag(&b, " utf8=", f->utf8_header);
	put_flag(&b, " dots=", f->dot_line);
	put_flag(&b, " binary=", f->binary);
	put_flag(&b, " crlf=", !f->no_final_crlf);
	put_number(&b, " longest=", longest, 10, 10);
	put_number(&b, "\ntried ", fixed->attempts % (QUEUE_TRIED_MAX + 1), 10, 4);
	put_flag(&b, " warned ", fixed->warned);
	buf_chr(&b, '\n');
}

/*
 * Parse with a cursor: each take_ function moves *s behind the text it took, or returns false.
 */
static bool
take_word(struct slice *s, struct slice word)
{
	if (!slice_has_prefix(*s, word))
		return false;
	*s = slice_skip(*s, word.n);
	return true;
}

static bool
take_decimal(struct slice *s, struct slice word, size_t digits, uint64_t *ret)
{
	if (!take_word(s, word) || s->n < digits ||
	    !slice_uint(slice_of(s->p, digits), UINT64_MAX, ret))
		return false;
	*s = slice_skip(*s, digits);
	return true;
}

static bool
take_hex(struct slice *s, struct slice word, size_t digits, uint64_t *ret)
{
	uint64_t v = 0;

	if (!take_word(s, word) || s->n < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		char c = s->p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*s = slice_skip(*s, digits);
	*ret = v;
	return true;
}

static bool
take_flag(struct slice *s, struct slice word, bool *ret)
{
	if (!take_word(s, word) || s->n == 0 || (s->p[0] != 'y' && s->p[0] != 'n'))
		return false;
	*ret = s->p[0] == 'y';
	*s = slice_skip(*s, 1);
	return true;
}

int
queue_fixed_parse(const char *text, struct queue_fixed *ret)
{
	struct slice s = slice_of(text, QUEUE_FIXED);
	struct queue_fixed f = { 0 };
	uint64_t tried;
	bool crlf;

	if (!take_decimal(&s, SL("smtp-handler 1 size="), 16, &f.size) ||
	    !take_decimal(&s, SL(" envelope="), 8, &f.envelope) ||
	    !take_hex(&s, SL(" sum="), 16, &f.sum) ||
	    !take_flag(&s, SL("\ncontent 8bit="), &f.facts.eight_bit) ||
	    !take_flag(&s, SL(" utf8="), &f.facts.utf8_header) ||
	    !take_flag(&s, SL(" dots="), &f.facts.dot_line) ||
	    !take_flag(&s, SL(" binary="), &f.facts.binary) ||
	    !take_flag(&s, SL(" crlf="), &crlf) ||
	    !take_decimal(&s, SL(" longest="), 10, &f.facts.longest_line) ||
	    !take_decimal(&s, SL("\ntried "), 4, &tried) ||
	    !take_flag(&s, SL(" warned "), &f.warned) || !take_word(&s, SL("\n")))
		return -EBADMSG;
	if (f.envelope <= QUEUE_FIXED || f.envelope > QUEUE_ENVELOPE_MAX || f.envelope > f.size)
		return -EBADMSG;
	f.facts.no_final_crlf = !crlf;
	f.attempts = (unsigned)tried;
	*ret = f;
	return 0;
}

/* Take the next line, without its LF.  False if there is none. */
static bool
next_line(struct slice *text, struct slice *ret)
{
	const char *lf = text->n ? memchr(text->p, '\n', text->n) : NULL;

	if (!lf)
		return false;
	*ret = slice_cut(*text, '\n', text);
	return true;
}

/* The offset behind a quoted string that starts at i, or i.  A quoted local part may hold '@' and
 * '>'. */
static size_t
quoted_end(struct slice s, size_t i)
{
	if (i >= s.n || s.p[i] != '"')
		return i;
	for (i++; i < s.n && s.p[i] != '"'; i++)
		if (s.p[i] == '\\')
			i++;
	return i;
}

/* Parse "<path> PARAMS". */
static bool
parse_path(struct slice s, struct slice *ret_path, struct slice *ret_params)
{
	const char *end;
	size_t i;

	if (s.n < 2 || s.p[0] != '<')
		return false;
	i = quoted_end(s, 1);
	end = i < s.n ? memchr(s.p + i, '>', s.n - i) : NULL;
	if (!end)
		return false;
	*ret_path = slice_of(s.p + 1, (size_t)(end - s.p) - 1);
	s = slice_skip(s, (size_t)(end - s.p) + 1);
	if (s.n && s.p[0] != ' ')
		return false;
	*ret_params = slice_skip(s, 1);
	return true;
}

bool
queue_path_of(struct slice line, struct slice word, struct slice *ret_path,
    struct slice *ret_params)
{
	if (line.n && line.p[line.n - 1] == '\n')
		line.n--;
	return take_word(&line, word) && parse_path(line, ret_path, ret_params);
}

static struct slice
path_domain(struct slice path)
{
	struct slice rest = slice_skip(path, quoted_end(path, 0)), domain;

	(void)slice_cut(rest, '@', &domain);
	return domain;
}

static bool
is_rcpt(struct slice line)
{
	return line.n > 2 && line.p[1] == ' ' && line.p[2] == '<';
}

static bool
is_state(char c)
{
	switch ((enum queue_rcpt_state)c) {
	case QUEUE_PENDING:
	case QUEUE_DELIVERED:
	case QUEUE_DELIVERED_OWED:
	case QUEUE_RELAYED_OWED:
	case QUEUE_EXPANDED_OWED:
	case QUEUE_FAILED:
		return true;
	}
	return false;
}

static int
parse_rcpt(struct slice line, off_t at, struct queue_rcpt *ret)
{
	struct queue_rcpt r = { .at = at, .state = line.p[0] };

	if (!is_state(r.state))
		return -EBADMSG;
	if (!parse_path(slice_skip(line, 2), &r.path, &r.params) || r.path.n == 0)
		return -EBADMSG;
	r.domain = path_domain(r.path);
	*ret = r;
	return 0;
}

/* Parse "1795323773.123456 2026-11-22T05:02:53Z".  The second form is for people. */
static bool
parse_arrived(struct slice value, int64_t *ret_us)
{
	struct slice rest, seconds = slice_cut(value, '.', &rest);
	struct slice fraction = slice_cut(rest, ' ', &rest);
	uint64_t s, us;

	if (!slice_uint(seconds, INT64_MAX / 1000000 - 1, &s) || fraction.n != 6 ||
	    !slice_uint(fraction, 999999, &us))
		return false;
	*ret_us = (int64_t)(s * 1000000 + us);
	return true;
}

static int
parse_field(struct slice line, struct queue_entry *e)
{
	struct slice value, key = slice_cut(line, ':', &value);
	bool good = true;

	if (key.n == 0 || key.n == line.n || !take_word(&value, SL(" ")))
		return -EBADMSG;
	if (slice_eq(key, SL("id"))) {
		good = e->id[0] == '\0' && value.n == QUEUE_ID_LEN;
		if (good)
			memcpy(e->id, value.p, QUEUE_ID_LEN);
	} else if (slice_eq(key, SL("arrived"))) {
		good = e->arrived_us < 0 && parse_arrived(value, &e->arrived_us);
	} else if (slice_eq(key, SL("from"))) {
		good = !e->from.p && parse_path(value, &e->from, &e->from_params);
	} else if (slice_eq(key, SL("standing"))) {
		good = !e->user.p && standing_parse(value, &e->standing, &e->user);
	} else if (slice_eq(key, SL("quarantine"))) {
		e->quarantine = value;
	} else if (slice_eq(key, SL("junk"))) {
		e->junk = value;
	} else if (slice_eq(key, SL("protocol"))) {
		e->report = slice_eq(value, SL("report"));
	} else if (slice_eq(key, SL("client"))) {
		e->client = value;
	} else if (slice_eq(key, SL("verp"))) {
		e->verp = slice_eq(value, SL("yes"));
	} else if (slice_eq(key, SL("expanded-from"))) {
		e->expanded = value.n == QUEUE_ID_LEN;
	}
	return good ? 0 : -EBADMSG;	/* unknown keys belong to other programs */
}

static int
parse_lines(struct slice text, struct queue_entry *e)
{
	struct slice rest = slice_skip(text, QUEUE_FIXED), line;

	while (next_line(&rest, &line)) {
		off_t at = line.p - text.p;
		int r;

		if (line.n == 0)
			return rest.n == 0 ? 0 : -EBADMSG;
		if (slice_has_control(line) || (line.n && memchr(line.p, '\t', line.n)))
			return -EBADMSG;
		if (is_rcpt(line))
			r = parse_rcpt(line, at, &e->rcpts[e->nrcpts++]);
		else
			r = parse_field(line, e);
		if (r < 0)
			return r;
	}
	return -EBADMSG;
}

/* Count the recipients, and find their lines. */
static size_t
find_rcpts(struct slice text, struct queue_lines *ret)
{
	struct slice rest = slice_skip(text, QUEUE_FIXED), line;
	struct queue_lines lines = { 0 };
	size_t n = 0, octets = 0;

	while (next_line(&rest, &line)) {
		const uint32_t at = (uint32_t)(line.p - text.p);

		if (!is_rcpt(line))
			continue;
		if (n++ == 0)
			lines.from = at;
		lines.to = at + (uint32_t)line.n + 1;
		octets += line.n + 1;
	}
	*ret = lines.to - lines.from == octets ? lines : (struct queue_lines){ 0 };
	return n;
}

static int
parse_text(struct slice text, const struct queue_fixed *fixed, struct queue_entry *e)
{
	const size_t n = find_rcpts(text, &e->lines);
	int r;

	if (n == 0 || n > QUEUE_RCPTS_MAX)
		return -EBADMSG;
	e->rcpts = calloc(n, sizeof *e->rcpts);
	if (!e->rcpts)
		return -ENOMEM;
	e->content_at = fixed->envelope;
	e->content_size = fixed->size - fixed->envelope;
	e->facts = fixed->facts;
	e->attempts = fixed->attempts;
	e->warned = fixed->warned;
	e->arrived_us = -1;
	r = parse_lines(text, e);
	if (r == 0 && (!queue_is_id(e->id) || e->arrived_us < 0 || !e->from.p))
		r = -EBADMSG;
	return r;
}

int
queue_envelope_parse(struct slice text, struct queue_entry *e)
{
	struct queue_fixed fixed;
	const int r = text.n >= QUEUE_FIXED ? queue_fixed_parse(text.p, &fixed) : -EBADMSG;

	if (r < 0)
		return r;
	return fixed.envelope == text.n ? parse_text(text, &fixed, e) : -EBADMSG;
}

/* The offsets in the text become those in the file.  All recipients must be where the lines were:
 * then each line there is one of the part's. */
static int
place_rcpts(struct slice text, const struct queue_part *part, struct queue_entry *e)
{
	const uint64_t behind = e->content_at - part->lines.to;

	if (e->nrcpts != part->n || e->rcpts[0].at != (off_t)part->lines.from ||
	    e->rcpts[e->nrcpts - 1].at >= (off_t)(text.n - behind))
		return -EBADMSG;
	for (size_t i = 0; i < e->nrcpts; i++)
		e->rcpts[i].at = (off_t)part->at[i];
	e->lines = part->lines;
	e->others = text.n < e->content_at;
	return 0;
}

int
queue_envelope_parse_part(struct slice text, const struct queue_part *part, struct queue_entry *e)
{
	struct queue_fixed fixed;
	int r = text.n >= QUEUE_FIXED ? queue_fixed_parse(text.p, &fixed) : -EBADMSG;

	if (r < 0)
		return r;
	if (fixed.envelope < text.n || fixed.envelope < part->lines.to ||
	    fixed.envelope - part->lines.to > text.n)
		return -EBADMSG;
	r = parse_text(text, &fixed, e);
	return r < 0 ? r : place_rcpts(text, part, e);
}

bool
queue_entry_valid(const struct queue_entry *e)
{
	if (e->nrcpts == 0 || e->nrcpts > QUEUE_RCPTS_MAX || e->attempts > QUEUE_TRIED_MAX ||
	    e->content_at <= QUEUE_FIXED || e->content_at > QUEUE_ENVELOPE_MAX ||
	    e->content_size > INT64_MAX / 2 || e->arrived_us < 0 ||
	    e->lines.from > e->lines.to || e->lines.to > e->content_at)
		return false;
	for (size_t i = 0; i < e->nrcpts; i++)
		if (e->rcpts[i].at < (off_t)QUEUE_FIXED || !is_state(e->rcpts[i].state) ||
		    e->rcpts[i].at >= (off_t)e->content_at)
			return false;
	return true;
}

/*
 * The check sum: two 32-bit sums over 32-bit words; the second adds up the values of the first
 * (Fletcher).  It detects the damage of a power cut to a file whose end is on the disk: blocks of
 * zeros, old blocks, a lost tail.  It is as fast as memory, and no protection against an attacker.
 * It starts at 1, so that zeros count.
 */
static void
add_word(struct queue_sum *s, const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	s->a += le32toh(v);
	s->b += s->a;
}

/* Add four words.  Unlike four calls of add_word(), no step waits for the one before it. */
static void
add_four_words(struct queue_sum *s, const char *p)
{
	uint32_t v[4];

	memcpy(v, p, sizeof v);
	for (size_t i = 0; i < 4; i++)
		v[i] = le32toh(v[i]);
	s->b += 4 * (s->a + v[0]) + 3 * v[1] + 2 * v[2] + v[3];
	s->a += v[0] + v[1] + v[2] + v[3];
}

void
queue_sum_init(struct queue_sum *s)
{
	*s = (struct queue_sum){ .a = 1 };
}

void
queue_sum_add(struct queue_sum *s, struct slice octets)
{
	const char *p = octets.p, *end = octets.p + octets.n;

	while (s->fill && p < end) {
		s->part[s->fill] = (unsigned char)*p++;
		s->fill = (s->fill + 1) % 4;
		if (s->fill == 0)
			add_word(s, (const char *)s->part);
	}
	for (; end - p >= 16; p += 16)
		add_four_words(s, p);
	for (; end - p >= 4; p += 4)
		add_word(s, p);
	while (p < end)
		s->part[s->fill++] = (unsigned char)*p++;
}

void
queue_sum_zeros(struct queue_sum *s, uint64_t n)
{
	for (; s->fill && n; n--)
		queue_sum_add(s, slice_of("", 1));
	s->b += s->a * (uint32_t)(n / 4);
	queue_sum_add(s, slice_of("\0\0\0", n % 4));
}

uint64_t
queue_sum_end(struct queue_sum *s)
{
	if (s->fill)
		queue_sum_add(s, slice_of("\0\0\0", 4 - s->fill));
	return (uint64_t)s->b << 32 | s->a;
}

void
queue_sum_change(struct queue_sum_change *c, uint64_t at, const char *was, const char *now,
    size_t n)
{
	for (size_t i = 0; i < n; i++, at++) {
		const uint32_t difference = (uint32_t)(unsigned char)now[i] - (unsigned char)was[i];

		c->words += difference << (8 * (at % 4));
		c->weighted += (difference << (8 * (at % 4))) * (uint32_t)(at / 4);
	}
}

/* The first sum contains word k of n in its last n - k values, and the second sum adds up all
 * values. */
uint64_t
queue_sum_changed(uint64_t sum, const struct queue_sum_change *c, uint64_t octets)
{
	const uint32_t a = (uint32_t)sum + c->words, words = (uint32_t)((octets + 3) / 4);
	const uint32_t b = (uint32_t)(sum >> 32) + words * c->words - c->weighted;

	return (uint64_t)b << 32 | a;
}
