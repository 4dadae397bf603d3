// SPDX-License-Identifier: ISC
/*
 * runner/pace: the destination that gets the next worker, and its limit.  No process runs, and the
 * clock stands still unless a test moves it.
 */
#include "runner/pace.h"

#include <stdlib.h>

#include "base/clock.h"
#include "runner/dials.h"
#include "runner/rank.h"
#include "runner/runner.h"
#include "tests/lib/tap.h"

static int64_t now_ms = 1000000;

int64_t __wrap_clock_ms(void);

int64_t
__wrap_clock_ms(void)
{
	return now_ms;
}

static struct config config;
static struct runner runner;
static const struct route route = { .via = VIA_MX, .via_text = "mx" };
static const struct route box = { .via = VIA_MAILDIR, .via_text = "maildir" };

static struct destination *
destination(const char *name)
{
	return destination_for(&runner.destinations, &route, slice_str(name));
}

static void
put_rank(struct destination *d, bool fresh, unsigned rank, int n)
{
	while (n-- > 0) {
		struct job *job = calloc(1, sizeof *job);
		struct message *m = calloc(1, sizeof *m);

		m->fresh = fresh;
		m->rank = rank;
		job->message = m;
		destination_push(&runner.destinations, d, job);
	}
}

static void
put(const char *name, bool fresh, int n)
{
	put_rank(destination(name), fresh, RANK_USUAL, n);
}

