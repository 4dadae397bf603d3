// SPDX-License-Identifier: ISC
/*
 * The process that validates.  Only this file knows libunbound, and it loads the library by itself:
 * the programs start without it, and no other process has its code.
 *
 * The root's name servers are asked for first.  A resolver that removes signatures, a wrong clock
 * or old keys would make each answer bogus, and stop all mail.  If the answer is not proven,
 * questions are refused, and the test is repeated from time to time.
 *
 * libunbound works in a thread of its own.  Landlock comes before that thread, seccomp for both
 * after the first answer, as the library reads its files for that one.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unbound.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/landlock.h"
#include "base/passing.h"
#include "base/seccomp.h"
#include "dns/reason.h"
#include "dns/validator.h"

#define LIBRARY	      "libunbound.so.8"
#define CLIENTS_MAX   1100	/* more than workers of a run */
#define QUESTIONS_MAX 1024
#define OWN_MAX	      (4 * DNS_QUESTIONS_MAX)	/* open questions of one client */
#define AGAIN_MS      60000	/* between two tests */

static struct {
	__typeof__(ub_ctx_create) *create;
	__typeof__(ub_ctx_set_option) *set_option;
	__typeof__(ub_ctx_set_fwd) *set_fwd;
	__typeof__(ub_ctx_add_ta_file) *add_ta_file;
	__typeof__(ub_ctx_debugout) *debugout;
	__typeof__(ub_ctx_async) *async;
	__typeof__(ub_resolve_async) *resolve_async;
	__typeof__(ub_resolve_free) *resolve_free;
	__typeof__(ub_cancel) *cancel;
	__typeof__(ub_process) *process;
	__typeof__(ub_fd) *fd;
	__typeof__(ub_strerror) *strerror;
} ub;

struct question {
	bool open;
	int number;			/* libunbound's */
	int client;			/* its descriptor; -1: the test of the root */
	int64_t end_ms;
	size_t n;
	uint8_t octets[WIRE_QUERY_MAX];	/* of the query, up to the end of the question */
};

enum state { TESTING, WORKS, FAILS };

static struct {
	const struct validator *setup;
	struct ub_ctx *ctx;
	int control;			/* -1: the runner has let go of this process */
	enum state state;
	bool walled;
	int64_t tested_ms;
	char why[DNS_WHY_MAX];
	int clients[CLIENTS_MAX];
	size_t nclients;
	struct question test, questions[QUESTIONS_MAX];
} v;

/* ---- replies ---- */

