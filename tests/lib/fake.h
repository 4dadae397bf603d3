// SPDX-License-Identifier: ISC
/*
 * Peers for tests of deliveries, each a process on loopback: SMTP servers that follow a script,
 * and a name server.  A script is a string of steps, one a line:
 *	S text		send the text and CRLF
 *	s text		send the text alone
 *	C text		the next line from the client begins so
 *	= text		the next line is exactly this
 *	D		read message lines up to the dot; they must be the wire text
 *	B		the next line is "BDAT n LAST", and the n octets after it are the wire text
 *	.		the next line is a dot, and nothing was before it
 *	Q		the client waits: nothing more comes for 50 ms
 *	W ms		wait
 *	X		close
 *	R		close with a reset
 *	N		wait for the next connection
 *	E		the client closes
 */
#ifndef TESTS_LIB_FAKE_H
#define TESTS_LIB_FAKE_H

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/slice.h"

#define FAKES 3

/* Sockets of 127.0.0.1, .2 and .3, bound to one port; only those with a script listen. */
struct fakes {
	int fd[FAKES];
	uint16_t port;
	pid_t pid[FAKES];
};

struct fake_session {
	int listener, fd;
	struct slice wire;
	char in[65536];
	size_t n;
};

static void
fake_address(struct sockaddr_in *in, unsigned host, uint16_t port)
{
	*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + host) };
}

/* Each case gets another port, so that no connection of an earlier one comes in. */
__attribute__((unused)) static void
fakes_open(struct fakes *f)
{
	for (int tries = 0; tries < 100; tries++) {
		struct sockaddr_in in;
		socklen_t len = sizeof in;
		int bound = 0;

		f->port = 0;
		for (unsigned i = 0; i < FAKES; i++) {
			f->pid[i] = 0;
			f->fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
			fake_address(&in, i, f->port);
			bound += bind(f->fd[i], (struct sockaddr *)&in, sizeof in) == 0;
			if (getsockname(f->fd[i], (struct sockaddr *)&in, &len) == 0 &&
			    f->port == 0)
				f->port = ntohs(in.sin_port);
		}
		if (bound == FAKES)
			return;
		for (unsigned i = 0; i < FAKES; i++)
			close(f->fd[i]);
	}
	abort();
}

static void
fake_fail(const char *step, const char *got, size_t n)
{
	fprintf(stderr, "# script: at \"%s\", got \"%.*s\"\n", step, (int)(n < 200 ? n : 200), got);
	_exit(1);
}

static bool
fake_read(struct fake_session *s, int timeout_ms)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	ssize_t n;

	if (s->n == sizeof s->in || poll(&p, 1, timeout_ms) <= 0)
		return false;
	n = read(s->fd, s->in + s->n, sizeof s->in - s->n);
	if (n <= 0)
		return false;
	s->n += (size_t)n;
	return true;
}

/* The next line without CRLF, copied; false at EOF. */
static bool
fake_line(struct fake_session *s, char line[70000], size_t *ret_n)
{
	const char *lf;

	while (!(lf = memchr(s->in, '\n', s->n)))
		if (!fake_read(s, 4000))
			return false;
	*ret_n = (size_t)(lf - s->in) + 1;
	memcpy(line, s->in, *ret_n);
	s->n -= *ret_n;
	memmove(s->in, lf + 1, s->n);
	if (*ret_n < 2 || line[*ret_n - 2] != '\r')
		fake_fail("a line without CR", line, *ret_n);
	*ret_n -= 2;
	line[*ret_n] = '\0';
	return true;
}

static void
fake_data(struct fake_session *s)
{
	static char line[70000];
	struct slice rest = s->wire;
	size_t n;

	for (;;) {
		if (!fake_line(s, line, &n))
			fake_fail("D", "", 0);
		if (n == 1 && line[0] == '.')
			break;
		line[n] = '\r';
		line[n + 1] = '\n';
		if (!slice_has_prefix(rest, slice_of(line, n + 2)))
			fake_fail("D", line, n);
		rest = slice_skip(rest, n + 2);
	}
	if (rest.n)
		fake_fail("D: text is missing", "", 0);
}

