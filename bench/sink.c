// SPDX-License-Identifier: ISC
/*
 * An exchanger that costs little.  "sink [-17n] [-p PORT] [-e KEYWORD]... [-t PEM] [PREFIX=MS]..."
 * takes all mail on every IPv4 address and forgets it.  With -t it offers STARTTLS, by the
 * certificate and the key in that file; with -n it gives no tickets.  With -1 it closes after each
 * message, and with -7 it takes no 8-bit content.  Addresses that begin with PREFIX ("10.2.") form
 * a class; it replies MS milliseconds late, like a distant host.  For a line on standard input it
 * prints a line of JSON with an object for each class, first the one with the empty prefix.  An
 * object has counts, and times in microseconds of CLOCK_MONOTONIC.  The program ends with its
 * input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define CLASSES_MAX 8
#define KEYWORDS_MAX 8
#define INPUT_SIZE  65536
#define END "\r\n.\r\n"
#define END_LEN (sizeof END - 1)

static struct class {
	const char *prefix;
	int64_t delay_us;
	uint64_t messages, connections, open, most, handshakes, resumed;
	int64_t first_us, mail_us, last_us;	/* first connection, first MAIL, last final dot */
} classes[CLASSES_MAX] = { { .prefix = "" } };
static size_t nclasses = 1;

static const char *keywords[KEYWORDS_MAX];
static size_t nkeywords;

static SSL_CTX *tls;
static bool no_tickets, one_message, seven_bit;

struct session {
	struct session *next_late;	/* in the list of sessions that reply later */
	int fd;
	struct class *class;
	SSL *ssl;			/* NULL: in the clear */
	bool in_data, ending, late;
	int64_t due_us;
	struct buf out;
	char out_space[16384];
	size_t n;
	char in[INPUT_SIZE];
};

static struct session *late_head, **late_tail = &late_head;
static int poller, listener;

static void
end_session(struct session *s)
{
	s->class->open--;
	SSL_free(s->ssl);
	(void)close(s->fd);
	free(s);
}

static void
greet_extensions(struct session *s)
{
	buf_str(&s->out, "250-sink.example\r\n");
	for (size_t i = 0; i < nkeywords; i++)
		buf_fmt(&s->out, "250-%s\r\n", keywords[i]);
	if (tls && !s->ssl)
		buf_str(&s->out, "250-STARTTLS\r\n");
	if (!seven_bit)
		buf_str(&s->out, "250-8BITMIME\r\n");
	buf_str(&s->out, "250 PIPELINING\r\n");
}

static void
start_tls(struct session *s)
{
	static const char go[] = "220 go on\r\n";

	s->ssl = SSL_new(tls);
	if (!s->ssl || SSL_set_fd(s->ssl, s->fd) != 1 ||
	    write(s->fd, go, sizeof go - 1) != sizeof go - 1)
		abort();
	SSL_set_accept_state(s->ssl);
}

static void
command(struct session *s, struct slice line)
{
	struct slice rest, verb = slice_cut(line, ' ', &rest);

	if (slice_ieq(verb, SL("EHLO"))) {
		greet_extensions(s);
	} else if (slice_ieq(verb, SL("DATA"))) {
		buf_str(&s->out, "354 go on\r\n");
		s->in_data = true;
	} else if (tls && !s->ssl && slice_ieq(verb, SL("STARTTLS"))) {
		start_tls(s);
	} else if (slice_ieq(verb, SL("QUIT"))) {
		buf_str(&s->out, "221 bye\r\n");
		s->ending = true;
	} else {
		if (slice_ieq(verb, SL("MAIL")) && !s->class->mail_us)
			s->class->mail_us = clock_us();
		buf_str(&s->out, "250 2.0.0 ok\r\n");
	}
}

