// SPDX-License-Identifier: ISC
/*
 * Fills a queue quickly.  "fill FOLDER MESSAGES DOMAIN COUNT [FIRST_DUE STEP_S BUCKETS]" puts
 * MESSAGES messages of 1 KiB into new/, or into BUCKETS folders of wait/.  Their recipients are
 * user@DOMAIN; a %u in it is replaced by 0 to COUNT - 1 by turns.  Each file is as a session writes
 * it, but not synced.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/run.h"

#define CONTENT 1024

static struct queue_message message;

/* In place of the libc function: these messages need not survive a crash. */
int
fsync(int fd)
{
	(void)fd;
	return 0;
}

#define HEADER "From: sender@sender.example\r\nSubject: x\r\n\r\n"

struct plan {
	const char *before, *after;	/* the domain around its number; after: NULL without one */
	uint64_t messages, domains, first_due, step_s, buckets;
};

static int
submit(const struct queue *q, const struct plan *p, uint64_t i, struct slice content)
{
	static const struct queue_facts facts = { .longest_line = 62 };
	char path[256];

	if (p->after)
		(void)snprintf(path, sizeof path, "user@%s%" PRIu64 "%s", p->before, i % p->domains,
		    p->after);
	else
		(void)snprintf(path, sizeof path, "user@%s", p->before);
	queue_begin(&message);
	queue_field(&message, "client", SL("bench"));
	queue_standing(&message, STANDING_TRUSTED, SL(""));
	queue_from(&message, SL("sender@sender.example"), SL(""));
	queue_rcpt(q, &message, slice_str(path), SL(""));
	(void)queue_head_end(q, &message, 0);
	(void)queue_content(&message, content);
	return queue_commit(q, &message, &facts);
}

/* Consecutive messages share a folder: messages due at the same time were made at the same time. */
static int
postpone(const struct queue *q, const struct plan *p, uint64_t i)
{
	char name[QUEUE_ID_SIZE + 32];
	const uint64_t bucket = i / ((p->messages + p->buckets - 1) / p->buckets);
	int n = snprintf(name, sizeof name, "%" PRIu64, p->first_due + bucket * p->step_s);

	(void)mkdirat(q->wait, name, 0700);
	(void)snprintf(name + n, sizeof name - (size_t)n, "/%s", message.id);
	return renameat(q->fresh, message.id, q->wait, name) < 0 ? -errno : 0;
}

static int
fill(const char *folder, const struct plan *p)
{
	char text[CONTENT];
	struct queue q;
	int r = queue_open(&q, folder, QUEUE_RUN);

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'x';
	memcpy(text, HEADER, sizeof HEADER - 1);
	for (uint64_t i = 0; r == 0 && i < p->messages; i++) {
		r = submit(&q, p, i, slice_of(text, sizeof text));
		if (r == 0 && p->buckets)
			r = postpone(&q, p, i);
	}
	queue_close(&q);
	return r;
}

static bool
number(char **argv, int argc, int i, uint64_t *ret)
{
	return i >= argc || slice_uint(slice_str(argv[i]), 10000000000, ret);
}

int
main(int argc, char **argv)
{
	struct plan p = { .domains = 1 };
	char *at;
	int r;

	if ((argc != 5 && argc != 8) || !number(argv, argc, 2, &p.messages) ||
	    !number(argv, argc, 4, &p.domains) || !number(argv, argc, 5, &p.first_due) ||
	    !number(argv, argc, 6, &p.step_s) || !number(argv, argc, 7, &p.buckets) ||
	    p.domains == 0 || (argc == 8 && p.buckets == 0)) {
		(void)fprintf(stderr,
		    "usage: fill FOLDER MESSAGES DOMAIN COUNT [FIRST_DUE STEP_S BUCKETS]\n");
		return 64;
	}
	p.before = argv[3];
	at = strstr(argv[3], "%u");
	if (at) {
		*at = '\0';
		p.after = at + 2;
	}
	r = fill(argv[1], &p);
	if (r < 0)
		(void)fprintf(stderr, "fill: %s: %s\n", argv[1], strerror(-r));
	return r < 0;
}
