// SPDX-License-Identifier: ISC
/*
 * Each case forks sessions that send octets to the listener, as a session that was taken over may.
 */
#include "session/children.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "strangers/remark.h"
#include "tests/lib/tap.h"

static struct config config;
static struct children children;

static struct sockaddr_storage
address_of(const char *text)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len;

	(void)address_parse(slice_str(text), 0, &ss, &len);
	return ss;
}

static void
begin(void)
{
	memset(&config, 0, sizeof config);
	config.server.max_connections = 4;
	config.server.limit_clients = CLIENTS_STRANGERS;
	config.server.client_connections = 2;
	config.server.client_refused_recipients = 3;
	(void)children_open(&children, &config);
}

static void
end(void)
{
	(void)close(children.to_listener);
	children_forget(&children);
}

/* A session of the client at that address.  It sends n frames of that size, and sleeps. */
static pid_t
start_session(const char *client, const void *octets, size_t size, unsigned n)
{
	const struct sockaddr_storage ss = address_of(client);
	struct child child;
	pid_t pid;

	if (children_enter(&children, &config, (const struct sockaddr *)&ss, &child) !=
	    STRANGERS_LIMITS)
		return -1;
	pid = children_make_room(&children) ? fork() : -1;
	if (pid == 0) {
		children_forget(&children);
		while (n--)
			while (send(children.to_listener, octets, size, MSG_NOSIGNAL) < 0 &&
			    errno == EAGAIN)
				;
		for (;;)
			(void)pause();
	}
	children_add(&children, &child, pid);
	return pid;
}

static void
listen_for(int ms)
{
	struct pollfd p = { .fd = children.remarks, .events = POLLIN };

	while (poll(&p, 1, ms) > 0)
		children_listen(&children, &config);
}

