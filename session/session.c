// SPDX-License-Identifier: ISC
/*
 * The answers to the questions of the protocol's state machine.  May this sender send?  Does that
 * recipient exist?  Is the password right?  Can TLS begin?  Is the message stored?  An answer is a
 * verdict or a result; smtp/server_reply.c words it.  Refusals are logged, and so are messages.
 */
#include "session/session.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/clock.h"
#include "base/log.h"
#include "session/auth.h"
#include "session/balancer.h"
#include "session/checks.h"
#include "session/confine.h"
#include "session/limits.h"
#include "session/milters.h"
#include "session/screen.h"
#include "session/secure.h"
#include "session/signals.h"

void
session_lose(struct session *s, const char *why)
{
	s->lost = true;
	s->end = why;
}

/* A client that reads no replies is silent, too. */
static void
lose_writing(struct session *s, int error)
{
	const char *why = limits_reason(&s->client, error);

	session_lose(s, why ? why : "lost");
}

void
session_reply(struct session *s, struct smtp_reply reply)
{
	char space[4096];
	struct buf b = BUF(space);
	int r;

	smtp_reply_format(&b, &reply);
	r = stream_write(&s->client, buf_slice(&b), s->timeout_ms);
	if (r < 0)
		lose_writing(s, r);
}

void
session_flush(struct session *s)
{
	const int r = stream_flush(&s->client, s->timeout_ms);

	/* A signal stops the session before its next command, and the end of the session flushes
	 * once more. */
	if (r < 0 && r != -EINTR)
		lose_writing(s, r);
}

/* AUTH is offered inside TLS or to trusted clients, by a program that has the back end. */
static void
offer_auth(struct session *s)
{
	const enum config_auth back_end = s->config->server.auth;
	const bool here = back_end == AUTH_DOVECOT || (back_end == AUTH_FILE && auth_file_here());
	const bool offered = here && (s->server.tls || session_trusted(s));

	s->server.auth = offered ? &s->auth : NULL;
	s->server.auth_needs_tls = !offered && !s->server.tls && back_end != AUTH_OFF;
	if (offered)
		server_auth_clear(&s->auth);
}

static void
offer_service(struct session *s)
{
	const struct config *config = s->config;
	struct buf literal = BUF(s->literal_space);
	const bool submission = config->server.role == ROLE_SUBMISSION;
	const bool trusted = config_trusts(config, peer_sockaddr(&s->peer));

	s->server = (struct server){
		.hostname = endpoint_name(config->server.hostname, s->start->rfd, &literal),
		.max_message_size = config->server.max_message_size,
		.max_recipients = (unsigned)config->server.max_recipients,
		.max_errors = (unsigned)config->server.max_errors,
		.max_messages = (unsigned)config->server.max_messages,
		.strict = config->server.syntax == SYNTAX_STRICT,
		.lmtp = config->server.role == ROLE_LMTP,
		.refuse = slice_str(config->server.refuse),
		.submission = submission ||
		    (trusted && config->server.submit_trusted &&
			config->server.role != ROLE_LMTP),
		.trusted = trusted,
		.xclient = config_is_proxy(config, peer_sockaddr(&s->peer)),
		.tls = s->tls.version[0] != '\0',
		.now_s = clock_wall_s(),
		.must_authenticate = submission && !trusted,
		.starttls = s->starttls,
		.tls_required = config->server.tls == SERVER_TLS_REQUIRED,
	};
	offer_auth(s);
}

/* Offers depend on TLS and on the client, and a balancer or proxy has not named the client yet. */
static bool
may_log_in(const struct session *s)
{
	return secure_here() || config_trusts(s->config, peer_sockaddr(&s->peer)) ||
	    balancer_is(s->config, &s->peer) ||
	    config_is_proxy(s->config, peer_sockaddr(&s->peer));
}

void
session_confine(struct session *s)
{
	confine_session(&(struct confinement){
	    .config = s->config, .options = s->options, .start = s->start,
	    .tls_later = s->starttls == SMTP_STARTTLS_OFFERED && !secure_here(),
	    .may_log_in = may_log_in(s),
	});
}

