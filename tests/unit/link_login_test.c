// SPDX-License-Identifier: ISC
/*
 * A login over a link: the server at the other end of a socket pair sends all its replies at once,
 * or octet by octet.
 */
#include "client/auth.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "delivery/delivery.h"
#include "smtp/client_auth.h"
#include "tests/lib/tap.h"

static char file[] = "/tmp/link_login_test.XXXXXX";
static char user[] = "anna", via[] = "smtps://h", star[] = "*";
static struct route route = {
	.pattern = star, .via = VIA_SMTP, .via_text = via, .user = user, .password_file = file,
};
static const struct config config = { .relay = { .command_timeout_ms = 10000 } };

static const struct talk {
	const char *name;
	unsigned mechanisms;
	const char *sends;		/* all octets of the server; NULL: none */
	const char *receives;		/* all octets to the server; NULL: none */
	enum greet_result end;
	enum outcome_cause cause;
	const char *why;
} talks[] = {
	{ .name = "PLAIN",
	  .mechanisms = CLIENT_AUTH_PLAIN, .sends = "235 2.7.0 in\r\n",
	  .receives = "AUTH PLAIN AGFubmEAczNjcmV0\r\n", .end = GREET_READY },
	{ .name = "several lines",
	  .mechanisms = CLIENT_AUTH_PLAIN,
	  .sends = "235-2.7.0 in\r\n235-2.7.0 and\r\n235 2.7.0 welcome\r\n",
	  .receives = "AUTH PLAIN AGFubmEAczNjcmV0\r\n", .end = GREET_READY },
	{ .name = "LOGIN",
	  .mechanisms = CLIENT_AUTH_LOGIN,
	  .sends = "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 in\r\n",
	  .receives = "AUTH LOGIN\r\nYW5uYQ==\r\nczNjcmV0\r\n", .end = GREET_READY },
	{ .name = "refused",
	  .mechanisms = CLIENT_AUTH_PLAIN, .sends = "535 5.7.8 no\r\n",
	  .receives = "AUTH PLAIN AGFubmEAczNjcmV0\r\n", .end = GREET_LOGIN, .cause = CAUSE_LOGIN,
	  .why = "535 5.7.8 no" },
#define NEXT_MECHANISM(code) \
	{ .name = "PLAIN refused with " code ": LOGIN", \
	  .mechanisms = CLIENT_AUTH_PLAIN | CLIENT_AUTH_LOGIN, \
	  .sends = code " no\r\n334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 in\r\n", \
	  .receives = "AUTH PLAIN AGFubmEAczNjcmV0\r\nAUTH LOGIN\r\nYW5uYQ==\r\nczNjcmV0\r\n", \
	  .end = GREET_READY }
	NEXT_MECHANISM("504"), NEXT_MECHANISM("534"), NEXT_MECHANISM("535"),
	NEXT_MECHANISM("553"), NEXT_MECHANISM("501"),
	{ .name = "PLAIN and LOGIN refused: the first refusal is the reason",
	  .mechanisms = CLIENT_AUTH_PLAIN | CLIENT_AUTH_LOGIN,
	  .sends = "535 5.7.8 no\r\n504 5.5.4 what?\r\n",
	  .receives = "AUTH PLAIN AGFubmEAczNjcmV0\r\nAUTH LOGIN\r\n", .end = GREET_LOGIN,
	  .cause = CAUSE_LOGIN, .why = "535 5.7.8 no" },
	{ .name = "PLAIN is unknown and LOGIN refused: that is the reason",
	  .mechanisms = CLIENT_AUTH_PLAIN | CLIENT_AUTH_LOGIN,
	  .sends = "504 5.5.4 what?\r\n334 a\r\n334 b\r\n535 5.7.8 no\r\n",
	  .receives = "AUTH PLAIN AGFubmEAczNjcmV0\r\nAUTH LOGIN\r\nYW5uYQ==\r\nczNjcmV0\r\n",
	  .end = GREET_LOGIN, .cause = CAUSE_LOGIN, .why = "535 5.7.8 no" },
	{ .name = "PLAIN refused, lost in LOGIN: the refusal is the reason",
	  .mechanisms = CLIENT_AUTH_PLAIN | CLIENT_AUTH_LOGIN, .sends = "535 5.7.8 no\r\n",
	  .receives = "AUTH PLAIN AGFubmEAczNjcmV0\r\nAUTH LOGIN\r\n", .end = GREET_LOGIN,
	  .cause = CAUSE_LOGIN, .why = "535 5.7.8 no" },
	{ .name = "PLAIN refused, LOGIN not now",
	  .mechanisms = CLIENT_AUTH_PLAIN | CLIENT_AUTH_LOGIN,
	  .sends = "504 no\r\n454 4.7.0 later\r\n",
	  .receives = "AUTH PLAIN AGFubmEAczNjcmV0\r\nAUTH LOGIN\r\n", .end = GREET_REFUSED },
	{ .name = "too weak",
	  .mechanisms = CLIENT_AUTH_PLAIN, .sends = "534 5.7.9 get an app password\r\n",
	  .receives = "AUTH PLAIN AGFubmEAczNjcmV0\r\n", .end = GREET_LOGIN, .cause = CAUSE_LOGIN,
	  .why = "534 5.7.9 get an app password" },
	{ .name = "not now",
	  .mechanisms = CLIENT_AUTH_PLAIN, .sends = "454 4.7.0 later\r\n",
	  .receives = "AUTH PLAIN AGFubmEAczNjcmV0\r\n", .end = GREET_REFUSED },
	{ .name = "goodbye",
	  .mechanisms = CLIENT_AUTH_PLAIN, .sends = "421 4.3.2 closing\r\n",
	  .receives = "AUTH PLAIN AGFubmEAczNjcmV0\r\n", .end = GREET_REFUSED },
	{ .name = "no end of challenges",
	  .mechanisms = CLIENT_AUTH_LOGIN, .sends = "334 a\r\n334 b\r\n334 c\r\n334 d\r\n334 e\r\n",
	  .receives = "AUTH LOGIN\r\nYW5uYQ==\r\nczNjcmV0\r\n*\r\n", .end = GREET_LOGIN,
	  .cause = CAUSE_LOGIN, .why = "334 d" },
	{ .name = "nonsense",
	  .mechanisms = CLIENT_AUTH_PLAIN, .sends = "hello\r\n",
	  .receives = "AUTH PLAIN AGFubmEAczNjcmV0\r\n", .end = GREET_BROKEN,
	  .cause = CAUSE_PROTOCOL, .why = "the answer to AUTH was not an SMTP reply" },
	{ .name = "the connection is lost",
	  .mechanisms = CLIENT_AUTH_PLAIN, .sends = "235 2.7",
	  .receives = "AUTH PLAIN AGFubmEAczNjcmV0\r\n", .end = GREET_BROKEN, .cause = CAUSE_LOST,
	  .why = "lost connection in AUTH" },
	{ .name = "no mechanism that we know",
	  .mechanisms = CLIENT_AUTH_XOAUTH2, .end = GREET_LOGIN, .cause = CAUSE_LOGIN,
	  .why = "cannot log in as anna: the host offers neither PLAIN nor LOGIN" },
	{ .name = "the password comes back",
	  .mechanisms = CLIENT_AUTH_PLAIN, .sends = "535-5.7.8 no\r\n535 5.7.8 s3cret is wrong\r\n",
	  .receives = "AUTH PLAIN AGFubmEAczNjcmV0\r\n", .end = GREET_LOGIN, .cause = CAUSE_LOGIN,
	  .why = "535 (the reply repeats our login)" },
	{ .name = "the response comes back",
	  .mechanisms = CLIENT_AUTH_PLAIN, .sends = "500 5.5.1 AUTH PLAIN AGFubmEAczNjcmV0?\r\n",
	  .receives = "AUTH PLAIN AGFubmEAczNjcmV0\r\n", .end = GREET_LOGIN, .cause = CAUSE_LOGIN,
	  .why = "500 (the reply repeats our login)" },
};

