// SPDX-License-Identifier: ISC
/*
 * The kernel names the sender of each remark (SCM_CREDENTIALS), so no session can make remarks for
 * another.  The kernel also names each socket by a cookie, so a session can give away its own
 * client only.  A SOCK_SEQPACKET socket sends to no other address.  Sessions have no copy of the
 * tables: fork(2) skips their memory.
 */
#include "session/children.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/passing.h"
#include "net/peer.h"
#include "strangers/remark.h"

#define PLACES_MIN 8192		/* a power of two */
#define PLACES_MAX (UINT32_C(1) << 20)
#define PLACES_EACH 8		/* for a connection of max-connections */
#define PLACES_MANY 32		/* of max-connections: some are for trusted clients */
#define REMARKS_AT_ONCE 64	/* then clients have their turn */
#define REMARKS_A_SECOND 1000	/* more come only from a session that was taken over */
#define SECOND_MS 1000

static int
open_socket(struct children *c)
{
	const int one = 1;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	c->remarks = fds[0];
	c->to_listener = fds[1];
	return setsockopt(fds[0], SOL_SOCKET, SO_PASSCRED, &one, sizeof one) < 0 ? -errno : 0;
}

int
children_open(struct children *c, const struct config *config)
{
	const uint64_t wanted = config->server.max_connections * PLACES_EACH;
	uint32_t n = PLACES_MIN;
	uint64_t secret[2];
	void *places;

	while (n < wanted && n < PLACES_MAX)
		n *= 2;
	*c = (struct children){ .remarks = -1, .to_listener = -1,
	    .shared = SHARED_NONE, .forker = FORKER_NONE };
	if (getrandom(secret, sizeof secret, 0) != sizeof secret)
		return -EIO;
	c->table_octets = n * sizeof(struct stranger);
	places = mmap(NULL, c->table_octets, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (places == MAP_FAILED)
		return -errno;
	(void)madvise(places, c->table_octets, MADV_DONTFORK);
	strangers_init(&c->table, places, n, secret);
	return open_socket(c);
}

void
children_forget(struct children *c)
{
	const int to_listener = c->to_listener, desk = c->shared.desk;

	forker_close(&c->forker);
	shared_close(&c->shared);
	if (c->remarks >= 0)
		(void)close(c->remarks);
	explicit_bzero(c, sizeof *c);
	c->remarks = -1;
	c->forker = (struct forker)FORKER_NONE;
	c->shared = (struct shared)SHARED_NONE;
	c->shared.desk = desk;
	c->to_listener = to_listener;
}

static struct strangers_limits
limits_of(const struct config *config)
{
	return (struct strangers_limits){ {
		[STRANGERS_CONNECTIONS] = config->server.client_connections,
		[STRANGERS_RATE] = config->server.client_rate,
		[STRANGERS_LOGINS] = config->server.client_failed_logins,
		[STRANGERS_RECIPIENTS] = config->server.client_refused_recipients,
		[STRANGERS_PROBES] = config->server.client_probes,
	} };
}

/* Do limits hold for the client at this address? */
static bool
is_limited(const struct config *config, const struct sockaddr *sa)
{
	switch (config->server.limit_clients) {
	case CLIENTS_NONE:
		return false;
	case CLIENTS_STRANGERS:
		return !config_trusts(config, sa);
	case CLIENTS_ALL:
		break;
	}
	return true;
}

/* The state of the shared limits, if it has changed. */
static void
log_shared(struct children *c)
{
	const bool ended = c->shared.state == SHARED_ENDED;
	const bool away = c->shared.state == SHARED_AWAY || ended;
	struct log_line line;

	if (c->shared.state == SHARED_STARTING ||
	    (away == c->shared_away && ended == c->shared_ended))
		return;
	c->shared_away = away;
	c->shared_ended = ended;
	log_begin(&line, away ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE, "shared-limits");
	log_str(&line, "state", slice_str(ended ? "ended" :
	    away ? "away" : "back"));
	log_end(&line);
}

/* The connections of a client have changed. */
static void
tell_others(struct children *c, uint32_t place)
{
	if (place < c->table.n)
		shared_open(&c->shared, &c->table.places[place].key, c->table.places[place].open);
}

static void
leave_table(struct children *c, uint32_t place)
{
	strangers_leave(&c->table, place);
	tell_others(c, place);
}

void
children_share(struct children *c)
{
	shared_listen(&c->shared);
	log_shared(c);
}

static enum strangers_limit
enter_table(struct children *c, const struct config *config, const struct sockaddr *sa,
    uint32_t *ret_place)
{
	const struct strangers_limits limits = limits_of(config);
	struct strangers_key key;
	enum strangers_limit limit;

	*ret_place = STRANGERS_NONE;
	if (!c->table.n || !is_limited(config, sa) || !strangers_key(sa, &key))
		return STRANGERS_LIMITS;
	limit = strangers_enter(&c->table, &limits, &key, clock_ms(), ret_place);
	if (limit != STRANGERS_LIMITS || *ret_place == STRANGERS_NONE)
		return limit;
	limit = shared_enter(&c->shared, &limits, &key, c->table.places[*ret_place].open);
	log_shared(c);
	if (limit == STRANGERS_LIMITS)
		return limit;
	strangers_withdraw(&c->table, &limits, *ret_place);
	tell_others(c, *ret_place);
	*ret_place = STRANGERS_NONE;
	return limit;
}

enum strangers_limit
children_enter(struct children *c, const struct config *config, const struct sockaddr *sa,
    struct child *ret_child)
{
	*ret_child = (struct child){ .place = STRANGERS_NONE };
	/* The client behind a balancer is known later; a proxy may name one, or be one. */
	ret_child->balancer = config_is_balancer(config, sa->sa_family == AF_UNIX ? NULL : sa);
	ret_child->proxy = config_is_proxy(config, sa->sa_family == AF_UNIX ? NULL : sa);
	if (ret_child->balancer || sa->sa_family == AF_UNIX)
		return STRANGERS_LIMITS;
	return enter_table(c, config, sa, &ret_child->place);
}

/* 0 if there is none. */
static uint64_t
cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof cookie;

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0 ? 0 : cookie;
}

