// SPDX-License-Identifier: ISC
/*
 * Sessions ask a registry which users exist.  The first octet chooses the side: a datagram to the
 * registry, or answers to a session, each behind an octet of flags.
 */
#include "maildir/registry.c"

#include <sys/un.h>

#include "base/slice.h"
#include "tests/fuzz/folder.h"

enum { RIGHT_ID = 1, RIGHT_VERSION = 2, CUT = 4 };

/* A question is answered with its number, or it ends the connection. */
static void
ask_registry(struct slice octets)
{
	const struct registry r = { .min_uid = 1000 };
	struct users_question question = { .version = 0 };
	struct users_answer reply;
	int pair[2];
	bool good;

	memcpy(&question, octets.p ? octets.p : "",
	    octets.n < sizeof question ? octets.n : sizeof question);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	must(send(pair[0], octets.n ? octets.p : "", octets.n, 0) == (ssize_t)octets.n);
	good = answer(&r, pair[1]);
	must(good == (octets.n == sizeof question && question.version == USERS_VERSION &&
	    memchr(question.name, '\0', sizeof question.name)));
	if (good)
		must(recv(pair[0], &reply, sizeof reply, 0) == sizeof reply &&
		    reply.id == question.id && reply.version == USERS_VERSION &&
		    reply.verdict <= USERS_TROUBLE);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static int
listen_at(struct sockaddr_un *place)
{
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)folder_get();
	(void)snprintf(place->sun_path, sizeof place->sun_path, "%s/users", folder_path);
	must(fd >= 0 && bind(fd, (struct sockaddr *)place, sizeof *place) == 0 &&
	    listen(fd, 4) == 0);
	return fd;
}

/* A user exists only if the registry says so for this question. */
static void
ask_for_user(struct slice rest)
{
	static struct sockaddr_un place = { .sun_family = AF_UNIX };
	static int listener = -1;
	static uint32_t asked;
	bool said = false;
	int served, r;

	if (listener < 0)
		listener = listen_at(&place);
	users_hold(place.sun_path);
	served = accept(listener, NULL, NULL);
	must(served >= 0);
	asked++;
	for (int i = 0; i < 64 && rest.n; i++) {
		const unsigned flags = (unsigned char)rest.p[0];
		struct users_answer a = { .version = 0 };
		size_t n = sizeof a;

		rest = slice_skip(rest, 1);
		n = rest.n < n ? rest.n : n;
		memcpy(&a, rest.p ? rest.p : "", n);
		rest = slice_skip(rest, n);
		a.id += flags & RIGHT_ID ? asked : 0;
		if (flags & RIGHT_VERSION)
			a.version = USERS_VERSION;
		said |= (!(flags & CUT) || n == sizeof a) && a.id == asked &&
		    a.verdict == USERS_EXISTS;
		must(send(served, &a, flags & CUT ? n : sizeof a, 0) >= 0);
	}
	must(shutdown(served, SHUT_WR) == 0);
	r = users_ask(SL("anna"));
	must(r <= 1 && (r != 1 || said));
	users_close();
	(void)close(served);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice octets = slice_of((const char *)data + 1, size ? size - 1 : 0);

	if (size && size < 4096 && data[0] == 'q')
		ask_registry(octets);
	else if (size && size < 4096)
		ask_for_user(octets);
	return 0;
}