/* Returns the number of octets taken from the input; 0: more are needed. */
static size_t
step(struct session *s, struct slice in)
{
	const char *end;

	if (s->in_data) {
		if (in.n >= 3 && memcmp(in.p, ".\r\n", 3) == 0)
			end = in.p - 2;
		else
			end = memmem(in.p, in.n, END, END_LEN);
		if (!end)	/* the last octets may be the beginning of the end */
			return in.n > END_LEN ? in.n - END_LEN : 0;
		s->in_data = false;
		s->class->messages++;
		s->class->last_us = clock_us();
		buf_str(&s->out, "250 2.0.0 taken\r\n");
		s->ending = one_message;
		return (size_t)(end + END_LEN - in.p);
	}
	end = memchr(in.p, '\n', in.n);
	if (!end)
		return 0;
	command(s, slice_of(in.p, (size_t)(end - in.p) - (end > in.p && end[-1] == '\r')));
	return (size_t)(end + 1 - in.p);
}

static ssize_t
write_out(struct session *s)
{
	return s->ssl ? SSL_write(s->ssl, s->out.p, (int)s->out.n)
		      : write(s->fd, s->out.p, s->out.n);
}

/* As read(2). */
static ssize_t
read_in(struct session *s)
{
	const size_t room = sizeof s->in - s->n;
	const bool shaken = s->ssl && SSL_is_init_finished(s->ssl);
	int n;

	if (!s->ssl)
		return read(s->fd, s->in + s->n, room);
	n = SSL_read(s->ssl, s->in + s->n, (int)room);
	if (!shaken && SSL_is_init_finished(s->ssl)) {
		s->class->handshakes++;
		s->class->resumed += SSL_session_reused(s->ssl) == 1;
	}
	if (n <= 0)
		errno = SSL_get_error(s->ssl, n) == SSL_ERROR_WANT_READ ? EAGAIN : EPROTO;
	return n > 0 ? n : errno == EAGAIN ? -1 : 0;
}

static void
flush(struct session *s)
{
	if (s->out.n && write_out(s) < 0)
		s->ending = true;
	s->out.n = 0;
	if (s->ending)
		end_session(s);
}

static void
answer(struct session *s)
{
	if (s->class->delay_us == 0) {
		flush(s);
		return;
	}
	if (s->late || s->out.n == 0)
		return;
	s->due_us = clock_us() + s->class->delay_us;
	s->late = true;
	s->next_late = NULL;
	*late_tail = s;		/* only nearly in order of time: the delays of classes differ */
	late_tail = &s->next_late;
}

/* False: there is no more for now. */
static bool
take_some(struct session *s)
{
	const ssize_t got = read_in(s);
	struct slice in;
	size_t used;

	if (got <= 0) {
		if (got < 0 && errno == EAGAIN)
			return false;
		s->ending = true;
		if (!s->late)
			end_session(s);
		else
			(void)epoll_ctl(poller, EPOLL_CTL_DEL, s->fd, NULL);
		return false;
	}
	in = slice_of(s->in, s->n + (size_t)got);
	while (!s->ending && in.n && (used = step(s, in)))
		in = slice_skip(in, used);
	memmove(s->in, in.p, in.n);
	s->n = in.n;
	if (s->ssl && SSL_pending(s->ssl) && !s->ending)
		return true;
	answer(s);
	return false;
}

/* What OpenSSL has read ahead is no event of the descriptor. */
static void
take_input(struct session *s)
{
	while (take_some(s))
		continue;
}

static void
answer_late(void)
{
	const int64_t now_us = clock_us();

	for (struct session **at = &late_head; *at;) {
		struct session *s = *at;

		if (s->due_us > now_us) {
			at = &s->next_late;
			continue;
		}
		*at = s->next_late;
		if (late_tail == &s->next_late)
			late_tail = at;
		s->late = false;
		flush(s);
	}
}

static struct class *
class_of(int fd)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof sin;
	char text[INET_ADDRSTRLEN] = "";
	size_t i = nclasses;

	if (getsockname(fd, (struct sockaddr *)&sin, &len) == 0)
		(void)inet_ntop(AF_INET, &sin.sin_addr, text, sizeof text);
	while (--i > 0)
		if (strncmp(text, classes[i].prefix, strlen(classes[i].prefix)) == 0)
			break;
	return &classes[i];
}