void
children_know(const struct children *c, struct child *child, int fd)
{
	if (c->forker.fd >= 0)
		child->cookie = cookie_of(fd);
}

bool
children_make_room(struct children *c)
{
	const size_t room = c->room ? 2 * c->room : 64, size = room * sizeof *c->list;
	struct child *list;

	if (c->n < c->room)
		return true;
	/* Sessions need no copy of this. */
	list = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (list == MAP_FAILED)
		return false;
	(void)madvise(list, size, MADV_DONTFORK);
	if (c->n)
		memcpy(list, c->list, c->n * sizeof *list);
	if (c->list)
		(void)munmap(c->list, c->room * sizeof *list);
	c->list = list;
	c->room = room;
	return true;
}

void
children_add(struct children *c, const struct child *child, pid_t pid)
{
	c->list[c->n] = *child;
	c->list[c->n++].pid = pid;
}

void
children_refuse(struct children *c, const struct child *child)
{
	leave_table(c, child->place);
}

static void
ask_to_end(struct children *c, struct child *child, int number)
{
	if (child->ending || kill(child->pid, number) < 0)
		return;
	child->ending = true;
	c->nending++;
}

/* A sixteenth of the places, if there are many, is for trusted clients: strangers who keep all
 * others busy must not stop the mail of people here. */
static size_t
places_for(const struct config *config, bool trusted)
{
	const size_t all = (size_t)config->server.max_connections;

	return trusted || all < PLACES_MANY ? all : all - all / 16;
}

bool
children_make_place(struct children *c, const struct config *config, bool trusted)
{
	const size_t max = places_for(config, trusted);
	struct child *longest = NULL;

	if (c->n - c->nending < max && c->n < max + max / 4 + 1)
		return true;
	if (c->n >= max + max / 4 + 1)
		return false;
	for (size_t i = 0; i < c->n; i++) {
		struct child *child = &c->list[i];

		if (child->idle_since_ms && !child->ending &&
		    (!longest || child->idle_since_ms < longest->idle_since_ms))
			longest = child;
	}
	if (longest)
		ask_to_end(c, longest, SIGUSR1);
	return longest && longest->ending;
}

static struct child *
find_child(const struct children *c, pid_t pid)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].pid == pid)
			return &c->list[i];
	return NULL;
}

bool
children_remove(struct children *c, pid_t pid)
{
	struct child *child = find_child(c, pid);

	if (!child)
		return false;
	leave_table(c, child->place);
	c->nending -= child->ending;
	*child = c->list[--c->n];
	return true;
}

/* A balancer or a proxy has named the client: now its limits hold. */
static void
name_client(struct children *c, const struct config *config, struct child *child,
    const struct sockaddr_storage *ss)
{
	const struct sockaddr *sa = (const struct sockaddr *)ss;
	enum strangers_limit limit;

	if (!child->balancer && !child->proxy)
		return;
	child->balancer = false;
	child->proxy = config_is_proxy(config, sa);
	child->named = *ss;
	leave_table(c, child->place);
	limit = enter_table(c, config, sa, &child->place);
	if (limit == STRANGERS_LIMITS) {
		(void)kill(child->pid, SIGURG);		/* it waits for that */
		return;
	}
	children_log(c, sa, limit);
	ask_to_end(c, child, SIGUSR2);
}

