// SPDX-License-Identifier: ISC
/*
 * smtp-handler: mail comes in.  One process serves one client, from the greeting to QUIT, and what it accepts
 * is in the queue before the client reads its 250.
 *
 * The connection is on descriptors 0 and 1 (inetd, tcpserver, systemd, a pipe, a terminal), or this program
 * listens itself and forks for each connection; both end in serve().  From there a message goes through command(),
 * answer() and session/receive.c.  What to reply is decided in smtp/server_session.c, what that has to ask in
 * session/session.c, who may send what to whom in session/policy.c, how a message becomes durable in queue.c; here they meet.
 * Whatever a client does wrong, the exit status is 0.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "session/balancer.h"
#include "session/confine.h"
#include "session/session.h"
#include "session/limits.h"
#include "session/process.h"
#include "session/receive.h"
#include "session/secure.h"
#include "session/signals.h"

#define LAST_WORDS_MS 10000	/* to get a reply out to a client that may be gone */
#define LINGER_MS 1000		/* for it to be read before the connection goes */

static struct options options;
static struct config config;
static struct session handler;	/* large in places: memory that is never touched costs nothing */

static void serve(const struct start *start);
static void begin_session(struct session *h, const struct start *start);
static void open_session(struct session *h);
static void greet(struct session *h);
static void end_session(struct session *h);
static void command(struct session *h);
static void answer(struct session *h, struct slice line, struct smtp_reply reply);
static void take_message(struct session *h, struct smtp_reply reply);
static void say(struct session *h, struct smtp_reply reply);
static void stop(struct session *h, int error);

int
main(int argc, char **argv)
{
	struct start start;
	int r;

	process_prepare();
	r = start_find(&start, &options, &config, argc, argv);
	if (r >= 0)
		return r;
	serve(&start);
	return EX_OK;
}

static void
serve(const struct start *start)
{
	struct session *h = &handler;

	begin_session(h, start);
	open_session(h);
	/* Nothing has been read yet; where TLS came first, it happened before that. */
	confine(SANDBOX_SESSION, &config, &options, start->print_fd >= 0);
	while (!h->end)
		command(h);
	end_session(h);
}

/* What comes before the first command. */
static void
open_session(struct session *h)
{
	const struct handover *handover = &h->start->handover;
	char space[SMTP_HELO_MAX + 8];
	struct buf hello = BUF(space);

	if (h->start->resumed) {
		/* Where there is no TLS after all, the session goes on with the name it has. */
		buf_str(&hello, h->server.lmtp ? "LHLO " : "EHLO ");
		buf_add(&hello, handover->helo);
		if (handover->helo.n)
			(void)server_command(&h->session, buf_slice(&hello));
		answer(h, SL("STARTTLS"), server_command(&h->session, SL("STARTTLS")));
		return;
	}
	if (h->start->implicit && !h->lost) {
		if (secure_prepare(&config, &options, handover) == SMTP_ACCEPT)
			session_begin_tls(h);
		else
			session_lose(h, "tls");
	}
	if (!h->lost)
		greet(h);
}

