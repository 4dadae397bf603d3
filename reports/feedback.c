// SPDX-License-Identifier: ISC
/*
 * Elements are written in the order of the tables of RFC 9990, line by line.
 */
#include "reports/feedback.h"

#define LINE_MAX 2048

/* Text without markup (XML 1.0 section 2.4), and without what XML does not allow at all. */
static void
put_text(struct buf *b, struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		const char c = text.p[i];

		if (c == '<')
			buf_str(b, "&lt;");
		else if (c == '>')
			buf_str(b, "&gt;");
		else if (c == '&')
			buf_str(b, "&amp;");
		else
			buf_chr(b, (unsigned char)c < ' ' ? '?' : c);
	}
}

/* A line such as "<p>none</p>". */
static void
put_element(struct gzip *g, const char *name, struct slice text)
{
	char space[LINE_MAX];
	struct buf b = BUF(space);

	buf_fmt(&b, "<%s>", name);
	put_text(&b, text);
	buf_fmt(&b, "</%s>\n", name);
	if (!b.full)
		gzip_add(g, buf_slice(&b));
}

static void
put_word(struct gzip *g, const char *name, const char *word)
{
	put_element(g, name, slice_str(word));
}

static void
put_number(struct gzip *g, const char *name, uint64_t number)
{
	char space[32];
	struct buf b = BUF(space);

	buf_uint(&b, number);
	put_element(g, name, buf_slice(&b));
}

static void
put_line(struct gzip *g, struct slice line)
{
	gzip_add(g, line);
	gzip_add(g, SL("\n"));
}

static void
put_metadata(struct gzip *g, const struct feedback *f)
{
	put_line(g, SL("<report_metadata>"));
	put_word(g, "org_name", f->organization);
	put_word(g, "email", f->contact);
	put_element(g, "report_id", f->id);
	put_line(g, SL("<date_range>"));
	put_number(g, "begin", (uint64_t)f->begin_s);
	put_number(g, "end", (uint64_t)f->end_s);
	put_line(g, SL("</date_range>"));
	put_word(g, "generator", f->generator);
	put_line(g, SL("</report_metadata>"));
}

static void
put_policy(struct gzip *g, const struct feedback *f)
{
	const struct dmarc_record *r = &f->record;

	put_line(g, SL("<policy_published>"));
	put_element(g, "domain", f->domain);
	put_word(g, "discovery_method", "treewalk");
	put_word(g, "p", dmarc_policy_word(r->p));
	put_word(g, "sp", dmarc_policy_word(r->sp));
	put_word(g, "np", dmarc_policy_word(r->np));
	put_word(g, "adkim", r->strict_dkim ? "s" : "r");
	put_word(g, "aspf", r->strict_spf ? "s" : "r");
	put_word(g, "testing", r->testing ? "y" : "n");
	put_line(g, SL("</policy_published>"));
}

static void
put_row(struct gzip *g, const struct finding *r, uint64_t count)
{
	put_line(g, SL("<row>"));
	put_element(g, "source_ip", r->client);
	put_number(g, "count", count);
	put_line(g, SL("<policy_evaluated>"));
	put_word(g, "disposition", finding_action_word(r->action));
	put_word(g, "dkim", r->dkim ? "pass" : "fail");
	put_word(g, "spf", r->spf ? "pass" : "fail");
	if (r->reason != FINDING_NO_REASON) {
		put_line(g, SL("<reason>"));
		put_word(g, "type", finding_reason_word(r->reason));
		put_line(g, SL("</reason>"));
	}
	put_line(g, SL("</policy_evaluated>\n</row>"));
	put_line(g, SL("<identifiers>"));
	put_element(g, "header_from", r->author);
	if (r->sender.n)
		put_element(g, "envelope_from", r->null_path ? SL("") : r->sender);
	put_line(g, SL("</identifiers>"));
}

static void
put_results(struct gzip *g, const struct finding *r)
{
	put_line(g, SL("<auth_results>"));
	for (size_t i = 0; i < r->nsignatures; i++) {
		const struct finding_signature *s = &r->signatures[i];

		put_line(g, SL("<dkim>"));
		put_element(g, "domain", s->domain);
		put_element(g, "selector", s->selector);
		put_word(g, "result", dkim_word(s->result));
		put_line(g, SL("</dkim>"));
	}
	if (r->sender.n) {
		put_line(g, SL("<spf>"));
		put_element(g, "domain", r->sender);
		put_word(g, "scope", "mfrom");
		put_word(g, "result", spf_word(r->spf_result));
		put_line(g, SL("</spf>"));
	}
	put_line(g, SL("</auth_results>"));
}

void
feedback_write(const struct feedback *f, struct gzip *g)
{
	struct finding r;

	put_line(g, SL("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n<version>1.0</version>"));
	put_metadata(g, f);
	put_policy(g, f);
	for (size_t i = 0; i < f->n; i++) {
		if (!finding_take(f->rows[i].line, &r))
			continue;
		put_line(g, SL("<record>"));
		put_row(g, &r, f->rows[i].count);
		put_results(g, &r);
		put_line(g, SL("</record>"));
	}
	put_line(g, SL("</feedback>"));
}

uint64_t
feedback_messages(const struct feedback *f)
{
	uint64_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->rows[i].count;
	return n;
}