/* The server sends all its octets without waiting for ours, then reads to the end. */
static pid_t
serve(const char *sends, size_t step, int fd, int theirs)
{
	const size_t n = strlen(sends);
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)close(theirs);
	for (size_t at = 0; at < n; at += step)
		(void)!write(fd, sends + at, step < n - at ? step : n - at);
	(void)shutdown(fd, SHUT_WR);
	for (char c; read(fd, &c, 1) == 1;)
		;
	_exit(0);
}

static void
play(const struct talk *t, size_t step)
{
	static struct transcript transcript;
	struct outcome why = { 0 };
	int pair[2], copy[2];
	char received[400] = "", record[20000];
	struct smtp_link *l;
	ssize_t n;
	pid_t pid;

	/* The client writes into a second pair, so that its octets can be compared. */
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, copy) < 0)
		exit(1);
	transcript_begin(&transcript);
	pid = serve(t->sends ? t->sends : "", step, pair[1], pair[0]);
	(void)close(pair[1]);
	l = link_new(pair[0], "h[192.0.2.1]:465", &config, &transcript);
	if (!l)
		exit(1);
	l->stream.wfd = copy[0];
	l->verified = true;
	l->peer.mechanisms = t->mechanisms;
	ok(auth_login(l, &route, NULL, &why) == t->end, "%s, %s", t->name,
	    step == 1 ? "octet by octet" : "at once");
	if (t->end == GREET_LOGIN || t->end == GREET_BROKEN)
		ok(why.cause == t->cause && strncmp(why.detail, t->why, strlen(t->why)) == 0,
		    "why: %s", why.detail);
	ok(!memmem(l, sizeof *l, "s3cret", 6) && !memmem(l, sizeof *l, "AGFubmEA", 8) &&
	    !memmem(l, sizeof *l, "czNjcmV0", 8),
	    "no secret stays in the link");
	(void)snprintf(record, sizeof record, "%.*s%.*s", (int)transcript.head_n, transcript.head,
	    (int)transcript.tail_n, transcript.tail);
	ok(!strstr(record, "s3cret") && !strstr(record, "AGFubmEA") && !strstr(record, "czNjcmV0"),
	    "no secret is in the transcript");
	l->closed = true;
	link_done(l);
	(void)shutdown(copy[0], SHUT_WR);
	n = read(copy[1], received, sizeof received - 1);
	is(slice_of(received, n > 0 ? (size_t)n : 0), slice_str(t->receives ? t->receives : ""),
	    "the octets to the server");
	(void)close(copy[0]);
	(void)close(copy[1]);
	(void)waitpid(pid, NULL, 0);
}