/* One message each for so many destinations. */
static void
put_many(const char *name, bool fresh, unsigned rank, int n)
{
	char space[20];

	for (int i = 0; i < n; i++) {
		(void)snprintf(space, sizeof space, "%s%d", name, i);
		put_rank(destination(space), fresh, rank, 1);
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
	pace_started(&runner, w, d);
	(void)drop_one(d);
	return w;
}

static void
end(struct worker *w)
{
	pace_ended(&runner, w);
	free(w);
}

/* Start as many workers as there may be.  Their number. */
static int
start_all(void)
{
	int n = 0;

	while (start())
		n++;
	return n;
}

static bool
in_ring(const struct destination *d, enum destination_ring which)
{
	return d->node.ring == &runner.destinations.rings[which];
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
	config.relay.per_address = 20;
	config.queue.retry_min_s = 300;
	runner.config = &config;
}

static enum pace
hear(const char *name, enum outcome_cause cause, bool everyone)
{
	static struct vain_who who;
	struct outcome o;

	who.sender++;			/* each job has another sender and recipient */
	who.rcpts++;
	outcome_set(&o, cause, SL(""), SL(""));
	o.everyone = everyone;
	return pace_update(&runner, destination(name), &who, &o);
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

/* An attempt that was begun before shows that the host takes mail. */
static void
test_alive(void)
{
	reset(10, 5);
	put("a", true, 9);
	must_start(start());
	for (int i = 0; i < 3; i++)
		(void)hear("a", CAUSE_LOST, false);
	ok(in_ring(destination("a"), RING_DEAD), "three connections that broke off");
	(void)hear("a", CAUSE_LOCAL, false);
	ok(in_ring(destination("a"), RING_DEAD), "a fault of our own says nothing of the host");
	(void)hear("a", CAUSE_DELIVERED, false);
	ok(in_ring(destination("a"), RING_PROVEN), "a delivery ends the rest of all mail");
}

/* A worker that was dismissed in mid-work has its connection. */
static void
test_leaving(void)
{
	struct worker *w;

	reset(10, 1);
	put("a", true, 9);
	w = start();
	must_start(w);
	w->njobs = 2;
	pace_dismissed(&runner, w);
	ok(!start(), "no other one starts beside a worker that still delivers");
	w->njobs = 0;
	pace_idle(&runner, w);
	ok(next_is("a"), "as soon as it has no job, another one does");
	reset(10, 1);
	put("a", true, 9);
	w = start();
	must_start(w);
	w->njobs = 1;
	pace_dismissed(&runner, w);
	end(w);
	ok(next_is("a"), "or as it has ended");
}

/* The job that is looked at is the one that is taken, and a look changes no turn. */
static void
test_look(void)
{
	struct destination *d;
	unsigned own = 0, same = 0;

	reset(10, 5);
	d = destination("a");
	put_rank(d, true, RANK_USUAL, 40);
	put_rank(d, true, RANK_OWN - 1, 40);
	put_rank(d, false, RANK_USUAL, 40);
	for (int i = 0; i < 40; i++) {
		struct job *seen = destination_peek(d), *job;

		seen = destination_peek(d);
		job = destination_pop(&runner.destinations, d);
		same += job == seen;
		own += job->message->fresh && !rank_foreign(job->message->rank);
		free(job->message);
		free(job);
	}
	ok(same == 40, "the job that is looked at is the next one");
	ok(own == 20, "half of them are new mail of people here (%u)", own);
}

static void
test_shares(void)
{
	reset(10, 5);
	put_many("old", false, RANK_USUAL, 20);
	ok(start_all() == 5, "destinations with mail that failed before: half of the processes");
	put("new", true, 1);
	ok(next_is("new"), "new mail gets one of the other processes");

	reset(10, 5);
	put_many("new", true, RANK_USUAL, 20);
	put("old", false, 1);
	for (int n = 0; n < 6; n++)
		must_start(start());
	ok(next_is("old"), "one process of ten is for mail that failed before");
	ok(!start(), "three of ten are not for destinations that have not answered");

	reset(10, 5);
	put("good", true, 20);
	ok(next_is("good"), "a destination with much mail");
	(void)hear("good", CAUSE_DELIVERED, false);
	put_many("new", true, RANK_USUAL, 20);
	for (int n = 0; n < 5; n++)
		must_start(start());
	ok(next_is("good"),
	    "a destination that works comes first if half of the workers are in doubt");
	reset(10, 5);
	put("few", true, 9);
	ok(next_is("few"), "a destination with little mail");
	(void)hear("few", CAUSE_DELIVERED, false);
	put_many("new", true, RANK_USUAL, 20);
	for (int n = 0; n < 5; n++)
		must_start(start());
	ok(!next_is("few"), "a destination with little mail gets no second worker");
	reset(1, 5);
	put("old", false, 1);
	ok(next_is("old") && !start(), "a single process is for any mail");
	reset(1, 5);
	put("foreign", true, 1);
	ok(next_is("foreign") && !start(), "a single process is for mail of strangers, too");
}

/* A destination that has answered, with one worker, whose jobs take so long, and a line of jobs. */
static struct worker *
working(const char *name, int64_t job_ms, int line)
{
	struct worker *w;

	put(name, true, 1);
	w = start();
	must_start(w);
	(void)hear(name, CAUSE_DELIVERED, false);
	now_ms += 4 * job_ms;
	pace_over(w);
	for (int i = 0; i < 40; i++) {
		now_ms += job_ms;
		pace_over(w);
	}
	put(name, true, line);
	return w;
}

static void
test_worth(void)
{
	reset(8, 5);
	(void)working("near", 10, 10);
	ok(next_is("near") && !start(), "while few are at work, a short line gets another worker");
	reset(7, 5);
	(void)working("near", 10, 10);
	ok(!start(), "a line that is over in a tenth of a second gets no second worker");
	ok(destination("near")->job_ms == 10, "the time of a job");
	put("near", true, 1);
	ok(next_is("near") && !start(), "a line of more than ten jobs gets one");
	reset(7, 5);
	(void)working("far", 100, 10);
	ok(!start(), "a line of a second");
	reset(7, 5);
	(void)working("far", 101, 10);
	ok(next_is("far") && !start(), "a longer line gets a second worker, but no third");
	reset(7, 5);
	(void)working("slow", 3000, 3);
	ok(start_all() == 2, "the line of a slow host gets workers until little is left of it");
	reset(7, 5);
	(void)working("slow", 3000, 3);
	put("new", true, 1);
	ok(next_is("new") && next_is("slow"), "after destinations that have none yet");
	reset(7, 5);
	(void)working("near", 0, 5);
	ok(!start() && destination("near")->job_ms == 1, "a job without any time");

	reset(7, 5);
	(void)working("a", 10, 5);
	(void)working("b", 10, 5);
	(void)working("c", 10, 5);
	(void)working("slow", 3000, 5);
	ok(next_is("slow"), "others in the same ring are passed over");
	end(runner.workers->next->next);
	ok(start() != NULL, "a destination without a worker gets one, whatever its line is");
	reset(10, 5);
}

static struct destination *
local(void)
{
	return destination_for(&runner.destinations, &box, SL("here"));
}

static bool
next_is_local(void)
{
	const struct worker *w = start();

	return w && w->destination == local();
}

static void
test_kept(void)
{
	char name[20];

	reset(100, 20);
	put_many("slow", true, RANK_USUAL, 200);
	ok(start_all() == 75, "a quarter of 100 workers is not for destinations without an answer");
	put_rank(local(), true, 9, 1);
	ok(next_is_local(), "mail of a stranger for a mailbox here gets a worker at once");
	(void)hear("slow0", CAUSE_DELIVERED, false);
	put("slow0", true, 20);
	ok(next_is("slow0"), "a destination that has answered gets one at once");
	for (int i = 1; i < 75; i++) {
		(void)snprintf(name, sizeof name, "slow%d", i);
		put(name, true, 20);
		(void)hear(name, CAUSE_DELIVERED, false);
	}
	(void)start_all();
	ok(runner.nnetwork == 87 && runner.nworkers == 88,
	    "if all have answered, 13 of 100 are for mail without network");
	put_rank(local(), true, RANK_USUAL, 100);
	local()->limit = 20;
	destination_update(&runner.destinations, local());
	ok(start_all() == 12 && runner.nworkers == 100,
	    "mail without network gets all that is left");

	for (unsigned all = 1; all <= 8; all++) {
		reset(all, 20);
		put_many("slow", true, RANK_USUAL, 20);
		(void)start_all();
		put_rank(local(), true, RANK_USUAL, 1);
		ok(all == 1 ? runner.nworkers == 1 : next_is_local(),
		    "of %u workers one is left for mail here, if they are more than one", all);
	}
	reset(100, 20);
}

static void
test_foreign(void)
{
	reset(100, 20);
	put_many("bounce", true, 9, 200);
	ok(start_all() == 40, "bounces for destinations without an answer: 40 of 100");
	put_many("old", false, 9, 200);
	ok(start_all() == 0, "bounces that failed before get no share of their own beside them");
	put_many("mine", false, RANK_USUAL, 200);
	ok(start_all() == 10, "mail of people here that failed before: ten at least");
	put_many("new", true, RANK_USUAL, 200);
	ok(start_all() == 25, "new mail of people here: 25 at least");

	reset(100, 20);
	put("good", true, 1);
	must_start(start());
	(void)hear("good", CAUSE_DELIVERED, false);
	destination("good")->limit = 100;
	put_rank(destination("good"), true, 9, 200);
	(void)start_all();
	ok(runner.nworkers == 76, "mail of strangers for one that has answered: 75 of 100");
	put("good", true, 100);
	(void)start_all();
	ok(runner.nworkers == 87, "mail of people here gets more");

	reset(100, 20);
	put_many("bounce", true, 9, 4);
	put_many("mine", true, RANK_USUAL, 4);
	ok(next_is("mine0") && next_is("mine1") && next_is("mine2") && next_is("bounce0") &&
	    next_is("mine3") && next_is("bounce1"),
	    "mail of people here first, but foreign mail has one turn in four");
	reset(100, 20);
}

static void
test_priority(void)
{
	const unsigned urgent = RANK_USUAL + 9, low = RANK_USUAL - 9;

	reset(100, 20);
	put_rank(destination("low"), true, low, 1);
	put("usual0", true, 1);
	put("usual1", true, 1);
	put_rank(destination("urgent"), true, urgent, 1);
	ok(next_is("urgent") && next_is("usual0") && next_is("usual1") && next_is("low"),
	    "MT-PRIORITY: the destination with the most urgent message first, equals in turn");

	reset(100, 20);
	put("good", true, 1);
	must_start(start());
	(void)hear("good", CAUSE_DELIVERED, false);
	put("fresh", true, 1);
	end(runner.workers);
	put_rank(destination("good"), true, urgent, 1);
	ok(next_is("good") && next_is("fresh"),
	    "MT-PRIORITY: a destination that has answered and has an urgent message");

	reset(100, 20);
	put_many("slow", true, urgent, 100);
	ok(start_all() == 75, "MT-PRIORITY: urgent mail has no greater share");
	put_rank(local(), true, low, 1);
	ok(next_is_local(), "MT-PRIORITY: nor does it take the worker of mail here");
	reset(100, 20);
}

/* The new worker asks to dial a site.  If it may not, its message goes back to the line. */
static bool
ask(struct worker *w, uint64_t site)
{
	struct destination *d = w->destination;
	const unsigned rank = w->foreign ? 9 : RANK_USUAL;

	if (dials_allow(&runner, w, &site, 1))
		return true;
	put_rank(d, true, rank, 1);
	end(w);
	return false;
}

/* Start workers that ask for one site, as long as there are any.  The number that may dial it. */
static int
start_at(uint64_t site)
{
	struct worker *w;
	int n = 0;

	while ((w = start()))
		n += ask(w, site);
	return n;
}

static struct worker *
worker_of(const char *name)
{
	struct worker *w = runner.workers;

	while (w && strcmp(w->destination->name, name) != 0)
		w = w->next;
	must_start(w);
	return w;
}

static bool
no_sites(void)
{
	for (size_t i = 0; i < SITE_BUCKETS; i++)
		if (runner.destinations.sites.buckets[i])
			return false;
	return true;
}

static void
test_sites(void)
{
	reset(100, 20);
	put_many("sub", true, RANK_USUAL, 100);
	ok(start_at(7) == 20 && runner.nworkers == 20,
	    "a hundred domains with one exchanger: 20 workers");
	ok(!start(), "the others start none to ask again");
	put("other", true, 1);
	ok(next_is("other") && dials_allow(&runner, worker_of("other"), (uint64_t[]){ 8 }, 1) == 1,
	    "a domain with another exchanger gets a worker at once");
	end(worker_of("sub0"));
	ok(start_at(7) == 1, "if one ends, one of the others begins");
	end(worker_of("sub1"));
	end(worker_of("sub2"));
	ok(next_is("sub21") && runner.workers->nsites == 1, "its place is its own from the start");
	ok(start_at(7) == 1 && !start(), "two for two");
	end(worker_of("sub3"));
	put_rank(destination("sub90"), true, RANK_USUAL + 9, 1);
	ok(next_is("sub90"), "MT-PRIORITY: the most urgent of those that wait");

	end(worker_of("sub4"));
	while (drop_one(destination("sub23")))
		continue;
	ok(next_is("sub24"), "one that has no mail any more makes room for another");
	reset(100, 20);
	ok(no_sites(), "no site is left without a worker");
}

static void
test_sites_shared(void)
{
	struct worker *w;

	reset(100, 20);
	put_many("bounce", true, 9, 100);
	ok(start_at(7) == 15, "bounces to one exchanger: three quarters of its workers");
	put_many("mine", true, RANK_USUAL, 10);
	ok(start_at(7) == 5, "the last quarter is for mail of people here");
	end(worker_of("bounce0"));
	ok(next_is("mine5") && !start(), "mail of people here is first for the next place");

	reset(100, 20);
	put("big", true, 100);
	must_start(w = start());
	ok(ask(w, 7), "a destination with much mail");
	(void)hear("big", CAUSE_DELIVERED, false);
	destination("big")->limit = 20;
	destination_update(&runner.destinations, destination("big"));
	ok(start_all() == 19, "it may have all workers of its exchanger");
	ok(pace_full(&runner, destination("big")) && !pace_yield(&runner, w),
	    "it keeps them while nobody waits");
	put("small", true, 1);
	ok(start_at(7) == 0 && pace_yield(&runner, w),
	    "it gives one up if another destination waits for the exchanger");
	end(w);
	ok(next_is("small"), "the other one gets it");
	reset(100, 20);
}

static void
test_sites_many(void)
{
	const uint64_t both[] = { 7, 8 };
	struct worker *w, *second;

	reset(100, 20);
	config.relay.per_address = 1;
	put_many("d", true, RANK_USUAL, 4);
	must_start(w = start());
	must_start(second = start());
	ok(dials_allow(&runner, w, both, 2) == 3, "a race takes a place at each address");
	ok(!ask(second, 8), "which others cannot have");
	dials_settle(&runner, w, 7);
	must_start(second = start());
	ok(dials_allow(&runner, second, both, 2) == 2, "after the race only the winner's is taken");
	must_start(second = start());
	ok(dials_allow(&runner, second, (uint64_t[]){ 9, 9 }, 2) == 3,
	    "two addresses of one site are one place");
	ok(dials_allow(&runner, second, (uint64_t[]){ 10 }, 1) == 1 && second->nsites == 1,
	    "the next address replaces the last");
	ok(dials_allow(&runner, second, (uint64_t[]){ 7 }, 1) == 0 && second->nsites == 0,
	    "also if there is no room at the next");
	reset(100, 20);
	ok(no_sites(), "no site is left");
}

static struct queue_entry
envelope(enum standing standing, const char *from, const char *params)
{
	return (struct queue_entry){ .standing = standing, .from = slice_str(from),
		.from_params = slice_str(params) };
}

static void
test_rank(void)
{
	static const struct {
		const char *name;
		enum standing standing;
		const char *from, *params;
		unsigned rank;
	} rows[] = {
		{ "a user", STANDING_USER, "a@b.example", "", 19 },
		{ "an owner", STANDING_OWNER, "a@b.example", "", 19 },
		{ "a trusted client", STANDING_TRUSTED, "a@b.example", "SIZE=7", 19 },
		{ "a bounce", STANDING_TRUSTED, "", "", 9 },
		{ "a stranger", STANDING_STRANGER, "a@b.example", "", 9 },
		{ "the highest", STANDING_USER, "a@b.example", "MT-PRIORITY=9", 28 },
		{ "the lowest", STANDING_USER, "a@b.example", "SIZE=1 MT-PRIORITY=-9", 10 },
		{ "a stranger's high one", STANDING_STRANGER, "a@b.example", "MT-PRIORITY=9", 9 },
		{ "a stranger's low one", STANDING_STRANGER, "a@b.example", "MT-PRIORITY=-9", 0 },
		{ "a bounce's high one", STANDING_TRUSTED, "", "MT-PRIORITY=1", 9 },
		{ "no priority", STANDING_USER, "a@b.example", "MT-PRIORITY=10", 19 },
		{ "no number", STANDING_USER, "a@b.example", "MT-PRIORITY=-", 19 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct queue_entry e =
		    envelope(rows[i].standing, rows[i].from, rows[i].params);

		ok(rank_of(&e) == rows[i].rank && rank_foreign(rank_of(&e)) == (rank_of(&e) < 10),
		    "MT-PRIORITY: the rank of %s", rows[i].name);
	}
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
	ok(hear("a", CAUSE_CONNECT, true) == PACE_ON && in_ring(d, RING_DEAD) && !start(),
	    "R146 no host answers: waiting mail needs no worker");
	ok(pace_yield(&runner, runner.workers), "no host answers: the worker ends");
	put("a", true, 1);
	ok(in_ring(d, RING_DEAD) && d->dead->cause == CAUSE_CONNECT,
	    "R146 no host answers: mail that comes soon needs no worker");
	now_ms = d->dead_until_ms;
	put("a", true, 1);
	ok(!d->node.ring && !d->dead && d->limit == 1 && d->waiting == 4,
	    "a dead destination is tried again later, by one worker");
	(void)hear("a", CAUSE_CONNECT, true);
	ok(d->dead && d->dead_until_ms - clock_ms() <= 150000,
	    "a destination is dead for half of retry-min at most");
	runner_revive(&runner);
	ok(!in_ring(d, RING_DEAD) && !d->dead, "the operator revives a destination");
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
	(void)hear("b", CAUSE_DELIVERED, false);
	put("c", true, 1);
	ok(!pace_yield(&runner, w), "the only worker of a destination is kept");
	w->count = 100;
	ok(pace_yield(&runner, w), "a worker ends after a hundred messages if others wait");
	w->count = 1;
	now_ms += 29999;
	ok(!pace_yield(&runner, w), "a worker is kept for half a minute if others wait");
	now_ms++;
	ok(pace_yield(&runner, w), "a worker ends after half a minute if others wait");
	reset(2, 2);
}

/* Letters of the ranks, in the order in which the destination's jobs leave. */
static const char *
order_of(struct destination *d)
{
	static char order[32];
	struct job *job;
	size_t n = 0;

	while (n < sizeof order - 1 && (job = destination_pop(&runner.destinations, d))) {
		order[n++] = (char)('A' + job->message->rank);
		free(job->message);
		free(job);
	}
	order[n] = '\0';
	return order;
}

static void
test_line_order(void)
{
	static const unsigned ranks[] = { 19, 28, 10, 19, 28, 12, 10, 19 };
	struct destination *d;
	struct job *job;

	reset(10, 5);
	d = destination("a");
	for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++)
		put_rank(d, true, ranks[i], 1);
	ok(d->node.level == 28, "the best message decides about the destination");
	job = destination_pop(&runner.destinations, d);
	destination_put_back(&runner.destinations, d, job);
	ok(strcmp(order_of(d), "]]TTTMKK") == 0, "MT-PRIORITY: the most urgent message first");

	put_rank(d, true, 19, 3);
	put_rank(d, true, 28, 2);
	job = destination_pop(&runner.destinations, d);
	destination_withdraw(&runner.destinations, job->message);
	put_rank(d, true, 28, 1);
	put_rank(d, true, 10, 1);
	ok(d->waiting == 6 && strcmp(order_of(d), "]]TTTK") == 0,
	    "a line goes on after a job left");
	free(job->message);
	free(job);

	put_rank(d, true, 9, 4);
	put_rank(d, true, 19, 4);
	put_rank(d, false, 19, 1);
	put_rank(d, false, 9, 1);
	ok(strcmp(order_of(d), "TJTTTJTJJJ") == 0,
	    "each other line has one turn in four; in each, mail of people here first");
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
	test_line_order();
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
	ok(destination("F\303\226TZ.example") == destination("xn--ftz-sna.example") &&
	    destination("XN--FTZ-SNA.Example") == destination("f\303\266tz.example") &&
	    destination("ftz.example") != destination("f\303\266tz.example") &&
	    strcmp(destination("f\303\266tz.example")->name, "xn--ftz-sna.example") == 0,
	    "the spellings of a domain are one destination");
	reset(10, 5);
	ok(runner.destinations.n == 0, "at the end no destination is left");
}

int
main(void)
{
	test_rings();
	test_alive();
	test_leaving();
	test_look();
	test_shares();
	test_worth();
	test_kept();
	test_foreign();
	test_priority();
	test_rank();
	test_sites();
	test_sites_shared();
	test_sites_many();
	test_limit();
	test_dead();
	test_yield();
	test_lines();
	return tap_done();
}
