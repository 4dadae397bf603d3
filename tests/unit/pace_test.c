// SPDX-License-Identifier: ISC
/* runner/pace: the destination that gets the next worker, and its limit.  No process runs. */
#include "runner/pace.h"

#include <stdlib.h>

#include "base/clock.h"
#include "runner/runner.h"
#include "tests/lib/tap.h"

static struct config config;
static struct runner runner;
static const struct route route = { .via = VIA_MX, .via_text = "mx" };

static struct destination *
destination(const char *name)
{
	return destination_for(&runner.destinations, &route, slice_str(name));
}

static void
put(const char *name, bool fresh, int n)
{
	while (n-- > 0) {
		struct job *job = calloc(1, sizeof *job);
		struct message *m = calloc(1, sizeof *m);

		m->fresh = fresh;
		job->message = m;
		destination_push(&runner.destinations, destination(name), job);
	}
}

static bool
drop_one(struct destination *d)
{
	struct job *job = destination_pop(&runner.destinations, d);

	if (!job)
		return false;
	free(job->message);
	free(job);
	return true;
}

/* Start a worker without a process. */
static struct worker *
start(void)
{
	struct destination *d = pace_next(&runner);
	struct worker *w = d ? calloc(1, sizeof *w) : NULL;

	if (!w)
		return NULL;
	w->destination = d;
	w->doubtful = d->ring == RING_DOUBTFUL;
	w->next = runner.workers;
	runner.workers = w;
	runner.nworkers++;
	d->processes++;
	d->workers++;
	destination_update(&runner.destinations, d);
	(void)drop_one(d);
	return w;
}

static void
end(struct worker *w)
{
	struct worker **at = &runner.workers;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	runner.nworkers--;
	w->destination->processes--;
	w->destination->workers--;
	destination_update(&runner.destinations, w->destination);
	free(w);
}

static void
must_start(const struct worker *w)
{
	if (w)
		return;
	printf("Bail out! no worker\n");
	exit(1);
}

static bool
next_is(const char *name)
{
	struct worker *w = start();

	return w && strcmp(w->destination->name, name) == 0;
}

static void
reset(unsigned processes, unsigned per_destination)
{
	while (runner.workers)
		end(runner.workers);
	for (size_t i = 0; i < DESTINATION_BUCKETS; i++)
		for (struct destination *d = runner.destinations.buckets[i]; d; d = d->next)
			while (drop_one(d))
				continue;
	destination_done(&runner.destinations);
	config.relay.processes = processes;
	config.relay.per_destination = per_destination;
	config.queue.retry_min_s = 300;
	runner.config = &config;
}

static enum pace
hear(const char *name, enum outcome_cause cause, bool everyone)
{
	struct outcome o;

	outcome_set(&o, cause, SL(""), SL(""));
	o.everyone = everyone;
	return pace_update(&runner, destination(name), &o);
}

static void
test_rings(void)
{
	reset(10, 5);
	put("a", true, 3);
	put("b", true, 3);
	put("c", false, 3);
	ok(next_is("a") && next_is("b") && next_is("c") && !start(),
	    "one worker each, in turn, destinations with new mail first");
	(void)hear("a", CAUSE_DELIVERED, false);
	ok(next_is("a") && next_is("a") && !start(), "a destination that works gets more workers");
	put("d", true, 1);
	put("a", true, 9);
	ok(next_is("d") && next_is("a"),
	    "a new destination comes before the fourth worker of another");
}

static void
test_shares(void)
{
	char name[16];
	int n = 0;

	reset(10, 5);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof name, "old%d", i);
		put(name, false, 1);
	}
	while (start())
		n++;
	ok(n == 5, "destinations with mail that failed before: half of the processes");
	put("new", true, 1);
	ok(next_is("new"), "new mail gets one of the other processes");

	reset(10, 5);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof name, "new%d", i);
		put(name, true, 1);
	}
	put("old", false, 1);
	for (n = 0; n < 9; n++)
		must_start(start());
	ok(next_is("old"), "one process of ten is for mail that failed before");

	reset(10, 5);
	put("good", true, 20);
	ok(next_is("good"), "a destination with much mail");
	(void)hear("good", CAUSE_DELIVERED, false);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof name, "new%d", i);
		put(name, true, 1);
	}
	for (n = 0; n < 5; n++)
		must_start(start());
	ok(next_is("good"),
	    "a destination that works comes first if half of the workers are in doubt");
	reset(10, 5);
	put("few", true, 9);
	ok(next_is("few"), "a destination with little mail");
	(void)hear("few", CAUSE_DELIVERED, false);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof name, "new%d", i);
		put(name, true, 1);
	}
	for (n = 0; n < 5; n++)
		must_start(start());
	ok(!next_is("few"), "a destination with little mail gets no second worker");
	reset(1, 5);
	put("old", false, 1);
	ok(next_is("old") && !start(), "a single process is for any mail");
}