static void
begin_session(struct session *h, const struct start *start)
{
	const int one = 1;
	struct buf literal = BUF(h->literal_space);
	/* By hand and from a script a line may end in LF alone.  From the network never: what is one line to us and two
	 * to another server is how messages are smuggled past it. */
	const bool network = process_is_socket(start->rfd);

	h->start = start;
	h->config = &config;
	h->options = &options;
	h->record = (struct record){ .peer = &h->peer, .session = &h->session, .started_ms = clock_ms(), .tls = &h->tls };
	h->newlines = !network || start->lf ? SMTP_LF_TOO :
	    config.server.bare_newline == NEWLINE_NORMALIZE ? SMTP_NORMALIZE : SMTP_CRLF;
	h->timeout_ms = (int)(config.server.timeout_ms < INT32_MAX ? config.server.timeout_ms : INT32_MAX);
	peer_find(&h->peer, start->rfd);
	if (start->handover.client.n)
		(void)peer_set(&h->peer, start->handover.client);
	if (network && !start->resumed && balancer_ask(&config, start->rfd, &h->peer) < 0)
		session_lose(h, "proxy-header");
	h->policy = (struct policy){ .config = &config, .trusted = config_trusts(&config, peer_sockaddr(&h->peer)) };
	h->server = (struct server){
		.hostname = process_own_name(config.server.hostname, start->rfd, &literal),
		.max_message_size = config.server.max_message_size,
		.max_recipients = (unsigned)config.server.max_recipients,
		.max_errors = (unsigned)config.server.max_errors,
		.max_messages = (unsigned)config.server.max_messages,
		.strict = config.server.syntax == SYNTAX_STRICT,
		.lmtp = config.server.role == ROLE_LMTP,
		.refuse = slice_str(config.server.refuse),
		.submission = config.server.role == ROLE_SUBMISSION,
		.trusted = h->policy.trusted,
		.now_s = clock_wall_s(),
		.must_authenticate = config.server.role == ROLE_SUBMISSION && !h->policy.trusted,
		.starttls = start->implicit ? SMTP_STARTTLS_OFF : secure_offer(&config),
		.tls_required = config.server.tls == SERVER_TLS_REQUIRED,
	};
	session_offer_auth(h);
	server_init(&h->session, &h->server);
	content_init(&h->message, &config, &h->peer, &h->session, &h->tls, start->print_fd);
	stream_init(&h->client, start->rfd, start->wfd);
	limits_session(&h->client, &config);
	h->client.wake_fd = signals_catch(SIGNALS_SESSION);
	if (network && h->peer.kind == PEER_INET)
		(void)setsockopt(start->wfd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* Who sends before it has read a greeting does not wait for replies either (RFC 5321 section 4.3.1).  Pipes may. */
static void
greet(struct session *h)
{
	h->record.early = h->newlines != SMTP_LF_TOO && limits_early(&h->client);
	if (h->record.early && config.server.early_talkers == EARLY_REFUSE) {
		say(h, server_too_early());
		h->end = "early";
	} else {
		say(h, server_greeting(&h->session));
	}
	session_flush(h);
}

/* What the client sent behind its last command must not make the kernel reset the connection and
 * with it our last reply: say that we are done, then read it away. */
static void
linger(struct session *h)
{
	const int64_t until_ms = clock_ms() + LINGER_MS;
	struct stream *s = &h->client;

	if (h->newlines == SMTP_LF_TOO || shutdown(s->wfd, SHUT_WR) < 0)
		return;
	do
		stream_consume(s, stream_pending(s).n);
	while (stream_fill(s, clock_left_ms(until_ms)) > 0 && clock_left_ms(until_ms) > 0);
}

static void
end_session(struct session *h)
{
	content_drop(&h->message);
	h->client.wake_fd = -1;
	h->client.deadline_ms = 0;
	if (!h->lost && stream_flush(&h->client, LAST_WORDS_MS) == 0 && !h->client.eof) {
		secure_end();
		linger(h);
	}
	record_end(&h->record, h->end);
}

/* One command line in, and what it leads to. */
static void
command(struct session *h)
{
	struct slice line = SL("");
	bool crlf = true, secret;
	int r;

	if (signals_stop) {
		stop(h, -EINTR);
		return;
	}
	r = stream_line(&h->client, server_line_max(&h->session), h->timeout_ms, &line, &crlf);
	if (r == -EMSGSIZE) {
		r = stream_skip_line(&h->client, h->newlines != SMTP_LF_TOO, h->timeout_ms);
		if (r > 0)
			answer(h, line, server_overlong(&h->session));
	} else if (r > 0 && !crlf && h->newlines != SMTP_LF_TOO) {
		say(h, (struct smtp_reply){ 500, SL("5.5.2 Error: a line must end in <CR><LF>"), SMTP_NEXT_CLOSE });
		h->end = "bare-newline";
	} else if (r > 0) {
		secret = server_line_secret(&h->session, line);
		answer(h, line, server_command(&h->session, line));
		if (secret)
			stream_wipe(&h->client, line);
	}
	if (r <= 0)
		stop(h, r);
}

/* RFC 2920 section 3.2: the replies to these may wait for what follows, so that a group
 * of commands is answered in one packet. */
static bool
may_wait(struct slice line)
{
	const struct slice verb = slice_of(line.p, line.n < 4 ? line.n : 4);

	return slice_ieq(verb, SL("MAIL")) || slice_ieq(verb, SL("RCPT")) || slice_ieq(verb, SL("RSET"));
}

static void
answer(struct session *h, struct slice line, struct smtp_reply reply)
{
	const bool wait = may_wait(line);

	reply = session_decide(h, reply);
	/* RSET, EHLO, a refused DATA: the session has forgotten the transaction. */
	if (!(h->session.state & (SMTP_AT_MAIL | SMTP_AT_RCPT | SMTP_AT_CHUNK)))
		content_drop(&h->message);
	if (reply.next == SMTP_NEXT_CHUNK || reply.next == SMTP_NEXT_DISCARD) {
		take_message(h, reply);
		return;
	}
	say(h, reply);
	if (!wait)
		session_flush(h);
	if (reply.next == SMTP_NEXT_DATA && !h->end)
		take_message(h, reply);
	else if (reply.next == SMTP_NEXT_STARTTLS && !h->end)
		session_begin_tls(h);
	else if (reply.next == SMTP_NEXT_CLOSE && !h->end)
		h->end = reply.code == 221 ? "quit" : "errors";
}

/* What is not a command: a message after 354, the octets behind BDAT.  Then the reply to it. */
static void
take_message(struct session *h, struct smtp_reply reply)
{
	const struct receive receive = {
		&h->message, &h->session, &h->client, &h->record, h->newlines, h->timeout_ms,
	};
	unsigned times = 1;
	int r;

	limits_message(&h->client, &config);
	if (reply.next == SMTP_NEXT_DATA)
		r = receive_data(&receive, &reply, &times);
	else if (reply.next == SMTP_NEXT_CHUNK)
		r = receive_chunk(&receive, &reply, &times);
	else
		r = receive_discard(&receive);
	limits_message_end(&h->client);
	if (r <= 0) {
		stop(h, r);
		return;
	}
	for (; times && !h->end; times--)
		say(h, reply);
	session_flush(h);
	if (reply.next == SMTP_NEXT_CLOSE && !h->end)
		h->end = "bare-newline";
}

void
session_lose(struct session *h, const char *why)
{
	h->lost = true;
	h->end = why;
}

static void
say(struct session *h, struct smtp_reply reply)
{
	char space[4096];
	struct buf b = BUF(space);

	smtp_reply_format(&b, &reply);
	if (stream_write(&h->client, buf_slice(&b), h->timeout_ms) < 0)
		session_lose(h, "lost");
}

void
session_flush(struct session *h)
{
	const int r = stream_flush(&h->client, h->timeout_ms);

	/* Told to stop while the client is slow to read: command() sees to it, end_session() tries once more. */
	if (r < 0 && r != -EINTR)
		session_lose(h, "lost");
}

/* No further command: the client has gone or is silent (RFC 5321 section 4.5.3.2.7), or we have been told to stop. */
static void
stop(struct session *h, int error)
{
	if (error == -ETIMEDOUT || error == -ETIME)
		say(h, server_timeout(&h->session));
	else if (error == -EINTR)
		say(h, server_shutdown(&h->session));
	if (h->end)
		return;
	h->end = limits_reason(&h->client, error);
	if (!h->end)
		session_lose(h, "lost");
}
