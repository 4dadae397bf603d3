// SPDX-License-Identifier: ISC
/*
 * A whole conversation of the client, by SMTP or LMTP, with a peer whose replies are the input.
 * The first octet chooses the protocol, TLS and a login.  Each recipient gets one outcome, which
 * its mark in the queue has too; lines that end in CRLF are sent, and no transcript has a secret.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "client/auth.h"
#include "client/deliver.h"
#include "client/state.h"
#include "client/transaction.h"
#include "tests/fuzz/folder.h"

#define RCPTS 3
#define MAX   60000

static const char lines[] =
    "id: 0SJ5TN5K6X3N0BKS\narrived: 1795323773.000123 2026-11-22T05:02:53Z\n"
    "from: <a@b.example> ENVID=q+3Dz BY=120;R\nP <u@d.example> NOTIFY=SUCCESS\n"
    "P <j\303\266@e.example>\nP <w@d.example>\n\n";
static const char content[] =
    "From: a\r\nSubject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n.\r\n..\r\n"
    "\303\266\r\n.end";

static char hostname[] = "client.example", user[] = "anna", password[40], file[2000];
static struct config config = { .server.hostname = hostname };
static struct transcript transcript;
static unsigned reported[RCPTS];
static struct outcome outcomes[RCPTS];

static void
take_rcpt(void *ctx, const struct attempt_result *result)
{
	(void)ctx;
	must(result->rcpt < RCPTS && outcome_valid(result->outcome));
	reported[result->rcpt]++;
	outcomes[result->rcpt] = *result->outcome;
}

static void
take_host(void *ctx, const struct host_report *report)
{
	(void)ctx;
	must(report->event != HOST_NOTHING);
}

static void
take_moved(void *ctx, const char *destination, const char *host, const char *reply)
{
	(void)ctx;
	must(destination && host && !slice_has_control(slice_str(reply)));
}

static void
set_up(struct queue_entry *e)
{
	static const struct queue_facts facts = {
		.eight_bit = true, .dot_line = true, .no_final_crlf = true, .longest_line = 45,
	};
	struct buf b = BUF(file);
	int fd;

	config.relay.command_timeout_ms = config.relay.data_timeout_ms = 2000;
	config.relay.greeting_timeout_ms = config.relay.block_timeout_ms = 2000;
	config.relay.dot_timeout_ms = config.relay.transaction_timeout_ms = 2000;
	if (!password[0]) {
		fd = memfd_create("password", MFD_CLOEXEC);
		must(fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, "SeCrEt\n", 7) == 7);
		(void)snprintf(password, sizeof password, "/proc/self/fd/%d", fd);
	}
	folder_message(&b, slice_of(lines, sizeof lines - 1),
	    slice_of(content, sizeof content - 1), &facts);
	fd = memfd_create("message", MFD_CLOEXEC);
	must(fd >= 0 && write(fd, file, b.n) == (ssize_t)b.n);
	must(queue_load_open(fd, "0SJ5TN5K6X3N0BKS", NULL, e) == 0 && e->nrcpts == RCPTS);
	e->arrived_us = clock_wall_us();
}

/* All octets that the client has sent. */
static void
check_sent(int fd, bool tls)
{
	static char sent[1 << 20];
	struct slice rest, line;
	const char *start;
	ssize_t n, all = 0;

	while ((n = recv(fd, sent + all, sizeof sent - (size_t)all, MSG_DONTWAIT)) > 0)
		all += n;
	rest = slice_of(sent, (size_t)all);
	must(!memmem(sent, (size_t)all, "SeCrEt", 6));
	/* Behind this line there may be TLS, and all before it is sent. */
	start = memmem(sent, (size_t)all, "STARTTLS\r\n", 10);
	if (tls && start)
		rest.n = (size_t)(start - sent);
	while (rest.n) {
		line = slice_cut(rest, '\n', &rest);
		must(rest.p && rest.p[-1] == '\n' && line.n && line.p[line.n - 1] == '\r');
		must(line.n <= 1000 && !memchr(line.p, '\r', line.n - 1));
	}
}

/* Greet, log in, and offer the message as often as recipients are left. */
static void
converse(struct delivery *d, struct transaction *t, struct smtp_link *l, bool login)
{
	struct tls_policy policy = {
		.tls = d->route->tls, .source = "a test", .remedy = "", .remedy_none = "",
	};
	enum transaction_end end = TRANSACTION_DONE;
	struct outcome why;

	outcome_set(&why, CAUSE_LOST, SL("peer"), SL("the test is over"));
	if (greet_link(l, &policy, &d->client->tls, d->sink, &why) == GREET_READY &&
	    (!login || auth_login(l, d->route, NULL, &why) == GREET_READY))
		for (int i = 0; i < 20 && t->nleft && !l->closed && end == TRANSACTION_DONE; i++)
			end = transaction_run(t, l);
	if (!why.status[0])
		outcome_set(&why, CAUSE_LOST, SL("peer"), SL("the test is over"));
	transaction_settle_rest(t, &why);
}

static void
check_marks(const struct queue_entry *e)
{
	char state;

	for (uint32_t i = 0; i < RCPTS; i++) {
		must(reported[i] == 1 && pread(e->fd, &state, 1, e->rcpts[i].at) == 1);
		must((state == QUEUE_PENDING || state == QUEUE_FAILED) ==
		    (outcomes[i].kind != OUTCOME_DELIVERED));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct attempt_sink sink = {
		.rcpt = take_rcpt, .host = take_host, .moved = take_moved,
	};
	static const uint32_t rcpts[RCPTS] = { 0, 1, 2 };
	struct route route = { .via = VIA_SMTP, .user = user, .password_file = password };
	struct delivery d = {
		.config = &config, .route = &route, .destination = "peer:25", .sink = &sink,
		.transcript = &transcript, .begun_us = clock_us(),
	};
	struct queue_entry e = { .fd = -1 };
	struct transaction *t;
	struct smtp_link *l;
	int pair[2];

	/* A peer that guesses the password may repeat it. */
	if (size == 0 || size > MAX || memmem(data, size, "SeCrEt", 6))
		return 0;
	set_up(&e);
	memset(reported, 0, sizeof reported);
	route.tls = data[0] & 2 ? RELAY_TLS_MAY : RELAY_TLS_NONE;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	must(write(pair[1], data + 1, size - 1) == (ssize_t)size - 1 &&
	    shutdown(pair[1], SHUT_WR) == 0);
	transcript_begin(&transcript);
	d.client = calloc(1, sizeof *d.client);
	l = link_new(pair[0], "peer[192.0.2.1]:25", &config, &transcript);
	t = transaction_new(&d, &e, rcpts, RCPTS);
	must(d.client && l && t);
	d.client->link = l;
	l->lmtp = data[0] & 1;
	converse(&d, t, l, data[0] & 4);
	transaction_free(t);
	check_marks(&e);
	must(!memmem(transcript.head, transcript.head_n, "SeCrEt", 6) &&
	    !memmem(transcript.tail, transcript.tail_n, "SeCrEt", 6));
	deliver_done(&d);
	check_sent(pair[1], data[0] & 2);
	(void)close(pair[1]);
	queue_unload(&e);
	return 0;
}