static void
take_remark(struct children *c, const struct config *config, struct child *child,
    const struct remark *remark)
{
	static const enum strangers_limit failures[] = {
		[REMARK_LOGIN] = STRANGERS_LOGINS,
		[REMARK_RECIPIENT] = STRANGERS_RECIPIENTS,
		[REMARK_PROBE] = STRANGERS_PROBES,
	};
	const struct strangers_limits limits = limits_of(config);
	const int64_t now_ms = clock_ms();

	switch (remark->kind) {
	case REMARK_ADDRESS:
		name_client(c, config, child, &remark->address);
		break;
	case REMARK_LOGIN:
	case REMARK_RECIPIENT:
	case REMARK_PROBE:
		strangers_count(&c->table, &limits, child->place, failures[remark->kind], now_ms);
		if (child->place < c->table.n && limits.most[failures[remark->kind]])
			shared_count(&c->shared, &limits, &c->table.places[child->place].key,
			    failures[remark->kind]);
		break;
	case REMARK_IDLE:
		child->idle_since_ms = now_ms > remark->ms ? now_ms - remark->ms : 1;
		break;
	case REMARK_BUSY:
		child->idle_since_ms = 0;
		break;
	}
}

/* Count a remark.  A session that makes more than any session does is killed.  False: the remark
 * does not count. */
static bool
count_remark(struct child *child)
{
	const int64_t now_ms = clock_ms();

	if (now_ms - child->second_ms >= SECOND_MS) {
		child->second_ms = now_ms;
		child->remarks = 0;
	}
	if (++child->remarks == REMARKS_A_SECOND + 1) {
		log_text(LOG_LEVEL_ERROR, "session %d floods its listener", child->pid);
		(void)kill(child->pid, SIGKILL);
	}
	return child->remarks <= REMARKS_A_SECOND;
}

/* May the session give this socket away, with this frame? */
static bool
may_give(const struct child *child, const struct passed *passed, const struct transfer *t)
{
	return child->cookie != 0 && passed->fd >= 0 && t->client.ss_family == AF_UNSPEC &&
	    cookie_of(passed->fd) == child->cookie;
}

/* A session gives its client away, once.  Its process ends, and the new one takes its place. */
static void
take_client(struct children *c, struct child *child, const struct passed *passed,
    struct transfer *t)
{
	static const char refusal[] = "421 4.7.0 TLS not available due to local problem\r\n";
	const bool good = may_give(child, passed, t);
	pid_t pid;

	child->cookie = 0;
	(void)kill(child->pid, SIGKILL);
	if (!good) {
		log_text(LOG_LEVEL_ERROR, "session %d gives away what is not its client",
		    child->pid);
		return;
	}
	t->client = child->named;
	pid = forker_fork(&c->forker, passed->fd, t);
	if (pid > 0) {
		child->pid = pid;
		child->idle_since_ms = 0;
		return;
	}
	log_text(LOG_LEVEL_ERROR, "STARTTLS: no process for a session: %s", strerror(-pid));
	(void)send(passed->fd, refusal, sizeof refusal - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
take_frame(struct children *c, const struct config *config, struct child *child,
    const unsigned char *octets, size_t n, const struct passed *passed)
{
	struct remark remark;
	struct transfer t;

	if (!count_remark(child))
		return;
	if (remark_parse(octets, n, &remark))
		take_remark(c, config, child, &remark);
	else if (transfer_parse(octets, n, &t))
		take_client(c, child, passed, &t);
}

bool
children_remember(const struct children *c, const struct config *config)
{
	const struct strangers_limits limits = limits_of(config);

	return strangers_remember(&c->table, &limits, clock_ms());
}

void
children_listen(struct children *c, const struct config *config)
{
	for (int i = 0; i < REMARKS_AT_ONCE; i++) {
		unsigned char octets[TRANSFER_OCTETS + 1];
		struct passed passed;
		const ssize_t n = passing_take(c->remarks, octets, sizeof octets, MSG_DONTWAIT,
		    &passed);
		struct child *child;

		if (n < 0)
			return;
		child = find_child(c, passed.pid);
		if (child)
			take_frame(c, config, child, octets, (size_t)n, &passed);
		if (passed.fd >= 0)
			(void)close(passed.fd);
	}
}

void
children_log(struct children *c, const struct sockaddr *sa, enum strangers_limit limit)
{
	static const char *const names[STRANGERS_LIMITS] = {
		[STRANGERS_CONNECTIONS] = "client-connections",
		[STRANGERS_RATE] = "client-rate",
		[STRANGERS_LOGINS] = "client-failed-logins",
		[STRANGERS_RECIPIENTS] = "client-refused-recipients",
		[STRANGERS_PROBES] = "client-probes",
	};
	struct strangers_key key;
	struct peer peer = { .text = "" };
	char space[80];
	struct buf address = BUF(space);
	struct log_line line;
	uint32_t n;

	(void)strangers_key(sa, &key);
	n = strangers_mention(&c->table, &key, clock_ms());
	if (n == 0)
		return;
	address_text(&address, sa);
	(void)peer_set(&peer, buf_slice(&address));
	log_begin(&line, LOG_LEVEL_NOTICE, "limited");
	log_str(&line, "client", slice_str(peer.text));
	log_str(&line, "limit", slice_str(names[limit]));
	log_uint(&line, "refused", n);
	log_end(&line);
}
