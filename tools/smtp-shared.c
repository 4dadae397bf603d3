// SPDX-License-Identifier: ISC
/*
 * smtp-shared: ask Redis for a listener and its sessions, so that several machines keep one limit
 * for a client or a user; or for a run of the queue (shared/serve_run.h).  It has the address of
 * Redis, its password, and no files.  It ends with its listener, or with the run.  If that of a
 * listener dies, its parent, which does nothing else, forks it again.
 *
 * Redis is asked in batches of what waits in the socket of the listener.  After any error the
 * connection is closed: a late reply must not be taken for that to another query.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/text.h"
#include "config/options.h"
#include "config/secret.h"
#include "shared/clients.h"
#include "shared/confine.h"
#include "shared/holders.h"
#include "shared/redis.h"
#include "shared/runs.h"
#include "shared/serve_run.h"
#include "shared/shared.h"
#include "shared/tally_desk.h"
#include "shared/tally_script.h"

#define BATCH_MS      15	/* for the replies to a batch: less than a listener waits */
#define BEGIN_MS      100	/* to connect and to log in: frames wait in the socket meanwhile */
#define RETRY_MIN_MS  100
#define RETRY_MAX_MS  5000
#define STEADY_MS     30000	/* of replies, until the next trouble is a new one */
#define HELLO_MS      1000	/* between two times that Redis is reported to reply */
#define RENEW_MS      (CLIENTS_LEASE_MS / 3)
#define HOLDERS       (UINT32_C(1) << 17)
#define PASSWORD_MAX  512
#define LISTENER      STDIN_FILENO
#define AGAIN_MIN_MS  100		/* until a process that has died is forked again */
#define AGAIN_MAX_MS  30000
#define CALM_MS	      60000		/* one that has lived so long did not die at once */

static const char usage[] =
    "usage: smtp-shared [-c FILE] [-o SECTION.KEY=VALUE]... --test\n"
    "Share the limits of clients and users with other machines, through the Redis of [shared].\n"
    "A listener, and smtp-relay, start this program themselves.\n"
    "\n"
    "  --test              connect, log in, run the script, and print the time of a reply\n"
    "  -c FILE             configuration (" CONFIG_DEFAULT_FILE ")\n"
    "  -o SECTION.KEY=VAL  override one key of the file; may be repeated\n"
    "  --check             check the configuration and exit\n"
    "  --version, --help\n"
    "Exit: 0 done, 64 usage, 71 the system failed, 75 Redis does not reply,\n"
    "78 configuration.\n";

enum { OPTION_SERVE = OPTION_OWN, OPTION_SERVE_RUN, OPTION_DESK, OPTION_TEST };

static const struct option long_options[] = {
	{ "serve", no_argument, NULL, OPTION_SERVE },
	{ "serve-run", no_argument, NULL, OPTION_SERVE_RUN },
	{ "desk", no_argument, NULL, OPTION_DESK },
	{ "test", no_argument, NULL, OPTION_TEST },
	{ 0 },
};

struct server {
	bool serve, serve_run, has_desk, test;
	struct redis redis;
	struct redis_place place;
	char id[17];			/* of this process among those that write to a key */
	char password[PASSWORD_MAX];
	struct holders holders;
	struct tally_desk desk;
	bool hello;			/* the listener waits for QUERY_HERE */
	bool reported;			/* the trouble is in the log */
	int retry_ms;
	int64_t opened_ms, lost_ms, retry_at_ms, hello_at_ms, renew_at_ms;
	uint32_t renewed;		/* places of holders that were renewed in this round */
};

static int
own_option(void *ctx, int val, const char *argument)
{
	struct server *s = ctx;

	(void)argument;
	s->serve |= val == OPTION_SERVE;
	s->serve_run |= val == OPTION_SERVE_RUN;
	s->has_desk |= val == OPTION_DESK;
	s->test |= val == OPTION_TEST;
	return 0;
}

/* ---- the listener ---- */

