// SPDX-License-Identifier: ISC
#include "runner/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/worker.h"
#include "tests/lib/tap.h"

static void
test_frames(void)
{
	static struct frame out = { .type = FRAME_JOB, .job = {
		.id = "0123456789ABCDEF", .lines = { 5, 8 }, .n = 2, .at = { 7, 9 } } },
			    in;
	int pair[2];

	if (!ok(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0, "a pair"))
		return;
	ok(frame_put(pair[0], &out) == 0 && frame_get(pair[1], &in, true) == 1, "a job travels");
	ok(in.type == FRAME_JOB && in.job.n == 2 && in.job.at[1] == 9 && in.job.lines.to == 8 &&
	    strcmp(in.job.id, out.job.id) == 0, "it arrives unchanged");
	ok(frame_get(pair[1], &in, false) == -EAGAIN, "no frame, no wait");
	ok(write(pair[0], &out, 3) == 3 && frame_get(pair[1], &in, true) == -EBADMSG,
	    "a torn frame is refused");
	out.job.n = FRAME_RCPTS_MAX + 1;
	ok(write(pair[0], &out, sizeof out) > 0 && frame_get(pair[1], &in, true) == -EBADMSG,
	    "a job with too many recipients is refused");
	close(pair[0]);
	ok(frame_get(pair[1], &in, true) == 0, "the other end is gone");
	close(pair[1]);
}

/* The open descriptors of this process. */
static unsigned
count_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A job comes with the descriptor of its message, and nothing else does. */
static void
test_descriptors(void)
{
	static struct frame job = { .type = FRAME_JOB, .job = {
		.id = "0123456789ABCDEF", .n = 1, .at = { 3 } } };
	static struct frame done = { .type = FRAME_DONE }, in;
	int pair[2], file[2], message = -1;
	unsigned before;
	char octet = 0;
	int error = 0;

	if (!ok(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0 && pipe(file) == 0, "a pair"))
		return;
	ok(frame_get_job(pair[1], &in, false, &message) == -EAGAIN, "no job, no wait");
	ok(frame_put_job(pair[0], &job, file[1]) == 0 &&
	    frame_get_job(pair[1], &in, true, &message) == 1 && in.job.at[0] == 3,
	    "a job travels with a descriptor");
	ok(write(message, "x", 1) == 1 && read(file[0], &octet, 1) == 1 && octet == 'x',
	    "it is that of the message");
	ok(fcntl(message, F_GETFD) == FD_CLOEXEC, "no program inherits it");
	close(message);
	before = count_descriptors();
	ok(frame_put(pair[0], &job) == 0 &&
	    frame_get_job(pair[1], &in, true, &message) == -EBADMSG,
	    "a job without a descriptor is refused");
	ok(frame_put_job(pair[0], &done, file[1]) == 0 &&
	    frame_get_job(pair[1], &in, true, &message) == -EBADMSG,
	    "a descriptor with another frame is refused");
	ok(frame_put_job(pair[1], &done, file[1]) == 0 && frame_get(pair[0], &in, true) == 1,
	    "a worker sends a descriptor to the runner");
	ok(count_descriptors() == before, "the runner has none more for it");
	for (unsigned i = 0; i < 100000 && error == 0; i++)
		error = frame_put_job(pair[0], &job, file[1]);
	ok(error == -EAGAIN, "a worker that does not read stops nobody");
	while (frame_get_job(pair[1], &in, false, &message) == 1)
		close(message);
	close(pair[0]);
	ok(frame_get_job(pair[1], &in, true, &message) == 0, "the runner is gone");
	close(pair[1]);
	close(file[0]);
	close(file[1]);
}

/* A worker ends before it has read its job. */
static void
test_reset(void)
{
	static struct frame job = { .type = FRAME_JOB, .job = {
		.id = "0123456789ABCDEF", .n = 1 } };
	static struct frame done = { .type = FRAME_DONE }, in;
	int pair[2];

	if (!ok(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0, "a pair"))
		return;
	ok(frame_put(pair[0], &job) == 0 && frame_put(pair[1], &done) == 0,
	    "a frame is on its way in each direction");
	close(pair[1]);
	ok(frame_get(pair[0], &in, false) == 1 && in.type == FRAME_DONE,
	    "R147 the last frame of the worker is read");
	ok(frame_get(pair[0], &in, false) == 0, "then the end is seen");
	close(pair[0]);
}

