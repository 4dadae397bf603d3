// SPDX-License-Identifier: ISC
/*
 * smtp-handler: mail comes in.  One process serves one client, from the greeting to QUIT, and what it accepts
 * is in the queue before the client reads its 250.
 *
 * The connection is on descriptors 0 and 1 (inetd, tcpserver, systemd, a pipe, a terminal), or this program
 * listens itself and forks for each connection; both end in serve().  From there a message goes through command(),
 * answer() and server/receive.c.  What to reply is decided in smtp/session.c, who may send what to whom in
 * server/policy.c, how a message becomes durable in queue.c; here they meet, and only here is logged.
 * Whatever a client does wrong, the exit status is 0.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"
#include "net/stream.h"
#include "server/balancer.h"
#include "server/confine.h"
#include "server/front.h"
#include "server/limits.h"
#include "server/login.h"
#include "server/policy.h"
#include "server/process.h"
#include "server/receive.h"
#include "server/secure.h"
#include "server/signals.h"
#include "server/start.h"
#include "server/trace.h"

#define LAST_WORDS_MS 10000	/* to get a reply out to a client that may be gone */
#define LINGER_MS 1000		/* for it to be read before the connection goes */

/* A session.  Static, and large in places: memory that is never touched costs nothing. */
struct handler {
	struct peer peer;
	struct policy policy;
	struct smtp_server server;
	struct smtp_session session;
	struct record record;
	enum smtp_newlines newlines;
	int timeout_ms;
	const char *end;		/* why the session is over; NULL while it is not */
	bool lost;			/* replies get through no more */
	struct tls_facts tls;		/* empty outside TLS */
	struct smtp_auth auth;
	const struct start *start;
	char literal_space[TRACE_LITERAL_MAX];
	struct stream client;
	struct message message;
};

static struct options options;
static struct config config;
static struct handler handler;

static void serve(const struct start *start);
static void begin_session(struct handler *h, const struct start *start);
static void open_session(struct handler *h);
static void greet(struct handler *h);
static void begin_tls(struct handler *h);
static void offer_auth(struct handler *h);
static void end_session(struct handler *h);
static void command(struct handler *h);
static void answer(struct handler *h, struct slice line, struct smtp_reply reply);
static struct smtp_reply decide(struct handler *h, struct smtp_reply question);
static void take_message(struct handler *h, struct smtp_reply reply);
static void say(struct handler *h, struct smtp_reply reply);
static void lose(struct handler *h, const char *why);
static void flush(struct handler *h);
static void stop(struct handler *h, int error);

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
	struct handler *h = &handler;

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
open_session(struct handler *h)
{
	const struct handover *handover = &h->start->handover;
	char space[SMTP_HELO_MAX + 8];
	struct buf hello = BUF(space);

	if (h->start->resumed) {
		/* Where there is no TLS after all, the session goes on with the name it has. */
		buf_str(&hello, h->server.lmtp ? "LHLO " : "EHLO ");
		buf_add(&hello, handover->helo);
		if (handover->helo.n)
			(void)smtp_command(&h->session, buf_slice(&hello));
		answer(h, SL("STARTTLS"), smtp_command(&h->session, SL("STARTTLS")));
		return;
	}
	if (h->start->implicit && !h->lost) {
		if (secure_prepare(&config, &options, handover) == SMTP_ACCEPT)
			begin_tls(h);
		else
			lose(h, "tls");
	}
	if (!h->lost)
		greet(h);
}