static void
send_news(bool works, const char *why)
{
	struct validator_news news;
	struct buf b = BUF(news.why);

	memset(&news, 0, sizeof news);
	news.works = works;
	for (; *why && b.n < b.cap - 1; why++)
		buf_chr(&b, *why < ' ' || *why > '~' ? '?' : *why);
	(void)buf_cstr(&b);
	memcpy(v.why, news.why, sizeof v.why);
	(void)send(v.control, &news, sizeof news, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
send_failure(const struct question *q, enum wire_rcode rcode, enum reason_code code,
    const char *why)
{
	uint8_t packet[REASON_REPLY_MAX];
	const size_t n = reason_put(q->octets, q->n, rcode, code, why, packet);

	(void)send(q->client, packet, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* libunbound may have no memory for it. */
static const char *
why_bogus(const struct ub_result *result)
{
	return result->why_bogus ? result->why_bogus : "no reason is known";
}

/* A bogus answer comes with its data, and looks like an insecure one. */
static void
send_answer(const struct question *q, const struct ub_result *result)
{
	static uint8_t packet[DNS_ANSWER_CAP];
	const size_t n = result->answer_packet ? (size_t)result->answer_len : 0;

	if (result->bogus) {
		send_failure(q, WIRE_SERVFAIL, REASON_BOGUS, why_bogus(result));
	} else if (result->rcode != WIRE_NOERROR && result->rcode != WIRE_NXDOMAIN) {
		send_failure(q, WIRE_SERVFAIL, REASON_OTHER, "");
	} else if (n < WIRE_HEADER || n > sizeof packet) {
		send_failure(q, WIRE_SERVFAIL, REASON_OTHER, n ? "the answer is too long" : "");
	} else {
		memcpy(packet, result->answer_packet, n);
		memcpy(packet, q->octets, 2);
		packet[2] = 0x81;	/* QR and RD */
		packet[3] = (uint8_t)(0x80 | (result->secure ? WIRE_AD : 0) |
		    (result->nxdomain ? WIRE_NXDOMAIN : result->rcode));
		(void)send(q->client, packet, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

/* ---- walls ---- */

static void
close_files(void)
{
	struct landlock l;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return;
	landlock_begin(&l, LANDLOCK_SCOPED);
	landlock_allow_path(&l, v.setup->anchor, LANDLOCK_ACCESS_FS_READ_FILE);
	landlock_allow_path(&l, "/dev/urandom", LANDLOCK_ACCESS_FS_READ_FILE);
	landlock_allow_path(&l, "/etc/localtime", LANDLOCK_ACCESS_FS_READ_FILE);
	(void)landlock_enforce(&l);
}

static void
close_calls(void)
{
	static const struct seccomp_rule calls[] = {
		{ .call = __NR_socket, .tests = { { 1, UINT32_MAX, AF_INET } } },
		{ .call = __NR_socket, .tests = { { 1, UINT32_MAX, AF_INET6 } } },
		SECCOMP_CALL(bind), SECCOMP_CALL(connect), SECCOMP_CALL(setsockopt),
		SECCOMP_CALL(getsockopt), SECCOMP_CALL(getsockname), SECCOMP_CALL(sendto),
		SECCOMP_CALL(recvfrom), SECCOMP_CALL(sendmsg), SECCOMP_CALL(recvmsg),
		SECCOMP_CALL(shutdown), SECCOMP_CALL(read), SECCOMP_CALL(write),
		SECCOMP_CALL(readv), SECCOMP_CALL(writev), SECCOMP_CALL(close),
		SECCOMP_CALL(fcntl), SECCOMP_WITH(ioctl, 2, FIONBIO),
		SECCOMP_WITH(ioctl, 2, FIONREAD), SECCOMP_CALL(pipe2),
		SECCOMP_CALL(epoll_create1), SECCOMP_CALL(epoll_ctl), SECCOMP_CALL(epoll_pwait),
		SECCOMP_CALL(ppoll), SECCOMP_CALL(eventfd2), SECCOMP_CALL(timerfd_create),
		SECCOMP_CALL(timerfd_settime),
#ifdef SYS_poll
		SECCOMP_CALL(poll), SECCOMP_CALL(epoll_wait), SECCOMP_CALL(select),
#endif
		SECCOMP_WITHOUT(mmap, 3, PROT_EXEC), SECCOMP_CALL(clock_nanosleep),
		SECCOMP_CALL(getrusage), SECCOMP_CALL(getuid), SECCOMP_CALL(geteuid),
		SECCOMP_CALL(getgid), SECCOMP_CALL(getegid), SECCOMP_CALL(sched_yield),
		SECCOMP_CALL(fstat), { .call = __NR_newfstatat,
		    .tests = { { 4, AT_EMPTY_PATH, AT_EMPTY_PATH } } },
	};
	struct seccomp f = { .n = 0 };

	if (v.walled)
		return;
	v.walled = true;
	SECCOMP_ADD(&f, calls);
	seccomp_add_process(&f);
	(void)seccomp_enforce_threads(&f, SECCOMP_RET_ERRNO | ENOSYS);
}

/* ---- questions ---- */

static void
end_test(bool works, const char *why)
{
	v.test.open = false;
	close_calls();
	if (v.state == TESTING || works != (v.state == WORKS))
		send_news(works, why);
	v.state = works ? WORKS : FAILS;
}

static void
take_result(void *ctx, int error, struct ub_result *result)
{
	struct question *q = ctx;
	const char *why = NULL;

	if (error)
		why = ub.strerror(error);
	else if (q->client < 0 && !result->secure)
		why = result->bogus ? why_bogus(result) : result->rcode ?
		    "the name servers do not give the records of the root" :
		    "the root is not signed, or the file of its keys is empty";
	if (q->open && q->client < 0)
		end_test(!why, why ? why : "");
	else if (q->open && why)
		send_failure(q, WIRE_SERVFAIL, REASON_OTHER, why);
	else if (q->open)
		send_answer(q, result);
	q->open = false;
	ub.resolve_free(result);
}

static int
submit(struct question *q, const char *name, unsigned type, int ms)
{
	q->open = true;
	q->end_ms = clock_ms() + ms;
	return ub.resolve_async(v.ctx, name, (int)type, 1, q, take_result, &q->number);
}

static void
begin_test(void)
{
	int error;

	v.tested_ms = clock_ms();
	v.test.client = -1;
	error = submit(&v.test, ".", DNS_NS, VALIDATOR_TEST_MS);
	if (error)
		end_test(false, ub.strerror(error));
}

static struct question *
find_place(int client)
{
	struct question *place = NULL;
	size_t own = 0;

	for (size_t i = 0; i < QUESTIONS_MAX; i++) {
		if (!v.questions[i].open)
			place = place ? place : &v.questions[i];
		else
			own += v.questions[i].client == client;
	}
	return own < OWN_MAX ? place : NULL;
}

static bool
is_asked_for(unsigned type)
{
	static const enum dns_type types[] = {
		DNS_A, DNS_AAAA, DNS_MX, DNS_SRV, DNS_TLSA, DNS_CNAME,
	};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (types[i] == type)
			return true;
	return false;
}

/* Take a question of a client, which may have been taken over by a stranger. */
static void
take_question(int client, const uint8_t *packet, size_t n)
{
	struct question asked = { .client = client }, *q;
	char name[DNS_NAME_MAX];
	unsigned type;
	int error;

	if (!wire_question(packet, n, name, &type, &asked.n) || asked.n > sizeof asked.octets)
		return;
	memcpy(asked.octets, packet, asked.n);
	if (v.state == FAILS) {
		send_failure(&asked, WIRE_REFUSED, REASON_OTHER, v.why);
		if (v.ctx && !v.test.open && clock_ms() - v.tested_ms > AGAIN_MS)
			begin_test();
		return;
	}
	q = find_place(client);
	if (!q || !is_asked_for(type)) {
		send_failure(&asked, WIRE_SERVFAIL, REASON_OTHER,
		    q ? "a type that is not asked for" : "too many questions at once");
		return;
	}
	*q = asked;
	error = submit(q, name, type, VALIDATOR_QUESTION_MS);
	if (error) {
		q->open = false;
		send_failure(q, WIRE_SERVFAIL, REASON_OTHER, ub.strerror(error));
	}
}

/* libunbound itself waits for silent servers for 12 to 17 seconds. */
static int
end_overdue(struct question *q, int wait_ms)
{
	const int left_ms = q->open ? clock_left_ms(q->end_ms) : wait_ms;

	if (!q->open || left_ms > 0)
		return left_ms < wait_ms || wait_ms < 0 ? left_ms : wait_ms;
	q->open = false;
	(void)ub.cancel(v.ctx, q->number);
	if (q->client < 0)
		end_test(false, "no name server answers for the root");
	else
		send_failure(q, WIRE_SERVFAIL, REASON_SILENT, "no answer in time");
	return wait_ms;
}

/* ---- clients ---- */

static void
add_client(void)
{
	struct passed client;
	char octet;
	const ssize_t n = passing_take(v.control, &octet, 1, MSG_DONTWAIT, &client);

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		(void)close(v.control);
		v.control = -1;
	} else if (client.fd >= 0 && v.nclients < CLIENTS_MAX) {
		v.clients[v.nclients++] = client.fd;
	} else if (client.fd >= 0) {
		(void)close(client.fd);
	}
}

static void
drop_client(size_t i)
{
	const int client = v.clients[i];

	for (size_t k = 0; k < QUESTIONS_MAX; k++) {
		if (!v.questions[k].open || v.questions[k].client != client)
			continue;
		v.questions[k].open = false;
		(void)ub.cancel(v.ctx, v.questions[k].number);
	}
	(void)close(client);
	v.clients[i] = v.clients[--v.nclients];
}

/* False: the client has gone. */
static bool
serve_client(int client)
{
	uint8_t packet[WIRE_QUERY_MAX];
	const ssize_t n = recv(client, packet, sizeof packet, MSG_DONTWAIT);

	if (n > 0)
		take_question(client, packet, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* One round of events.  Clients are not read before the first test has ended. */
static void
serve_round(void)
{
	static struct pollfd fds[2 + CLIENTS_MAX];
	int wait_ms = end_overdue(&v.test, -1);
	size_t n;

	for (size_t i = 0; i < QUESTIONS_MAX; i++)
		wait_ms = end_overdue(&v.questions[i], wait_ms);
	n = v.state == TESTING ? 0 : v.nclients;
	fds[0] = (struct pollfd){ .fd = v.ctx ? ub.fd(v.ctx) : -1, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = v.control, .events = POLLIN };
	for (size_t i = 0; i < n; i++)
		fds[2 + i] = (struct pollfd){ .fd = v.clients[i], .events = POLLIN };
	if (poll(fds, (nfds_t)(2 + n), wait_ms) <= 0)
		return;
	if (fds[0].revents)
		(void)ub.process(v.ctx);
	for (size_t i = n; i-- > 0;)		/* backwards: the last one replaces one that goes */
		if (fds[2 + i].revents && !serve_client(v.clients[i]))
			drop_client(i);
	if (fds[1].revents)
		add_client();
}

/* ---- the start ---- */

static const char *
load_library(void)
{
#define SYMBOL(name) { "ub_" #name, &ub.name }
	static const struct {
		const char *name;
		void *to;
	} symbols[] = {
		{ "ub_ctx_create", &ub.create }, { "ub_ctx_set_option", &ub.set_option },
		{ "ub_ctx_set_fwd", &ub.set_fwd }, { "ub_ctx_add_ta_file", &ub.add_ta_file },
		{ "ub_ctx_debugout", &ub.debugout }, { "ub_ctx_async", &ub.async },
		SYMBOL(resolve_async), SYMBOL(resolve_free), SYMBOL(cancel), SYMBOL(process),
		SYMBOL(fd), SYMBOL(strerror),
	};
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return LIBRARY " is not installed";
	for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
		void *symbol = dlsym(library, symbols[i].name);

		if (!symbol)
			return LIBRARY " is too old";
		memcpy(symbols[i].to, &symbol, sizeof symbol);
	}
	return NULL;
}

static const char *
add_servers(void)
{
	const struct dns_resolver *r = v.setup->resolver;

	for (size_t i = 0; i < r->nservers; i++) {
		const struct sockaddr *sa = (const struct sockaddr *)&r->servers[i];
		char text[100];
		struct buf b = BUF(text);

		address_text(&b, sa);
		buf_fmt(&b, "@%u", (unsigned)address_port(sa));
		if (ub.set_fwd(v.ctx, buf_cstr(&b)))
			return "the address of a name server cannot be used";
	}
	return NULL;
}

/* NULL, or the reason why nothing can be validated. */
static const char *
open_context(void)
{
	static const char *const options[][2] = {
		{ "do-not-query-localhost:", "no" },
		/* For operators of the root only, and one question more in each run. */
		{ "trust-anchor-signaling:", "no" },
		/* A table of the addresses of private networks, which takes a tenth of the start:
		 * nobody asks for names of addresses here. */
		{ "unblock-lan-zones:", "yes" },
	};
	const char *why = load_library();

	if (why)
		return why;
	if (access(v.setup->anchor, R_OK) < 0)
		return "the file of the root's keys cannot be read";
	close_files();
	v.ctx = ub.create();
	if (!v.ctx)
		return "out of memory";
	(void)ub.debugout(v.ctx, NULL);
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		(void)ub.set_option(v.ctx, options[i][0], options[i][1]);
	if (v.setup->resolver->use_tcp)
		(void)ub.set_option(v.ctx, "tcp-upstream:", "yes");
	(void)ub.async(v.ctx, 1);
	if (ub.add_ta_file(v.ctx, v.setup->anchor))
		return "the file of the root's keys cannot be used";
	return add_servers();
}

void
validator_serve(const void *validator, int fd)
{
	const char *why;

	v.setup = validator;
	v.control = fd;
	why = open_context();
	if (why) {
		v.ctx = NULL;
		end_test(false, why);
	} else {
		begin_test();
	}
	while (v.control >= 0 || v.nclients)
		serve_round();
}