static bool
full_ticket(void *ctx, const struct ticket_kind *kind, struct ticket *ret)
{
	(void)ctx;
	*ret = (struct ticket){ .kind = *kind, .n = TICKET_MAX };
	return true;
}

/* A worker waits for a reply that the kernel refuses to send, here as it is too long. */
static void
test_no_reply(void)
{
	static const struct attempt_sink sink = { .want = full_ticket };
	static struct frame want = { .type = FRAME_WANT };
	const int least = 1;
	int pair[2];

	if (!ok(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0, "a pair"))
		return;
	ok(frame_put(pair[1], &want) == 0 && worker_receive(pair[0], &sink) == 1,
	    "a ticket travels");
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
	ok(frame_put(pair[1], &want) == 0 && worker_receive(pair[0], &sink) == -EBADMSG,
	    "a worker whose reply cannot be sent does not wait for ever");
	close(pair[1]);
	close(pair[0]);
}

static struct frame frame;

static void
valid_rcpt(void)
{
	struct frame_rcpt *r = &frame.rcpt;

	memset(&frame, 0, sizeof frame);
	frame.type = FRAME_RCPT;
	outcome_set(&r->outcome, CAUSE_REPLY_TEMPORARY, SL("mx.example[192.0.2.1]:25"),
	    SL("450 4.2.1 later"));
	memcpy(r->path, "b@example.org", sizeof "b@example.org");
}

static void
valid_host(void)
{
	memset(&frame, 0, sizeof frame);
	frame.type = FRAME_HOST;
	frame.host = (struct host_report){ .address = "192.0.2.1:25", .name = "mx.example",
		.event = HOST_OPEN, .connect_us = 1000, .first_us = 2000 };
}

static void
valid_moved(void)
{
	memset(&frame, 0, sizeof frame);
	frame.type = FRAME_MOVED;
	frame.moved = (struct frame_moved){ "example.org", "mx.example", "550 no" };
}

static void
valid_session(void)
{
	memset(&frame, 0, sizeof frame);
	frame.type = FRAME_SESSION;
	frame.session = (struct tls_result){ .policy = TLS_RESULT_STS,
		.result = TLS_RESULT_EXPIRED, .mx = "mx.example", .ours = "192.0.2.1",
		.theirs = "192.0.2.2", .text = "mode: enforce|", .reason = "old" };
}

static void
valid_dns(void)
{
	memset(&frame, 0, sizeof frame);
	frame.type = FRAME_DNS;
	frame.dns = (struct dns_memo){ .type = DNS_A, .n = 1, .octets = 4, .name = "example.org",
		.data = { 192, 0, 2, 1 }, .server = { .ss_family = AF_INET } };
}

static void
valid_job(void)
{
	memset(&frame, 0, sizeof frame);
	frame.type = FRAME_JOB;
	frame.job = (struct frame_job){ .id = "0123456789ABCDEF", .n = 1, .at = { 7 } };
}

static void
valid_dial(void)
{
	memset(&frame, 0, sizeof frame);
	frame.type = FRAME_DIAL;
	frame.dial = (struct frame_dial){ 2, { 7, 9 } };
}

static void
valid_dialled(void)
{
	valid_dial();
	frame.type = FRAME_DIALLED;
	frame.dial.n = 1;
}

static void
valid_leave(void)
{
	memset(&frame, 0, sizeof frame);
	frame.type = FRAME_LEAVE;
	frame.leave.allowed = 3;
}

#define FIELD(member) offsetof(struct frame, member), sizeof frame.member

