// SPDX-License-Identifier: ISC
/*
 * The peer of a descriptor.  A peer that cannot be determined is an unknown network peer, never a
 * local one, because local peers are trusted.
 */
#include "net/peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cidr.h"

void
peer_forget(struct peer *p)
{
	p->kind = PEER_INET;
	memset(&p->address, 0, sizeof p->address);
	p->address.ss_family = AF_UNSPEC;
	p->address_len = sizeof p->address;
	p->literal = false;
	memcpy(p->text, PEER_UNKNOWN, sizeof PEER_UNKNOWN);
}

static void
set_inet(struct peer *p)
{
	struct sockaddr_storage shown;
	struct buf text = BUF(p->text);

	p->kind = PEER_INET;
	address_unmap(&p->address, &p->address_len);
	shown = p->address;
	if (shown.ss_family == AF_INET6) {
		/* An address literal has no scope (RFC 5321 section 4.1.3). */
		((struct sockaddr_in6 *)&shown)->sin6_scope_id = 0;
		buf_str(&text, "IPv6:");
	}
	address_text(&text, (const struct sockaddr *)&shown);
	(void)buf_cstr(&text);
	p->literal = true;
}

static void
set_user(struct peer *p, enum peer_kind kind, unsigned uid)
{
	struct buf text = BUF(p->text);

	p->kind = kind;
	p->uid = uid;
	buf_str(&text, "uid ");
	buf_uint(&text, uid);
	(void)buf_cstr(&text);
}

/* socat and ncat hand a client over by a pipe or a socketpair.  They set these variables for other
 * kinds of clients, too: only an address counts. */
static bool
carried_peer(struct peer *p)
{
	static const char *const names[] = { "SOCAT_PEERADDR", "NCAT_REMOTE_ADDR" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *value = getenv(names[i]);
		struct slice s = slice_str(value ? value : "");

		if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
			s = slice_of(s.p + 1, s.n - 2);
		if (peer_set(p, s))
			return true;
	}
	return false;
}

/* fd is a pipe: of a test, or of a proxy that gives the client's address in the environment. */
static void
pipe_peer(struct peer *p)
{
	static const char *const names[] = { "REMOTE_ADDR", "TCPREMOTEIP", "REMOTE_HOST" };
	bool proxy = false;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *value = getenv(names[i]);

		if (value && address_parse(slice_str(value), 0, &p->address, &p->address_len)) {
			set_inet(p);
			return;
		}
		proxy |= value != NULL;
	}
	/* A proxy speaks for somebody whose address cannot be read. */
	if (proxy)
		peer_forget(p);
	else if (!carried_peer(p))
		set_user(p, PEER_PIPE, (unsigned)getuid());
}

void
peer_find(struct peer *p, int fd)
{
	struct ucred cred;
	socklen_t cred_len = sizeof cred;

	peer_forget(p);
	p->uid = 0;
	p->address_len = sizeof p->address;
	if (getpeername(fd, (struct sockaddr *)&p->address, &p->address_len) < 0) {
		if (errno == ENOTSOCK)
			pipe_peer(p);
		else
			peer_forget(p);	/* reset before this call, or no descriptor at all */
		return;
	}
	switch (p->address.ss_family) {
	case AF_INET:
	case AF_INET6:
		set_inet(p);
		break;
	case AF_UNIX:
		if (carried_peer(p))
			break;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_len) == 0)
			set_user(p, PEER_UNIX, (unsigned)cred.uid);
		else
			peer_forget(p);
		break;
	default:
		peer_forget(p);
	}
}

bool
peer_set(struct peer *p, struct slice address)
{
	struct sockaddr_storage ss;
	socklen_t len;

	if (!address_parse(address, 0, &ss, &len))
		return false;
	p->address = ss;
	p->address_len = len;
	set_inet(p);
	return true;
}

const struct sockaddr *
peer_sockaddr(const struct peer *p)
{
	return p->kind == PEER_INET ? (const struct sockaddr *)&p->address : NULL;
}