/* End a session.  The signal that had ended it before; 0: none. */
static int
end_session(pid_t pid)
{
	int status = 0;

	(void)usleep(20000);
	if (waitpid(pid, &status, WNOHANG) != pid) {
		status = 0;
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	(void)children_remove(&children, pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static enum strangers_limit
may_enter(const char *client)
{
	const struct sockaddr_storage ss = address_of(client);
	struct child child;
	const enum strangers_limit r =
	    children_enter(&children, &config, (const struct sockaddr *)&ss, &child);

	if (r == STRANGERS_LIMITS)
		children_refuse(&children, &child);
	return r;
}

static void
make_remark(enum remark_kind kind, uint32_t ms, const char *address, unsigned char *ret)
{
	struct remark r = { .kind = kind, .ms = ms };

	if (address)
		r.address = address_of(address);
	remark_encode(&r, ret);
}

static void
check_failures(void)
{
	unsigned char octets[REMARK_OCTETS];
	pid_t pid;

	begin();
	make_remark(REMARK_RECIPIENT, 0, NULL, octets);
	pid = start_session("192.0.2.1", octets, sizeof octets, 2);
	listen_for(100);
	ok(may_enter("192.0.2.1") == STRANGERS_LIMITS, "two refused recipients");
	(void)end_session(pid);
	pid = start_session("192.0.2.1", octets, sizeof octets, 1);
	listen_for(100);
	ok(may_enter("192.0.2.1") == STRANGERS_RECIPIENTS, "the third is one of another session");
	ok(may_enter("192.0.2.2") == STRANGERS_LIMITS, "another client goes on");
	(void)end_session(pid);
	ok(children.n == 0, "no session is left");
	end();
}

/* Octets that are no remarks, and remarks that a session may not make. */
static void
check_hostile(void)
{
	unsigned char octets[REMARK_OCTETS + 8];
	struct sockaddr_storage ss = address_of("192.0.2.9");
	struct child child;
	pid_t pid;

	begin();
	memset(octets, 0xff, sizeof octets);
	pid = start_session("192.0.2.1", octets, REMARK_OCTETS, 900);
	listen_for(100);
	ok(end_session(pid) == 0, "octets that are no remark are ignored");
	pid = start_session("192.0.2.1", octets, 0, 900);
	listen_for(100);
	ok(end_session(pid) == 0, "empty ones, too");
	make_remark(REMARK_RECIPIENT, 0, NULL, octets);
	pid = start_session("192.0.2.1", octets, REMARK_OCTETS + 1, 10);
	listen_for(100);
	ok(end_session(pid) == 0 && may_enter("192.0.2.1") == STRANGERS_LIMITS,
	    "a frame that is too long is no remark");
	pid = start_session("192.0.2.1", octets, REMARK_OCTETS, 100000);
	listen_for(300);
	ok(end_session(pid) == SIGKILL, "a flood of remarks ends its session");
	(void)children_enter(&children, &config, (struct sockaddr *)&ss, &child);
	make_remark(REMARK_ADDRESS, 0, "192.0.2.9", octets);
	pid = start_session("192.0.2.2", octets, REMARK_OCTETS, 5);
	listen_for(100);
	ok(may_enter("192.0.2.9") == STRANGERS_LIMITS,
	    "only a session behind a balancer names its client");
	(void)end_session(pid);
	make_remark(REMARK_LOGIN, 0, NULL, octets);
	config.server.client_failed_logins = 1;
	(void)send(children.to_listener, octets, REMARK_OCTETS, 0);
	listen_for(100);
	ok(may_enter("192.0.2.9") == STRANGERS_LIMITS, "another process has no remarks");
	end();
}

static void
check_balancer(void)
{
	static struct cidr balancers[1];
	unsigned char octets[REMARK_OCTETS];
	pid_t pids[4];

	begin();
	(void)cidr_parse(SL("10.0.0.1"), balancers);
	config.server.proxy_protocol = 1;
	config.server.proxy_trusted = (struct network_list){ balancers, 1, false };
	make_remark(REMARK_ADDRESS, 0, "192.0.2.1", octets);
	for (int i = 0; i < 3; i++) {
		pids[i] = start_session("10.0.0.1", octets, sizeof octets, 1);
		listen_for(50);
	}
	make_remark(REMARK_ADDRESS, 0, "192.0.2.2", octets);
	pids[3] = start_session("10.0.0.1", octets, sizeof octets, 3);
	listen_for(50);
	ok(pids[3] > 0, "a balancer has no limit");
	ok(end_session(pids[0]) == 0 && end_session(pids[1]) == 0, "a client has two sessions");
	ok(end_session(pids[2]) == SIGUSR2, "its third is ended");
	ok(end_session(pids[3]) == 0, "a client is named once");
	end();
}

static void
check_idle(void)
{
	unsigned char octets[REMARK_OCTETS];
	pid_t pids[6];

	begin();
	ok(children_make_place(&children, &config, false), "there is a place");
	for (int i = 0; i < 4; i++) {
		static const uint32_t idle_ms[] = { 2000, 9000, UINT32_MAX, 3000 };
		static const char *const clients[] = {
			"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4",
		};

		make_remark(i == 2 ? REMARK_BUSY : REMARK_IDLE, idle_ms[i], NULL, octets);
		pids[i] = start_session(clients[i], octets, sizeof octets, 1);
		listen_for(50);
	}
	ok(children_make_place(&children, &config, false), "an idle session makes room");
	pids[4] = start_session("192.0.2.5", octets, sizeof octets, 0);
	ok(children_make_place(&children, &config, false), "and another does");
	pids[5] = start_session("192.0.2.5", octets, sizeof octets, 0);
	ok(!children_make_place(&children, &config, false),
	    "then all that may be ending are ending");
	ok(end_session(pids[1]) == SIGUSR1, "the one that has been idle for the longest time");
	ok(end_session(pids[3]) == SIGUSR1, "the next one");
	ok(end_session(pids[2]) == 0 && end_session(pids[0]) == 0 &&
	    end_session(pids[4]) == 0 && end_session(pids[5]) == 0,
	    "no other");
	ok(children.n == 0 && children.nending == 0, "no session is left");
	end();
}

/* Places that strangers cannot take. */
static void
check_trusted(void)
{
	const struct child busy = { .place = STRANGERS_NONE };
	const pid_t first = 1 << 24;	/* above all process numbers */

	begin();
	config.server.max_connections = 32;
	for (int i = 0; i < 30; i++)
		if (children_make_room(&children))
			children_add(&children, &busy, first + i);
	ok(children.n == 30 && !children_make_place(&children, &config, false) &&
	    children_make_place(&children, &config, true),
	    "the last two of 32 places are for trusted clients");
	for (int i = 0; i < 2; i++)
		if (children_make_room(&children))
			children_add(&children, &busy, first + 30 + i);
	ok(!children_make_place(&children, &config, true), "no place is left");
	for (int i = 0; i < 32; i++)
		(void)children_remove(&children, first + i);
	ok(children.n == 0 && children_make_place(&children, &config, false), "all are free");
	end();
}

int
main(void)
{
	log_open("children_test");
	check_failures();
	check_hostile();
	check_balancer();
	check_idle();
	check_trusted();
	return tap_done();
}