static void
fake_chunk(struct fake_session *s)
{
	static char line[70000];
	char want[64];
	size_t n = 0;

	(void)snprintf(want, sizeof want, "BDAT %zu LAST", s->wire.n);
	if (!fake_line(s, line, &n) || strcmp(line, want) != 0)
		fake_fail(want, line, n);
	for (struct slice rest = s->wire; rest.n; rest = slice_skip(rest, n)) {
		while (s->n == 0)
			if (!fake_read(s, 4000))
				fake_fail("B: text is missing", "", 0);
		n = s->n < rest.n ? s->n : rest.n;
		if (memcmp(s->in, rest.p, n) != 0)
			fake_fail("B", s->in, n);
		s->n -= n;
		memmove(s->in, s->in + n, s->n);
	}
}

static void
fake_close(struct fake_session *s, bool reset)
{
	struct linger l = { .l_onoff = 1 };

	if (reset)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
	close(s->fd);
	s->fd = -1;
	s->n = 0;
}

static void
fake_send(struct fake_session *s, const char *text, const char *end)
{
	char space[20000];
	int n = snprintf(space, sizeof space, "%s%s", text, end);

	if (send(s->fd, space, (size_t)n, MSG_NOSIGNAL) != n)
		fake_fail(text, "cannot send", 11);
}

static void
fake_step(struct fake_session *s, const char *step)
{
	static char line[70000];
	const char *text = step[0] && step[1] ? step + 2 : "";
	size_t n = 0;

	switch (step[0]) {
	case 'S':
	case 's':
		fake_send(s, text, step[0] == 'S' ? "\r\n" : "");
		break;
	case 'C':
	case '=':
		if (!fake_line(s, line, &n) || strncmp(line, text, strlen(text)) != 0 ||
		    (step[0] == '=' && n != strlen(text)))
			fake_fail(step, line, n);
		break;
	case '.':
		if (!fake_line(s, line, &n) || strcmp(line, ".") != 0)
			fake_fail(step, line, n);
		break;
	case 'D':
		fake_data(s);
		break;
	case 'B':
		fake_chunk(s);
		break;
	case 'Q':
		if (s->n || fake_read(s, 50))
			fake_fail(step, s->in, s->n);
		break;
	case 'W':
		usleep((useconds_t)atoi(text) * 1000);
		break;
	case 'E':
		if (s->n || fake_read(s, 4000))
			fake_fail(step, s->in, s->n);
		break;
	case 'X':
	case 'R':
		fake_close(s, step[0] == 'R');
		break;
	case 'N':
		if (s->fd >= 0)
			fake_close(s, false);
		s->fd = accept(s->listener, NULL, NULL);
		break;
	default:
		fake_fail(step, "no such step", 12);
	}
}

static void
fake_run(int listener, const char *script, struct slice wire)
{
	static struct fake_session s;
	static char step[20000];
	struct slice rest = slice_str(script);

	s.listener = listener;
	s.wire = wire;
	s.fd = accept(listener, NULL, NULL);
	while (rest.n) {
		struct slice one = slice_cut(rest, '\n', &rest);

		memcpy(step, one.p, one.n);
		step[one.n] = '\0';
		fake_step(&s, step);
	}
	_exit(0);
}

/* Server i follows script; content that comes by DATA must be wire. */
__attribute__((unused)) static void
fakes_start(struct fakes *f, unsigned i, const char *script, struct slice wire)
{
	if (listen(f->fd[i], 16) < 0)
		abort();
	fflush(stdout);
	f->pid[i] = fork();
	if (f->pid[i] == 0) {
		(void)signal(SIGPIPE, SIG_IGN);
		(void)alarm(20);
		for (unsigned k = 0; k < FAKES; k++)
			if (k != i)
				close(f->fd[k]);
		fake_run(f->fd[i], script, wire);
	}
}

