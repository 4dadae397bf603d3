// SPDX-License-Identifier: ISC
/*
 * A Redis that sends garbage must not take memory: a reply has a few octets, so a reader with many
 * has no good reply.
 */
#include "shared/redis.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "shared/script.h"

#define ARGUMENTS_MAX  14
#define REPLY_MAX      4096
#define KEY_MAX	       (REDIS_PREFIX_MAX + 32)

static char out_space[REDIS_BATCH * 512 + sizeof script_text + 1024];

static int
set_why(struct redis *r, int error, const char *text)
{
	struct buf why = BUF(r->why);

	buf_add(&why, slice_of(text, strnlen(text, sizeof r->why - 1)));
	(void)buf_cstr(&why);
	return error;
}

static int
system_error(struct redis *r, int error)
{
	return set_why(r, error, error == -ETIMEDOUT ? "it does not reply in time" :
	    strerror(-error));
}

static int
wait_until(int fd, short events, int64_t until_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do
		n = poll(&p, 1, clock_left_ms(until_ms));
	while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : n == 0 ? -ETIMEDOUT : -errno;
}

static int
connect_place(const struct redis_place *place, int64_t until_ms)
{
	const int fd = socket(place->address.ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
	socklen_t len = sizeof(int);
	int error = 0;

	if (fd < 0)
		return -errno;
	/* The error is for AF_UNIX, which needs no such option. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, (const struct sockaddr *)&place->address, place->address_len) < 0)
		error = -errno;
	if (error == -EINPROGRESS)
		error = wait_until(fd, POLLOUT, until_ms);
	if (error == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0)
		error = -error;
	if (error == 0)
		return fd;
	(void)close(fd);
	return error;
}

static void
add_command(struct redis *r, int n, const char *const *words)
{
	const char *all[ARGUMENTS_MAX];
	char *text = NULL;
	int len;

	for (int i = 0; i < n; i++)
		all[i] = words[i];
	len = redisFormatCommandArgv(&text, n, all, NULL);
	if (len < 0)
		r->out.full = true;
	else
		buf_add(&r->out, slice_of(text, (size_t)len));
	if (len >= 0)
		redisFreeCommand(text);
}

int
redis_flush(struct redis *r, int64_t until_ms)
{
	size_t at = 0;
	int error = r->out.full ? -ENOBUFS : 0;

	while (error == 0 && at < r->out.n) {
		const ssize_t n = send(r->fd, r->out.p + at, r->out.n - at,
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0)
			at += (size_t)n;
		else if (errno == EAGAIN)
			error = wait_until(r->fd, POLLOUT, until_ms);
		else
			error = -errno;
	}
	explicit_bzero(out_space, r->out.n);	/* it may have had the password */
	r->out = (struct buf)BUF(out_space);
	return error < 0 ? system_error(r, error) : 0;
}

/* Read what has come, or comes in time. */
static int
feed_reader(struct redis *r, int64_t until_ms)
{
	char octets[REPLY_MAX];
	ssize_t n = recv(r->fd, octets, sizeof octets, MSG_DONTWAIT);
	int error = 0;

	if (n < 0 && errno == EAGAIN) {
		error = wait_until(r->fd, POLLIN, until_ms);
		return error < 0 ? system_error(r, error) : 0;
	}
	if (n < 0)
		return system_error(r, -errno);
	if (n == 0)
		return set_why(r, -EPIPE, "it closed the connection");
	if (redisReaderFeed(r->reader, octets, (size_t)n) != REDIS_OK)
		return set_why(r, -EPROTO, r->reader->errstr);
	return 0;
}

/* The next reply, which must be of this type.  An error of Redis is the reason. */
static int
take_reply(struct redis *r, int type, int64_t until_ms, redisReply **ret)
{
	void *got = NULL;
	redisReply *reply;
	size_t octets = 0;
	int error = 0;

	for (;;) {
		if (redisReaderGetReply(r->reader, &got) != REDIS_OK)
			return set_why(r, -EPROTO, "it sends what is no reply of Redis");
		if (got)
			break;
		octets = r->reader->len;
		if (octets > REPLY_MAX)
			return set_why(r, -EPROTO, "it sends too much");
		error = feed_reader(r, until_ms);
		if (error == 0 && clock_left_ms(until_ms) == 0)
			error = system_error(r, -ETIMEDOUT);
		if (error < 0)
			return error;
	}
	reply = got;
	if (reply->type == REDIS_REPLY_ERROR)
		error = set_why(r, -EPROTO, reply->str);
	else if (reply->type != type)
		error = set_why(r, -EPROTO, "it sends a reply of another type");
	if (error == 0 && ret)
		*ret = reply;
	else
		freeReplyObject(reply);
	return error;
}

static int
load_script(struct redis *r, int64_t until_ms)
{
	redisReply *reply;
	int error = take_reply(r, REDIS_REPLY_STRING, until_ms, &reply);

	if (error < 0)
		return error;
	if (reply->len == sizeof r->sha - 1)
		memcpy(r->sha, reply->str, sizeof r->sha);
	else
		error = set_why(r, -EPROTO, "it sends no hash of the script");
	freeReplyObject(reply);
	return error;
}

static int
begin_session(struct redis *r, int64_t until_ms)
{
	const char *login[] = { "AUTH", r->password, NULL };
	const char *load[] = { "SCRIPT", "LOAD", script_text };
	char number[12];
	const char *db[] = { "SELECT", number };
	int error;

	(void)snprintf(number, sizeof number, "%u", r->place->db);
	if (r->user) {
		login[1] = r->user;
		login[2] = r->password;
	}
	if (r->password)
		add_command(r, r->user ? 3 : 2, login);
	if (r->place->db)
		add_command(r, 2, db);
	add_command(r, 3, load);
	error = redis_flush(r, until_ms);
	if (error == 0 && r->password)
		error = take_reply(r, REDIS_REPLY_STATUS, until_ms, NULL);
	if (error == 0 && r->place->db)
		error = take_reply(r, REDIS_REPLY_STATUS, until_ms, NULL);
	return error < 0 ? error : load_script(r, until_ms);
}

int
redis_open(struct redis *r, int64_t until_ms)
{
	int error;

	r->out = (struct buf)BUF(out_space);
	r->fd = connect_place(r->place, until_ms);
	if (r->fd < 0) {
		error = r->fd;
		r->fd = -1;
		return system_error(r, error);
	}
	r->reader = redisReaderCreate();
	error = r->reader ? begin_session(r, until_ms) : system_error(r, -ENOMEM);
	if (error < 0)
		redis_close(r);
	return error;
}

void
redis_close(struct redis *r)
{
	if (r->fd >= 0)
		(void)close(r->fd);
	r->fd = -1;
	if (r->reader)
		redisReaderFree(r->reader);
	r->reader = NULL;
}

static const char *
verb_of(enum query_kind kind)
{
	return kind == QUERY_ENTER ? "enter" : kind == QUERY_COUNT ? "count" : "open";
}

void
redis_add(struct redis *r, const struct query *q)
{
	char key[KEY_MAX], numbers[3 + STRANGERS_LIMITS][12];
	const char *words[ARGUMENTS_MAX] = { "EVALSHA", r->sha, "1", key, verb_of(q->kind), r->id };

	(void)snprintf(key, sizeof key, "%sclient:%016" PRIx64 "/%u", r->prefix ? r->prefix : "",
	    q->key.prefix, q->key.bits);
	(void)snprintf(numbers[0], sizeof numbers[0], "%" PRIu32, q->open);
	(void)snprintf(numbers[1], sizeof numbers[1], "%d", REDIS_LEASE_MS);
	(void)snprintf(numbers[2], sizeof numbers[2], "%d", (int)q->what);
	for (size_t i = 0; i < STRANGERS_LIMITS; i++)
		(void)snprintf(numbers[3 + i], sizeof numbers[0], "%u",
		    (unsigned)q->limits.most[i]);
	for (size_t i = 0; i < 3 + STRANGERS_LIMITS; i++)
		words[6 + i] = numbers[i];
	add_command(r, ARGUMENTS_MAX, words);
}

int
redis_take(struct redis *r, int64_t until_ms, enum strangers_limit *ret)
{
	redisReply *reply;
	int error = take_reply(r, REDIS_REPLY_INTEGER, until_ms, &reply);

	if (error < 0)
		return error;
	if (reply->integer >= 0 && reply->integer <= STRANGERS_LIMITS)
		*ret = (enum strangers_limit)reply->integer;
	else
		error = set_why(r, -EPROTO, "it sends a number that is no limit");
	freeReplyObject(reply);
	return error;
}
