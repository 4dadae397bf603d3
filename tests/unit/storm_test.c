// SPDX-License-Identifier: ISC
/*
 * The queue after an outage of many hosts, and before a receiver that takes little: days of it, by
 * the project's own times of retries (runner/schedule), pauses of hosts (hosts/hosts) and workers
 * (runner/pace).  No process runs, time is simulated in seconds, and the result is always the same.
 */
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "hosts/hosts.h"
#include "runner/pace.h"
#include "runner/rank.h"
#include "runner/runner.h"
#include "runner/schedule.h"
#include "tests/lib/tap.h"

#define HOURS	  3600
#define DAYS	  (24 * HOURS)
#define LIFETIME  (5 * DAYS)
#define DAYS_MAX  (12 * DAYS)
#define DIAL_S	  30		/* a dial without an answer, connect-timeout */
#define PLACES	  101
#define PER_TURN  10		/* messages that a worker delivers in a second */

struct mail {
	struct message message;
	struct job job;
	struct mail *next;		/* of those due in the same second */
	int64_t born_s, due_s;
	unsigned place, attempts;
};

/* A destination with one host.  It answers from up_s on, and takes so many messages a minute. */
struct place {
	char name[20], address[24];
	int64_t up_s, minute;
	unsigned per_minute, taken;	/* 0: any number */
	unsigned dials;			/* without an answer */
	unsigned delivered;
	int64_t waited_s;		/* the longest time from due to an attempt, of fresh mail */
};

struct server {
	struct worker worker;
	int64_t until_s;		/* the end of a dial without an answer; 0: none */
};

static int64_t now_s;
static struct config config;
static struct runner runner;
static struct hosts hosts;
static const struct route route = { .via = VIA_MX, .via_text = "mx" };
static struct mail *due[DAYS_MAX];
static struct place places[PLACES];
static unsigned left, expired, most_attempts, due_now, fullest_minute;
static int64_t last_s;			/* of the last delivery */

int64_t __wrap_clock_ms(void);
ssize_t __wrap_getrandom(void *p, size_t n, unsigned flags);

int64_t
__wrap_clock_ms(void)
{
	return now_s * 1000;
}

/* The same numbers in each run (a linear congruential generator). */
ssize_t
__wrap_getrandom(void *p, size_t n, unsigned flags)
{
	static uint64_t state = 1;

	(void)flags;
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	const uint64_t value = state >> 20;
	memcpy(p, &value, n < sizeof value ? n : sizeof value);
	return (ssize_t)n;
}

static void
put_due(struct mail *m, int64_t at_s)
{
	m->due_s = at_s;
	m->next = due[at_s];
	due[at_s] = m;
}

static void
add_mail(unsigned place, int64_t born_s)
{
	struct mail *m = calloc(1, sizeof *m);

	if (!m)
		exit(1);
	m->place = place;
	m->born_s = born_s;
	m->job.message = &m->message;
	m->message.rank = RANK_USUAL;
	left++;
	put_due(m, born_s);
}

static struct destination *
destination_of(const struct place *p)
{
	return destination_for(&runner.destinations, &route, slice_str(p->name));
}

static struct mail *
mail_of(struct job *job)
{
	return (struct mail *)((char *)job - offsetof(struct mail, job));
}

static void
defer(struct mail *m)
{
	const int64_t at_s = schedule_retry_s(&config, m->attempts++, now_s);

	if (m->attempts > most_attempts)
		most_attempts = m->attempts;
	if (at_s - m->born_s <= LIFETIME) {
		put_due(m, at_s);
		return;
	}
	expired++;
	left--;
	free(m);
}

static void
learn(const struct place *p, enum host_event event)
{
	struct host_report report = { .event = event, .connect_us = 1000, .first_us = 2000 };

	(void)snprintf(report.address, sizeof report.address, "%s", p->address);
	(void)snprintf(report.name, sizeof report.name, "%s", p->name);
	hosts_learn(&hosts, &report, now_s);
}

