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
#include "server/front.h"
#include "server/policy.h"
#include "server/process.h"
#include "server/receive.h"
#include "server/signals.h"
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
	char literal_space[TRACE_LITERAL_MAX];
	struct stream client;
	struct message message;
};

/* What the command line asks for besides the configuration. */
struct wishes {
	const char *listen[LISTEN_MAX];
	size_t nlisten;
	bool print;
	bool stderr_is_socket;		/* as it was given to us; the client, perhaps */
};

/* Where a session is held. */
struct place {
	int rfd, wfd;
	int print_fd;			/* --print: where to; -1 */
};

static struct options options;
static struct config config;
static struct handler handler;

static int wish(void *ctx, int val, const char *argument);
static int find_client(const struct wishes *w, struct place *place);
static void serve(const struct place *place);
static void begin_session(struct handler *h, const struct place *place);
static void end_session(struct handler *h);
static void command(struct handler *h);
static void answer(struct handler *h, struct slice line, struct smtp_reply reply);
static struct smtp_reply decide(struct handler *h, struct smtp_reply question);
static void take_message(struct handler *h, struct smtp_reply reply);
static void say(struct handler *h, struct smtp_reply reply);
static void flush(struct handler *h);
static void stop(struct handler *h, int error);

enum { OPTION_LISTEN = OPTION_OWN, OPTION_PRINT };

static const struct option own_options[] = {
	{ "listen", required_argument, NULL, OPTION_LISTEN },
	{ "print", no_argument, NULL, OPTION_PRINT },
	{ NULL, 0, NULL, 0 },
};

static const struct program program = {
	.name = "smtp-handler",
	.usage = "usage: smtp-handler [-c FILE] [-o SECTION.KEY=VALUE]... [--listen ADDR:PORT]... [--print]\n"
		 "       smtp-handler --check | --version | --help\n"
		 "\n"
		 "Receives mail by SMTP on standard input and output, and queues it.\n"
		 "\n"
		 "  -c FILE               configuration (" CONFIG_DEFAULT_FILE ")\n"
		 "  -o SECTION.KEY=VALUE  overrides the configuration\n"
		 "  --listen ADDR:PORT    accept connections there, a fresh process for each\n"
		 "  --print               show messages (on stdout of a listener, else on stderr)\n"
		 "                        instead of queueing them\n"
		 "  --check               only check the configuration\n"
		 "\n"
		 "smtp-handler(8) and smtp-handler.conf(5) say more.\n",
	.options = own_options,
};

int
main(int argc, char **argv)
{
	struct wishes wishes = { .stderr_is_socket = process_is_socket(STDERR_FILENO) };
	struct place place = { STDIN_FILENO, STDOUT_FILENO, -1 };
	int r;

	process_prepare();
	log_open(program.name);
	r = options_parse(&options, &program, argc, argv, wish, &wishes);
	if (r >= 0)
		return r;
	r = options_config(&options, &config);
	if (r >= 0)
		return r;
	r = find_client(&wishes, &place);
	if (r >= 0)
		return r;
	serve(&place);
	return EX_OK;
}

static int
wish(void *ctx, int val, const char *argument)
{
	struct wishes *w = ctx;

	if (val == OPTION_PRINT) {
		w->print = true;
	} else if (w->nlisten < LISTEN_MAX) {
		w->listen[w->nlisten++] = argument;
	} else {
		log_text(LOG_LEVEL_ERROR, "more than %d addresses to listen on", LISTEN_MAX);
		return EX_USAGE;
	}
	return 0;
}

/* RFC 2033 section 5: who connects to port 25 speaks SMTP. */
static bool
misplaced(int fd)
{
	if (config.server.role != ROLE_LMTP || process_port(fd) != 25)
		return false;
	log_text(LOG_LEVEL_ERROR, "[server] role = lmtp cannot be on port 25, which is SMTP's");
	return true;
}

/* Wait for a client, where we listen, and say where it is.  -1 (for a listener in a fresh process), or an exit status. */
static int
find_client(const struct wishes *w, struct place *place)
{
	static struct listener listener;
	int fd = -1;
	int r = front_open(&listener, w->listen, w->nlisten, &fd);

	if (r != 0)
		return r;
	for (size_t i = 0; i < listener.n; i++)
		if (misplaced(listener.fds[i]))
			return EX_CONFIG;
	if (w->print)
		place->print_fd = listener.n ? STDOUT_FILENO : STDERR_FILENO;
	if (listener.n) {
		r = front_accept(&listener, &options, &config, &fd);
		if (r >= 0)
			return r;
	} else if (w->print && w->stderr_is_socket && !process_is_socket(STDERR_FILENO)) {
		/* log_open() has seen to it that nothing is written to the client. */
		log_text(LOG_LEVEL_ERROR, "--print: standard error is a socket, as under inetd; use --listen instead");
		return EX_CONFIG;
	}
	if (fd >= 0)
		place->rfd = place->wfd = fd;
	return misplaced(place->rfd) ? EX_CONFIG : -1;
}

static void
serve(const struct place *place)
{
	struct handler *h = &handler;

	begin_session(h, place);
	say(h, smtp_greeting(&h->session));
	flush(h);
	while (!h->end)
		command(h);
	end_session(h);
}