static void
welcome(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct session *s;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		s = malloc(sizeof *s);
		if (!s)
			abort();
		memset(s, 0, offsetof(struct session, out_space));
		s->n = 0;
		s->fd = fd;
		s->out = (struct buf)BUF(s->out_space);
		s->class = class_of(fd);
		s->class->connections++;
		if (++s->class->open > s->class->most)
			s->class->most = s->class->open;
		if (!s->class->first_us)
			s->class->first_us = clock_us();
		event.data.ptr = s;
		if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
			abort();
		buf_str(&s->out, "220 sink.example ESMTP\r\n");
		answer(s);
	}
}

/* Print the counts of all classes; false at the end of standard input. */
static bool
print_classes(void)
{
	char line[256];

	if (read(STDIN_FILENO, line, sizeof line) <= 0)
		return false;
	for (size_t i = 0; i < nclasses; i++) {
		const struct class *c = &classes[i];

		(void)printf("%s{\"prefix\": \"%s\", ", i ? ", " : "[", c->prefix);
		(void)printf("\"messages\": %llu, \"connections\": %llu, \"most\": %llu, ",
		    (unsigned long long)c->messages, (unsigned long long)c->connections,
		    (unsigned long long)c->most);
		(void)printf("\"handshakes\": %llu, \"resumed\": %llu, ",
		    (unsigned long long)c->handshakes, (unsigned long long)c->resumed);
		(void)printf("\"first_us\": %lld, \"mail_us\": %lld, \"last_us\": %lld}",
		    (long long)c->first_us, (long long)c->mail_us, (long long)c->last_us);
	}
	(void)printf("]\n");
	(void)fflush(stdout);
	return true;
}

static void
open_listener(uint16_t port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct epoll_event event = { .events = EPOLLIN };
	const int on = 1;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	poller = epoll_create1(EPOLL_CLOEXEC);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	event.data.ptr = &listener;
	if (bind(listener, (struct sockaddr *)&any, sizeof any) < 0 || listen(listener, 4096) < 0 ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) < 0) {
		perror("sink");
		exit(1);
	}
	event.data.ptr = &classes;
	if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0) {
		perror("sink: standard input");
		exit(1);
	}
}

static void
prepare_tls(const char *file)
{
	tls = SSL_CTX_new(TLS_server_method());
	if (!tls || SSL_CTX_use_certificate_chain_file(tls, file) != 1 ||
	    SSL_CTX_use_PrivateKey_file(tls, file, SSL_FILETYPE_PEM) != 1) {
		(void)fprintf(stderr, "sink: %s: no certificate with its key\n", file);
		exit(1);
	}
	(void)SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	(void)signal(SIGPIPE, SIG_IGN);
}

static uint16_t
read_arguments(int argc, char **argv)
{
	uint16_t port = 25;
	int c;

	while ((c = getopt(argc, argv, "17np:e:t:")) >= 0)
		if (c == 'p')
			port = (uint16_t)strtoul(optarg, NULL, 10);
		else if (c == 'e' && nkeywords < KEYWORDS_MAX)
			keywords[nkeywords++] = optarg;
		else if (c == 't')
			prepare_tls(optarg);
		else if (c == '1')
			one_message = true;
		else if (c == '7')
			seven_bit = true;
		else if (c == 'n')
			no_tickets = true;
		else
			exit(64);
	if (tls && no_tickets) {
		(void)SSL_CTX_set_num_tickets(tls, 0);
		(void)SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	}
	for (; optind < argc && nclasses < CLASSES_MAX; optind++, nclasses++) {
		char *delay = strchr(argv[optind], '=');

		classes[nclasses].prefix = argv[optind];
		if (!delay)
			continue;
		*delay = '\0';
		classes[nclasses].delay_us = strtol(delay + 1, NULL, 10) * 1000;
	}
	return port;
}

int
main(int argc, char **argv)
{
	struct epoll_event events[256];

	open_listener(read_arguments(argc, argv));
	for (;;) {
		int n = epoll_wait(poller, events, 256, late_head ? 1 : -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == &listener)
				welcome();
			else if (events[i].data.ptr != &classes)
				take_input(events[i].data.ptr);
			else if (!print_classes())
				return 0;
		}
		answer_late();
	}
}
