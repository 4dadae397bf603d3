// SPDX-License-Identifier: ISC
/*
 * The process is believed to be as bad as what it reads from Redis: its frames are checked, an
 * answer decides about a moment only, and a fact about one host only.
 */
#include "runner/sharing.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "hosts/facts.h"
#include "runner/runner.h"
#include "shared/shared.h"

#define FRAMES_MAX 64		/* taken at once */
#define FACTS_MAX  64		/* told at once */

static bool
send_frame(const struct sharing *s, const struct talk *t)
{
	char octets[TALK_OCTETS];
	struct buf b = BUF(octets);

	talk_encode(t, &b);
	return !b.full && send(s->fd, octets, b.n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)b.n;
}

static void
say_hello(const struct runner *r)
{
	(void)send_frame(&r->sharing, &(struct talk){ .kind = TALK_HELLO,
	    .since = r->hosts.heard_us });
}

static bool
has_something(const struct config *c)
{
	for (size_t i = 0; i < c->nroutes; i++)
		if (c->routes[i].interval_us || way_has_hosts(&c->routes[i]))
			return true;
	return false;
}

void
sharing_start(struct runner *r, const struct options *options)
{
	struct sharing *s = &r->sharing;

	if (!r->config->shared.redis || !has_something(r->config))
		return;
	s->fd = shared_start_run(options);
	if (s->fd < 0) {
		log_text(LOG_LEVEL_ERROR, "no limits are shared with other machines: smtp-shared: "
		    "%s", strerror(-s->fd));
		return;
	}
	s->state = SHARING_STARTING;
	s->began_us = clock_us();
	say_hello(r);
}

void
sharing_end(struct runner *r)
{
	if (r->sharing.state == SHARING_OFF)
		return;
	(void)close(r->sharing.fd);
	r->sharing.state = SHARING_OFF;
	turns_own(r);
}

/* This run is on its own. */
static void
be_alone(struct runner *r)
{
	struct sharing *s = &r->sharing;

	s->state = SHARING_AWAY;
	if (!s->reported && r->turns.n) {
		report_trouble(&r->reports, "a rate is kept by this machine alone: Redis does not "
		    "reply", "", 0);
		s->reported = true;
	}
	turns_own(r);
}

void
sharing_miss(struct runner *r)
{
	if (r->sharing.state == SHARING_OFF)
		return;
	be_alone(r);
	say_hello(r);
}

/* Too far ahead is nothing that machines agreed on. */
static bool
is_credible(const struct talk *t)
{
	return t->after_us <= RATES_LOOK_S * INT64_C(1000000) &&
	    t->after_us >= -RATES_GRACE_S * INT64_C(1000000);
}

static void
take_frame(struct runner *r, const struct talk *t)
{
	switch (t->kind) {
	case TALK_HERE:
		r->sharing.state = SHARING_HERE;
		r->turns.since_us = clock_us();
		break;
	case TALK_AWAY:
		be_alone(r);
		break;
	case TALK_GIVEN:
		if (is_credible(t))
			turns_given(r, t->number, t->after_us);
		else
			sharing_miss(r);
		break;
	case TALK_NEWS:
		facts_take(&r->hosts, t->text, clock_wall_s());
		r->hosts.heard_us = t->since;
		break;
	case TALK_HELLO:
	case TALK_ASK:
	case TALK_TELL:
		break;
	}
}

bool
sharing_receive(struct runner *r)
{
	char octets[TALK_OCTETS + 1];
	struct talk t;

	for (int i = 0; i < FRAMES_MAX && r->sharing.state != SHARING_OFF; i++) {
		const ssize_t n = recv(r->sharing.fd, octets, sizeof octets, MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0 || !talk_parse(slice_of(octets, (size_t)n), &t)) {
			be_alone(r);
			return false;
		}
		take_frame(r, &t);
	}
	return true;
}

bool
sharing_ask(struct runner *r, const struct talk *question)
{
	return turns_shared(r) && send_frame(&r->sharing, question);
}

bool
sharing_has_facts(const struct runner *r)
{
	return r->sharing.state == SHARING_HERE && r->hosts.untold;
}

void
sharing_tell(struct runner *r)
{
	char space[TALK_FACT_MAX];

	for (int i = 0; i < FACTS_MAX && r->sharing.state == SHARING_HERE; i++) {
		struct buf fact = BUF(space);

		if (!facts_next(&r->hosts, clock_wall_s(), &fact))
			return;
		(void)send_frame(&r->sharing, &(struct talk){ .kind = TALK_TELL,
		    .text = buf_slice(&fact) });
	}
}
