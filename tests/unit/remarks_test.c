// SPDX-License-Identifier: ISC
#include "session/remarks.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "session/session.h"
#include "session/signals.h"
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

static bool
readable(int fd)
{
	return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) == 1;
}

/* A listener: it reads the remark, notes that in a pipe, and sends the signal.  Had it noted that
 * when the session went on? */
static bool
waits_for(int remarks, int number)
{
	char octet[64];
	int noted[2];
	bool first;
	pid_t pid;

	if (pipe(noted) < 0 || (pid = fork()) < 0)
		return false;
	if (pid == 0)
		_exit(recv(remarks, octet, sizeof octet, 0) < 1 || write(noted[1], "", 1) < 1 ||
		      kill(getppid(), number) < 0);
	first = offers_tls() && readable(noted[0]);
	(void)close(noted[0]);
	(void)close(noted[1]);
	return waitpid(pid, NULL, 0) == pid && first;
}

/* A listener that never answers. */
static bool
goes_on(int remarks)
{
	const int64_t begun_ms = clock_ms();
	char octet[64];

	return offers_tls() && clock_ms() - begun_ms >= 3000 &&
	       recv(remarks, octet, sizeof octet, MSG_DONTWAIT) > 0;
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
	session.client.wake_fd = signals_catch(SIGNALS_SESSION);
	ok(waits_for(ends[1], SIGURG), "and with one that admits the client, which waits for that");
	ok(!readable(session.client.wake_fd) && !signals_stop, "then nothing ends the session");
	ok(goes_on(ends[1]), "a listener that is slow admits everybody after three seconds");
	(void)raise(SIGURG);
	ok(!readable(session.client.wake_fd), "whose late answer does not end the session");
	ok(waits_for(ends[1], SIGUSR2), "and with one that ends the session");
	ok(readable(session.client.wake_fd) && signals_stop == SIGUSR2, "which then ends");
	while (send(ends[0], &octet, 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	ok(!offers_tls(), "but not if the listener has no time for it");
	(void)close(ends[1]);
	ok(!offers_tls(), "nor if it is gone");
	return tap_done();
}