static void
update(struct destination *d, enum outcome_cause cause, bool everyone)
{
	static struct vain_who who;
	struct outcome o;

	who.sender++;
	who.rcpts++;
	outcome_set(&o, cause, SL(""), SL(""));
	o.everyone = everyone;
	(void)pace_update(&runner, d, &who, &o);
}

static void
fail_dial(struct destination *d, struct place *p)
{
	struct job *job = destination_pop(&runner.destinations, d);

	learn(p, HOST_FAILED);
	update(d, CAUSE_CONNECT, true);
	if (job)
		defer(mail_of(job));
}

/* The reply to one message: true if the place has taken it. */
static bool
takes(struct place *p)
{
	if (p->minute != now_s / 60) {
		p->minute = now_s / 60;
		p->taken = 0;
	}
	if (p->per_minute && p->taken >= p->per_minute)
		return false;
	p->taken++;
	return true;
}

static void
deliver_some(struct destination *d, struct place *p)
{
	struct job *job;

	for (int i = 0; i < PER_TURN && (job = destination_pop(&runner.destinations, d)); i++) {
		struct mail *m = mail_of(job);

		if (m->attempts == 0 && now_s - m->due_s > p->waited_s)
			p->waited_s = now_s - m->due_s;
		learn(p, HOST_PROVEN);
		if (!takes(p)) {
			update(d, CAUSE_REPLY_TEMPORARY, false);
			defer(m);
			continue;
		}
		update(d, CAUSE_DELIVERED, false);
		p->delivered++;
		last_s = now_s;
		left--;
		free(m);
	}
}

/* One second of a worker; false: it ends. */
static bool
serve(struct server *s)
{
	struct destination *d = s->worker.destination;
	struct place *p = &places[atoi(d->name)];
	const struct host *host = hosts_find(&hosts, p->address);

	if (s->until_s > now_s)
		return true;
	if (now_s < p->up_s || s->until_s) {
		if (s->until_s || (host && hosts_paused_until(&hosts, host, now_s))) {
			if (s->until_s)
				fail_dial(d, p);
			else
				update(d, CAUSE_CONNECT, true);
			return false;
		}
		p->dials++;
		s->until_s = now_s + DIAL_S;
		return true;
	}
	if (host && hosts_paused_until(&hosts, host, now_s)) {
		update(d, CAUSE_CONNECT, true);
		return false;
	}
	deliver_some(d, p);
	return d->waiting && !pace_yield(&runner, &s->worker);
}

static void
serve_all(void)
{
	struct worker *next;
	struct destination *d;

	for (struct worker *w = runner.workers; w; w = next) {
		next = w->next;
		if (serve((struct server *)w))
			continue;
		pace_ended(&runner, w);
		free(w);
	}
	while ((d = pace_next(&runner))) {
		struct server *s = calloc(1, sizeof *s);

		if (!s)
			exit(1);
		pace_started(&runner, &s->worker, d);
	}
}

/* Mail for a dead destination is deferred without an attempt of its own. */
static void
defer_dead(void)
{
	const struct ring_node *node;

	while ((node = ring_front(&runner.destinations.rings[RING_DEAD], RANKS))) {
		struct destination *d = node->destination;
		struct job *job = destination_pop(&runner.destinations, d);

		if (d->dead)
			defer(mail_of(job));
		else
			destination_put_back(&runner.destinations, d, job);
	}
}

static void
one_second(void)
{
	struct mail *m;

	if (now_s % 60 == 0)
		due_now = 0;
	while ((m = due[now_s])) {
		due[now_s] = m->next;
		m->message.fresh = m->attempts == 0;
		due_now += m->attempts > 0;
		destination_push(&runner.destinations, destination_of(&places[m->place]), &m->job);
	}
	if (due_now > fullest_minute)
		fullest_minute = due_now;
	defer_dead();
	serve_all();
}