static void
test_limit(void)
{
	struct destination *d;

	reset(100, 20);
	put("a", true, 200);
	d = destination("a");
	ok(d->limit == 1, "a new destination has one connection");
	must_start(start());
	(void)hear("a", CAUSE_REPLY_PERMANENT, false);
	ok(d->limit == 5 && d->proven, "a destination that replies has five");
	for (int i = 0; i < 30; i++)
		(void)hear("a", CAUSE_DELIVERED, false);
	ok(d->limit == 20, "the limit grows up to per-destination");
	while (start())
		continue;
	ok(d->workers == 20, "the destination uses its limit");
	ok(hear("a", CAUSE_REPLY_TEMPORARY, true) == PACE_AGAIN && d->limit == 19,
	    "R143 421 on one connection of many: one connection less, no attempt");
	ok(pace_yield(&runner, runner.workers), "the worker with the 421 ends");
	(void)hear("a", CAUSE_DELIVERED, false);
	ok(d->limit == 19, "the limit does not grow at once");
	for (int i = 0; i < 200; i++)
		(void)hear("a", CAUSE_DELIVERED, false);
	ok(d->limit == 20, "the limit grows again later");
	(void)hear("a", CAUSE_LOST, false);
	ok(d->limit == 10, "R143 a connection that broke off: half of the limit");
	(void)hear("a", CAUSE_LOST, false);
	ok(!d->dead && hear("a", CAUSE_LOST, false) == PACE_ON && d->dead,
	    "R143 three in a row: the destination is dead for now");
	reset(100, 20);
}

static void
test_dead(void)
{
	struct destination *d;

	reset(100, 20);
	put("a", true, 3);
	d = destination("a");
	must_start(start());
	ok(hear("a", CAUSE_CONNECT, true) == PACE_ON && d->ring == RING_DEAD && !start(),
	    "R146 no host answers: waiting mail needs no worker");
	ok(pace_yield(&runner, runner.workers), "no host answers: the worker ends");
	put("a", true, 1);
	ok(d->ring == RING_DEAD && d->dead->cause == CAUSE_CONNECT,
	    "R146 no host answers: mail that comes soon needs no worker");
	d->dead_until_ms = clock_ms();
	put("a", true, 1);
	ok(d->ring == DESTINATION_RINGS && !d->dead && d->limit == 1 && d->waiting == 4,
	    "a dead destination is tried again later, by one worker");
	(void)hear("a", CAUSE_CONNECT, true);
	ok(d->dead && d->dead_until_ms - clock_ms() <= 150000,
	    "a destination is dead for half of retry-min at most");
	runner_revive(&runner);
	ok(d->ring != RING_DEAD && !d->dead, "the operator revives a destination");
	(void)hear("a", CAUSE_DNS_NXDOMAIN, true);
	ok(d->dead && d->dead_until_ms - clock_ms() <= 1000,
	    "a permanent failure counts for a second only");
	(void)hear("a", CAUSE_LOCAL, false);
	ok(d->dead != NULL, "a local error does not change the destination");
	reset(100, 20);
	put("a", true, 2);
	must_start(start());
	(void)hear("a", CAUSE_REPLY_TEMPORARY, false);
	ok(!destination("a")->dead && destination("a")->proven,
	    "R146 a 4yz to one message does not concern the host");
	reset(100, 20);
}

static void
test_yield(void)
{
	struct worker *w;

	reset(2, 2);
	put("a", true, 500);
	must_start(w = start());
	(void)hear("a", CAUSE_DELIVERED, false);
	must_start(start());
	ok(!pace_yield(&runner, w), "a single destination may have all processes");
	put("b", true, 1);
	ok(pace_yield(&runner, w), "one of two workers ends if another destination has mail");
	end(runner.workers);
	ok(next_is("b"), "the other destination gets the process");
	put("c", true, 1);
	ok(!pace_yield(&runner, w), "the only worker of a destination is kept");
	w->count = 100;
	ok(pace_yield(&runner, w), "a worker ends after a hundred messages if others wait");
	reset(2, 2);
}

static void
test_lines(void)
{
	struct destination *d;
	char order[16] = "";
	struct job *job;
	size_t n = 0;

	reset(10, 5);
	put("a", false, 4);
	put("a", true, 4);
	d = destination("a");
	while ((job = destination_pop(&runner.destinations, d))) {
		order[n++] = job->message->fresh ? 'n' : 'o';
		free(job->message);
		free(job);
	}
	ok(strcmp(order, "nnnonooo") == 0, "new mail first, but not always: %s", order);
	reset(10, 5);
	for (int i = 0; i < 20001; i++) {
		char name[16];

		(void)snprintf(name, sizeof name, "d%d", i);
		(void)destination(name);
	}
	put("kept", true, 1);
	destination_trim(&runner.destinations);
	ok(runner.destinations.n == 1 && destination("kept")->waiting == 1,
	    "many destinations: those without mail are forgotten");
	reset(10, 5);
	ok(runner.destinations.n == 0, "at the end no destination is left");
}

int
main(void)
{
	test_rings();
	test_shares();
	test_limit();
	test_dead();
	test_yield();
	test_lines();
	return tap_done();
}
