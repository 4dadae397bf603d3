// SPDX-License-Identifier: ISC
/*
 * A connection to a host: commands, replies, QUIT.  Input from the peer is bounded in length and in
 * time.  Must not choose hosts, nor know how a session begins, nor know messages.
 */
#include "client/link.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/idn.h"
#include "net/tls.h"
#include "net/unacked.h"

#define REPLY_LINE_MAX 4096	/* more than RFC 5321 section 4.5.3.1.5 allows: some send more */
#define QUIT_TIMEOUT_MS 2000
#define UNACKED_MS 1000		/* a path that works acknowledges earlier */
#define UNACKED_RETRIES 2	/* the first alone may be too early for a slow path */

/* Receivers count connections, and a domain that wants to be asked soon says so by its TTL. */
#define LIFE_MIN_S     5
#define LIFE_MAX_S     60
#define LIFE_LATENCIES 10

int
link_timeout(uint64_t ms)
{
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

int64_t
link_life_ms(uint32_t ttl_s, int64_t latency_us)
{
	const uint32_t seconds = ttl_s < LIFE_MIN_S ? LIFE_MIN_S :
	    ttl_s > LIFE_MAX_S ? LIFE_MAX_S : ttl_s;

	return INT64_C(1000) * seconds + LIFE_LATENCIES * latency_us / 1000;
}

struct smtp_link *
link_new(int fd, const char *host, const struct config *c, struct transcript *transcript)
{
	struct smtp_link *l = malloc(sizeof *l);
	const size_t facts = offsetof(struct smtp_link, stream);
	int on = 1;

	if (!l) {
		close(fd);
		return NULL;
	}
	/* Not the stream: it has 80 kB, of which a session needs few. */
	memset(l, 0, facts);
	l->fd = fd;
	l->opened_ms = clock_ms();
	l->config = c;
	l->transcript = transcript;
	client_offer_init(&l->peer);
	smtp_peer_reply_init(&l->reply);
	(void)snprintf(l->host, sizeof l->host, "%s", host);
	stream_init(&l->stream, fd, fd);
	/* We send whole groups; Nagle's algorithm would only hold back the last segment. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return l;
}

bool
link_alive(struct smtp_link *l)
{
	return !l->closed && stream_quiet(&l->stream);
}

bool
link_domain(struct smtp_link *l, struct slice domain)
{
	const unsigned most = l->peer.limits.rcpt_domain_max;
	const uint64_t hash = idn_hash(HASH_START, domain);

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

/* Each keyword counts when its line comes: the reply does not keep all lines. */
static void
read_keyword(struct smtp_link *l, struct slice line)
{
	char space[REPLY_LINE_MAX];
	struct buf b = BUF(space);

	if (l->reply.malformed || l->reply.lines == 1 || l->reply.code / 100 != 2)
		return;
	smtp_peer_reply_text(&b, line);
	client_offer_line(&l->peer, buf_slice(&b));
}

static int
read_lines(struct smtp_link *l, uint64_t timeout_ms, bool offer)
{
	struct slice line;
	bool crlf, last;

	smtp_peer_reply_init(&l->reply);
	do {
		int r = stream_line(&l->stream, REPLY_LINE_MAX, link_timeout(timeout_ms), &line,
		    &crlf);

		if (r == 0)
			return -ECONNRESET;
		if (r == -EMSGSIZE) {
			l->reply.endless = true;
			return -EPROTO;
		}
		if (r < 0)
			return r;
		transcript_received(l->transcript, line);
		last = smtp_peer_reply_line(&l->reply, line);
		if (offer)
			read_keyword(l, line);
	} while (!last);
	return l->reply.malformed ? -EPROTO : 0;
}

static int
read_reply(struct smtp_link *l, uint64_t timeout_ms, bool offer)
{
	int r;

	if (l->closed)
		return -ECONNRESET;
	/* For the whole reply: a peer that sends a line now and then must not hold us for ever. */
	l->stream.deadline_ms = clock_ms() + link_timeout(timeout_ms);
	if (l->end_ms && l->end_ms < l->stream.deadline_ms)
		l->stream.deadline_ms = l->end_ms;
	r = read_lines(l, timeout_ms, offer);
	l->stream.deadline_ms = 0;
	if (r < 0 || l->reply.code == 421)	/* RFC 5321 section 3.8: it closes now */
		l->closed = true;
	return r;
}

int
link_reply(struct smtp_link *l, uint64_t timeout_ms)
{
	return read_reply(l, timeout_ms, false);
}

int
link_offer(struct smtp_link *l, uint64_t timeout_ms)
{
	const int r = read_reply(l, timeout_ms, true);

	if (r == 0 && l->reply.code / 100 == 2)
		client_offer_end(&l->peer);
	return r;
}

bool
link_overdue(const struct smtp_link *l)
{
	return l->end_ms && clock_ms() >= l->end_ms;
}

bool
link_late_reply(struct smtp_link *l)
{
	l->stream.out.n = 0;	/* never to be sent */
	l->stream.deadline_ms = clock_ms() + QUIT_TIMEOUT_MS;
	l->closed = true;
	return read_lines(l, QUIT_TIMEOUT_MS, false) == 0 && l->reply.code >= 400;
}

/* "in MAIL", "in the greeting", but "while sending the message". */
static const char *
in_or_while(const char *doing)
{
	const bool noun = (doing[0] >= 'A' && doing[0] <= 'Z') ||
	    slice_has_prefix(slice_str(doing), SL("the "));

	return noun ? "in" : "while";
}

/* Does nothing arrive at the other end, although octets were sent?  If octets of the host still
 * arrive here, they acknowledge earlier ones again. */
static bool
is_cut_off(const struct smtp_link *l, struct unacked *u)
{
	return unacked_look(l->fd, u) && u->sent &&
	    (u->quiet_ms >= UNACKED_MS || u->retries >= UNACKED_RETRIES);
}

bool
link_broke(const struct smtp_link *l, int error)
{
	struct unacked u;

	if (error == -ETIMEDOUT)
		return !link_overdue(l) && !is_cut_off(l, &u);
	return error == -ECONNRESET || error == -EPIPE;
}

/* A connection that cannot send is slow for a reason that no log of the host has. */
static void
add_unacked(struct buf *b, const struct smtp_link *l)
{
	struct unacked u;

	if (!is_cut_off(l, &u))
		return;
	buf_fmt(b, "; %u octets were sent and none acknowledged ", u.sent);
	if (u.quiet_ms >= UNACKED_MS)
		buf_fmt(b, "for %u s", u.quiet_ms / 1000);
	else
		buf_fmt(b, "after %u retries", u.retries);
	buf_str(b, ": the host is gone, or the path drops large packets (lower the MTU, let ICMP "
	    "pass)");
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
		if (l->reply.endless)
			buf_fmt(&b, "the answer to %s is too long: more than %d lines, %d octets, "
			    "or %d in a line", doing, SMTP_PEER_LINES, SMTP_PEER_OCTETS,
			    REPLY_LINE_MAX);
		else if (l->reply.code)
			buf_fmt(&b, "unexpected reply to %s: %d %.*s", doing, l->reply.code,
			    (int)(text.n < 300 ? text.n : 300), text.p);
		else
			buf_fmt(&b, "the answer to %s was not an SMTP reply", doing);
	} else if (error == -ETIMEDOUT && link_overdue(l)) {
		buf_fmt(&b, "the whole transaction took too long, at last %s %s",
		    in_or_while(doing), doing);
	} else if (error == -ETIMEDOUT) {
		buf_fmt(&b, "timed out %s %s", in_or_while(doing), doing);
	} else if (error == -ECONNRESET || error == -EPIPE) {
		buf_fmt(&b, "lost connection %s %s", in_or_while(doing), doing);
	} else {
		buf_fmt(&b, "%s: %s", doing, strerror(-error));
	}
	if (error == -ETIMEDOUT)
		add_unacked(&b, l);
	outcome_set(o, cause, slice_str(l->host), buf_slice(&b));
	transcript_fact(l->transcript, "%s", o->detail);
}

/* Nothing depends on the 221, and some servers are slow to send it: we do not wait for it. */
void
link_done(struct smtp_link *l)
{
	if (!l)
		return;
	if (!l->closed && stream_write(&l->stream, SL("QUIT\r\n"), QUIT_TIMEOUT_MS) == 0)
		(void)stream_flush(&l->stream, QUIT_TIMEOUT_MS);
	if (l->stream.tls)
		tls_end(l->stream.tls);
	tls_free(l->stream.tls);
	close(l->fd);
	free(l);
}