/* One field of a valid frame is filled with an octet.  Its size stays that of the valid frame. */
static const struct damage {
	const char *what;
	void (*valid)(void);
	size_t at, n;
	int octet;
} damages[] = {
	{ "a type that is none", valid_rcpt, FIELD(type), 0x7f },
	{ "`last` that is no bool", valid_rcpt, FIELD(rcpt.last), 2 },
	{ "a path without its end", valid_rcpt, FIELD(rcpt.path), 'a' },
	{ "a path with a line feed", valid_rcpt, offsetof(struct frame, rcpt.path) + 1, 1, '\n' },
	{ "a delay beyond all", valid_rcpt, FIELD(rcpt.delay_us), 0x7f },
	{ "a negative delay beyond all", valid_rcpt, FIELD(rcpt.delay_us), 0x80 },
	{ "a cause that is none", valid_rcpt, FIELD(rcpt.outcome.cause), 0x7f },
	{ "a negative cause", valid_rcpt, FIELD(rcpt.outcome.cause), 0xff },
	{ "a kind that is not the cause's", valid_rcpt, FIELD(rcpt.outcome.kind), 0 },
	{ "a kind that is none", valid_rcpt, FIELD(rcpt.outcome.kind), 0x11 },
	{ "a status without its end", valid_rcpt, FIELD(rcpt.outcome.status), '4' },
	{ "an empty status", valid_rcpt, offsetof(struct frame, rcpt.outcome.status), 1, 0 },
	{ "a status of no class", valid_rcpt, offsetof(struct frame, rcpt.outcome.status), 1, '3' },
	{ "a status without a dot", valid_rcpt, offsetof(struct frame, rcpt.outcome.status) + 1, 1,
	    '4' },
	{ "a host without its end", valid_rcpt, FIELD(rcpt.outcome.host), 'h' },
	{ "a TLS without its end", valid_rcpt, FIELD(rcpt.outcome.tls), 't' },
	{ "a reply without its end", valid_rcpt, FIELD(rcpt.outcome.detail), 'r' },
	{ "a reply with a line end", valid_rcpt, offsetof(struct frame, rcpt.outcome.detail), 1,
	    '\r' },
	{ "a time of DNS beyond all", valid_rcpt, FIELD(rcpt.outcome.times.dns_us), 0x7f },
	{ "a time to connect beyond all", valid_rcpt, FIELD(rcpt.outcome.times.connect_us), 0x7f },
	{ "a time to send beyond all", valid_rcpt, FIELD(rcpt.outcome.times.send_us), 0x80 },
	{ "a latency beyond all", valid_rcpt, FIELD(rcpt.outcome.times.latency_us), 0x7f },
	{ "`remote` that is no bool", valid_rcpt, FIELD(rcpt.outcome.remote), 2 },
	{ "a reach that is none", valid_rcpt, FIELD(rcpt.outcome.reach), 0x7f },
	{ "`dsn` that is no bool", valid_rcpt, FIELD(rcpt.outcome.dsn), 0xff },
	{ "`deliver_by` that is no bool", valid_rcpt, FIELD(rcpt.outcome.deliver_by), 2 },
	{ "a bar that is none", valid_rcpt, FIELD(rcpt.outcome.bar), 0x7f },
	{ "`everyone` that is no bool", valid_rcpt, FIELD(rcpt.outcome.everyone), 3 },
	{ "`owed` that is no bool", valid_rcpt, FIELD(rcpt.outcome.owed), 2 },
	{ "an address without its end", valid_host, FIELD(host.address), '1' },
	{ "a name without its end", valid_host, FIELD(host.name), 'n' },
	{ "an event that is none", valid_host, FIELD(host.event), 0x7f },
	{ "a TLS result that is none", valid_host, FIELD(host.tls), 0x7f },
	{ "a negative time to connect", valid_host, FIELD(host.connect_us), 0xff },
	{ "a latency of a host beyond all", valid_host, FIELD(host.first_us), 0x7f },
	{ "a destination without its end", valid_moved, FIELD(moved.destination), 'd' },
	{ "an IPv4 host without its end", valid_moved, FIELD(moved.host), 'h' },
	{ "a refusal without its end", valid_moved, FIELD(moved.reply), 'r' },
	{ "a refusal with an escape", valid_moved, offsetof(struct frame, moved.reply), 1, '\033' },
	{ "a policy that is none", valid_session, FIELD(session.policy), 0x7f },
	{ "a result that is none", valid_session, FIELD(session.result), 0x7f },
	{ "a negative result", valid_session, FIELD(session.result), 0xff },
	{ "an exchanger without its end", valid_session, FIELD(session.mx), 'm' },
	{ "an exchanger with a blank", valid_session, offsetof(struct frame, session.mx), 1, ' ' },
	{ "our address without its end", valid_session, FIELD(session.ours), '1' },
	{ "their address with a line end", valid_session, offsetof(struct frame, session.theirs), 1,
	    '\n' },
	{ "a policy without its end", valid_session, FIELD(session.text), 'p' },
	{ "a policy with a tab", valid_session, offsetof(struct frame, session.text), 1, '\t' },
	{ "a reason without its end", valid_session, FIELD(session.reason), 'r' },
	{ "a reason with a line end", valid_session, offsetof(struct frame, session.reason), 1,
	    '\n' },
	{ "a memo's type that is none", valid_dns, FIELD(dns.type), 0x7f },
	{ "a memo's status that is none", valid_dns, FIELD(dns.status), 0x7f },
	{ "a memo's error beyond all", valid_dns, FIELD(dns.rcode), 0x7f },
	{ "`turned` that is no bool", valid_dns, FIELD(dns.turned), 2 },
	{ "`plain` that is no bool", valid_dns, FIELD(dns.plain), 0xff },
	{ "a server of no family", valid_dns, FIELD(dns.server.ss_family), 0x7f },
	{ "more records than octets", valid_dns, FIELD(dns.n), 1 },
	{ "more octets than there are", valid_dns, FIELD(dns.octets), 0xff },
	{ "a memo's name without its end", valid_dns, FIELD(dns.name), 'n' },
	{ "a memo for ever", valid_dns, FIELD(dns.expires_ms), 0x7f },
	{ "an ID without its end", valid_job, FIELD(job.id), 'A' },
	{ "an ID that is none", valid_job, offsetof(struct frame, job.id), 1, '/' },
	{ "recipients that are not there", valid_job, FIELD(job.n), 1 },
	{ "a dial of more than there are", valid_dial, FIELD(dial.n), 0xff },
	{ "a dial of nothing", valid_dial, FIELD(dial.n), 0 },
	{ "a winner of a race that is none", valid_dialled, FIELD(dial.n), 0 },
	{ "a leave for nothing", valid_leave, FIELD(leave.allowed), 0 },
};

