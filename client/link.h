// SPDX-License-Identifier: ISC
/*
 * An open connection to a host: commands out, replies in.  Private to the room.
 */
#ifndef CLIENT_LINK_H
#define CLIENT_LINK_H

#include "config/config.h"
#include "attempt/outcome.h"
#include "attempt/transcript.h"
#include "net/stream.h"
#include "net/tls.h"
#include "smtp/client_offer.h"

#define LINK_DOMAINS 64		/* the most in one session if the peer sets a limit */

struct smtp_link {
	int fd;
	bool closed;			/* broken, or ended by 421: no more commands */
	bool lmtp;			/* LHLO, and a final reply for each recipient (RFC 2033) */
	bool verified;			/* inside TLS, with a verified certificate */
	/* The host's name is proven by DNSSEC or MTA-STS, or a route names the host. */
	bool named;
	/* Opened without the demands of the host's domain, as its message waives them. */
	bool waived;
	bool ours;			/* greeted as our own server does: mail would loop */
	bool dirty;			/* a transaction is open: RSET before the next */
	unsigned transactions;		/* transactions so far */
	unsigned ndomains;
	uint64_t domains[LINK_DOMAINS];	/* hashes of the recipients' domains so far */
	int64_t opened_ms;		/* monotonic */
	int64_t until_ms;		/* monotonic: it gets further messages until then */
	int64_t end_ms;			/* monotonic: no reply is waited for after; 0: for ever */
	int64_t latency_us;		/* from connect() to the first octet of its greeting */
	const struct config *config;
	struct transcript *transcript;	/* a record of the session; NULL: none */
	struct client_offer peer;
	struct smtp_peer_reply reply;	/* the last one */
	bool greeted;			/* its greeting was good */
	bool silent;			/* it refused EHLO, but may know it: its offer is unknown */
	bool downgraded;		/* it is spared TLS, as that has failed */
	bool good;			/* inside TLS, with a certificate for its name */
	bool resumed;			/* inside TLS, by a ticket */
	/* TLS failed with a ticket, or the host closed there: a new connection may go better. */
	bool again;
	bool tls_failed;		/* TLS was offered, and failed */
	bool tls_broke;			/* the connection broke there, perhaps by accident */
	enum tls_fault fault;		/* of its certificate, if that was looked at */
	char tls[140];			/* as in struct outcome */
	bool ipv4_left;			/* over IPv6, and IPv4 addresses are left to try */
	bool others;			/* other hosts were left to try when it was opened */
	bool alone;			/* the destination has no other host */
	bool took_mail;			/* it has accepted a MAIL */
	/* It refused MAIL for now, and no other host was left: the next message is its own, too. */
	bool last_resort;
	bool served;			/* it has accepted a content */
	bool took_chunk;		/* it knows BDAT */
	bool by_data;			/* BDAT failed with this host lately: send DATA */
	bool proven;			/* the host has completed a transaction */
	char key[64];			/* the key in the table of hosts: "192.0.2.1:25" */
	char host[300];			/* "mx1.example[192.0.2.1]:25" */
	struct stream stream;
};

/* Make a link over a connected descriptor, which the link closes.  NULL without memory: fd is
 * closed then. */
struct smtp_link *link_new(int fd, const char *host, const struct config *c,
    struct transcript *transcript);
/* Send QUIT unless the link is closed, and close; NULL is fine. */
void link_done(struct smtp_link *l);

/*
 * For how long a link gets further messages.  After that the best host may be another one, or be
 * new in the DNS, whose answer is good for ttl_s.  A host whose greeting takes latency_us is left
 * later, so that to begin again takes a tenth of the time at most.
 */
int64_t link_life_ms(uint32_t ttl_s, int64_t latency_us);

/* Can a link be used that was idle?  Nothing is sent; any input means no. */
bool link_alive(struct smtp_link *l);

/* May this session have a recipient of this domain (LIMITS RCPTDOMAINMAX)?  If so, it counts. */
bool link_domain(struct smtp_link *l, struct slice domain);

/* Queue a command line with its CRLF.  It leaves with the next wait for a reply.  0 or -errno. */
int link_command(struct smtp_link *l, struct slice line);
/* Queue a command line that holds a secret.  The transcript gets `shown` in its place.  0 or
 * -errno. */
int link_secret(struct smtp_link *l, struct slice line, struct slice shown);
/* Send all that is queued, within the time for a block of content.  0 or -errno. */
int link_flush(struct smtp_link *l);
/* Read one whole reply into l->reply, within timeout_ms in all.  0; -EPROTO if it is malformed;
 * -ECONNRESET at EOF; -ETIMEDOUT, -errno.  After an error, and after 421, the link is closed. */
int link_reply(struct smtp_link *l, uint64_t timeout_ms);
/* The same of the reply to EHLO or LHLO: the keywords come into l->peer. */
int link_offer(struct smtp_link *l, uint64_t timeout_ms);
/* Has the time of the transaction passed? */
bool link_overdue(const struct smtp_link *l);
/* Has the host, or something on the way to it, broken the link?  A network that is cut shows as
 * octets that nobody acknowledges, and an error of this end says nothing of the host. */
bool link_broke(const struct smtp_link *l, int error);
/* After a write that failed: is there a reply that came before the connection broke?  Then it is in
 * l->reply. */
bool link_late_reply(struct smtp_link *l);

/* The outcome of such an error; doing is "RCPT TO", or another step. */
void link_outcome(const struct smtp_link *l, int error, const char *doing, struct outcome *o);

/* Milliseconds for poll(2). */
int link_timeout(uint64_t ms);

#endif
