// SPDX-License-Identifier: ISC
/*
 * A Redis that sends garbage must not take memory: a reply has a few octets, so a reader with many
 * has no good reply.
 */
#include "shared/redis.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define WORDS_MAX   (REDIS_ARGUMENTS_MAX + 4)
#define KEY_MAX	    (REDIS_PREFIX_MAX + 256)
#define READ_MAX    4096
#define REPLY_MAX   (2 * REDIS_TEXT_MAX)	/* with the lengths of texts */
#define OUT_MAX	    (REDIS_BATCH * 1024 + 32768)

static_assert(READ_MAX <= REPLY_MAX, "a reply may be behind another one");

static char out_space[OUT_MAX];

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
add_command(struct redis *r, const struct slice *words, size_t n)
{
	const char *all[WORDS_MAX];
	size_t lengths[WORDS_MAX];
	char *text = NULL;
	long long len = -1;

	for (size_t i = 0; i < n && n <= WORDS_MAX; i++) {
		all[i] = words[i].p;
		lengths[i] = words[i].n;
	}
	if (n <= WORDS_MAX)
		len = redisFormatCommandArgv(&text, (int)n, all, lengths);
	if (len < 0) {
		r->out.full = true;
		return;
	}
	buf_add(&r->out, slice_of(text, (size_t)len));
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
	char octets[READ_MAX];
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

/* The next reply.  An error of Redis is the reason of ours. */
static int
take_any(struct redis *r, int64_t until_ms, redisReply **ret)
{
	void *got = NULL;
	redisReply *reply;
	int error;

	for (;;) {
		if (redisReaderGetReply(r->reader, &got) != REDIS_OK)
			return set_why(r, -EPROTO, "it sends what is no reply of Redis");
		if (got)
			break;
		if (r->reader->len > REPLY_MAX)
			return set_why(r, -EPROTO, "it sends too much");
		error = feed_reader(r, until_ms);
		if (error == 0 && clock_left_ms(until_ms) == 0)
			error = system_error(r, -ETIMEDOUT);
		if (error < 0)
			return error;
	}
	reply = got;
	if (reply->type != REDIS_REPLY_ERROR) {
		*ret = reply;
		return 0;
	}
	error = set_why(r, -EPROTO, reply->str);
	freeReplyObject(reply);
	return error;
}

static int
wrong_type(struct redis *r)
{
	return set_why(r, -EPROTO, "it sends a reply of another type");
}

static int
take_status(struct redis *r, int64_t until_ms)
{
	redisReply *reply;
	int error = take_any(r, until_ms, &reply);

	if (error < 0)
		return error;
	if (reply->type != REDIS_REPLY_STATUS)
		error = wrong_type(r);
	freeReplyObject(reply);
	return error;
}

static int
take_hash(struct redis *r, int64_t until_ms, struct redis_script *script)
{
	redisReply *reply;
	int error = take_any(r, until_ms, &reply);

	if (error < 0)
		return error;
	if (reply->type != REDIS_REPLY_STRING)
		error = wrong_type(r);
	else if (reply->len == sizeof script->sha - 1)
		memcpy(script->sha, reply->str, sizeof script->sha);
	else
		error = set_why(r, -EPROTO, "it sends no hash of the script");
	freeReplyObject(reply);
	return error;
}

static void
add_login(struct redis *r)
{
	struct slice words[3] = { SL("AUTH") };
	size_t n = 1;

	if (!r->password)
		return;
	if (r->user)
		words[n++] = slice_str(r->user);
	words[n++] = slice_str(r->password);
	add_command(r, words, n);
}

static void
add_number(struct redis *r)
{
	char number[12];
	struct slice words[] = { SL("SELECT"), { number, 0 } };

	if (r->place->db == 0)
		return;
	words[1].n = (size_t)snprintf(number, sizeof number, "%u", r->place->db);
	add_command(r, words, 2);
}

/* A Redis that is full, or a replica, takes no writes.  To open it fails, so that nobody asks it.
 * The key expires by itself. */
static void
add_proof(struct redis *r)
{
	char space[KEY_MAX];
	struct buf name = BUF(space);

	buf_str(&name, r->prefix ? r->prefix : "");
	buf_str(&name, "opened");
	add_command(r, (struct slice[]){ SL("SET"), buf_slice(&name), SL("1"), SL("PX"),
	    SL("1000") }, 5);
}

/* The script at this place, or NULL. */
static struct redis_script *
script_at(const struct redis *r, size_t i)
{
	return i < REDIS_SCRIPTS_MAX ? r->scripts[i] : NULL;
}

static int
begin_session(struct redis *r, int64_t until_ms)
{
	int error;

	add_login(r);
	add_number(r);
	for (size_t i = 0; script_at(r, i); i++)
		add_command(r, (struct slice[]){ SL("SCRIPT"), SL("LOAD"),
		    slice_str(r->scripts[i]->text) }, 3);
	add_proof(r);
	error = redis_flush(r, until_ms);
	if (error == 0 && r->password)
		error = take_status(r, until_ms);
	if (error == 0 && r->place->db)
		error = take_status(r, until_ms);
	for (size_t i = 0; error == 0 && script_at(r, i); i++)
		error = take_hash(r, until_ms, r->scripts[i]);
	return error == 0 ? take_status(r, until_ms) : error;
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

void
redis_add(struct redis *r, const struct redis_script *script, struct slice key,
    const struct slice *arguments, size_t n)
{
	char space[KEY_MAX];
	struct buf name = BUF(space);
	struct slice words[WORDS_MAX] = { SL("EVALSHA"), slice_str(script->sha), SL("1") };

	buf_str(&name, r->prefix ? r->prefix : "");
	buf_add(&name, key);
	r->out.full |= name.full || n > REDIS_ARGUMENTS_MAX;
	if (r->out.full)
		return;
	words[3] = buf_slice(&name);
	memcpy(&words[4], arguments, n * sizeof *arguments);
	add_command(r, words, 4 + n);
}

/* False if it is of a type that no script of ours returns, or has no room. */
static bool
take_item(const redisReply *from, struct buf *room, struct redis_reply *ret)
{
	struct redis_item *item = &ret->items[ret->n++];

	*item = (struct redis_item){ .is_text = from->type == REDIS_REPLY_STRING };
	if (item->is_text) {
		item->text = slice_of(room->p + room->n, from->len);
		buf_add(room, slice_of(from->str, from->len));
		return !room->full;
	}
	item->number = from->type == REDIS_REPLY_INTEGER ? from->integer : 0;
	return from->type == REDIS_REPLY_INTEGER;
}

static bool
take_items(const redisReply *from, struct redis_reply *ret)
{
	struct buf room = BUF(ret->room);
	bool good = true;

	ret->n = 0;
	if (from->type != REDIS_REPLY_ARRAY)
		return take_item(from, &room, ret);
	good = from->elements <= REDIS_ITEMS_MAX;
	for (size_t i = 0; good && i < from->elements; i++)
		good = take_item(from->element[i], &room, ret);
	return good;
}

int
redis_take(struct redis *r, int64_t until_ms, struct redis_reply *ret)
{
	redisReply *reply;
	int error = take_any(r, until_ms, &reply);

	if (error < 0)
		return error;
	if (!take_items(reply, ret))
		error = wrong_type(r);
	freeReplyObject(reply);
	return error;
}

int
redis_refuse(struct redis *r)
{
	return set_why(r, -EPROTO, "it sends a reply that the script does not make");
}