/* Read the keys, or see whether another program can; the sandbox closes their paths. */
static void
prepare_tls(struct session *s)
{
	s->starttls = SMTP_STARTTLS_OFF;
	if (!s->start->implicit)
		s->starttls = secure_offer(s->config, s->start);
	else if (secure_prepare(s->config, s->start, &s->start->handover) != SMTP_ACCEPT)
		session_lose(s, "tls");
}

/* If a balancer is in between, it names the client.  True if it does. */
static bool
meet_client(struct session *s, bool network)
{
	const struct handover *handover = &s->start->handover;
	int r;

	peer_find(&s->peer, s->start->rfd);
	if (handover->client.n)
		(void)peer_set(&s->peer, handover->client);
	else if (!network && s->peer.kind == PEER_INET && !s->peer.literal)
		log_text(LOG_LEVEL_WARNING, "REMOTE_ADDR, TCPREMOTEIP or REMOTE_HOST is set, and "
		    "none of them is an address: the client counts as a stranger");
	if (!network || s->start->resumed || !balancer_is(s->config, &s->peer))
		return false;
	session_confine(s);
	r = balancer_ask(s->start->rfd, &s->peer);
	if (r < 0)
		session_lose(s, "proxy-header");
	s->health_check = r == 0;
	return r > 0;
}

