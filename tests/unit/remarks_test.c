// SPDX-License-Identifier: ISC
#include "session/remarks.h"

#include <sys/socket.h>
#include <unistd.h>

#include "session/session.h"
#include "tests/lib/tap.h"

static struct session session;

/* A proxy names a client.  Is STARTTLS offered then? */
static bool
offers_tls(void)
{
	session.starttls = session.server.starttls = SMTP_STARTTLS_OFFERED;
	(void)peer_set(&session.peer, SL("192.0.2.7"));
	remarks_named(&session);
	return session.starttls == SMTP_STARTTLS_OFFERED &&
	       session.server.starttls == SMTP_STARTTLS_OFFERED;
}

int
main(void)
{
	const char octet = 0;
	int ends[2];

	session.remarks.fd = -1;
	ok(offers_tls(), "without a listener, STARTTLS is offered to a named client");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return 1;
	session.remarks.fd = ends[0];
	ok(offers_tls(), "and with one that hears of it");
	while (send(ends[0], &octet, 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	ok(!offers_tls(), "but not if the listener has no time for it");
	(void)close(ends[1]);
	ok(!offers_tls(), "nor if it is gone");
	return tap_done();
}
