// SPDX-License-Identifier: ISC
/*
 * Fields of a name are signed from the last one on (RFC 6376 section 5.4.2).  The work is bounded:
 * signatures, names of each and fields have limits.
 */
#include "auth/dkim_message.h"

#include "auth/tags.h"

void
dkim_message_begin(struct dkim_message *m)
{
	m->nfields = m->n = m->nsignatures = m->nignored = 0;
	m->overflow = false;
	for (int i = 0; i < DKIM_FORMS; i++) {
		m->needs[i] = false;
		m->octets[i] = 0;
	}
}

/* Keep octets with CRLF for each line end. */
static void
keep_octets(struct dkim_message *m, struct slice s)
{
	struct buf b = { .p = m->header, .n = m->n, .cap = sizeof m->header, .full = m->overflow };

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
			buf_chr(&b, '\r');
		buf_chr(&b, s.p[i]);
	}
	m->n = b.n;
	m->overflow = b.full;
}

void
dkim_message_field(struct dkim_message *m, struct slice name, struct slice value)
{
	struct dkim_header_field *f = &m->fields[m->nfields];

	if (m->nfields == DKIM_HEADER_FIELDS)
		m->overflow = true;
	if (m->overflow)
		return;
	f->at = (uint32_t)m->n;
	f->name = (uint32_t)name.n;
	keep_octets(m, name);
	keep_octets(m, SL(":"));
	keep_octets(m, value);
	f->n = (uint32_t)(m->n - f->at);
	if (!m->overflow && f->n > f->name)
		m->nfields++;
}

struct slice
dkim_message_name(const struct dkim_message *m, size_t i)
{
	return slice_of(m->header + m->fields[i].at, m->fields[i].name);
}

struct slice
dkim_message_value(const struct dkim_message *m, size_t i)
{
	const struct dkim_header_field *f = &m->fields[i];

	return slice_of(m->header + f->at + f->name + 1, f->n - f->name - 1);
}

static void
count_octets(void *ctx, struct slice octets)
{
	const struct dkim_counter *c = ctx;
	const struct dkim_sink *sink = &c->m->sinks[c->form];

	c->m->octets[c->form] += octets.n;
	sink->take(sink->ctx, octets);
}

static void
find_signatures(struct dkim_message *m, int64_t now_s)
{
	for (size_t i = 0; i < m->nfields; i++) {
		struct dkim_signature *s = &m->signatures[m->nsignatures];

		if (!slice_ieq(dkim_message_name(m, i), SL("DKIM-Signature")))
			continue;
		if (m->nsignatures == DKIM_SIGNATURES) {
			m->nignored++;
			continue;
		}
		m->nsignatures++;
		dkim_signature_read(s, dkim_message_value(m, i), now_s);
		if (s->result == DKIM_PENDING && m->overflow) {
			s->result = DKIM_POLICY;
			s->why = "the header section is too large";
		}
		if (s->result == DKIM_PENDING)
			m->needs[s->relaxed_body ? DKIM_FORM_RELAXED : DKIM_FORM_SIMPLE] = true;
	}
}

void
dkim_message_header_end(struct dkim_message *m, int64_t now_s,
    const struct dkim_sink sinks[DKIM_FORMS])
{
	find_signatures(m, now_s);
	for (int i = 0; i < DKIM_FORMS; i++) {
		if (!m->needs[i])
			continue;
		m->sinks[i] = sinks[i];
		m->counters[i] = (struct dkim_counter){ m, (enum dkim_form)i };
		m->counted[i] = (struct dkim_sink){ count_octets, &m->counters[i] };
		dkim_body_begin(&m->bodies[i], &m->counted[i]);
		m->bodies[i].simple = i == DKIM_FORM_SIMPLE;
	}
}

void
dkim_message_body(struct dkim_message *m, struct slice octets)
{
	for (int i = 0; i < DKIM_FORMS; i++)
		if (m->needs[i])
			dkim_body_take(&m->bodies[i], octets);
}

void
dkim_message_end(struct dkim_message *m)
{
	for (int i = 0; i < DKIM_FORMS; i++)
		if (m->needs[i])
			dkim_body_end(&m->bodies[i]);
}

void
dkim_message_hashes(struct dkim_message *m, char hashes[DKIM_FORMS][DKIM_HASH_OCTETS])
{
	for (size_t i = 0; i < m->nsignatures; i++) {
		struct dkim_signature *s = &m->signatures[i];
		const enum dkim_form form =
		    s->relaxed_body ? DKIM_FORM_RELAXED : DKIM_FORM_SIMPLE;

		if (s->result != DKIM_PENDING)
			continue;
		if (s->limited && s->length != m->octets[form]) {
			/* Octets behind l= could have been added by anybody (RFC 6376
			 * section 8.2). */
			s->result = s->length > m->octets[form] ? DKIM_PERMERROR : DKIM_POLICY;
			s->why = s->length > m->octets[form] ? "l= is beyond the end of the body" :
			    "l= does not cover the body";
		} else if (memcmp(s->body_hash, hashes[form], DKIM_HASH_OCTETS) != 0) {
			s->result = DKIM_FAIL;
			s->why = "the body has been changed";
		}
	}
}

static void
put_field(const struct dkim_message *m, size_t i, bool relaxed, const struct dkim_sink *sink)
{
	if (relaxed) {
		dkim_field(dkim_message_name(m, i), dkim_message_value(m, i), sink);
		return;
	}
	sink->take(sink->ctx, slice_of(m->header + m->fields[i].at, m->fields[i].n));
	sink->take(sink->ctx, SL("\r\n"));
}

/* The field of the signature without the value of b=, and without a line end. */
static void
put_signature(const struct dkim_message *m, const struct dkim_signature *s,
    const struct dkim_sink *sink)
{
	char space[DKIM_SIGNATURE_FIELD + 32];
	struct buf b = BUF(space);
	struct slice rest = s->body;
	const char *from = s->body.p;
	struct tag t;

	for (size_t i = 0; i < m->nfields; i++)
		if (dkim_message_value(m, i).p == s->body.p)
			buf_add(&b, dkim_message_name(m, i));
	buf_chr(&b, ':');
	while (tags_next(&rest, &t) > 0) {
		if (!slice_eq(t.name, SL("b")))
			continue;
		buf_add(&b, slice_of(from, (size_t)(t.whole.p - from)));
		from = t.whole.p + t.whole.n;
	}
	buf_add(&b, slice_of(from, (size_t)(s->body.p + s->body.n - from)));
	if (s->relaxed_header)
		dkim_sign_put(buf_slice(&b), sink);
	else
		sink->take(sink->ctx, buf_slice(&b));
}

void
dkim_message_put(const struct dkim_message *m, size_t which, const struct dkim_sink *sink)
{
	const struct dkim_signature *s = &m->signatures[which];
	unsigned char used[DKIM_HEADER_FIELDS] = { 0 };
	struct slice rest = s->names, name;

	while (tags_word(&rest, ':', &name)) {
		size_t i = m->nfields;

		while (i > 0 && (used[i - 1] || !slice_ieq(dkim_message_name(m, i - 1), name)))
			i--;
		if (i == 0)
			continue;
		used[i - 1] = 1;
		put_field(m, i - 1, s->relaxed_header, sink);
	}
	put_signature(m, s, sink);
}
