// SPDX-License-Identifier: ISC
/*
 * The datagrams by which processes of connections let a listener learn from the DNS: questions of
 * these processes, and answers of the process that asks.  Each has an octet for its kind, two for
 * its length, and its octets.  That process gets questions of the right form alone, and what is
 * learnt can be read again.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "base/aide.h"

static int start_aide(struct aide *a, void (*serve)(const void *ctx, int fd), const void *ctx);

#define aide_start start_aide
#include "verify/learner.c"

#include "tests/fuzz/fuzz.h"

static int aide_end_fd = -1;

/* The other end is here. */
static int
start_aide(struct aide *a, void (*serve)(const void *ctx, int fd), const void *ctx)
{
	int ends[2];

	must(serve && ctx);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	*a = (struct aide){ .fd = ends[0], .pid = 4711 };
	aide_end_fd = ends[1];
	return 0;
}

static void
check_questions(void)
{
	struct question q;
	ssize_t n;

	while (aide_end_fd >= 0 && (n = recv(aide_end_fd, &q, sizeof q, MSG_DONTWAIT)) >= 0) {
		must(n == sizeof q && foreign_line(q.name, sizeof q.name));
		must(q.type == DNS_A || q.type == DNS_AAAA || q.type == DNS_MX ||
		    q.type == DNS_PTR || q.type == DNS_TXT);
	}
}

/* A memo with a time that has not passed. */
static void
send_answer(const uint8_t *data, size_t n)
{
	static struct dns_memo memo;

	memset(&memo, 0, sizeof memo);
	memcpy(&memo, data, n < sizeof memo ? n : sizeof memo);
	memo.expires_ms = (int64_t)((uint64_t)memo.expires_ms + (uint64_t)clock_ms());
	(void)send(aide_end_fd, &memo, n < sizeof memo ? n : sizeof memo, MSG_DONTWAIT);
}

static void
read_again(const struct learner *l)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_MX, DNS_PTR, DNS_TXT };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		struct dns_question q = { .name = "a.example", .type = types[i] };

		if (dns_cache_get(l->cache, &q))
			must(dns_question_text(&q)[0]);
		dns_question_done(&q);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config config;
	struct question first = { .type = DNS_A, .name = "a.example" };
	struct learner l;

	must(learner_open(&l, &config) == 0 && l.cache);
	/* The process is started by a question. */
	must(send(l.out, &first, sizeof first, 0) == sizeof first);
	learner_pass(&l);
	must(l.aide.fd >= 0);
	while (size >= 3) {
		size_t n = (size_t)data[1] << 8 | data[2];
		const bool question = data[0] == 'q';

		data += 3;
		size -= 3;
		n = n < size ? n : size;
		if (question)
			(void)send(l.out, data, n, MSG_DONTWAIT);
		else
			send_answer(data, n);
		data += n;
		size -= n;
		learner_pass(&l);
		learner_take(&l);
		check_questions();
	}
	read_again(&l);
	must(learner_ended(&l, 4711) && l.aide.fd < 0);
	(void)close(aide_end_fd);
	(void)close(l.questions);
	(void)close(l.out);
	dns_cache_free(l.cache);
	return 0;
}
