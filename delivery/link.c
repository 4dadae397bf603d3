// SPDX-License-Identifier: ISC
/*
 * A connection to an exchanger: greeting, EHLO, commands, replies, QUIT.  Everything the peer sends is
 * bounded, in length and in time.  Must not choose hosts (delivery/walk) nor know messages
 * (delivery/transaction).
 */
#include "delivery/link.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cidr.h"
#include "base/clock.h"
#include "delivery/delivery.h"
#include "delivery/own.h"

#define REPLY_LINES_MAX 128
#define REPLY_LINE_MAX  4096	/* more than RFC 5321 section 4.5.3.1.5 grants, as some say more */
#define QUIT_TIMEOUT_MS 2000

int
link_timeout(uint64_t ms)
{
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

struct smtp_link *
link_new(int fd, const char *host, const struct config *c, struct transcript *transcript)
{
	struct smtp_link *l = malloc(sizeof *l);
	int on = 1;

	if (!l) {
		close(fd);
		return NULL;
	}
	l->fd = fd;
	l->closed = l->lmtp = l->ours = l->dirty = false;
	l->transactions = l->ndomains = 0;
	l->latency_us = 0;
	l->config = c;
	l->transcript = transcript;
	smtp_peer_init(&l->peer);
	smtp_peer_reply_init(&l->reply);
	(void)snprintf(l->host, sizeof l->host, "%s", host);
	stream_init(&l->stream, fd, fd);
	/* The octets are put together here; Nagle would only hold back the last of them. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return l;
}

bool
link_alive(struct smtp_link *l)
{
	return !l->closed && stream_quiet(&l->stream);
}

/* FNV-1a, of 64 bits: that two domains are taken for one is not to be feared. */
static uint64_t
domain_hash(struct slice domain)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < domain.n; i++)
		h = (h ^ (unsigned char)ascii_lower(domain.p[i])) * UINT64_C(1099511628211);
	return h;
}

bool
link_domain(struct smtp_link *l, struct slice domain)
{
	const unsigned most = l->peer.limits.rcpt_domain_max;
	const uint64_t hash = domain_hash(domain);

	if (most == 0)
		return true;
	for (unsigned i = 0; i < l->ndomains; i++)
		if (l->domains[i] == hash)
			return true;
	if (l->ndomains >= most || l->ndomains == LINK_DOMAINS)
		return false;
	l->domains[l->ndomains++] = hash;
	return true;
}

int
link_command(struct smtp_link *l, struct slice line)
{
	return link_secret(l, line, line);
}

int
link_secret(struct smtp_link *l, struct slice line, struct slice shown)
{
	int r;

	if (l->closed)
		return -ECONNRESET;
	transcript_sent(l->transcript, shown);
	r = stream_write(&l->stream, line, link_timeout(l->config->relay.command_timeout_ms));
	if (r < 0)
		l->closed = true;
	return r;
}

int
link_flush(struct smtp_link *l)
{
	int r = stream_flush(&l->stream, link_timeout(l->config->relay.block_timeout_ms));

	if (r < 0)
		l->closed = true;
	return r;
}

static int
read_lines(struct smtp_link *l, uint64_t timeout_ms)
{
	struct slice line;
	bool crlf;

	smtp_peer_reply_init(&l->reply);
	for (unsigned i = 0; i < REPLY_LINES_MAX; i++) {
		int r = stream_line(&l->stream, REPLY_LINE_MAX, link_timeout(timeout_ms), &line, &crlf);

		if (r == 0)
			return -ECONNRESET;
		if (r == -EMSGSIZE)
			return -EPROTO;
		if (r < 0)
			return r;
		transcript_heard(l->transcript, line);
		if (smtp_peer_reply_line(&l->reply, line))
			return l->reply.malformed ? -EPROTO : 0;
	}
	return -EPROTO;
}

int
link_reply(struct smtp_link *l, uint64_t timeout_ms)
{
	int r;

	if (l->closed)
		return -ECONNRESET;
	/* For the whole of it: a peer that sends a line now and then must not hold us for ever. */
	l->stream.deadline_ms = clock_ms() + link_timeout(timeout_ms);
	r = read_lines(l, timeout_ms);
	l->stream.deadline_ms = 0;
	if (r < 0 || l->reply.code == 421)	/* RFC 5321 section 3.8: it closes now */
		l->closed = true;
	return r;
}