static void
begin_session(struct handler *h, const struct place *place)
{
	const int one = 1;
	struct buf literal = BUF(h->literal_space);
	/* By hand and from a script a line may end in LF alone.  From the network never: what is one line to us and two
	 * to another server is how messages are smuggled past it. */
	const bool network = process_is_socket(place->rfd);

	h->record = (struct record){ .peer = &h->peer, .session = &h->session, .started_ms = clock_ms() };
	h->newlines = !network ? SMTP_LF_TOO :
	    config.server.bare_newline == NEWLINE_NORMALIZE ? SMTP_NORMALIZE : SMTP_CRLF;
	h->timeout_ms = (int)(config.server.timeout_ms < INT32_MAX ? config.server.timeout_ms : INT32_MAX);
	peer_find(&h->peer, place->rfd);
	h->policy = (struct policy){ &config, config_trusts(&config, peer_sockaddr(&h->peer)) };
	h->server = (struct smtp_server){
		.hostname = trace_own_name(config.server.hostname, place->rfd, &literal),
		.max_message_size = config.server.max_message_size,
		.max_recipients = (unsigned)config.server.max_recipients,
		.max_errors = (unsigned)config.server.max_errors,
		.strict = config.server.syntax == SYNTAX_STRICT,
		.lmtp = config.server.role == ROLE_LMTP,
		.refuse = slice_str(config.server.refuse),
		.submission = config.server.role == ROLE_SUBMISSION,
		.must_authenticate = config.server.role == ROLE_SUBMISSION && !h->policy.trusted,
	};
	smtp_session_init(&h->session, &h->server);
	message_init(&h->message, &config, &h->peer, &h->session, place->print_fd);
	stream_init(&h->client, place->rfd, place->wfd);
	h->client.wake_fd = signals_catch(SIGNALS_SESSION);
	if (network && h->peer.kind == PEER_INET)
		(void)setsockopt(place->wfd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
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
	if (!h->lost && stream_flush(&h->client, LAST_WORDS_MS) == 0 && !h->client.eof)
		linger(h);
	record_end(&h->record, h->end);
}

/* One command line in, and what it leads to. */
static void
command(struct handler *h)
{
	struct slice line = SL("");
	bool crlf = true;
	int r;

	if (signals_stop) {
		stop(h, -EINTR);
		return;
	}
	r = stream_line(&h->client, SMTP_COMMAND_MAX, h->timeout_ms, &line, &crlf);
	if (r == -EMSGSIZE) {
		r = stream_skip_line(&h->client, h->newlines != SMTP_LF_TOO, h->timeout_ms);
		if (r > 0)
			answer(h, line, smtp_overlong(&h->session));
	} else if (r > 0 && !crlf && h->newlines != SMTP_LF_TOO) {
		say(h, (struct smtp_reply){ 500, SL("5.5.2 Error: a line must end in <CR><LF>"), SMTP_NEXT_CLOSE });
		h->end = "bare-newline";
	} else if (r > 0) {
		answer(h, line, smtp_command(&h->session, line));
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
	else if (reply.next == SMTP_NEXT_CLOSE && !h->end)
		h->end = reply.code == 221 ? "quit" : "errors";
}

static enum smtp_verdict
check_mail(struct handler *h)
{
	const enum smtp_verdict verdict = policy_sender(&h->policy, &h->session.from);

	if (verdict != SMTP_ACCEPT)
		return verdict;
	return receive_verdict(&config, message_room(&h->message, h->session.declared_size));
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

	h->policy.trusted = h->policy.trusted || s->authenticated;
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

	if (reply.next == SMTP_NEXT_DATA)
		r = receive_data(&receive, &reply, &times);
	else if (reply.next == SMTP_NEXT_CHUNK)
		r = receive_chunk(&receive, &reply, &times);
	else
		r = receive_discard(&receive);
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
lose(struct handler *h)
{
	h->lost = true;
	h->end = "lost";
}

static void
say(struct handler *h, struct smtp_reply reply)
{
	char space[4096];
	struct buf b = BUF(space);

	smtp_reply_format(&b, &reply);
	if (stream_write(&h->client, buf_slice(&b), h->timeout_ms) < 0)
		lose(h);
}

static void
flush(struct handler *h)
{
	const int r = stream_flush(&h->client, h->timeout_ms);

	/* Told to stop while the client is slow to read: command() sees to it, end_session() tries once more. */
	if (r < 0 && r != -EINTR)
		lose(h);
}

/* No further command: the client has gone or is silent (RFC 5321 section 4.5.3.2.7), or we have been told to stop. */
static void
stop(struct handler *h, int error)
{
	if (error == -ETIMEDOUT)
		say(h, smtp_timeout(&h->session));
	else if (error == -EINTR)
		say(h, smtp_shutdown(&h->session));
	if (h->end)
		return;
	if (error == 0)
		h->end = "eof";
	else if (error == -ETIMEDOUT)
		h->end = "timeout";
	else if (error == -EINTR)
		h->end = "shutdown";
	else
		lose(h);
}