/* The octets of a valid frame, as frame_put() sends it. */
static size_t
send_valid(int pair[2], void (*valid)(void))
{
	static char octets[sizeof frame];
	ssize_t n;

	valid();
	if (frame_put(pair[0], &frame) < 0)
		return 0;
	n = recv(pair[1], octets, sizeof octets, 0);
	return n > 0 ? (size_t)n : 0;
}

static void
test_fields(void)
{
	static void (*const valid[])(void) = { valid_rcpt, valid_host, valid_moved, valid_dns,
		valid_job, valid_dial, valid_dialled, valid_leave };
	static struct frame in;
	char more[sizeof frame + 1] = { 0 };
	int pair[2];
	size_t n;

	if (!ok(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0, "a pair"))
		return;
	for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
		n = send_valid(pair, valid[i]);
		ok(frame_put(pair[0], &frame) == 0 && frame_get(pair[1], &in, true) == 1,
		    "a valid frame of type %d is taken", (int)frame.type);
		ok(send(pair[0], &frame, n - 1, 0) > 0 &&
			frame_get(pair[1], &in, true) == -EBADMSG,
		    "a frame of type %d without its last octet is refused", (int)frame.type);
	}
	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		const struct damage *d = &damages[i];

		n = send_valid(pair, d->valid);
		memset((char *)&frame + d->at, d->octet, d->n);
		if (d->n == sizeof frame.dns.n && d->at == offsetof(struct frame, dns.n))
			frame.dns.n = 2;
		ok(n && send(pair[0], &frame, n, 0) == (ssize_t)n &&
			frame_get(pair[1], &in, true) == -EBADMSG,
		    "%s is refused", d->what);
	}
	ok(send(pair[0], more, sizeof more, 0) > 0 && frame_get(pair[1], &in, true) == -EBADMSG,
	    "a datagram longer than any frame is refused");
	valid_rcpt();
	ok(frame_put(pair[0], &frame) == 0 && frame_get(pair[1], &in, true) == 1 &&
		strcmp(in.rcpt.path, "b@example.org") == 0,
	    "a valid frame behind refused ones is taken");
	close(pair[0]);
	close(pair[1]);
}

int
main(void)
{
	test_frames();
	test_fields();
	test_descriptors();
	test_reset();
	test_no_reply();
	return tap_done();
}
