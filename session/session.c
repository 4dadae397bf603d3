// SPDX-License-Identifier: ISC
/*
 * Where the session has a question: may this sender, does that recipient exist, can a message be stored, is
 * the password right, can TLS begin?  Asks who knows, and logs what was refused.
 */
#include "session/session.h"

#include "session/confine.h"
#include "session/login.h"
#include "session/receive.h"
#include "session/secure.h"

static enum smtp_verdict
check_mail(struct session *h)
{
	const enum smtp_verdict verdict = policy_sender(&h->policy, &h->session.from);

	if (verdict != SMTP_ACCEPT)
		return verdict;
	if (h->record.transactions >= h->config->server.max_messages) {
		h->end = "messages";
		return SMTP_REFUSE_MESSAGES;
	}
	return receive_verdict(h->config, content_room(&h->message, h->session.declared_size));
}

/* STARTTLS: here, or in another program. */
static struct smtp_reply
check_starttls(struct session *h)
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
	session_flush(h);
	if (known)
		address_text(&client, peer_sockaddr(&h->peer));
	handover.client = buf_slice(&client);
	verdict = h->end ? SMTP_REFUSE_TLS : secure_prepare(h->config, h->options, &handover);
	if (verdict != SMTP_ACCEPT)
		h->server.starttls = SMTP_STARTTLS_BROKEN;
	return server_decide(&h->session, verdict, SL(""));
}

void
session_offer_auth(struct session *h)
{
	const bool offered = login_offered(h->config, h->server.tls, h->policy.trusted);

	h->server.auth = offered ? &h->auth : NULL;
	h->server.auth_needs_tls = !offered && !h->server.tls && h->config->server.auth != AUTH_OFF;
	if (offered)
		server_auth_clear(&h->auth);
}

static struct smtp_reply
check_auth(struct session *h)
{
	const enum smtp_verdict verdict = login_check(h->config, &h->auth, &h->peer, h->server.tls);
	const struct smtp_reply reply = server_decide(&h->session, verdict, SL(""));

	if (reply.code == 235) {
		h->policy.trusted = true;
		h->policy.user = h->auth.user;
	} else {
		record_auth(&h->record, &reply);
	}
	return reply;
}

void
session_begin_tls(struct session *h)
{
	/* The keys are in memory, nothing of the client's has been read. */
	confine(SANDBOX_SESSION, h->config, h->options, h->start->print_fd >= 0);
	if (secure_begin(&h->client, &h->peer, h->timeout_ms, &h->tls) < 0) {
		session_lose(h, "tls");
		return;
	}
	h->server.tls = true;
	session_offer_auth(h);
	server_init(&h->session, &h->server);	/* RFC 3207 section 4.2: all is forgotten */
}

/* Where the session needs to know what only we can find out. */
struct smtp_reply
session_decide(struct session *h, struct smtp_reply question)
{
	struct server_session *s = &h->session;
	const struct smtp_path from = s->from, to = s->rcpt;	/* for the log: the session may forget them */
	struct slice why = SL("");
	struct smtp_reply reply = question;
	enum smtp_verdict verdict;

	switch (question.next) {
	case SMTP_NEXT_CHECK_MAIL:
		reply = server_decide(s, check_mail(h), why);
		if (reply.code == 250)
			content_begin(&h->message);
		break;
	case SMTP_NEXT_CHECK_RCPT:
		h->policy.sender = smtp_path_text(&s->from);
		verdict = policy_recipient(&h->policy, &s->rcpt, &why);
		reply = server_decide(s, verdict, why);
		if (reply.code == 250)
			content_rcpt(&h->message);
		break;
	case SMTP_NEXT_CHECK_VRFY:
		reply = server_decide(s, policy_verify(&h->policy, &s->rcpt), why);
		break;
	case SMTP_NEXT_CHECK_STARTTLS:
		return check_starttls(h);
	case SMTP_NEXT_CHECK_AUTH:
		return check_auth(h);
	case SMTP_NEXT_CHECK_DATA:
		reply = server_decide(s, receive_verdict(h->config, content_open(&h->message)), why);
		break;
	default:
		return reply;
	}
	record_decided(&h->record, question.next, &from, &to, &reply);
	return reply;
}