static void
send_answer(enum query_answer_kind kind, uint32_t number, enum strangers_limit limit)
{
	unsigned char octets[QUERY_ANSWER_OCTETS];
	const struct query_answer answer = { kind, number, limit };

	query_answer_encode(&answer, octets);
	/* A listener that takes no answer has stopped waiting for it. */
	(void)send(LISTENER, octets, sizeof octets, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
report_here(struct server *s)
{
	s->hello = false;
	s->hello_at_ms = clock_ms() + HELLO_MS;
	send_answer(QUERY_HERE, 0, 0);
}

/* ---- Redis ---- */

static void
lose_redis(struct server *s)
{
	redis_close(&s->redis);
	if (!s->reported)
		log_text(LOG_LEVEL_WARNING, "no limits are shared with other machines: Redis: %s",
		    s->redis.why);
	s->reported = true;
	s->hello = true;
	s->lost_ms = clock_ms();
	s->retry_at_ms = s->lost_ms + s->retry_ms;
	s->retry_ms = s->retry_ms * 2 < RETRY_MAX_MS ? s->retry_ms * 2 : RETRY_MAX_MS;
	send_answer(QUERY_AWAY, 0, 0);
}

static void
find_redis(struct server *s)
{
	if (redis_open(&s->redis, clock_ms() + BEGIN_MS) < 0) {
		lose_redis(s);
		return;
	}
	s->opened_ms = clock_ms();
	s->renew_at_ms = 0;
	s->renewed = 0;
}

/* Nothing was asked: Redis has closed the connection, or sends garbage.  It may close one that was
 * idle for long, but not a fresh one. */
static void
renew_connection(struct server *s)
{
	redis_close(&s->redis);
	if (clock_ms() >= s->opened_ms + RETRY_MIN_MS) {
		find_redis(s);
		return;
	}
	(void)snprintf(s->redis.why, sizeof s->redis.why, "it closes each connection at once");
	lose_redis(s);
}

static int
take_verdict(struct redis *r, int64_t until_ms, enum strangers_limit *ret)
{
	static struct redis_reply reply;
	const int error = redis_take(r, until_ms, &reply);

	return error < 0 ? error : clients_verdict(&reply, ret) ? 0 : redis_refuse(r);
}

/* After a batch of n calls.  A Redis that is slow now and then is asked ever more rarely, and is
 * one trouble. */
static void
end_batch(struct server *s, int error, size_t n)
{
	if (error < 0) {
		lose_redis(s);
	} else if (n && clock_ms() >= s->lost_ms + STEADY_MS) {
		s->retry_ms = RETRY_MIN_MS;
		s->reported = false;
	}
}

/* Ask for n queries at once.  The verdicts go to the listener.  False if Redis is lost. */
static bool
ask_redis(struct server *s, const struct query *queries, size_t n)
{
	const int64_t until_ms = clock_ms() + BATCH_MS;
	enum strangers_limit limit = STRANGERS_LIMITS;
	int error;

	for (size_t i = 0; i < n; i++)
		clients_ask(&s->redis, s->id, &queries[i]);
	error = redis_flush(&s->redis, until_ms);
	for (size_t i = 0; i < n && error == 0; i++) {
		error = take_verdict(&s->redis, until_ms, &limit);
		if (error == 0 && queries[i].kind == QUERY_ENTER)
			send_answer(QUERY_VERDICT, queries[i].number, limit);
	}
	end_batch(s, error, n);
	return error == 0;
}

/* Renew some connections, so that they count on. */
static void
renew_some(struct server *s)
{
	struct query queries[REDIS_BATCH];
	size_t n = 0;

	while (n < REDIS_BATCH && s->renewed < s->holders.size) {
		const struct holder *h = &s->holders.places[s->renewed++];

		if (h->key.bits)
			queries[n++] = (struct query){ .kind = QUERY_OPEN, .key = h->key,
			    .open = h->open };
	}
	if (!ask_redis(s, queries, n) || s->renewed < s->holders.size)
		return;
	holders_all_told(&s->holders);
	s->renewed = 0;
	s->renew_at_ms = clock_ms() + RENEW_MS;
}

/* The listener has ended: what it has counted for connections ends too. */
static void
leave_redis(struct server *s)
{
	for (uint32_t i = 0; i < s->holders.size && s->redis.fd >= 0; i++) {
		const struct query q = { .kind = QUERY_OPEN, .key = s->holders.places[i].key };

		if (q.key.bits)
			(void)ask_redis(s, &q, 1);
	}
}

/* ---- queries ---- */

/* Note what a query says about connections.  True if Redis is to be asked. */
static bool
note_query(struct server *s, const struct query *q)
{
	switch (q->kind) {
	case QUERY_HELLO:
		s->hello = true;
		return false;
	case QUERY_FORGET:
		holders_clear(&s->holders);
		return false;
	case QUERY_ENTER:
	case QUERY_OPEN:
		(void)holders_set(&s->holders, &q->key, q->open);
		break;
	case QUERY_COUNT:
		break;
	}
	if (s->redis.fd < 0 && q->kind == QUERY_ENTER)
		send_answer(QUERY_AWAY, 0, 0);
	return s->redis.fd >= 0;
}

/* Take what waits in the socket.  False after a hang-up. */
static bool
take_queries(struct server *s)
{
	struct query queries[REDIS_BATCH];
	size_t n = 0;

	while (n < REDIS_BATCH) {
		unsigned char octets[QUERY_OCTETS + 1];
		const ssize_t got = recv(LISTENER, octets, sizeof octets, MSG_DONTWAIT);

		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		if (got < 0)
			break;
		if (query_parse(octets, (size_t)got, &queries[n]) && note_query(s, &queries[n]))
			n++;
	}
	if (n && ask_redis(s, queries, n))
		for (size_t i = 0; i < n; i++)
			holders_told(&s->holders, &queries[i].key);
	return true;
}

/* ---- sessions ---- */

static int
take_count(struct redis *r, int64_t until_ms, enum tally_result *ret)
{
	static struct redis_reply reply;
	const int error = redis_take(r, until_ms, &reply);

	return error < 0 ? error : tally_counted(&reply, ret) ? 0 : redis_refuse(r);
}

/* Take the queries of sessions, and answer each. */
static void
take_tallies(struct server *s)
{
	static struct tally_call calls[REDIS_BATCH];
	const size_t n = tally_desk_take(&s->desk, calls, REDIS_BATCH);
	const int64_t until_ms = clock_ms() + BATCH_MS;
	int error = s->redis.fd < 0 ? -ENOTCONN : 0;

	if (n && error == 0) {
		for (size_t i = 0; i < n; i++)
			tally_ask(&s->redis, &calls[i].query);
		error = redis_flush(&s->redis, until_ms);
	}
	for (size_t i = 0; i < n; i++) {
		enum tally_result result = TALLY_UNKNOWN;

		if (error == 0)
			error = take_count(&s->redis, until_ms, &result);
		tally_desk_answer(&calls[i], result);
	}
	if (s->redis.fd >= 0)
		end_batch(s, error, n);
}

static int
time_to_wait(const struct server *s)
{
	int64_t at_ms = s->redis.fd >= 0 ? s->renew_at_ms : s->retry_at_ms;

	if (s->redis.fd >= 0 && s->hello && s->hello_at_ms < at_ms)
		at_ms = s->hello_at_ms;
	return at_ms ? clock_left_ms(at_ms) : 0;
}

/* Until the listener has ended. */
static int
serve(struct server *s)
{
	for (;;) {
		struct pollfd p[3] = { { LISTENER, POLLIN, 0 }, { s->redis.fd, POLLIN, 0 },
			{ s->desk.epoll, POLLIN, 0 } };

		if (poll(p, 3, time_to_wait(s)) < 0 && errno != EINTR)
			return EX_OSERR;
		if (p[0].revents && !take_queries(s))
			break;
		if (p[1].revents && !p[0].revents && s->redis.fd >= 0)
			renew_connection(s);
		if (p[2].revents)
			take_tallies(s);
		if (s->redis.fd < 0 && clock_left_ms(s->retry_at_ms) <= 0)
			find_redis(s);
		if (s->redis.fd >= 0 && (!s->renew_at_ms || clock_left_ms(s->renew_at_ms) == 0))
			renew_some(s);
		if (s->redis.fd >= 0 && s->hello && clock_ms() >= s->hello_at_ms)
			report_here(s);
	}
	leave_redis(s);
	return EX_OK;
}

/* ---- start ---- */

/* Is the listener there?  Wait so long for its end. */
static bool
wait_for_hang_up(int ms)
{
	struct pollfd p = { .fd = LISTENER };

	return poll(&p, 1, ms) == 0;
}

/* Fork the process that serves.  It returns, and ends with this one.  This one ends with it, but
 * forks another one if it has died. */
static void
keep_alive(void)
{
	const pid_t self = getpid();
	int again_ms = AGAIN_MIN_MS, status;

	for (;;) {
		const int64_t began_ms = clock_ms();
		const pid_t pid = fork();

		if (pid == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != self)
				_exit(EX_OK);
			return;
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			status = EX_OSERR << 8;
		if (WIFEXITED(status) && WEXITSTATUS(status) == EX_OK)
			_exit(EX_OK);
		if (clock_ms() - began_ms > CALM_MS)
			again_ms = AGAIN_MIN_MS;
		log_text(LOG_LEVEL_ERROR, "no limits are shared with other machines: smtp-shared "
		    "%s %d; it starts again in %d ms",
		    WIFSIGNALED(status) ? "was killed by signal" : "ended with status",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), again_ms);
		if (!wait_for_hang_up(again_ms))
			_exit(EX_OK);
		again_ms = again_ms * 2 < AGAIN_MAX_MS ? again_ms * 2 : AGAIN_MAX_MS;
	}
}

/* Connect, and ask about an address of documentation, whose key is removed again. */
static int
test_redis(struct server *s)
{
	const struct query q = { .kind = QUERY_OPEN,
	    .key = { UINT64_C(0xc000020100000000), 32 } };
	enum strangers_limit limit;
	int64_t began_us, until_ms = clock_ms() + 1000;
	int error = redis_open(&s->redis, until_ms);

	began_us = clock_us();
	if (error == 0) {
		clients_ask(&s->redis, s->id, &q);
		error = redis_flush(&s->redis, until_ms);
	}
	if (error == 0)
		error = take_verdict(&s->redis, until_ms, &limit);
	if (error == 0)
		text_print(stdout, "Redis replies in %" PRId64 " us\n", clock_us() - began_us);
	else
		text_print(stderr, "smtp-shared: Redis: %s\n", s->redis.why);
	redis_close(&s->redis);
	return error < 0 ? EX_TEMPFAIL : EX_OK;
}

/* The first line of the file. */
static int
read_password(const char *name, char *password, struct buf *why)
{
	char space[4096];
	struct buf path = BUF(space);
	int fd = secret_path(&path, slice_str(name));
	ssize_t n;

	if (fd < 0) {
		buf_fmt(why, "%s: %s", name, fd == -ENOENT ?
		    "there are no credentials: set LoadCredential= in the unit" : strerror(-fd));
		return fd;
	}
	fd = secret_open(space, why);
	if (fd < 0)
		return fd;
	n = read(fd, password, PASSWORD_MAX - 1);
	(void)close(fd);
	password[n > 0 ? n : 0] = '\0';
	password[strcspn(password, "\r\n")] = '\0';
	if (*password)
		return 0;
	buf_fmt(why, "%s: the first line must be the password", space);
	return -EINVAL;
}

/* Those of a run. */
static void
use_scripts(struct redis *r)
{
	r->scripts[0] = &runs_moment_script;
	r->scripts[1] = &runs_tell_script;
	r->scripts[2] = &runs_news_script;
}

static int
begin(struct server *s, const struct config *c)
{
	char space[600];
	struct buf why = BUF(space);
	const char *help;
	uint64_t id;
	void *places = mmap(NULL, HOLDERS * sizeof(struct holder), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!c->shared.redis || !redis_place_parse(slice_str(c->shared.redis), &s->place, &help)) {
		log_text(LOG_LEVEL_ERROR,
		    "no limits are shared with other machines: set [shared] redis");
		return EX_CONFIG;
	}
	if (c->shared.password_file &&
	    read_password(c->shared.password_file, s->password, &why) < 0) {
		log_text(LOG_LEVEL_ERROR, "no limits are shared with other machines: "
		    "[shared] password-file: %s", buf_cstr(&why));
		return EX_CONFIG;
	}
	if (places == MAP_FAILED || getrandom(&id, sizeof id, 0) != sizeof id) {
		log_text(LOG_LEVEL_ERROR, "no limits are shared with other machines: "
		    "no memory or no random octets: %s", strerror(errno));
		return EX_OSERR;
	}
	holders_init(&s->holders, places, HOLDERS);
	s->retry_ms = RETRY_MIN_MS;
	s->redis = (struct redis){ .place = &s->place, .user = c->shared.user,
	    .password = *s->password ? s->password : NULL, .prefix = c->shared.prefix,
	    .scripts = { &clients_script, &tally_script }, .fd = -1 };
	(void)snprintf(s->id, sizeof s->id, "%016" PRIx64, id);
	log_seal();
	if (s->serve_run) {
		use_scripts(&s->redis);
		shared_confine(&s->place);
		return -1;
	}
	if (s->serve)
		keep_alive();
	if (tally_desk_open(&s->desk, s->has_desk ? SHARED_DESK_FD : -1) < 0) {
		log_text(LOG_LEVEL_ERROR, "no limits are shared with other machines: epoll: %s",
		    strerror(errno));
		return EX_OSERR;
	}
	shared_confine(&s->place);
	return -1;
}

int
main(int argc, char **argv)
{
	static const struct program program = {
		.name = "smtp-shared", .usage = usage, .options = long_options,
		.role = OWNER_HANDLER,
	};
	static struct server server;
	static struct config config;
	struct options options = { 0 };
	int code;

	harden_process();
	log_open("smtp-shared");
	code = options_parse(&options, &program, argc, argv, own_option, &server);
	if (code >= 0)
		return code;
	if (!options.check && server.serve + server.serve_run + server.test != 1) {
		(void)text_lines(stderr, slice_str(usage), true);
		return EX_USAGE;
	}
	code = options_config(&options, &config);
	if (code < 0)
		code = begin(&server, &config);
	if (code >= 0)
		return code;
	if (server.test)
		return test_redis(&server);
	if (server.serve_run)
		serve_run(&server.redis, LISTENER);
	else
		code = serve(&server);
	config_done(&config);
	return code < 0 ? EX_OK : code;
}
