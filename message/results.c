// SPDX-License-Identifier: ISC
/*
 * Looks at the beginning of each header field and lets all others pass as they are.  Pure.  Called by message.c
 * for clients that are not trusted.
 */
#include "message/results.h"

static const struct slice field_name = S("Authentication-Results");

void
results_begin(struct results *a, struct slice hostname, qualify_put *put, void *ctx)
{
	a->hostname = hostname;
	a->put = put;
	a->ctx = ctx;
	a->state = AUTHRES_KEEP_LINE;
	a->dropped = 0;
	a->held = (struct buf)BUF(a->space);
}

enum verdict { MORE, KEEP, DROP };

/* Behind blanks, folds and comments (CFWS of RFC 5322).  KEEP when the field ends there. */
static enum verdict
skip_blanks(struct slice *s)
{
	unsigned depth = 0;

	for (; s->n; *s = slice_skip(*s, 1)) {
		char c = s->p[0];

		if (c == '\\' && depth) {
			*s = slice_skip(*s, s->n > 1 ? 1 : 0);
		} else if (c == '\n') {
			if (s->n < 2)
				return MORE;
			if (!ascii_blank(s->p[1]))
				return KEEP;
		} else if (c == '(') {
			depth++;
		} else if (c == ')' && depth) {
			depth--;
		} else if (depth == 0 && !ascii_blank(c) && c != '\r') {
			return DROP;
		}
	}
	return MORE;
}

/* The name in front of the results: a token, or a quoted string. */
static enum verdict
compare_name(struct slice s, struct slice hostname)
{
	const bool quoted = s.p[0] == '"';
	size_t n = 0;

	if (quoted)
		s = slice_skip(s, 1);
	while (n < s.n && (quoted ? s.p[n] != '"' : !strchr(" \t\r\n;(", s.p[n])))
		n++;
	if (n == s.n)
		return MORE;
	return slice_ieq(slice_of(s.p, n), hostname) ? DROP : KEEP;
}

static enum verdict
judge(const struct results *a)
{
	struct slice s = buf_slice(&a->held);
	const size_t n = s.n < field_name.n ? s.n : field_name.n;
	enum verdict v;

	if (!slice_ieq(slice_of(s.p, n), slice_of(field_name.p, n)))
		return KEEP;
	s = slice_skip(s, n);
	while (s.n && ascii_blank(s.p[0]))
		s = slice_skip(s, 1);
	if (s.n == 0)
		return MORE;
	if (s.p[0] != ':')
		return KEEP;
	s = slice_skip(s, 1);
	v = skip_blanks(&s);
	return v == DROP ? compare_name(s, a->hostname) : v;
}

static void
let_go(struct results *a, size_t n, enum authres_state state)
{
	if (state == AUTHRES_KEEP || state == AUTHRES_KEEP_LINE)
		a->put(a->ctx, slice_of(a->space, n));
	else
		a->dropped++;
	a->held.n = 0;
	a->state = state;
}

/* One more octet of a field that is not judged yet.  False when it begins the next line: to be looked at again. */
static bool
hold(struct results *a, char c)
{
	enum verdict v;

	buf_chr(&a->held, c);
	v = a->held.n == a->held.cap ? DROP : judge(a);
	if (v == DROP) {
		let_go(a, a->held.n, c == '\n' ? AUTHRES_DROP_LINE : AUTHRES_DROP);
	} else if (v == KEEP && a->held.n > 1 && a->space[a->held.n - 2] == '\n') {
		let_go(a, a->held.n - 1, AUTHRES_KEEP_LINE);
		return false;
	} else if (v == KEEP) {
		let_go(a, a->held.n, c == '\n' ? AUTHRES_KEEP_LINE : AUTHRES_KEEP);
	}
	return true;
}

/* The rest of a field's line. */
static struct slice
pass_line(struct results *a, struct slice in)
{
	const char *lf = memchr(in.p, '\n', in.n);
	const size_t n = lf ? (size_t)(lf - in.p) + 1 : in.n;

	if (a->state == AUTHRES_KEEP)
		a->put(a->ctx, slice_of(in.p, n));
	if (lf)
		a->state = a->state == AUTHRES_KEEP ? AUTHRES_KEEP_LINE : AUTHRES_DROP_LINE;
	return slice_skip(in, n);
}

/* Where a line begins: more of the same field, the body, or another field. */
static void
begin_line(struct results *a, char c)
{
	if (ascii_blank(c))
		a->state = a->state == AUTHRES_KEEP_LINE ? AUTHRES_KEEP : AUTHRES_DROP;
	else
		a->state = c == '\r' || c == '\n' ? AUTHRES_BODY : AUTHRES_DECIDE;
}

void
results_content(struct results *a, struct slice octets)
{
	while (octets.n) {
		switch (a->state) {
		case AUTHRES_DECIDE:
			if (hold(a, octets.p[0]))
				octets = slice_skip(octets, 1);
			break;
		case AUTHRES_KEEP:
		case AUTHRES_DROP:
			octets = pass_line(a, octets);
			break;
		case AUTHRES_KEEP_LINE:
		case AUTHRES_DROP_LINE:
			begin_line(a, octets.p[0]);
			break;
		case AUTHRES_BODY:
			a->put(a->ctx, octets);
			return;
		}
	}
}

void
results_end(struct results *a)
{
	if (a->state == AUTHRES_DECIDE && a->held.n)
		a->put(a->ctx, buf_slice(&a->held));
	a->held.n = 0;
}