/* No login is tried without TLS. */
static void
check_clear(void)
{
	struct outcome why = { 0 };
	int pair[2];
	struct smtp_link *l;
	char c;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0 ||
	    !(l = link_new(pair[0], "h[192.0.2.1]:25", &config, NULL)))
		exit(1);
	l->peer.mechanisms = CLIENT_AUTH_PLAIN;
	ok(auth_login(l, &route, NULL, &why) == GREET_LOGIN && why.cause == CAUSE_LOGIN &&
	    strstr(why.detail, "only inside TLS with a verified certificate"),
	    "not without TLS: %s", why.detail);
	ok(read(pair[1], &c, 1) < 0, "nothing was sent");
	l->closed = true;
	link_done(l);
	(void)close(pair[1]);
}

static const struct {
	int code;
	enum route_via kind;
	bool missing;
	const char *text;
} missing[] = {
	{ .code = 530, .kind = VIA_SMTP, .missing = true },
	{ .code = 534, .kind = VIA_SMTP, .missing = true,
	  .text = "5.7.9 Application-specific password required" },
	{ .code = 534, .kind = VIA_SMTP, .missing = false, .text = "5.3.4 Message too big" },
	/* Courier */
	{ .code = 534, .kind = VIA_SMTP, .missing = false, .text = "SIZE=Message too big." },
	{ .code = 535, .kind = VIA_SMTP, .missing = true },
	{ .code = 538, .kind = VIA_SMTP, .missing = true },
	{ .code = 550, .kind = VIA_SMTP, .missing = false },
	{ .code = 430, .kind = VIA_SMTP, .missing = false },
	{ .code = 250, .kind = VIA_SMTP, .missing = false },
	{ .code = 530, .kind = VIA_MX, .missing = false },
	{ .code = 535, .kind = VIA_MX, .missing = false },
	{ .code = 530, .kind = VIA_LMTP, .missing = false },
};

static void
check_missing(void)
{
	static struct smtp_link l;

	for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
		const struct route r = { .via = missing[i].kind };
		struct outcome o = { .cause = CAUSE_DELIVERED };

		smtp_peer_reply_init(&l.reply);
		l.reply.code = missing[i].code;
		buf_str(&l.reply.text, missing[i].text ? missing[i].text : "");
		ok(auth_missing(&l, &r, &o) == missing[i].missing &&
		    (o.cause == CAUSE_LOGIN) == missing[i].missing,
		    "%d by route kind %d: %s", missing[i].code, (int)missing[i].kind,
		    missing[i].text ? missing[i].text : "no text");
	}
}

int
main(void)
{
	const int fd = mkstemp(file);

	if (fd < 0 || write(fd, "s3cret\n", 7) != 7)
		return 1;
	(void)close(fd);
	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof talks / sizeof talks[0]; i++) {
		play(&talks[i], 1000);
		play(&talks[i], 1);
	}
	check_clear();
	check_missing();
	ok(unlink(file) == 0, "nothing is left behind");
	return tap_done();
}
