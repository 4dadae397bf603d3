// SPDX-License-Identifier: ISC
/*
 * smtp-queue top: a page of the queue, again every two seconds.  A page reads the files of counters
 * and of hosts, and what tally_get() reads; a process beside it reads messages, at most a twentieth
 * of the time.
 */
#include "tools/queue/top.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/queue/screen.h"

#define EVERY_MS     2000
#define SAMPLE_MOST  2000	/* messages that are read for a page */
#define SAMPLE_PRICE 20		/* a pause is that many times as long as the reading before it */
#define SAMPLE_US    4000000	/* and at least so long */

/* The process that reads messages, and where it leaves the result. */
struct reading {
	struct {
		bool done;
		struct sample sample;
	} *shared;
	pid_t pid;			/* 0: none */
	int64_t next_us;
};

static void
take_moment(struct top *t)
{
	static struct counted counted;
	struct top_moment *m;

	if (t->nmoments == TOP_MOMENTS)
		memmove(&t->moments[0], &t->moments[1], --t->nmoments * sizeof t->moments[0]);
	m = &t->moments[t->nmoments++];
	counted_read(&t->tool->queue, &counted);
	m->at_us = clock_us();
	counted_add_up(&counted, m->sums);
	/* The file was made anew: rates begin again. */
	for (unsigned i = 0; t->nmoments > 1 && i < COUNTED_SUMS; i++)
		if (m->sums[i] < m[-1].sums[i]) {
			t->moments[0] = *m;
			t->nmoments = 1;
			break;
		}
}

/* All but the messages themselves. */
static void
look(struct top *t)
{
	const struct queue *q = &t->tool->queue;

	t->now_s = clock_wall_s();
	take_moment(t);
	t->lives = queue_runner_lives(q);
	t->status_read = t->lives && q->state >= 0 && status_read(q->state, t->now_s, &t->status);
	if (!t->status_read)
		t->status = (struct status){ 0 };
}

static uint64_t
count_work(const struct top *t)
{
	return tally_sum(&t->counts, QUEUE_IN_NEW) + tally_sum(&t->counts, QUEUE_IN_CUR) +
	    tally_sum(&t->counts, QUEUE_IN_WAIT);
}

/* ---- one page ---- */

static int
print_once(struct top *t)
{
	const struct queue *q = &t->tool->queue;

	look(t);
	t->counted = tally_count(q, 0, &t->counts) == 0;
	t->sampled = t->counted && sample_take(q, &t->tool->config, count_work(t), SAMPLE_MOST,
	    &t->sample) == 0;
	top_page(stdout, t, 0, t->tool->columns);
	return EX_OK;
}

/* ---- pages on a terminal ---- */

static void
start_reading(struct reading *r, const struct top *t)
{
	r->shared->done = false;
	r->pid = fork();
	if (r->pid < 0)
		r->pid = 0;
	if (r->pid)
		return;
	(void)setpriority(PRIO_PROCESS, 0, 10);
	r->shared->done = sample_take(&t->tool->queue, &t->tool->config, count_work(t),
	    SAMPLE_MOST, &r->shared->sample) == 0;
	_exit(0);
}

static void
take_result(struct reading *r, struct top *t)
{
	r->pid = 0;
	r->next_us = clock_us() + SAMPLE_US;
	if (!r->shared->done)
		return;
	t->sample = r->shared->sample;
	t->sampled = true;
	r->next_us += t->sample.took_us * SAMPLE_PRICE;
}

/* Take what the process has left, or start it.  The other children are those of tally_get(). */
static void
go_on_reading(struct reading *r, struct top *t)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		if (pid == r->pid)
			take_result(r, t);
	if (r->pid == 0 && t->counted && clock_us() >= r->next_us)
		start_reading(r, t);
}

static void
draw(const struct top *t)
{
	size_t rows, columns, n = 0;
	char *page = NULL;
	FILE *out = open_memstream(&page, &n);

	if (!out)
		return;
	screen_size(&rows, &columns);
	top_page(out, t, rows, columns);
	if (fclose(out) == 0)
		screen_draw(page, n);
	free(page);
}

static int
show(struct top *t, struct reading *r)
{
	enum screen_event event = SCREEN_TIME;
	int64_t next_us = clock_us();

	while (event != SCREEN_QUIT && !tool_output_broken()) {
		const int64_t now_us = clock_us();

		if (event == SCREEN_KEY || now_us >= next_us) {
			look(t);
			t->counted = tally_get(&t->tool->queue, &t->counts) == 0;
			next_us = now_us + EVERY_MS * 1000;
		}
		go_on_reading(r, t);
		draw(t);
		/* The first result of the process comes sooner than the next page. */
		event = screen_wait(r->pid && !t->sampled ? 100
		    : (int)((next_us - clock_us()) / 1000) + 1);
	}
	return EX_OK;
}

int
tool_top(struct tool *t)
{
	static struct top top;
	struct reading reading = { 0 };
	int r;

	top.tool = t;
	if (t->once || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return print_once(&top);
	reading.shared = mmap(NULL, sizeof *reading.shared, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (reading.shared == MAP_FAILED)
		return EX_OSERR;
	r = screen_open();
	if (r < 0) {
		tool_complain("the terminal", strerror(-r));
		return EX_OSERR;
	}
	r = show(&top, &reading);
	screen_close();
	if (reading.pid) {
		(void)kill(reading.pid, SIGKILL);
		(void)waitpid(reading.pid, NULL, 0);
	}
	return r;
}
