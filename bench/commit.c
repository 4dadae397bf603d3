// SPDX-License-Identifier: ISC
/*
 * The throughput of the queue.  "commit FOLDER MESSAGES WRITERS" puts MESSAGES messages of 4 KiB
 * into a queue in FOLDER, with WRITERS processes at once, and prints messages a second.  Under
 * strace -c -f it shows the system calls of a message.  FOLDER should be on the disk to measure.
 * The messages stay in its new/.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/run.h"

#define WRITERS_MAX 64

static struct queue_message message;

static int
submit(const struct queue *q, struct slice content)
{
	static const struct queue_facts facts = { .longest_line = 62 };

	queue_begin(&message);
	queue_from(&message, SL("sender@example.org"), SL(""));
	queue_rcpt(q, &message, SL("recipient@example.net"), SL(""));
	(void)queue_head_end(q, &message, 0);
	(void)queue_content(&message, content);
	return queue_commit(q, &message, &facts);
}

static int
writer(const char *folder, uint64_t n)
{
	char text[4096];
	struct queue q;
	int r = queue_open(&q, folder, QUEUE_RECEIVE);

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'x';
	for (uint64_t i = 0; r == 0 && i < n; i++)
		r = submit(&q, slice_of(text, sizeof text));
	if (r < 0)
		(void)fprintf(stderr, "commit: %s: %s\n", folder, strerror(-r));
	queue_close(&q);
	return r < 0;
}

int
main(int argc, char **argv)
{
	uint64_t n, writers;
	int64_t took_us, start_us = clock_us();
	int status, failed = 0;

	if (argc != 4 || !slice_uint(slice_str(argv[2]), 10000000, &n) || n == 0 ||
	    !slice_uint(slice_str(argv[3]), WRITERS_MAX, &writers) || writers == 0) {
		(void)fprintf(stderr, "usage: commit FOLDER MESSAGES WRITERS\n");
		return 64;
	}
	for (uint64_t i = 0; i < writers; i++)
		switch (fork()) {
		case -1:
			perror("commit: fork");
			failed = 1;
			break;
		case 0:
			_exit(writer(argv[1], (n + i) / writers));
		default:
			break;
		}
	while (wait(&status) > 0)
		failed |= status != 0;
	took_us = clock_us() - start_us;
	if (failed)
		return 1;
	(void)printf("%lld messages/s, %llu of 4 KiB by %llu at once\n",
	    (long long)((int64_t)n * 1000000 / (took_us ? took_us : 1)), (unsigned long long)n,
	    (unsigned long long)writers);
	return 0;
}
