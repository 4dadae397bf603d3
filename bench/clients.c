// SPDX-License-Identifier: ISC
/*
 * Clients of any SMTP server on this machine: "clients PORT WORK COUNT AT-A-TIME" prints how many
 * connections or messages a second the server takes.  Works:
 *
 *	quit		connections without a message: greeting, EHLO, QUIT
 *	single		one message of 1 KiB a connection
 *	kept		many messages a connection, each command after the reply
 *	pipelined	the same, with the commands of a message in one packet (RFC 2920)
 *	big		messages of 1 MiB on kept connections
 *	many		50 recipients a message, pipelined on kept connections
 *	tls		as single, with STARTTLS; no session is resumed
 *
 * Each client is a process, so that the clients are not the limit of servers with many processes.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define CLIENTS_MAX 200
#define BIG	    (1024 * 1024)

struct work {
	const char *name;
	bool keeps;			/* the connection */
	bool pipelines;
	bool encrypts;
	unsigned recipients;		/* 0: no message */
	size_t octets;
};

static const struct work works[] = {
	{ "quit", .recipients = 0 },
	{ "single", .recipients = 1, .octets = 1024 },
	{ "kept", .keeps = true, .recipients = 1, .octets = 1024 },
	{ "pipelined", .keeps = true, .pipelines = true, .recipients = 1, .octets = 1024 },
	{ "big", .keeps = true, .recipients = 1, .octets = BIG },
	{ "many", .keeps = true, .pipelines = true, .recipients = 50, .octets = 1024 },
	{ "tls", .encrypts = true, .recipients = 1, .octets = 1024 },
};

static struct sockaddr_in server = { .sin_family = AF_INET };
static char content[BIG + 1000];
static size_t content_octets;
static SSL_CTX *tls;
static SSL *ssl;			/* of this process's connection; NULL: in the clear */

static _Noreturn void
fail(const char *why)
{
	(void)fprintf(stderr, "clients: %s\n", why);
	exit(1);
}

static void
make_content(size_t octets)
{
	static const char line[] = "012345678901234567890123456789012345678901234567890123456\r\n";

	(void)strcpy(content,
	    "From: a@sender.example\r\nTo: b@bench.example\r\nSubject: x\r\n\r\n");
	content_octets = strlen(content);
	while (content_octets < octets) {
		memcpy(content + content_octets, line, sizeof line - 1);
		content_octets += sizeof line - 1;
	}
	memcpy(content + content_octets, ".\r\n", 3);
	content_octets += 3;
}

static void
put(int fd, const char *p, size_t n)
{
	while (n > 0) {
		const ssize_t sent = ssl ? SSL_write(ssl, p, (int)n) : write(fd, p, n);

		if (sent <= 0)
			fail("the server has closed the connection");
		p += sent;
		n -= (size_t)sent;
	}
}

/* Read the last lines of n replies, which must begin with the digit. */
static void
get(int fd, unsigned n, char digit)
{
	static char text[65536];
	static size_t have;

	while (n > 0) {
		char *end = memmem(text, have, "\r\n", 2);
		ssize_t r;

		if (end) {
			const size_t used = (size_t)(end + 2 - text);

			if (text[0] != digit && !(digit == '2' && text[0] == '3'))
				fail(text);
			n -= text[3] == ' ';
			have -= used;
			memmove(text, text + used, have);
			continue;
		}
		r = ssl ? SSL_read(ssl, text + have, (int)(sizeof text - 1 - have)) :
		    read(fd, text + have, sizeof text - 1 - have);
		if (r <= 0)
			fail("the server has closed the connection");
		have += (size_t)r;
		text[have] = '\0';
	}
}

static void
say(int fd, const char *line, char digit)
{
	put(fd, line, strlen(line));
	get(fd, 1, digit);
}

/* The certificate is not verified: the server's costs are measured. */
static void
encrypt(int fd)
{
	say(fd, "STARTTLS\r\n", '2');
	ssl = SSL_new(tls);
	if (!ssl || SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
		fail("no TLS");
	say(fd, "EHLO localhost\r\n", '2');
}

static int
begin(const struct work *w)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	/* The end of a handshake and the next command are two writes: the second would wait for a
	 * delayed acknowledgement of the first. */
	if (fd < 0 || connect(fd, (const struct sockaddr *)&server, sizeof server) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0)
		fail("no connection");
	get(fd, 1, '2');
	say(fd, "EHLO localhost\r\n", '2');
	if (w->encrypts)
		encrypt(fd);
	return fd;
}

static void
end(int fd)
{
	char octet;

	say(fd, "QUIT\r\n", '2');
	if (ssl)
		(void)SSL_shutdown(ssl);
	SSL_free(ssl);
	ssl = NULL;
	while (read(fd, &octet, 1) > 0)
		;
	(void)close(fd);
}

static void
send_message(int fd, const struct work *w)
{
	static char text[8192];
	size_t n = 0;

	if (!w->pipelines) {
		say(fd, "MAIL FROM:<a@sender.example>\r\n", '2');
		say(fd, "RCPT TO:<b0@bench.example>\r\n", '2');
		say(fd, "DATA\r\n", '3');
	} else {
		n += (size_t)sprintf(text, "MAIL FROM:<a@sender.example>\r\n");
		for (unsigned i = 0; i < w->recipients; i++)
			n += (size_t)sprintf(text + n, "RCPT TO:<b%u@bench.example>\r\n", i);
		n += (size_t)sprintf(text + n, "DATA\r\n");
		put(fd, text, n);
		get(fd, w->recipients + 2, '2');
	}
	put(fd, content, content_octets);
	get(fd, 1, '2');
}

static void
be_client(const struct work *w, unsigned count)
{
	int fd = w->keeps ? begin(w) : -1;

	for (unsigned i = 0; i < count; i++) {
		if (!w->keeps)
			fd = begin(w);
		if (w->recipients)
			send_message(fd, w);
		if (!w->keeps)
			end(fd);
	}
	if (w->keeps)
		end(fd);
	exit(0);
}

int
main(int argc, char **argv)
{
	const unsigned count = argc == 5 ? (unsigned)atoi(argv[3]) : 0;
	const unsigned clients = argc == 5 ? (unsigned)atoi(argv[4]) : 0;
	const struct work *w = works;
	int64_t us;
	int status;

	while (argc == 5 && w < works + sizeof works / sizeof works[0] &&
	    strcmp(w->name, argv[2]) != 0)
		w++;
	if (argc != 5 || w == works + sizeof works / sizeof works[0] || clients == 0 ||
	    clients > CLIENTS_MAX || count < clients)
		fail("usage: clients PORT quit|single|kept|pipelined|big|many|tls COUNT AT-A-TIME");
	server.sin_port = htons((uint16_t)atoi(argv[1]));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	make_content(w->octets);
	if (w->encrypts && !(tls = SSL_CTX_new(TLS_client_method())))
		fail("no TLS here");
	us = clock_us();
	for (unsigned i = 0; i < clients; i++)
		if (fork() == 0)
			be_client(w, count / clients + (i < count % clients));
	while (wait(&status) > 0)
		if (status != 0)
			fail("a client has failed");
	us = clock_us() - us;
	printf("%.1f\n", count * 1e6 / (double)us);
	return 0;
}