static void
begin_session(struct handler *h, const struct start *start)
{
	const int one = 1;
	struct buf literal = BUF(h->literal_space);
	/* By hand and from a script a line may end in LF alone.  From the network never: what is one line to us and two
	 * to another server is how messages are smuggled past it. */
	const bool network = process_is_socket(start->rfd);

	h->start = start;
	h->record = (struct record){ .peer = &h->peer, .session = &h->session, .started_ms = clock_ms(), .tls = &h->tls };
	h->newlines = !network || start->lf ? SMTP_LF_TOO :
	    config.server.bare_newline == NEWLINE_NORMALIZE ? SMTP_NORMALIZE : SMTP_CRLF;
	h->timeout_ms = (int)(config.server.timeout_ms < INT32_MAX ? config.server.timeout_ms : INT32_MAX);
	peer_find(&h->peer, start->rfd);
	if (start->handover.client.n)
		(void)peer_set(&h->peer, start->handover.client);
	if (network && !start->resumed && balancer_ask(&config, start->rfd, &h->peer) < 0)
		lose(h, "proxy-header");
	h->policy = (struct policy){ .config = &config, .trusted = config_trusts(&config, peer_sockaddr(&h->peer)) };
	h->server = (struct smtp_server){
		.hostname = trace_own_name(config.server.hostname, start->rfd, &literal),
		.max_message_size = config.server.max_message_size,
		.max_recipients = (unsigned)config.server.max_recipients,
		.max_errors = (unsigned)config.server.max_errors,
		.max_messages = (unsigned)config.server.max_messages,
		.strict = config.server.syntax == SYNTAX_STRICT,
		.lmtp = config.server.role == ROLE_LMTP,
		.refuse = slice_str(config.server.refuse),
		.submission = config.server.role == ROLE_SUBMISSION,
		.trusted = h->policy.trusted,
		.now_s = clock_wall_us() / 1000000,
		.must_authenticate = config.server.role == ROLE_SUBMISSION && !h->policy.trusted,
		.starttls = start->implicit ? SMTP_STARTTLS_OFF : secure_offer(&config),
		.tls_required = config.server.tls == SERVER_TLS_REQUIRED,
	};
	offer_auth(h);
	smtp_session_init(&h->session, &h->server);
	message_init(&h->message, &config, &h->peer, &h->session, &h->tls, start->print_fd);
	stream_init(&h->client, start->rfd, start->wfd);
	limits_session(&h->client, &config);
	h->client.wake_fd = signals_catch(SIGNALS_SESSION);
	if (network && h->peer.kind == PEER_INET)
		(void)setsockopt(start->wfd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* Who sends before it has read a greeting does not wait for replies either (RFC 5321 section 4.3.1).  Pipes may. */
static void
greet(struct handler *h)
{
	h->record.early = h->newlines != SMTP_LF_TOO && limits_early(&h->client);
	if (h->record.early && config.server.early_talkers == EARLY_REFUSE) {
		say(h, smtp_too_early());
		h->end = "early";
	} else {
		say(h, smtp_greeting(&h->session));
	}
	flush(h);
}

/* What the client sent behind its last command must not make the kernel reset the connection and
 * with it our last reply: say that we are done, then read it away. */
static void
linger(struct handler *h)
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
end_session(struct handler *h)
{
	message_drop(&h->message);
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
command(struct handler *h)
{
	struct slice line = SL("");
	bool crlf = true, secret;
	int r;

	if (signals_stop) {
		stop(h, -EINTR);
		return;
	}
	r = stream_line(&h->client, smtp_line_max(&h->session), h->timeout_ms, &line, &crlf);
	if (r == -EMSGSIZE) {
		r = stream_skip_line(&h->client, h->newlines != SMTP_LF_TOO, h->timeout_ms);
		if (r > 0)
			answer(h, line, smtp_overlong(&h->session));
	} else if (r > 0 && !crlf && h->newlines != SMTP_LF_TOO) {
		say(h, (struct smtp_reply){ 500, SL("5.5.2 Error: a line must end in <CR><LF>"), SMTP_NEXT_CLOSE });
		h->end = "bare-newline";
	} else if (r > 0) {
		secret = smtp_line_secret(&h->session, line);
		answer(h, line, smtp_command(&h->session, line));
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
answer(struct handler *h, struct slice line, struct smtp_reply reply)
{
	const bool wait = may_wait(line);

	reply = decide(h, reply);
	/* RSET, EHLO, a refused DATA: the session has forgotten the transaction. */
	if (!(h->session.state & (SMTP_AT_MAIL | SMTP_AT_RCPT | SMTP_AT_CHUNK)))
		message_drop(&h->message);
	if (reply.next == SMTP_NEXT_CHUNK || reply.next == SMTP_NEXT_DISCARD) {
		take_message(h, reply);
		return;
	}
	say(h, reply);
	if (!wait)
		flush(h);
	if (reply.next == SMTP_NEXT_DATA && !h->end)
		take_message(h, reply);
	else if (reply.next == SMTP_NEXT_STARTTLS && !h->end)
		begin_tls(h);
	else if (reply.next == SMTP_NEXT_CLOSE && !h->end)
		h->end = reply.code == 221 ? "quit" : "errors";
}

static enum smtp_verdict
check_mail(struct handler *h)
{
	const enum smtp_verdict verdict = policy_sender(&h->policy, &h->session.from);

	if (verdict != SMTP_ACCEPT)
		return verdict;
	if (h->record.transactions >= config.server.max_messages) {
		h->end = "messages";
		return SMTP_REFUSE_MESSAGES;
	}
	return receive_verdict(&config, message_room(&h->message, h->session.declared_size));
}

/* STARTTLS: here, or in another program. */
static struct smtp_reply
check_starttls(struct handler *h)
{
	const bool known = h->peer.kind == PEER_INET && h->peer.literal;
	char space[64];
	struct buf client = BUF(space);
	struct handover handover = {
		.rfd = h->client.rfd,
		.wfd = h->client.wfd,
		.print_fd = h->start->print_fd,
		.helo = h->session.esmtp ? buf_slice(&h->session.helo) : SL(""),
	};
	enum smtp_verdict verdict;

	/* What comes in the clear behind it, somebody may want us to take for what came inside (CVE-2011-0411). */
	if (stream_ready(&h->client)) {
		h->end = "starttls";
		return (struct smtp_reply){ 501, SL("5.5.1 Error: nothing may follow STARTTLS"), SMTP_NEXT_CLOSE };
	}
	flush(h);
	if (known)
		address_text(&client, peer_sockaddr(&h->peer));
	handover.client = buf_slice(&client);
	verdict = h->end ? SMTP_REFUSE_TLS : secure_prepare(&config, &options, &handover);
	if (verdict != SMTP_ACCEPT)
		h->server.starttls = SMTP_STARTTLS_BROKEN;
	return smtp_decide(&h->session, verdict, SL(""));
}

static void
offer_auth(struct handler *h)
{
	const bool offered = login_offered(&config, h->server.tls, h->policy.trusted);

	h->server.auth = offered ? &h->auth : NULL;
	h->server.auth_needs_tls = !offered && !h->server.tls && config.server.auth != AUTH_OFF;
	if (offered)
		smtp_auth_clear(&h->auth);
}

static struct smtp_reply
check_auth(struct handler *h)
{
	const enum smtp_verdict verdict = login_check(&config, &h->auth, &h->peer, h->server.tls);
	const struct smtp_reply reply = smtp_decide(&h->session, verdict, SL(""));

	if (reply.code == 235) {
		h->policy.trusted = true;
		h->policy.user = h->auth.user;
	} else {
		record_auth(&h->record, &reply);
	}
	return reply;
}

/* After 220, or instead of the greeting: what is said from now on is inside TLS, or nothing is. */
static void
begin_tls(struct handler *h)
{
	/* The keys are in memory, nothing of the client's has been read. */
	confine(SANDBOX_SESSION, &config, &options, h->start->print_fd >= 0);
	if (secure_begin(&h->client, &h->peer, h->timeout_ms, &h->tls) < 0) {
		lose(h, "tls");
		return;
	}
	h->server.tls = true;
	offer_auth(h);
	smtp_session_init(&h->session, &h->server);	/* RFC 3207 section 4.2: all is forgotten */
}

/* Where the session needs to know what only we can find out. */
static struct smtp_reply
decide(struct handler *h, struct smtp_reply question)
{
	struct smtp_session *s = &h->session;
	const struct smtp_path from = s->from, to = s->rcpt;	/* for the log: the session may forget them */
	struct slice why = SL("");
	struct smtp_reply reply = question;
	enum smtp_verdict verdict;

	switch (question.next) {
	case SMTP_NEXT_CHECK_MAIL:
		reply = smtp_decide(s, check_mail(h), why);
		if (reply.code == 250)
			message_begin(&h->message);
		break;
	case SMTP_NEXT_CHECK_RCPT:
		verdict = policy_recipient(&h->policy, &s->rcpt, &why);
		reply = smtp_decide(s, verdict, why);
		if (reply.code == 250)
			message_rcpt(&h->message);
		break;
	case SMTP_NEXT_CHECK_VRFY:
		reply = smtp_decide(s, policy_verify(&h->policy, &s->rcpt), why);
		break;
	case SMTP_NEXT_CHECK_STARTTLS:
		return check_starttls(h);
	case SMTP_NEXT_CHECK_AUTH:
		return check_auth(h);
	case SMTP_NEXT_CHECK_DATA:
		reply = smtp_decide(s, receive_verdict(&config, message_open(&h->message)), why);
		break;
	default:
		return reply;
	}
	record_decided(&h->record, question.next, &from, &to, &reply);
	return reply;
}

/* What is not a command: a message after 354, the octets behind BDAT.  Then the reply to it. */
static void
take_message(struct handler *h, struct smtp_reply reply)
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
	flush(h);
	if (reply.next == SMTP_NEXT_CLOSE && !h->end)
		h->end = "bare-newline";
}

static void
lose(struct handler *h, const char *why)
{
	h->lost = true;
	h->end = why;
}

static void
say(struct handler *h, struct smtp_reply reply)
{
	char space[4096];
	struct buf b = BUF(space);

	smtp_reply_format(&b, &reply);
	if (stream_write(&h->client, buf_slice(&b), h->timeout_ms) < 0)
		lose(h, "lost");
}

static void
flush(struct handler *h)
{
	const int r = stream_flush(&h->client, h->timeout_ms);

	/* Told to stop while the client is slow to read: command() sees to it, end_session() tries once more. */
	if (r < 0 && r != -EINTR)
		lose(h, "lost");
}

/* No further command: the client has gone or is silent (RFC 5321 section 4.5.3.2.7), or we have been told to stop. */
static void
stop(struct handler *h, int error)
{
	if (error == -ETIMEDOUT || error == -ETIME)
		say(h, smtp_timeout(&h->session));
	else if (error == -EINTR)
		say(h, smtp_shutdown(&h->session));
	if (h->end)
		return;
	h->end = limits_reason(&h->client, error);
	if (!h->end)
		lose(h, "lost");
}
