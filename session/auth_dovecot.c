// SPDX-License-Identifier: ISC
/*
 * Dovecot is asked by version 1 of its auth-client protocol: lines of fields with tabs between
 * them.  Dovecot delays its answer to a wrong password, so guessing is slow.
 */
#include "session/auth.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cidr.h"
#include "base/clock.h"
#include "base/large.h"
#include "net/stream.h"

#define CONNECT_MS 2000		/* a session must not wait long before its greeting */
#define DOVECOT_MS 60000	/* for the whole exchange */
#define LINE_OCTETS 8192
#define LINES_MAX 200

static LARGE struct stream dovecot;	/* one exchange at a time */
static struct {
	int fd;			/* or -errno of connecting */
	bool greeted;		/* the handshake is over */
	unsigned id;		/* of the last request */
} held = { .fd = -ENOTCONN };

/* error: -errno, or 0 for the end of the connection. */
static int
explain_failure(struct buf *why, const char *path, int error)
{
	const char *text = strerror(-error);

	if (error == -EPROTO)
		text = "the server does not speak Dovecot's auth-client protocol";
	else if (error == 0)
		text = "Dovecot closed the connection";
	buf_fmt(why, "%s: %s", path, text);
	return error ? error : -ECONNRESET;
}

/* A socket, or -errno. */
static int
open_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = CONNECT_MS / 1000 };
	int r, fd;

	if (strlen(path) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* connect(2) blocks while too many other clients wait. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	return fd;
}

void
auth_dovecot_hold(const char *path)
{
	held.fd = open_socket(path);
	if (held.fd >= 0)
		stream_init(&dovecot, held.fd, held.fd);
}

/* The next line: its first field, and the rest.  The results of stream_line(). */
static int
next_line(struct slice *ret_word, struct slice *ret_rest)
{
	struct slice line;
	bool crlf;
	const int r = stream_line(&dovecot, LINE_OCTETS, DOVECOT_MS, &line, &crlf);

	if (r > 0)
		*ret_word = slice_cut(line, '\t', ret_rest);
	return r;
}

/* The handshake, up to DONE.  1, 0 at the end of the connection, or -errno. */
static int
shake_hands(void)
{
	bool version = false, plain = false;
	char space[64];
	struct buf hello = BUF(space);
	struct slice word, rest;
	int r;

	buf_fmt(&hello, "VERSION\t1\t2\nCPID\t%d\n", (int)getpid());
	r = stream_write(&dovecot, buf_slice(&hello), DOVECOT_MS);
	for (int i = 0; r >= 0 && i < LINES_MAX; i++) {
		r = next_line(&word, &rest);
		if (r <= 0)
			return r;
		if (slice_eq(word, SL("VERSION")))
			version = slice_eq(slice_cut(rest, '\t', &rest), SL("1"));
		else if (slice_eq(word, SL("MECH")))
			plain |= slice_eq(slice_cut(rest, '\t', &rest), SL("PLAIN"));
		else if (slice_eq(word, SL("DONE")))
			return version && plain ? 1 : -EPROTO;
	}
	return r < 0 ? r : -EPROTO;
}

static int
ask_dovecot(const struct server_auth *auth, const struct peer *peer, bool tls)
{
	char space[SMTP_AUTH_LINE + 1024], octets[sizeof auth->secret_space + SMTP_USER_MAX + 2];
	struct buf line = BUF(space), plain = BUF(octets);
	int r;

	buf_chr(&plain, '\0');
	buf_add(&plain, auth->user);
	buf_chr(&plain, '\0');
	buf_add(&plain, auth->password);
	buf_fmt(&line, "AUTH\t%u\tPLAIN\tservice=smtp", ++held.id);
	if (tls)
		buf_str(&line, "\tsecured");
	if (peer->kind == PEER_INET && peer->literal) {
		buf_str(&line, "\trip=");
		address_text(&line, peer_sockaddr(peer));
	}
	buf_str(&line, "\tresp=");
	base64_encode(&line, buf_slice(&plain));
	buf_chr(&line, '\n');
	r = plain.full || line.full ? -EMSGSIZE : 0;
	if (r == 0)
		r = stream_write(&dovecot, buf_slice(&line), DOVECOT_MS);
	if (r == 0)
		r = stream_flush(&dovecot, DOVECOT_MS);
	explicit_bzero(octets, plain.n);
	explicit_bzero(space, line.n);
	explicit_bzero(dovecot.out_space, line.n + 64);
	return r;
}

/* Is the word one of the fields? */
static bool
has_field(struct slice fields, struct slice word)
{
	while (fields.n)
		if (slice_eq(slice_cut(fields, '\t', &fields), word))
			return true;
	return false;
}

/* Take the name of the user from the fields of an OK: Dovecot may know the user by another name
 * than the one that was typed.  1; -EPROTO if that is no name. */
static int
take_user(struct slice fields, struct buf *ret_user)
{
	while (fields.n) {
		const struct slice field = slice_cut(fields, '\t', &fields);
		const struct slice key = SL("user="), user = slice_skip(field, key.n);

		if (!slice_has_prefix(field, key) || user.n == 0)
			continue;
		if (slice_has_control(user) || user.n > ret_user->cap)
			return -EPROTO;
		ret_user->n = 0;
		buf_add(ret_user, user);
	}
	return 1;
}

/* Does the line answer the last request? */
static bool
is_answer(struct slice *rest)
{
	uint64_t id;

	return slice_uint(slice_cut(*rest, '\t', rest), UINT32_MAX, &id) && id == held.id;
}

/* 1 right, 0 wrong; or -errno, -ECONNRESET for an early end. */
static int
read_verdict(struct buf *ret_user)
{
	for (int i = 0; i < LINES_MAX; i++) {
		struct slice word, rest;
		const int r = next_line(&word, &rest);

		if (r <= 0)
			return r < 0 ? r : -ECONNRESET;
		if (!is_answer(&rest))
			continue;
		if (slice_eq(word, SL("OK")))
			return take_user(rest, ret_user);
		if (slice_eq(word, SL("FAIL")))
			return has_field(rest, SL("temp")) ? -EAGAIN : 0;
		if (slice_eq(word, SL("CONT")))
			break;
	}
	return -EPROTO;
}

int
auth_dovecot_check(const char *path, const struct server_auth *auth, const struct peer *peer,
    bool tls, struct buf *ret_user, struct buf *why)
{
	int r = 1;

	if (held.fd < 0)
		return explain_failure(why, path, held.fd);
	dovecot.deadline_ms = clock_ms() + DOVECOT_MS;
	if (!held.greeted)
		r = shake_hands();
	if (r <= 0) {
		r = explain_failure(why, path, r);
	} else {
		held.greeted = true;
		r = ask_dovecot(auth, peer, tls);
		if (r == 0)
			r = read_verdict(ret_user);
		if (r < 0)
			(void)explain_failure(why, path, r);
	}
	/* After a FAIL with "temp" the next request may do better; after any other error the place
	 * in the conversation is not known. */
	if (r < 0 && r != -EAGAIN) {
		(void)close(held.fd);
		held.fd = r;
	}
	return r;
}
