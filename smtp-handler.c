// SPDX-License-Identifier: ISC
/*
 * smtp-handler: mail comes in.  One process serves one client, from the greeting to QUIT.  A
 * message is in the queue before the client reads its 250.
 *
 * The connection is on descriptors 0 and 1 (inetd, tcpserver, systemd, a pipe, a terminal), or this
 * program listens itself and forks for each connection.  Both ways lead to serve().
 *
 *	command()		one line from the client
 *	  server_command()	the protocol: a reply, or a question (smtp/server_session.c)
 *	  answer()		asks and replies
 *	    session_decide()	the answer to the question (session/session.c, session/policy.c)
 *	    take_message()	the content (session/content.c), durable before its 250 (queue.c)
 *
 * The exit status is 0 whatever mistake the client makes.
 */
#include <errno.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/large.h"
#include "session/confine.h"
#include "session/limits.h"
#include "session/milters.h"
#include "session/secure.h"
#include "session/session.h"
#include "session/signals.h"

#define LAST_REPLY_MS 10000	/* for the last reply to a client that may be gone */
#define STOP_REPLY_MS 2000	/* the same after a signal: nobody waits for us for long */
#define LINGER_MS 1000		/* for the client to read it before the connection is closed */

static struct options options;
static struct config config;
static LARGE struct session session;

static void serve(const struct start *start);
static void open_session(struct session *s);
static bool refuse_for_queue(struct session *s);
static void greet(struct session *s);
static void end_session(struct session *s);
static void command(struct session *s);
static void answer(struct session *s, struct slice line, struct smtp_reply reply);
static void take_message(struct session *s, struct smtp_reply reply);
static void stop(struct session *s, int error);

int
main(int argc, char **argv)
{
	struct start start;
	int r;

	confine_prepare();
	r = start_find(&start, &options, &config, argc, argv);
	if (r >= 0)
		return r;
	serve(&start);
	return EX_OK;
}

static void
serve(const struct start *start)
{
	struct session *s = &session;

	session_begin(s, start, &config, &options);
	open_session(s);
	/* No command has been read yet.  If TLS or a balancer came first, the session has entered
	 * the sandbox already. */
	session_confine(s);
	while (!s->end)
		command(s);
	end_session(s);
}

/* Everything before the first command. */
static void
open_session(struct session *s)
{
	const struct handover *handover = &s->start->handover;
	char space[SMTP_HELO_MAX + 8];
	struct buf hello = BUF(space);

	if (s->start->resumed) {
		/* If there is no TLS after all, the session goes on with the name that the
		 * client has given. */
		buf_str(&hello, s->server.lmtp ? "LHLO " : "EHLO ");
		buf_add(&hello, handover->helo);
		if (handover->helo.n)
			(void)server_command(&s->smtp, buf_slice(&hello));
		answer(s, SL("STARTTLS"), server_command(&s->smtp, SL("STARTTLS")));
		return;
	}
	if (s->start->implicit && !s->lost)
		session_begin_tls(s);
	if (!s->lost)
		greet(s);
}

/* Refuse if another machine has the queue.  If it can take no mail, refuse only a balancer that
 * asks, which then sends its clients to another machine; a client that is here may want other
 * things. */
static bool
refuse_for_queue(struct session *s)
{
	enum smtp_verdict verdict;

	if (config.queue.lease_ms && !session_has_queue(s)) {
		session_reply(s, server_elsewhere(&s->smtp));
		s->end = "elsewhere";
		return true;
	}
	verdict = s->health_check ? session_has_room(s) : SMTP_ACCEPT;
	if (verdict == SMTP_ACCEPT)
		return false;
	session_reply(s, server_no_queue(&s->smtp, verdict == SMTP_REFUSE_SPACE));
	s->end = "no-queue";
	return true;
}

/* A client that sends before the greeting does not wait for replies either (RFC 5321 section
 * 4.3.1).  Pipes may. */
static void
greet(struct session *s)
{
	struct smtp_reply refusal;

	if (signals_stop) {		/* such as for the limits of the client behind a balancer */
		stop(s, -EINTR);
		session_flush(s);
		return;
	}
	/* Filters are met in the sandbox; on the way to it the queue is opened. */
	if (config.server.milter || config.queue.lease_ms)
		session_confine(s);
	if (refuse_for_queue(s)) {
		session_flush(s);
		return;
	}
	s->record.early = s->newlines != SMTP_LF_TOO && limits_early(&s->client);
	if (s->record.early && config.server.early_talkers == EARLY_REFUSE) {
		session_reply(s, server_too_early());
		s->end = "early";
	} else if (!s->server.xclient && !milters_connect(s, &refusal)) {
		refusal.code = refusal.code < 500 ? 421 : 554;
		session_reply(s, refusal);
		s->end = "filter";
	} else {
		session_reply(s, server_greeting(&s->smtp));
	}
	session_flush(s);
}

/* If we close while octets of the client are unread, the kernel resets the connection, and the
 * last reply with it.  So end our half first, and read those octets. */
static void
linger(struct session *s)
{
	const int64_t until_ms = clock_ms() + LINGER_MS;
	struct stream *client = &s->client;

	if (s->newlines == SMTP_LF_TOO || shutdown(client->wfd, SHUT_WR) < 0)
		return;
	if (signals_stop == SIGUSR1)	/* another client waits for this place */
		return;
	do
		stream_consume(client, stream_pending(client).n);
	while (stream_fill(client, clock_left_ms(until_ms)) > 0 && clock_left_ms(until_ms) > 0);
}

