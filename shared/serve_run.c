// SPDX-License-Identifier: ISC
/*
 * Redis is asked in batches of what waits in the socket of the run, and once a second for facts of
 * other machines.  After any error the connection is closed: a late reply must not be taken for
 * that to another question.
 */
#include "shared/serve_run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "shared/runs.h"

#define BATCH_MS      150	/* for the replies to a batch: less than a run waits */
#define BEGIN_MS      300	/* to connect and to log in: frames wait in the socket meanwhile */
#define RETRY_MIN_MS  100
#define RETRY_MAX_MS  5000
#define STEADY_MS     30000	/* of replies, until the next trouble is a new one */
#define HELLO_MS      1000	/* between two times that Redis is reported to reply */
#define NEWS_MS	      1000	/* between two looks for facts */

struct side {
	struct redis *redis;
	int fd;
	int64_t since;			/* the last fact that the run has; -1: it wants none yet */
	bool hello;			/* the run waits for TALK_HERE */
	bool reported;			/* the trouble is in the log */
	int retry_ms;
	int64_t opened_ms, lost_ms, retry_at_ms, hello_at_ms, news_at_ms;
};

/* False if it has no room. */
static bool
send_frame(const struct side *s, const struct talk *t)
{
	char octets[TALK_OCTETS];
	struct buf b = BUF(octets);

	talk_encode(t, &b);
	return !b.full && send(s->fd, octets, b.n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static void
send_kind(const struct side *s, enum talk_kind kind)
{
	(void)send_frame(s, &(struct talk){ .kind = kind });
}

static void
lose_redis(struct side *s)
{
	redis_close(s->redis);
	if (!s->reported)
		log_text(LOG_LEVEL_WARNING, "no limits are shared with other machines: Redis: %s",
		    s->redis->why);
	s->reported = s->hello = true;
	s->lost_ms = clock_ms();
	s->retry_at_ms = s->lost_ms + s->retry_ms;
	s->retry_ms = s->retry_ms * 2 < RETRY_MAX_MS ? s->retry_ms * 2 : RETRY_MAX_MS;
	send_kind(s, TALK_AWAY);
}

static void
find_redis(struct side *s)
{
	if (redis_open(s->redis, clock_ms() + BEGIN_MS) < 0) {
		lose_redis(s);
		return;
	}
	s->opened_ms = clock_ms();
	s->news_at_ms = 0;
}

/* Nothing was asked: Redis has closed the connection, or sends garbage.  It may close one that was
 * idle for long, but not a fresh one. */
static void
renew_connection(struct side *s)
{
	redis_close(s->redis);
	if (clock_ms() >= s->opened_ms + RETRY_MIN_MS) {
		find_redis(s);
		return;
	}
	(void)snprintf(s->redis->why, sizeof s->redis->why, "it closes each connection at once");
	lose_redis(s);
}

static void
note_reply(struct side *s, int error)
{
	if (error < 0) {
		lose_redis(s);
		return;
	}
	/* A Redis that is slow now and then is asked ever more rarely, and is one trouble. */
	if (clock_ms() < s->lost_ms + STEADY_MS)
		return;
	s->retry_ms = RETRY_MIN_MS;
	s->reported = false;
}

/* ---- questions ---- */

/* Note what a frame of the run wants, and add it to the next write.  True if Redis will reply. */
static bool
note_frame(struct side *s, const struct talk *t)
{
	const bool here = s->redis->fd >= 0;

	switch (t->kind) {
	case TALK_HELLO:
		s->hello = true;
		s->since = t->since;
		s->news_at_ms = 0;
		return false;
	case TALK_ASK:
		if (here)
			runs_ask(s->redis, t);
		else
			send_kind(s, TALK_AWAY);
		return here;
	case TALK_TELL:
		if (here)
			runs_tell(s->redis, t->text);
		return here;
	case TALK_HERE:
	case TALK_AWAY:
	case TALK_GIVEN:
	case TALK_NEWS:
		break;
	}
	return false;
}

/* Take the replies to questions; 0 is the number of a fact. */
static int
take_replies(struct side *s, const uint32_t *numbers, size_t n)
{
	static struct redis_reply reply;
	const int64_t until_ms = clock_ms() + BATCH_MS;
	struct talk given;
	int error = redis_flush(s->redis, until_ms);

	for (size_t i = 0; i < n && error == 0; i++) {
		error = redis_take(s->redis, until_ms, &reply);
		if (error == 0 && numbers[i] && !runs_given(&reply, numbers[i], &given))
			error = redis_refuse(s->redis);
		if (error == 0 && numbers[i])
			(void)send_frame(s, &given);
	}
	return error;
}

/* Take what waits in the socket.  False after a hang-up. */
static bool
take_frames(struct side *s)
{
	static char octets[TALK_OCTETS + 1];
	uint32_t numbers[REDIS_BATCH];
	struct talk t;
	size_t n = 0;

	while (n < REDIS_BATCH) {
		const ssize_t got = recv(s->fd, octets, sizeof octets, MSG_DONTWAIT);

		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return n > 0 && take_replies(s, numbers, n) == 0;
		if (got < 0)
			break;
		if (talk_parse(slice_of(octets, (size_t)got), &t) && note_frame(s, &t))
			numbers[n++] = t.number;
	}
	if (n)
		note_reply(s, take_replies(s, numbers, n));
	return true;
}

/* ---- facts ---- */

/* Facts that the run has no room for come again. */
static void
pass_news(struct side *s, const struct redis_reply *reply)
{
	struct talk news;
	bool more;

	s->news_at_ms = clock_ms() + NEWS_MS;
	if (!runs_news(reply, &news, &more)) {
		note_reply(s, redis_refuse(s->redis));
		return;
	}
	note_reply(s, 0);
	if (news.text.n && !send_frame(s, &news))
		return;
	s->since = news.since;
	if (more)
		s->news_at_ms = 0;
}

static void
learn(struct side *s)
{
	static struct redis_reply reply;
	const int64_t until_ms = clock_ms() + BATCH_MS;
	int error;

	runs_learn(s->redis, s->since);
	error = redis_flush(s->redis, until_ms);
	if (error == 0)
		error = redis_take(s->redis, until_ms, &reply);
	if (error < 0)
		note_reply(s, error);
	else
		pass_news(s, &reply);
}

/* ---- the loop ---- */

static int
time_to_wait(const struct side *s)
{
	int64_t at_ms = s->redis->fd >= 0 ? s->news_at_ms : s->retry_at_ms;

	if (s->redis->fd >= 0 && s->since < 0)
		return -1;
	if (s->redis->fd >= 0 && s->hello && s->hello_at_ms < at_ms)
		at_ms = s->hello_at_ms;
	return at_ms ? clock_left_ms(at_ms) : 0;
}

static void
report_here(struct side *s)
{
	s->hello = false;
	s->hello_at_ms = clock_ms() + HELLO_MS;
	send_kind(s, TALK_HERE);
}

void
serve_run(struct redis *r, int fd)
{
	struct side s = { .redis = r, .fd = fd, .since = -1, .retry_ms = RETRY_MIN_MS };

	for (;;) {
		struct pollfd p[2] = { { fd, POLLIN, 0 }, { r->fd, POLLIN, 0 } };

		if (poll(p, 2, time_to_wait(&s)) < 0 && errno != EINTR)
			break;
		if (p[0].revents && !take_frames(&s))
			break;
		if (p[1].revents && !p[0].revents && r->fd >= 0)
			renew_connection(&s);
		if (r->fd < 0 && clock_left_ms(s.retry_at_ms) <= 0)
			find_redis(&s);
		if (r->fd >= 0 && s.hello && clock_ms() >= s.hello_at_ms)
			report_here(&s);
		if (r->fd >= 0 && s.since >= 0 && clock_left_ms(s.news_at_ms) <= 0)
			learn(&s);
	}
	redis_close(r);
}
