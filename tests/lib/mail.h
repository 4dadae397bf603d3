// SPDX-License-Identifier: ISC
/*
 * For tests of deliveries: a queue in a temporary folder with one message at a time, and a sink
 * that keeps the outcomes and the reports of hosts.
 */
#ifndef TESTS_LIB_MAIL_H
#define TESTS_LIB_MAIL_H

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "delivery/delivery.h"
#include "tests/lib/queue_all.h"
#include "tests/lib/tap.h"

#define MAIL_RCPTS 256

struct mail {
	char dir[64];
	struct queue q;
	struct queue_entry e;
	bool loaded;
	uint32_t rcpts[MAIL_RCPTS];		/* 0, 1, 2, ... */
	struct outcome outcomes[MAIL_RCPTS];	/* as reported */
	unsigned reports[MAIL_RCPTS];		/* how often */
	struct host_report hosts[64];
	size_t nhosts;
	unsigned busy;			/* bit i: 127.0.0.(i + 1) may not be dialled */
	unsigned dialled;		/* the last octet of the winner of a race */
};

static void
mail_rcpt(void *ctx, const struct attempt_result *result)
{
	struct mail *m = ctx;

	m->outcomes[result->rcpt] = *result->outcome;
	m->reports[result->rcpt]++;
}

static void
mail_host(void *ctx, const struct host_report *r)
{
	struct mail *m = ctx;

	if (m->nhosts < sizeof m->hosts / sizeof m->hosts[0])
		m->hosts[m->nhosts++] = *r;
}

__attribute__((unused)) static void
mail_init(struct mail *m)
{
	memset(m, 0, sizeof *m);
	(void)snprintf(m->dir, sizeof m->dir, "/tmp/mail_test.XXXXXX");
	if (!mkdtemp(m->dir) || queue_open(&m->q, m->dir, QUEUE_RUN) < 0)
		abort();
	for (uint32_t i = 0; i < MAIL_RCPTS; i++)
		m->rcpts[i] = i;
}

static void
mail_clear(struct mail *m)
{
	if (m->loaded)
		queue_unload(&m->e);
	m->loaded = false;
	memset(m->outcomes, 0, sizeof m->outcomes);
	memset(m->reports, 0, sizeof m->reports);
	m->nhosts = 0;
}

static int
mail_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

__attribute__((unused)) static void
mail_done(struct mail *m)
{
	mail_clear(m);
	queue_close(&m->q);
	(void)nftw(m->dir, mail_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static struct queue_facts
mail_facts(struct slice content)
{
	struct queue_facts f = { .no_final_crlf = true };
	bool start = true;

	for (size_t i = 0; i < content.n; i++) {
		f.dot_line = f.dot_line || (start && content.p[i] == '.');
		f.eight_bit = f.eight_bit || (unsigned char)content.p[i] > 127;
		f.binary = f.binary || content.p[i] == '\0';
		start = content.p[i] == '\n';
	}
	f.no_final_crlf = content.n < 2 || memcmp(content.p + content.n - 2, "\r\n", 2) != 0;
	return f;
}

static bool
mail_load(void *ctx, const char *id)
{
	struct mail *m = ctx;

	m->loaded = queue_load(&m->q, id, &m->e) == 0;
	return false;
}

/* Make this the only message of the queue; to: addresses separated by '|'. */
__attribute__((unused)) static void
mail_put(struct mail *m, const char *from, const char *params, const char *to, struct slice content)
{
	static struct queue_message message;
	struct queue_facts facts = mail_facts(content);
	struct slice rest = slice_str(to);
	char id[QUEUE_ID_SIZE];

	if (m->loaded) {
		memcpy(id, m->e.id, sizeof id);
		(void)queue_finish(&m->q, id);
	}
	mail_clear(m);
	queue_begin(&message);
	queue_field(&message, "client", SL("test"));
	queue_from(&message, slice_str(from), slice_str(params));
	while (rest.n) {
		struct slice path, param;

		path = slice_cut(slice_cut(rest, '|', &rest), ' ', &param);
		queue_rcpt(&m->q, &message, path, param);
	}
	if (queue_head_end(&m->q, &message, 0) < 0 || queue_content(&message, content) < 0 ||
	    queue_commit(&m->q, &message, &facts) < 0 ||
	    queue_take_new(&m->q, mail_load, m) != 1 || !m->loaded)
		abort();
}

/* Deliver to all recipients of the message. */
static uint32_t
mail_dial(void *ctx, const uint64_t *sites, size_t n)
{
	const struct mail *m = ctx;
	uint32_t allowed = 0;

	for (size_t i = 0; i < n; i++) {
		const unsigned last = sites[i] & 0xff;

		if (!last || !(m->busy >> (last - 1) & 1))
			allowed |= UINT32_C(1) << i;
	}
	return allowed;
}

static void
mail_dialled(void *ctx, uint64_t site)
{
	struct mail *m = ctx;

	m->dialled = (unsigned)(site & 0xff);
}

__attribute__((unused)) static void
mail_deliver(struct mail *m, struct delivery *d)
{
	static struct attempt_sink sink = {
		.rcpt = mail_rcpt, .host = mail_host, .dial = mail_dial, .dialled = mail_dialled,
	};

	sink.ctx = m;
	d->sink = &sink;
	deliver(d, &m->e, m->rcpts, m->e.nrcpts);
}

/* Was each recipient reported exactly once? */
__attribute__((unused)) static bool
mail_reported(const struct mail *m)
{
	for (size_t i = 0; i < m->e.nrcpts; i++)
		if (m->reports[i] != 1)
			return false;
	return true;
}

/* The state byte of a recipient in the file. */
__attribute__((unused)) static char
mail_state(const struct mail *m, size_t rcpt)
{
	char c = '?';

	(void)!pread(m->e.fd, &c, 1, m->e.rcpts[rcpt].at);
	return c;
}

#endif