static void
end_session(struct session *s)
{
	const int reply_ms = signals_stop ? STOP_REPLY_MS : LAST_REPLY_MS;

	content_drop(&s->content);
	milters_message_end();
	milters_session_end();
	remarks_transaction_end(s, false);
	s->client.wake_fd = -1;
	s->client.deadline_ms = 0;
	if (!s->lost && stream_flush(&s->client, reply_ms) == 0 && !s->client.eof) {
		secure_end();
		linger(s);
	}
	record_end(s);
}

/* HELO, EHLO or LHLO. */
static bool
is_hello(struct slice line)
{
	return line.n > 4 && slice_ieq(slice_of(line.p + 1, 3), SL("HLO")) ? true :
	    slice_has_iprefix(line, SL("HELO"));
}

/* One command line, with all that follows from it. */
static void
command(struct session *s)
{
	static const struct smtp_reply not_crlf = {
		500, S("5.5.2 Error: a line must end in <CR><LF>"), SMTP_NEXT_CLOSE,
	};
	struct slice line = SL("");
	struct smtp_reply reply, refusal;
	bool crlf = true, secret;
	int r;

	if (signals_stop) {
		stop(s, -EINTR);
		return;
	}
	remarks_await_command(s);
	r = stream_line(&s->client, server_line_max(&s->smtp), s->timeout_ms, &line, &crlf);
	if (r == -EMSGSIZE) {
		r = stream_skip_line(&s->client, s->newlines != SMTP_LF_TOO, s->timeout_ms);
		if (r > 0)
			answer(s, line, server_overlong(&s->smtp));
	} else if (r > 0 && !crlf && s->newlines != SMTP_LF_TOO) {
		session_reply(s, not_crlf);
		s->end = "bare-newline";
	} else if (r > 0) {
		secret = server_line_secret(&s->smtp, line);
		reply = server_command(&s->smtp, line);
		if (reply.code == 250 && is_hello(line) && !milters_helo(s, &refusal))
			reply = server_refuse(&s->smtp, &refusal);
		answer(s, line, reply);
		if (secret)
			stream_wipe(&s->client, line);
	}
	if (r <= 0)
		stop(s, r);
}

/* A reply to one of these may wait for the next command: then a group of commands is answered in
 * one packet (RFC 2920 section 3.2). */
static bool
may_wait(struct slice line)
{
	const struct slice verb = slice_of(line.p, line.n < 4 ? line.n : 4);

	return slice_ieq(verb, SL("MAIL")) || slice_ieq(verb, SL("RCPT")) ||
	       slice_ieq(verb, SL("RSET"));
}

static void
answer(struct session *s, struct slice line, struct smtp_reply reply)
{
	const bool wait = may_wait(line);

	reply = session_decide(s, reply);
	/* RSET, EHLO, a refused DATA: the transaction is over. */
	if (!(s->smtp.state & (SMTP_AT_MAIL | SMTP_AT_RCPT | SMTP_AT_CHUNK))) {
		content_drop(&s->content);
		milters_message_end();
	}
	if (reply.next == SMTP_NEXT_CHUNK || reply.next == SMTP_NEXT_DISCARD) {
		take_message(s, reply);
		return;
	}
	session_reply(s, reply);
	if (!wait)
		session_flush(s);
	if (reply.next == SMTP_NEXT_DATA && !s->end)
		take_message(s, reply);
	else if (reply.next == SMTP_NEXT_STARTTLS && !s->end)
		session_begin_tls(s);
	else if (reply.next == SMTP_NEXT_CLOSE && !s->end)
		s->end = s->content.elsewhere ? "elsewhere" :
		    reply.code == 221 ? "quit" : "errors";
}

/* Receive the content after 354 or BDAT, and send the reply. */
static void
take_message(struct session *s, struct smtp_reply reply)
{
	unsigned times = 1;
	int r;

	limits_message(&s->client, &config);
	if (reply.next != SMTP_NEXT_DISCARD)
		remarks_await_content(s);
	if (reply.next == SMTP_NEXT_DATA)
		r = session_data(s, &reply, &times);
	else if (reply.next == SMTP_NEXT_CHUNK)
		r = session_chunk(s, &reply, &times);
	else
		r = content_discard(s);
	limits_message_end(&s->client);
	if (r <= 0) {
		stop(s, r);
		return;
	}
	for (; times && !s->end; times--)
		session_reply(s, reply);
	session_flush(s);
	if (reply.next == SMTP_NEXT_CLOSE && !s->end)
		s->end = s->content.elsewhere ? "elsewhere" :
		    reply.code == 421 ? "filter" : "bare-newline";
}

/* No further command: the client has gone or is silent (RFC 5321 section 4.5.3.2.7), or a signal
 * ends us. */
static void
stop(struct session *s, int error)
{
	if (error == -ETIMEDOUT || error == -ETIME)
		session_reply(s, server_timeout(&s->smtp));
	else if (error == -EINTR)
		session_reply(s, signals_stop == SIGUSR1 ? server_idle(&s->smtp) :
		    signals_stop == SIGUSR2 ? server_limited(&s->smtp) :
		    server_shutdown(&s->smtp));
	if (s->end)
		return;
	s->end = limits_reason(&s->client, error);
	if (!s->end)
		session_lose(s, "lost");
}