/* Simulate until all mail is gone. */
static void
run_all(void)
{
	for (; left && now_s < DAYS_MAX - 1; now_s++)
		one_second();
	while (runner.workers) {
		struct worker *w = runner.workers;

		pace_ended(&runner, w);
		free(w);
	}
	destination_done(&runner.destinations);
	hosts_done(&hosts);
}

static void
reset(unsigned processes)
{
	memset(&runner, 0, sizeof runner);
	memset(&hosts, 0, sizeof hosts);
	config.relay.processes = processes;
	config.relay.per_destination = config.relay.per_address = 20;
	config.queue.retry_min_s = 300;
	config.queue.retry_max_s = 4 * HOURS;
	config.queue.lifetime_s = LIFETIME;
	runner.config = &config;
	hosts_pauses(&hosts, config.queue.retry_min_s, config.queue.retry_max_s);
	left = expired = most_attempts = fullest_minute = 0;
	now_s = 1;
	for (unsigned i = 0; i < PLACES; i++) {
		places[i] = (struct place){ 0 };
		(void)snprintf(places[i].name, sizeof places[i].name, "%u.example", i);
		(void)snprintf(places[i].address, sizeof places[i].address, "192.0.2.%u:25", i);
	}
}

/* 100 hosts are away for twelve hours, and get 10,000 messages meanwhile.  One stays up. */
static void
test_outage(void)
{
	const int64_t back_s = 12 * HOURS;
	unsigned dials = 0, unserved = 0;

	reset(20);
	for (unsigned i = 1; i < PLACES; i++) {
		places[i].up_s = back_s;
		for (unsigned n = 0; n < 100; n++)
			add_mail(i, 1 + back_s * n / 100 + i);
	}
	for (int64_t t = 1; t < back_s + 4 * HOURS; t += 20)
		add_mail(0, t);
	run_all();
	for (unsigned i = 1; i < PLACES; i++) {
		dials = places[i].dials > dials ? places[i].dials : dials;
		unserved += places[i].delivered != 100;
	}
	printf("# %u dials of a host, %lld s after the outage, %u due in the fullest minute\n",
	    dials, (long long)(last_s - back_s), fullest_minute);
	ok(left == 0 && expired == 0 && unserved == 0, "an outage: each message is delivered");
	ok(last_s <= back_s + 2 * 4 * HOURS, "all are gone within two of the longest delays");
	ok(places[0].waited_s <= 5, "a host that works: its mail waits five seconds at most");
	ok(dials <= 30, "a host that is away is dialled 30 times at most in twelve hours");
	ok(fullest_minute <= 500, "a twentieth of the mail comes back in one minute at most");
}

/* A large receiver takes 20 messages a minute, and 5,000 come at once.  50 others get one each
 * minute. */
static void
test_throttled(void)
{
	int64_t waited_s = 0;
	unsigned unserved = 0;

	reset(10);
	places[0].per_minute = 20;
	for (unsigned n = 0; n < 5000; n++)
		add_mail(0, 1);
	for (unsigned i = 1; i <= 50; i++)
		for (unsigned n = 0; n < 360; n++)
			add_mail(i, 1 + n * 60 + i);
	run_all();
	for (unsigned i = 1; i <= 50; i++) {
		waited_s = places[i].waited_s > waited_s ? places[i].waited_s : waited_s;
		unserved += places[i].delivered != 360;
	}
	printf("# %lld s until the last, %u attempts of one, others waited %lld s\n",
	    (long long)last_s, most_attempts, (long long)waited_s);
	ok(left == 0 && expired == 0 && places[0].delivered == 5000 && unserved == 0,
	    "a receiver that takes little: each message is delivered");
	ok(last_s <= 2 * DAYS, "it drains within two days");
	ok(waited_s <= 20, "mail for others waits twenty seconds at most");
}

int
main(void)
{
	test_outage();
	test_throttled();
	return tap_done();
}
