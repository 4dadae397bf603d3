// SPDX-License-Identifier: ISC
/*
 * One command at a time: the server is on this host.  A server that takes no more recipients in one
 * transaction gets the message again for the others.
 */
#include "tools/sendmail/hand_in.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "net/dial.h"
#include "net/stream.h"

#define CONNECT_MS 10000
#define REPLY_MS   300000	/* RFC 5321 section 4.5.3.2 */
#define DOT_MS     600000

static struct stream stream;		/* large, and one session at a time */

static bool
lost(struct desk *d, int error)
{
	text_print(stderr, "sendmail: %s: %s\n", d->socket,
	    error == 0 || error == -ECONNRESET ? "the server closed the connection" :
	    strerror(-error));
	(void)close(d->fd);
	d->fd = -1;
	return false;
}

/* Reads one whole reply.  False if the connection is lost. */
static bool
read_reply(struct desk *d, int timeout_ms)
{
	struct slice line;
	bool crlf, last;
	int r;

	smtp_peer_reply_init(&d->reply);
	do {
		r = stream_line(&stream, SMTP_PEER_TEXT, timeout_ms, &line, &crlf);
		if (r <= 0)
			return lost(d, r);
		if (d->verbose)
			text_print(stderr, "< %.*s\n", (int)line.n, line.p);
		last = smtp_peer_reply_line(&d->reply, line);
	} while (!last);
	return d->reply.malformed ? lost(d, -EPROTO) : true;
}

static bool
ask(struct desk *d, struct slice command, int timeout_ms)
{
	struct slice behind;
	int r;

	if (d->fd < 0)
		return false;
	if (d->verbose)
		text_print(stderr, "> %.*s\n", (int)slice_cut(command, '\r', &behind).n, command.p);
	r = stream_write(&stream, command, REPLY_MS);
	return r < 0 ? lost(d, r) : read_reply(d, timeout_ms);
}

static bool
connect_socket(struct desk *d)
{
	d->fd = dial_socket(d->socket, CONNECT_MS);
	if (d->fd >= 0) {
		stream_init(&stream, d->fd, d->fd);
		return true;
	}
	text_print(stderr, "sendmail: %s: %s; start smtp-handler-local.socket\n", d->socket,
	    strerror(-d->fd));
	d->fd = -1;
	return false;
}

static void
print_reply(const struct desk *d, const char *what)
{
	text_print(stderr, "sendmail: %s: %d %.*s\n", what, d->reply.code, (int)d->reply.text.n,
	    d->reply.text.p);
}

bool
desk_open(struct desk *d)
{
	char name[256] = "localhost", command[300];

	if (!connect_socket(d) || !read_reply(d, REPLY_MS))
		return false;
	(void)gethostname(name, sizeof name - 1);
	(void)snprintf(command, sizeof command, "EHLO %s\r\n", name);
	if (d->reply.code / 100 == 2 && !ask(d, slice_str(command), REPLY_MS))
		return false;
	if (d->reply.code / 100 != 2) {
		print_reply(d, d->socket);
		desk_close(d);
		return false;
	}
	client_offer_init(&d->offer);
	client_offer_ehlo(&d->offer, buf_slice(&d->reply.text));
	return true;
}

void
desk_close(struct desk *d)
{
	if (d->fd < 0)
		return;
	if (ask(d, SL("QUIT\r\n"), CONNECT_MS))
		(void)close(d->fd);
	d->fd = -1;
}

/* A line without its end.  Each CR in it becomes a blank: programs draw progress with CR, and a
 * server refuses a message that has a bare one (RFC 5321 section 2.3.8).  Cron would lose its mail
 * then. */
static int
put_line(struct slice line)
{
	int r = 0;

	while (line.n && r == 0) {
		struct slice rest, part = slice_cut(line, '\r', &rest);
		const bool cr = part.n < line.n;

		line = rest;
		r = stream_write(&stream, part, REPLY_MS);
		if (r == 0 && cr)
			r = stream_write(&stream, SL(" "), REPLY_MS);
	}
	return r;
}