/* Has every script come to its end?  Waits at most 5 s. */
__attribute__((unused)) static bool
fakes_close(struct fakes *f)
{
	bool good = true;

	for (unsigned i = 0; i < FAKES; i++) {
		int status = -1;

		close(f->fd[i]);
		if (f->pid[i] <= 0)
			continue;
		for (int tries = 0; tries < 2500; tries++) {
			if (waitpid(f->pid[i], &status, WNOHANG) != 0)
				break;
			usleep(2000);
		}
		if (status == -1) {
			fprintf(stderr, "# script of server %u did not end\n", i + 1);
			(void)kill(f->pid[i], SIGKILL);
			(void)waitpid(f->pid[i], &status, 0);
		}
		good = good && status == 0;
	}
	return good;
}

static size_t
fake_rr(unsigned char *p, unsigned type, const unsigned char *data, size_t n)
{
	const unsigned char head[] = {
		0xc0, 12, 0, (unsigned char)type, 0, 1, 0, 0, 0, 60, 0, (unsigned char)n,
	};

	memcpy(p, head, sizeof head);
	memcpy(p + sizeof head, data, n);
	return sizeof head + n;
}

/*
 * The zone of the name server: three.test has A 127.0.0.1 to .3; h1.test, h2.test and h3.test have
 * one of these; two.test has MX 10 h1, 20 h2; null.test has a null MX; nx.test does not exist;
 * fail.test is SERVFAIL; empty.test has no records.
 */
static size_t
fake_answers(unsigned char *packet, size_t end, const char *name, unsigned type)
{
	static const unsigned char mx1[] = "\0\012\002h1\004test", mx2[] = "\0\024\002h2\004test";
	static const unsigned char null_mx[] = "\0\0", soa[22] = "";
	size_t n = 0;

	if (strcmp(name, "nx") == 0)
		packet[3] |= 3;
	else if (strcmp(name, "fail") == 0)
		packet[3] |= 2;
	for (unsigned char i = 1; i <= 3 && type == 1; i++) {
		const unsigned char address[4] = { 127, 0, 0, i };

		if (strcmp(name, "three") == 0 || (name[0] == 'h' && name[1] == '0' + i)) {
			n += fake_rr(packet + end + n, 1, address, 4);
			packet[7]++;
		}
	}
	if (type == 15 && strcmp(name, "null") == 0) {
		n += fake_rr(packet + end + n, 15, null_mx, sizeof null_mx);
		packet[7] = 1;
	} else if (type == 15 && strcmp(name, "two") == 0) {
		n += fake_rr(packet + end, 15, mx2, sizeof mx2);
		n += fake_rr(packet + end + n, 15, mx1, sizeof mx1);
		packet[7] = 2;
	}
	if (n == 0 && (packet[3] & 15) == 0) {
		n = fake_rr(packet + end, 6, soa, sizeof soa);
		packet[9] = 1;
	}
	return end + n;
}

/* Start the name server, which serves until it is killed; *ret_port gets its port. */
__attribute__((unused)) static pid_t
fake_dns(uint16_t *ret_port)
{
	struct sockaddr_in in;
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	fake_address(&in, 0, 0);
	if (bind(fd, (struct sockaddr *)&in, sizeof in) < 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) < 0)
		abort();
	*ret_port = ntohs(in.sin_port);
	fflush(stdout);
	pid = fork();
	if (pid) {
		close(fd);
		return pid;
	}
	(void)alarm(60);
	for (;;) {
		unsigned char packet[1024];
		char name[64] = "";
		size_t end = 12;
		ssize_t n;

		len = sizeof in;
		n = recvfrom(fd, packet, 512, 0, (struct sockaddr *)&in, &len);
		if (n < 17)
			continue;
		memcpy(name, packet + 13, packet[12] < 60 ? packet[12] : 60);
		for (char *c = name; *c; c++)
			*c = ascii_lower(*c);
		while (packet[end] && end < 500)
			end += packet[end] + 1U;
		end += 5;
		packet[2] = 0x81;
		packet[3] = 0x80;
		memset(packet + 6, 0, 6);
		end = fake_answers(packet, end, name, packet[end - 3]);
		(void)sendto(fd, packet, end, 0, (struct sockaddr *)&in, len);
	}
}

#endif
