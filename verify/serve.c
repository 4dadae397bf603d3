// SPDX-License-Identifier: ISC
/*
 * The server is not trusted more than its protocol allows: a packet that breaks it ends the
 * connection.  Mail of clients that may send anywhere is accepted without a check.
 */
#include "verify/serve.h"

#include <errno.h>
#include <netinet/in.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/name.h"
#include "milter/filter.h"
#include "net/stream.h"
#include "verify/check.h"
#include "verify/findings.h"
#include "verify/found.h"
#include "verify/lists.h"

#define IDLE_MS	 (2 * 60 * 60 * 1000)	/* longer than any session of SMTP */
#define WRITE_MS 60000

static struct serve {
	const struct config *config;
	const struct dns_resolver *resolver;
	struct stream stream;
	struct filter filter;
	struct check_client client;
	bool known;			/* the client has an address */
	bool in_message;
	struct lists lists;
	struct check check;
	struct buf out;
	char space[CHECK_FIELD_MAX + 16384];
} serve;

/* ---- the client ---- */

/* Does the client need no checks?  No address: a pipe, or a program of this machine. */
static bool
is_exempt(struct serve *s, const struct filter_step *step)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len;

	s->known = step->value.n && address_parse(step->value, 0, &ss, &len);
	s->client.helo[0] = '\0';
	if (!s->known)
		return true;
	address_unmap(&ss, &len);
	s->client.ipv6 = ss.ss_family == AF_INET6;
	if (s->client.ipv6)
		memcpy(s->client.address, &((struct sockaddr_in6 *)&ss)->sin6_addr, 16);
	else
		memcpy(s->client.address, &((struct sockaddr_in *)&ss)->sin_addr, 4);
	return config_trusts(s->config, (const struct sockaddr *)&ss);
}

static void
take_helo(struct serve *s, struct slice name)
{
	if (name.n >= sizeof s->client.helo)
		name.n = 0;
	memcpy(s->client.helo, name.p, name.n);
	s->client.helo[name.n] = '\0';
}

/* The name in our results: that of the server (RFC 8601 section 2.5). */
static struct slice
our_name(const struct serve *s)
{
	const struct slice j = slice_str(s->filter.hostname);

	if (name_is_domain(j))
		return j;
	return s->config->server.hostname ? slice_str(s->config->server.hostname) :
	    SL("localhost");
}

/* ---- the message ---- */

/* The result of the best signature. */
static const char *
best_word(const struct dkim_message *m)
{
	enum dkim_result best = DKIM_PERMERROR;

	for (size_t i = 0; i < m->nsignatures; i++)
		if (m->signatures[i].result < best)
			best = m->signatures[i].result;
	return m->nsignatures ? dkim_word(best) : "none";
}

static void
log_message(const struct serve *s)
{
	const struct check *c = &s->check;
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "verified");
	if (s->filter.id[0])
		log_str(&l, "id", slice_str(s->filter.id));
	log_str(&l, "from", slice_str(c->sender));
	log_str(&l, "spf", slice_str(spf_word(c->sender[0] ? c->spf_mail : c->spf_helo)));
	log_str(&l, "dkim", slice_str(best_word(&c->signatures.message)));
	log_str(&l, "dmarc", slice_str(alignment_word(c->dmarc.result)));
	if (c->dmarc.author.n)
		log_str(&l, "author", slice_str(c->dmarc.author.domains[0]));
	log_str(&l, "action", c->reject ? SL("reject") : SL("mark"));
	log_end(&l);
}

/* Keep what was found for a report to the author's domain. */
static void
keep_finding(const struct serve *s)
{
	char space[64];
	struct buf client = BUF(space);
	struct finding finding;

	if (findings_wanted() && found_describe(&s->check, &client, &finding))
		findings_send(&finding);
}