bool
link_last_words(struct smtp_link *l)
{
	l->stream.out.n = 0;	/* it will never leave */
	l->stream.deadline_ms = clock_ms() + QUIT_TIMEOUT_MS;
	l->closed = true;
	return read_lines(l, QUIT_TIMEOUT_MS) == 0 && l->reply.code >= 400;
}

void
link_outcome(const struct smtp_link *l, int error, const char *doing, struct outcome *o)
{
	char space[OUTCOME_DETAIL];
	struct buf b = BUF(space);
	struct slice text = buf_slice(&l->reply.text);
	enum outcome_cause cause = CAUSE_LOST;

	if (error == -EPROTO) {
		cause = CAUSE_PROTOCOL;
		if (l->reply.code)
			buf_fmt(&b, "no sensible reply to %s: %d %.*s", doing, l->reply.code,
			    (int)(text.n < 300 ? text.n : 300), text.p);
		else
			buf_fmt(&b, "what answered %s was no SMTP reply", doing);
	} else if (error == -ETIMEDOUT) {
		buf_fmt(&b, "timed out in %s", doing);
	} else if (error == -ECONNRESET || error == -EPIPE) {
		buf_fmt(&b, "lost connection in %s", doing);
	} else {
		buf_fmt(&b, "%s: %s", doing, strerror(-error));
	}
	outcome_set(o, cause, slice_str(l->host), buf_slice(&b));
	transcript_fact(l->transcript, "%s", o->detail);
}

/* RFC 5321 section 4.1.1.1: the name, or where there is none the address the peer sees. */
static void
add_our_name(struct smtp_link *l, struct buf *b)
{
	const char *name = l->config->server.hostname;
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof ss;

	if (name && name[0] && name[0] != '[') {
		buf_str(b, name);
		return;
	}
	(void)getsockname(l->fd, (struct sockaddr *)&ss, &len);
	address_unmap(&ss, &len);
	buf_str(b, ss.ss_family == AF_INET6 ? "[IPv6:" : "[");
	address_text(b, (const struct sockaddr *)&ss);
	buf_chr(b, ']');
}

static int
hello(struct smtp_link *l, const char *verb)
{
	char space[512];
	struct buf b = BUF(space);
	int r;

	buf_str(&b, verb);
	buf_chr(&b, ' ');
	add_our_name(l, &b);
	buf_str(&b, "\r\n");
	r = link_command(l, buf_slice(&b));
	return r < 0 ? r : link_reply(l, l->config->relay.command_timeout_ms);
}

enum link_start
link_start(struct smtp_link *l, struct outcome *ret_why)
{
	const char *doing = "the greeting";
	int r = link_reply(l, l->config->relay.greeting_timeout_ms);

	if (r < 0)
		goto broken;
	if (l->reply.code / 100 != 2)
		return LINK_REFUSED;
	l->ours = own_greeting(l->config, buf_slice(&l->reply.text));
	doing = l->lmtp ? "LHLO" : "EHLO";
	r = hello(l, doing);
	if (r < 0)
		goto broken;
	if (l->reply.code / 100 == 2) {
		smtp_peer_ehlo(&l->peer, buf_slice(&l->reply.text));
		return LINK_READY;
	}
	if (l->lmtp || (l->reply.code != 500 && l->reply.code != 502))
		return LINK_REFUSED;
	doing = "HELO";		/* section 3.2: an old server; no extension then */
	r = hello(l, "HELO");
	if (r < 0)
		goto broken;
	return l->reply.code / 100 == 2 ? LINK_READY : LINK_REFUSED;
broken:
	link_outcome(l, r, doing, ret_why);
	return LINK_BROKEN;
}

/* The 221 is not waited for: nothing depends on it, and some servers take their time. */
void
smtp_link_done(struct smtp_link *l)
{
	if (!l)
		return;
	if (!l->closed && stream_write(&l->stream, SL("QUIT\r\n"), QUIT_TIMEOUT_MS) == 0)
		(void)stream_flush(&l->stream, QUIT_TIMEOUT_MS);
	close(l->fd);
	free(l);
}
