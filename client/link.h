// SPDX-License-Identifier: ISC
/*
 * An open connection to an exchanger: commands out, replies in.
 * Private to the room: client/connect opens links, client/transaction uses them.
 */
#ifndef CLIENT_LINK_H
#define CLIENT_LINK_H

#include "config/config.h"
#include "attempt/outcome.h"
#include "attempt/transcript.h"
#include "net/stream.h"
#include "smtp/client_offer.h"

#define LINK_DOMAINS 64		/* more than so many in a session are never asked for where there is a limit */

struct smtp_link {
	int fd;
	bool closed;			/* broken, or the peer has said 421: nothing more to be said */
	bool lmtp;			/* RFC 2033: LHLO, and a reply to the content for each recipient */
	bool verified;			/* inside TLS, with a certificate that it should have */
	bool ours;			/* it greeted as our own server does: mail would go round */
	bool dirty;			/* a transaction is open there: RSET before the next */
	unsigned transactions;		/* begun so far */
	unsigned ndomains;
	uint64_t domains[LINK_DOMAINS];	/* hashes of those that were asked for, where the peer wants few */
	int64_t latency_us;		/* from connect() to the first octet of its greeting */
	const struct config *config;
	struct transcript *transcript;	/* where the talk is recorded; NULL: nowhere */
	struct client_offer peer;
	struct smtp_peer_reply reply;	/* the last one */
	bool tls_failed;		/* it can do TLS, and then it could not: better luck without */
	char tls[100];			/* as in struct outcome */
	bool ipv4_left;			/* over IPv6, and there are IPv4 addresses to try as well */
	bool proven;			/* went through a transaction */
	char key[64];			/* of the table of hosts: "192.0.2.1:25" */
	char host[300];			/* "mx1.example[192.0.2.1]:25" */
	struct stream stream;
};

/* Over a connected descriptor, which becomes the link's.  NULL without memory (fd is then closed). */
struct smtp_link *link_new(int fd, const char *host, const struct config *c, struct transcript *transcript);
/* QUIT, where that makes sense, and close; NULL is fine. */
void link_done(struct smtp_link *l);

/* Is a link that was left alone still good?  Without asking: nothing may have come in. */
bool link_alive(struct smtp_link *l);

/* May a recipient of this domain be asked for in this session (LIMITS RCPTDOMAINMAX)?  Then it counts. */
bool link_domain(struct smtp_link *l, struct slice domain);

/* Queue a command line (with its CRLF): it leaves when the next reply is waited for.  0 or -errno. */
int link_command(struct smtp_link *l, struct slice line);
/* The same for a line that holds a secret: recorded as `shown` only. */
int link_secret(struct smtp_link *l, struct slice line, struct slice shown);
/* What was queued leaves now, within the time for a block of content.  0 or -errno. */
int link_flush(struct smtp_link *l);
/* One whole reply into l->reply, within timeout_ms in all.  0; -EPROTO when it makes no sense;
 * -ECONNRESET at EOF; -ETIMEDOUT, -errno.  After an error, and after 421, the link is closed. */
int link_reply(struct smtp_link *l, uint64_t timeout_ms);
/* A reply that came before the connection broke under our writing, if there is one: true, and it is
 * in l->reply. */
bool link_last_words(struct smtp_link *l);

/* What an error of these means for the message; doing: "RCPT TO". */
void link_outcome(const struct smtp_link *l, int error, const char *doing, struct outcome *o);

/* Milliseconds for poll(2). */
int link_timeout(uint64_t ms);

#endif