/* Lines with CRLF, and a dot doubled at the start of a line (RFC 5321 section 4.5.2). */
static int
put_lines(struct slice text)
{
	int r = 0;

	while (text.n && r == 0) {
		struct slice rest, line = slice_cut(text, '\n', &rest);

		text = rest;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n && line.p[0] == '.')
			r = stream_write(&stream, SL("."), REPLY_MS);
		if (r == 0)
			r = put_line(line);
		if (r == 0)
			r = stream_write(&stream, SL("\r\n"), REPLY_MS);
	}
	return r;
}

static int
put_header(const struct mail *m)
{
	struct slice rest = m->letter.header;
	struct field f;
	int r = put_lines(m->front);

	while (r == 0 && field_next(&rest, FIELD_TO_BROKEN_LINE, &f))
		if (!letter_hides(&f))
			r = put_lines(f.octets);
	return r;
}

/* True if the server has the message. */
static bool
send_content(struct desk *d, const struct mail *m)
{
	int r;

	if (!ask(d, SL("DATA\r\n"), REPLY_MS) || d->reply.code != 354)
		return false;
	r = put_header(m);
	if (r == 0)
		r = put_lines(m->letter.body);
	if (r < 0)
		return lost(d, r);
	return ask(d, SL(".\r\n"), DOT_MS) && d->reply.code / 100 == 2;
}

static bool
begin(struct desk *d, const struct mail *m)
{
	const size_t size = m->front.n + m->letter.header.n + m->letter.body.n;
	char space[CLIENT_COMMAND_MAX], params[1200];
	struct buf b = BUF(space), p = BUF(params);
	const bool utf8 = m->people.utf8 || !slice_is_ascii(m->sender);

	buf_add(&p, m->params);
	if (utf8)
		buf_str(&p, p.n ? " SMTPUTF8" : "SMTPUTF8");
	client_mail(&b, &d->offer, m->sender, buf_slice(&p), size,
	    m->letter.eight_bit ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT);
	return ask(d, buf_slice(&b), REPLY_MS) && d->reply.code / 100 == 2;
}

/* The reply is about this person.  Returns whether others can be asked for in this transaction. */
static bool
take_reply(struct desk *d, struct person *to)
{
	switch (d->reply.code / 100) {
	case 2:
		to->state = PERSON_ASKED;
		return true;
	case 5:
		to->state = PERSON_REFUSED;
		d->no_user |= slice_has_prefix(smtp_peer_reply_status(&d->reply), SL("5.1."));
		print_reply(d, to->path);
		return true;
	default:
		/* "Too many recipients", or trouble that others have too. */
		return false;
	}
}

static void
ask_recipients(struct desk *d, struct mail *m)
{
	for (size_t i = 0; i < m->people.n; i++) {
		struct person *to = &m->people.list[i];
		char space[CLIENT_COMMAND_MAX], params[200];
		struct buf b = BUF(space), p = BUF(params);

		if (to->state != PERSON_OPEN)
			continue;
		if (m->notify.n)
			buf_fmt(&p, "NOTIFY=%.*s", (int)m->notify.n, m->notify.p);
		client_rcpt(&b, &d->offer, slice_str(to->path), buf_slice(&p));
		if (!ask(d, buf_slice(&b), REPLY_MS) || !take_reply(d, to))
			break;
	}
}

/* All who are in one state get another.  Their number. */
static size_t
change(struct people *p, enum person_state from, enum person_state to)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->list[i].state == from) {
			p->list[i].state = to;
			n++;
		}
	return n;
}

