// SPDX-License-Identifier: ISC
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/lib/tap.h"
#include "verify/learner.h"

/* A question as a process of a connection sends it. */
struct asked {
	enum dns_type type;
	char name[DNS_NAME_MAX];
};

static bool
is_known(struct learner *l, const char *name)
{
	struct dns_question q = { .name = name, .type = DNS_TXT };
	const bool known = dns_cache_get(l->cache, &q);

	dns_question_done(&q);
	return known;
}

/* A process that a client has taken over sends an answer in place of a question. */
static void
test_forged_answer(struct learner *l)
{
	const struct dns_memo memo = {
		.expires_ms = clock_ms() + 60000, .type = DNS_TXT, .status = DNS_NODATA,
		.took_ms = -1, .name = "victim.example",
	};

	ok(dns_memo_valid(&memo), "the answer would be good");
	(void)send(l->out, &memo, dns_memo_size(&memo), 0);
	learner_pass(l);
	ok(l->aide.fd < 0 && !is_known(l, "victim.example"), "an answer is no question");
}

static void
test_bad_questions(struct learner *l)
{
	struct asked q = { .type = DNS_TLSA, .name = "a.example" };

	(void)send(l->out, &q, sizeof q, 0);
	q.type = DNS_TXT;
	memset(q.name, 'x', sizeof q.name);
	(void)send(l->out, &q, sizeof q, 0);
	(void)send(l->out, &q, 3, 0);
	memcpy(q.name, "a\nb", 4);
	(void)send(l->out, &q, sizeof q, 0);
	learner_pass(l);
	ok(l->aide.fd < 0, "other octets are no question");
}

/* The process beside asks by itself: of a server that is not there it learns a failure. */
static void
test_question(struct learner *l)
{
	const struct asked q = { .type = DNS_TXT, .name = "a.example" };
	struct pollfd p = { .events = POLLIN };

	(void)send(l->out, &q, sizeof q, 0);
	learner_pass(l);
	p.fd = l->aide.fd;
	ok(p.fd >= 0 && poll(&p, 1, 10000) == 1, "the process beside answers");
	learner_take(l);
	ok(is_known(l, "a.example"), "the answer is kept");
	ok(!learner_ended(l, getpid()) && learner_ended(l, l->aide.pid) && l->aide.fd < 0,
	    "it is known by its number");
}

int
main(void)
{
	struct config c = { .nroutes = 0 };
	struct learner l;
	const char *const overrides[] = { "relay.resolver=127.0.0.1@9" };

	(void)signal(SIGPIPE, SIG_IGN);
	ok(config_load(&c, "/dev/null", overrides, 1, NULL) == 0, "the name server");
	ok(learner_open(&l, &c) == 0 && l.cache, "open");
	test_forged_answer(&l);
	test_bad_questions(&l);
	test_question(&l);
	dns_cache_free(l.cache);
	config_done(&c);
	return tap_done();
}
