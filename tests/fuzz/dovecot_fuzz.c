// SPDX-License-Identifier: ISC
/*
 * Replies of Dovecot to a login.  A login is right only if there is a line that says so for its
 * number, and the name of the user is one that logs and files can hold.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "session/auth_dovecot.c"
#include "tests/fuzz/folder.h"

#define MAX 60000

static struct sockaddr_un place = { .sun_family = AF_UNIX };

static int
listen_at(void)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)folder_get();
	(void)snprintf(place.sun_path, sizeof place.sun_path, "%s/dovecot", folder_path);
	must(fd >= 0 && bind(fd, (struct sockaddr *)&place, sizeof place) == 0 &&
	    listen(fd, 4) == 0);
	return fd;
}

static void
log_in(struct server_auth *auth)
{
	server_auth_clear(auth);
	must(server_auth_start(auth, SL("PLAIN")));
	server_auth_response(auth, SL("AHUAcA=="));
	must(auth->step == SMTP_AUTH_COMPLETE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int listener = -1;
	static struct server_auth auth;
	const struct peer peer = { .kind = PEER_PIPE };
	char name[SMTP_USER_MAX], words[400];
	int served, r = 1;

	if (size > MAX)
		return 0;
	if (listener < 0)
		listener = listen_at();
	auth_dovecot_hold(place.sun_path);
	held.id = 0;		/* the input has the numbers of a first conversation */
	served = accept(listener, NULL, NULL);
	must(served >= 0 && (size == 0 || write(served, data, size) == (ssize_t)size) &&
	    shutdown(served, SHUT_WR) == 0);
	/* Until the connection is of no use; the next login goes on in the same conversation. */
	for (int i = 0; i < 4 && (r >= 0 || r == -EAGAIN); i++) {
		struct buf user = BUF(name), why = BUF(words);

		log_in(&auth);
		buf_str(&user, "u");
		r = auth_dovecot_check(place.sun_path, &auth, &peer, true, &user, &why);
		must(r <= 1 && !user.full && !slice_has_control(buf_slice(&user)));
		must(r != 1 || (user.n > 0 && memmem(data, size, "OK\t", 3)));
		must(r >= 0 || why.n > 0);
	}
	(void)close(served);
	return 0;
}