/* One transaction.  True if it got on for somebody, so another one may be worth it. */
static bool
transact(struct desk *d, struct mail *m)
{
	const size_t open = people_count(&m->people, PERSON_OPEN);
	bool sent;

	if (!begin(d, m)) {
		if (d->fd >= 0) {
			print_reply(d, "the sender");
			if (d->reply.code / 100 == 5)
				(void)change(&m->people, PERSON_OPEN, PERSON_REFUSED);
		}
		return false;
	}
	ask_recipients(d, m);
	if (people_count(&m->people, PERSON_ASKED) == 0) {
		if (d->fd >= 0 && d->reply.code / 100 == 4)
			print_reply(d, "the recipients");
		return people_count(&m->people, PERSON_OPEN) < open &&
		    ask(d, SL("RSET\r\n"), REPLY_MS);
	}
	sent = send_content(d, m);
	if (!sent && d->fd >= 0)
		print_reply(d, "the message");
	(void)change(&m->people, PERSON_ASKED, sent ? PERSON_SENT :
	    d->fd >= 0 && d->reply.code / 100 == 5 ? PERSON_REFUSED : PERSON_OPEN);
	return sent;
}

enum hand_in
desk_hand_in(struct desk *d, struct mail *m)
{
	while (people_count(&m->people, PERSON_OPEN) && transact(d, m))
		;
	if (people_count(&m->people, PERSON_REFUSED))
		return HAND_IN_REFUSED;
	return people_count(&m->people, PERSON_OPEN) ? HAND_IN_LATER : HAND_IN_SENT;
}

bool
desk_verify(struct desk *d, const struct people *p)
{
	bool good = true;

	for (size_t i = 0; i < p->n; i++) {
		char space[CLIENT_COMMAND_MAX];
		struct buf b = BUF(space);

		buf_fmt(&b, "VRFY <%s>\r\n", p->list[i].path);
		if (!ask(d, buf_slice(&b), REPLY_MS))
			return false;
		text_print(stdout, "%s: %d %.*s\n", p->list[i].path, d->reply.code,
		    (int)d->reply.text.n, d->reply.text.p);
		good &= d->reply.code / 100 == 2;
	}
	return good;
}

/* Lines that are typed end in LF alone, and so do those of scripts.  The server takes no such line
 * from a socket.  The first line shows how all end: other octets stay as they are. */
struct typed {
	bool known, lf_alone;
	char last;
};

/* Octets of `out`, which has room for twice the input. */
static size_t
end_lines(struct typed *t, struct slice in, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		const bool bare = in.p[i] == '\n' && t->last != '\r';

		if (in.p[i] == '\n' && !t->known)
			*t = (struct typed){ .known = true, .lf_alone = bare };
		if (bare && t->lf_alone)
			out[n++] = '\r';
		t->last = out[n++] = in.p[i];
	}
	return n;
}

static bool
write_all(int to, struct slice rest)
{
	while (rest.n) {
		struct pollfd room = { .fd = to, .events = POLLOUT };
		ssize_t w;

		if (poll(&room, 1, REPLY_MS) <= 0)
			return false;
		w = write(to, rest.p, rest.n);
		if (w < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (w > 0)
			rest = slice_skip(rest, (size_t)w);
	}
	return true;
}

/* Carries what one side has ready.  False at its end. */
static bool
carry(int from, int to, struct typed *t)
{
	char space[32768], ended[2 * sizeof space];
	const ssize_t n = read(from, space, sizeof space);
	struct slice octets = slice_of(space, n > 0 ? (size_t)n : 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (t)
		octets = slice_of(ended, end_lines(t, octets, ended));
	return write_all(to, octets) && n > 0;
}

bool
desk_carry(struct desk *d)
{
	struct pollfd fds[2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .events = POLLIN },
	};
	struct typed typed = { .known = false };

	if (!connect_socket(d))
		return false;
	fds[1].fd = d->fd;
	while (poll(fds, 2, -1) > 0 || errno == EINTR) {
		if (fds[1].revents && !carry(d->fd, STDOUT_FILENO, NULL))
			break;
		/* The server finishes what it was asked, and then closes. */
		if (fds[0].revents && !carry(STDIN_FILENO, d->fd, &typed)) {
			(void)shutdown(d->fd, SHUT_WR);
			fds[0].fd = -1;
		}
	}
	(void)close(d->fd);
	d->fd = -1;
	return true;
}