/* Put all answers to the end of a message. */
static void
end_message(struct serve *s)
{
	struct check *c = &s->check;

	check_end(c, s->resolver);
	s->in_message = false;
	log_message(s);
	keep_finding(s);
	if (c->reject) {
		char space[400];
		struct buf reply = BUF(space);

		buf_str(&reply, "550 5.7.26 Rejected by the DMARC policy of ");
		buf_str(&reply, c->dmarc.author.domains[0]);
		filter_put_reply(&s->out, buf_slice(&reply));
		return;
	}
	/* From the last one on: a removed field may count or not count any more. */
	for (size_t i = c->nforged; i > 0; i--)
		filter_put_remove(&s->out, SL("Authentication-Results"), c->forged[i - 1]);
	if (!c->field.full)
		filter_put_insert(&s->filter, &s->out, SL("Authentication-Results"),
		    buf_slice(&c->field));
	filter_put_answer(&s->out, 'c');
}

/* ---- steps ---- */

static char
take_rcpt(struct serve *s, struct slice path)
{
	const struct slice refusal = !s->in_message ? SL("") :
	    lists_refusal(&s->lists, s->config, s->resolver, &s->client, path);

	if (refusal.n == 0)
		return 'c';
	filter_put_reply(&s->out, refusal);
	return '-';
}

/* The answer to a step: a letter; NUL: the connection ends; '-': it is put already. */
static char
take_step(struct serve *s, const struct filter_step *step)
{
	switch (step->kind) {
	case FILTER_CONNECT:
		s->in_message = false;
		lists_begin(&s->lists);
		return is_exempt(s, step) ? 'a' : 'c';
	case FILTER_HELO:
		take_helo(s, step->value);
		return 'c';
	case FILTER_MAIL:
		s->in_message = s->known && !s->filter.user[0];
		if (s->in_message)
			check_begin(&s->check, s->config, &s->client, our_name(s), step->value);
		return s->in_message ? 'c' : 'a';
	case FILTER_RCPT:
		return take_rcpt(s, step->value);
	case FILTER_FIELD:
		if (s->in_message)
			check_field(&s->check, step->name, step->value,
			    filter_keeps_blank(&s->filter));
		return 'c';
	case FILTER_HEADER_END:
		if (s->in_message)
			check_header_end(&s->check);
		return 'c';
	case FILTER_BODY:
		if (s->in_message)
			check_body(&s->check, step->value);
		return 'c';
	case FILTER_END:
		if (s->in_message) {
			check_body(&s->check, step->value);
			end_message(s);
			return '-';
		}
		return 'c';
	case FILTER_ABORT:
		s->in_message = false;
		return 'c';
	case FILTER_QUIT_SESSION:
		s->in_message = s->known = false;
		return 'c';
	case FILTER_BROKEN:
		log_text(LOG_LEVEL_ERROR,
		    "the server sent what the milter protocol does not allow");
		return '\0';
	case FILTER_QUIT:
		return '\0';
	default:
		return 'c';
	}
}

/* Take all steps that have arrived.  0; -1: the connection ends. */
static int
take_steps(struct serve *s)
{
	struct slice in = stream_pending(&s->stream);
	struct filter_step step;
	char answer;

	while (in.n) {
		filter_take(&s->filter, &in, &step);
		if (step.kind == FILTER_MORE)
			break;
		s->out = (struct buf)BUF(s->space);
		if (step.kind == FILTER_OPTIONS) {
			if (!filter_put_options(&s->filter, &s->out,
			    s->config->verify.dnsbl != NULL)) {
				log_text(LOG_LEVEL_ERROR,
				    "the server does not allow filters to change fields");
				return -1;
			}
		} else {
			answer = take_step(s, &step);
			if (!answer)
				return -1;
			if (step.answer && answer != '-')
				filter_put_answer(&s->out, answer);
		}
		if (s->out.full || stream_write(&s->stream, buf_slice(&s->out), WRITE_MS) < 0)
			return -1;
	}
	stream_consume(&s->stream, stream_pending(&s->stream).n);
	return stream_flush(&s->stream, WRITE_MS);
}

int
serve_connection(const struct config *config, const struct dns_resolver *resolver, int rfd, int wfd)
{
	struct serve *s = &serve;

	s->config = config;
	s->resolver = resolver;
	stream_init(&s->stream, rfd, wfd);
	filter_begin(&s->filter);
	while (stream_fill(&s->stream, IDLE_MS) > 0)
		if (take_steps(s) < 0)
			break;
	return EX_OK;
}