void
session_begin(struct session *s, const struct start *start, const struct config *config,
    const struct options *options)
{
	const uint64_t silence_ms = config->server.timeout_ms;
	const int one = 1;
	bool named;
	/* A line may end in LF alone if it comes from a terminal or a pipe.  From the network it
	 * never may: another server takes for two lines what we took for one, and so messages
	 * are smuggled past it. */
	const bool network = endpoint_is_socket(start->rfd);

	s->start = start;
	s->config = config;
	s->options = options;
	s->tally = (struct tally_link){ .desk = start->desk_fd, .fd = -1 };
	s->record = (struct record){ .started_ms = clock_ms() };
	s->newlines = !network || start->lf ? SMTP_LF_TOO :
	    config->server.bare_newline == NEWLINE_NORMALIZE ? SMTP_NORMALIZE : SMTP_CRLF;
	s->timeout_ms = (int)(silence_ms < INT32_MAX ? silence_ms : INT32_MAX);
	content_init(&s->content, start->print_fd);
	stream_init(&s->client, start->rfd, start->wfd);
	s->client.wake_fd = signals_catch(SIGNALS_SESSION);
	/* Before the sandbox, which allows no such option.  It stays on the socket, so not if the
	 * process that started this one may use the socket too. */
	if (network && start->remark_fd >= 0)
		stream_nap(&s->client, &signals_stop);
	prepare_tls(s);
	named = meet_client(s, network);
	limits_session(&s->client, config);
	offer_service(s);
	server_init(&s->smtp, &s->server);
	remarks_begin(s, named);
	if (network && s->peer.kind == PEER_INET)
		(void)setsockopt(start->wfd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

bool
session_has_queue(struct session *s)
{
	if (!s->content.printing && content_find_queue(&s->content) == -EREMOTE)
		(void)checks_queue(s, -EREMOTE);
	return !s->content.elsewhere;
}

enum smtp_verdict
session_has_room(struct session *s)
{
	return checks_queue(s, content_room(s, 0));
}

static enum smtp_verdict
check_vrfy(struct session *s)
{
	const struct policy policy = session_policy(s);

	return policy_verify(&policy, &s->smtp.rcpt);
}

/* STARTTLS: in this program, or in another. */
static struct smtp_reply
check_starttls(struct session *s)
{
	static const struct smtp_reply too_soon = {
		501, S("5.5.1 Error: nothing may follow STARTTLS"), SMTP_NEXT_CLOSE,
	};
	const bool known = s->peer.kind == PEER_INET && s->peer.literal;
	char space[64];
	struct buf client = BUF(space);
	struct handover handover = {
		.rfd = s->client.rfd,
		.wfd = s->client.wfd,
		.print_fd = s->start->print_fd,
		.config_fd = -1,
		.helo = s->smtp.esmtp ? buf_slice(&s->smtp.helo) : SL(""),
	};
	enum smtp_verdict verdict;

	/* Octets in the clear behind STARTTLS could be taken for octets from inside TLS
	 * (CVE-2011-0411). */
	if (stream_ready(&s->client)) {
		s->end = "starttls";
		return too_soon;
	}
	session_flush(s);
	remarks_transaction_end(s, false);
	if (known)
		address_text(&client, peer_sockaddr(&s->peer));
	handover.client = buf_slice(&client);
	verdict = s->end ? SMTP_REFUSE_TLS : secure_prepare(s->config, s->start, &handover);
	if (verdict != SMTP_ACCEPT)
		s->server.starttls = SMTP_STARTTLS_BROKEN;
	return server_decide(&s->smtp, verdict, SL(""));
}

void
session_begin_tls(struct session *s)
{
	remarks_progress(s);		/* another program may go on with this session */
	/* The keys are in memory, and nothing of the client's has been read. */
	session_confine(s);
	if (secure_begin(&s->client, &s->peer, s->timeout_ms, &s->tls) < 0) {
		session_lose(s, "tls");
		return;
	}
	s->server.tls = true;
	server_init(&s->smtp, &s->server);	/* all is forgotten (RFC 3207 section 4.2) */
	s->smtp.xclient = (struct smtp_xclient){ .given = 0 };
	offer_auth(s);
}

/* The client is the one that a proxy has named: nothing that the proxy itself may do counts any
 * more.  A client without an address is a stranger; as STARTTLS may lead to another process, which
 * would ask the socket for the address, there is none. */
static void
meet_named(struct session *s)
{
	const struct smtp_xclient *x = &s->smtp.xclient;
	char space[80];
	struct buf text = BUF(space);

	if (!(x->given & 1U << SMTP_XCLIENT_ADDR))
		return;
	address_text(&text, (const struct sockaddr *)&x->address);
	if (!smtp_xclient_knows(x, SMTP_XCLIENT_ADDR) || !peer_set(&s->peer, buf_slice(&text))) {
		peer_forget(&s->peer);
		s->starttls = SMTP_STARTTLS_OFF;
		return;
	}
	if (smtp_xclient_knows(x, SMTP_XCLIENT_PORT))
		address_set_port((struct sockaddr *)&s->peer.address, x->port);
	remarks_named(s);
}

/* XCLIENT: the session begins anew, with the client that the proxy has named. */
static struct smtp_reply
check_xclient(struct session *s)
{
	const struct smtp_xclient *x = &s->smtp.xclient;
	struct buf literal = BUF(s->literal_space);

	if (milters_met())
		return server_proxied_late(&s->smtp);
	meet_named(s);
	offer_service(s);
	if (!s->config->server.hostname && smtp_xclient_knows(x, SMTP_XCLIENT_DESTADDR))
		s->server.hostname = endpoint_literal(&x->destination, &literal);
	server_init(&s->smtp, &s->server);
	if (smtp_xclient_knows(x, SMTP_XCLIENT_LOGIN))
		server_auth_rename(&s->auth, smtp_xclient_text(x, SMTP_XCLIENT_LOGIN));
	remarks_progress(s);
	return server_proxied(&s->smtp);
}

/* Is the password right?  If it is, the user gets the name of the back end. */
static enum smtp_verdict
check_password(struct session *s)
{
	const char *target = s->config->server.auth_target;
	const unsigned checks = (unsigned)s->config->server.password_checks;
	char text[300], name[SMTP_USER_MAX];
	struct buf why = BUF(text), user = BUF(name);
	int r;

	buf_add(&user, s->auth.user);
	if (s->config->server.auth == AUTH_DOVECOT) {
		r = auth_dovecot_check(target, &s->auth, &s->peer, s->server.tls, &user, &why);
	} else if ((r = logins_wait(&s->logins, &s->client, checks)) < 0) {
		buf_fmt(&why, "%s has too many logins at a time, or all clients have",
		    s->peer.text);
	} else {
		r = auth_file_check(target, &s->auth, &user, &why);
		logins_checked(&s->logins);
	}
	if (r > 0)
		server_auth_rename(&s->auth, buf_slice(&user));
	if (r >= 0)
		return r > 0 ? SMTP_ACCEPT : SMTP_REFUSE_PASSWORD;
	log_text(LOG_LEVEL_ERROR, "AUTH does not work: %s", buf_cstr(&why));
	return SMTP_REFUSE_AUTH;
}

/* A login is refused: that takes longer each time. */
static void
refuse_login(struct session *s, const struct smtp_reply *reply)
{
	if (reply->code != 535)
		return;
	remarks_failed(s, REMARK_LOGIN);
	session_flush(s);
	if (!s->end)
		logins_refused(&s->logins, &s->client);
}

/* A login has come to its end: with a name and a password, or with a name that nobody can have. */
static struct smtp_reply
end_login(struct session *s, struct smtp_reply reply)
{
	enum smtp_verdict verdict = SMTP_REFUSE_PASSWORD;

	logins_begin(&s->logins, &s->peer);
	if (reply.next == SMTP_NEXT_CHECK_AUTH) {
		verdict = check_password(s);
		reply = server_decide(&s->smtp, verdict, SL(""));
	}
	record_auth(s, verdict, &reply);
	if (reply.code == 235)
		remarks_progress(s);
	else
		refuse_login(s, &reply);
	return reply;
}

/* A filter refuses what was asked. */
static struct smtp_reply
refuse(struct session *s, const struct smtp_reply *reply, enum smtp_verdict *ret)
{
	*ret = SMTP_REFUSE_FILTER;
	return server_refuse(&s->smtp, reply);
}

/* Filters see what is accepted so far, and the queue ID.  *ret_from is the sender that is decided
 * about. */
static struct smtp_reply
decide_mail(struct session *s, enum smtp_verdict *ret, struct smtp_path *ret_from)
{
	struct smtp_reply refusal;

	*ret = checks_mail(s);
	smtp_path_copy(ret_from, &s->smtp.from);
	if (*ret == SMTP_ACCEPT) {
		content_begin(s);
		if (!milters_mail(s, &refusal))
			return refuse(s, &refusal, ret);
	}
	return s->content.elsewhere ? server_elsewhere(&s->smtp)
				    : server_decide(&s->smtp, *ret, SL(""));
}

static struct smtp_reply
decide_rcpt(struct session *s, enum smtp_verdict *ret)
{
	const struct policy policy = session_policy(s);
	struct slice why = SL("");
	struct smtp_reply reply;

	*ret = checks_rcpt(s, &s->smtp.rcpt, &why);
	if (*ret == SMTP_ACCEPT && !milters_rcpt(s, &reply))
		return refuse(s, &reply, ret);
	reply = server_decide(&s->smtp, *ret, why);
	if (reply.code == 250) {
		policy_resolve(&policy, &s->smtp.rcpt);
		content_rcpt(s);
	}
	return reply;
}

static struct smtp_reply
decide_data(struct session *s, enum smtp_verdict *ret)
{
	struct smtp_reply refusal;

	if (!milters_data(s, &refusal))
		return refuse(s, &refusal, ret);
	*ret = checks_queue(s, content_open(s));
	return server_decide(&s->smtp, *ret, SL(""));
}

struct smtp_reply
session_decide(struct session *s, struct smtp_reply question)
{
	struct smtp_path from, to;	/* smtp may forget its own */
	struct smtp_reply reply = question;
	enum smtp_verdict verdict = SMTP_ACCEPT;

	smtp_path_copy(&from, &s->smtp.from);
	smtp_path_copy(&to, &s->smtp.rcpt);
	switch (question.next) {
	case SMTP_NEXT_CHECK_MAIL:
		reply = decide_mail(s, &verdict, &from);
		break;
	case SMTP_NEXT_CHECK_RCPT:
		reply = decide_rcpt(s, &verdict);
		break;
	case SMTP_NEXT_CHECK_VRFY:
		verdict = check_vrfy(s);
		reply = server_decide(&s->smtp, verdict, SL(""));
		break;
	case SMTP_NEXT_CHECK_STARTTLS:
		return check_starttls(s);
	case SMTP_NEXT_CHECK_XCLIENT:
		return check_xclient(s);
	case SMTP_NEXT_CHECK_AUTH:
		return end_login(s, question);
	case SMTP_NEXT_CHECK_DATA:
		reply = decide_data(s, &verdict);
		break;
	default:
		return reply.code == 535 ? end_login(s, reply) : reply;
	}
	record_decided(s, question.next, verdict, &from, &to, &reply);
	remarks_decided(s, question.next, &from, &reply);
	return reply;
}

/* Check the content.  If it is the last part, show it to the filters, and make the message
 * durable.  *ret_filter: the reply of a filter, with SMTP_DATA_FILTER. */
static enum smtp_data_result
store_content(struct session *s, bool last, struct smtp_reply *ret_filter)
{
	const enum smtp_data_result wrong = content_check(s);

	if (wrong != SMTP_DATA_QUEUED)
		return wrong;
	if (last && s->content.error == 0 && !screen_message(s, ret_filter))
		return SMTP_DATA_FILTER;
	if (last && milters_discard()) {
		content_drop(&s->content);
		return SMTP_DATA_QUEUED;
	}
	if (s->content.senders_unread) {	/* the queue is not to blame */
		checks_unreadable();
		return SMTP_DATA_LOCAL;
	}
	switch (checks_queue(s, last ? content_commit(s) : s->content.error)) {
	case SMTP_ACCEPT:
		return SMTP_DATA_QUEUED;
	case SMTP_REFUSE_SPACE:
		return SMTP_DATA_SPACE;
	default:
		return SMTP_DATA_LOCAL;
	}
}

int
session_data(struct session *s, struct smtp_reply *ret, unsigned *ret_times)
{
	const int got = content_receive(s);
	enum smtp_data_result result;
	struct smtp_reply filter = { .code = 0 };

	if (got <= 0)
		return got;
	result = store_content(s, true, &filter);
	*ret_times = server_final_replies(&s->smtp);
	*ret = server_end_of_data(&s->smtp, result, content_id(&s->content));
	if (result == SMTP_DATA_FILTER)
		*ret = filter;
	else if (s->content.elsewhere)
		*ret = server_elsewhere(&s->smtp);
	record_message(s, result, ret);
	remarks_transaction_end(s, true);
	if (result == SMTP_DATA_QUEUED)
		remarks_accepted(s);
	content_drop(&s->content);
	milters_message_end();
	return 1;
}

int
session_chunk(struct session *s, struct smtp_reply *ret, unsigned *ret_times)
{
	const bool last = s->smtp.chunk_last;
	enum smtp_data_result result;
	struct smtp_reply filter = { .code = 0 };
	int got, error = 0;

	if (s->smtp.state == SMTP_AT_RCPT)	/* the first chunk */
		error = content_open(s);
	if (error < 0)
		content_fail(&s->content, error);
	got = content_chunk(s);
	/* A filter takes its time, and the client may still wait for the reply to MAIL. */
	if (got > 0 && last && s->config->server.milter)
		session_flush(s);
	if (got <= 0 || s->lost)	/* a client that is gone would send the message again */
		return got < 0 ? got : 0;
	result = store_content(s, last, &filter);
	*ret_times = last ? server_final_replies(&s->smtp) : 1;
	*ret = server_end_of_chunk(&s->smtp, result, content_id(&s->content));
	if (result == SMTP_DATA_FILTER)
		*ret = filter;
	else if (s->content.elsewhere)
		*ret = server_elsewhere(&s->smtp);
	if (last || result != SMTP_DATA_QUEUED) {
		record_message(s, result, ret);
		remarks_transaction_end(s, true);
	}
	if (last && result == SMTP_DATA_QUEUED)
		remarks_accepted(s);
	if (s->smtp.state != SMTP_AT_CHUNK) {
		content_drop(&s->content);
		milters_message_end();
	}
	return 1;
}
