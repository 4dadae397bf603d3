// SPDX-License-Identifier: ISC
/*
 * Each case forks sessions that send octets to the listener, as a session that was taken over may.
 */
#include "session/children.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/passing.h"
#include "strangers/remark.h"
#include "tests/lib/tap.h"

static struct config config;
static struct children children;

static struct sockaddr_storage
address_of(const char *text)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len;

	if (text)
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

/* A proxy may be a client itself, or name one by XCLIENT: then that one's limits hold. */
static void
check_proxy(void)
{
	static struct cidr proxies[1];
	unsigned char octets[REMARK_OCTETS];
	pid_t pids[4];

	begin();
	(void)cidr_parse(SL("10.0.0.1"), proxies);
	config.server.xclient = (struct network_list){ proxies, 1, false };
	make_remark(REMARK_ADDRESS, 0, "192.0.2.1", octets);
	for (int i = 0; i < 3; i++) {
		pids[i] = start_session("10.0.0.1", octets, sizeof octets, 1);
		listen_for(50);
	}
	ok(end_session(pids[0]) == 0 && end_session(pids[1]) == 0,
	    "a client behind a proxy has two sessions");
	ok(pids[2] > 0 && end_session(pids[2]) == SIGUSR2, "its third is ended");
	make_remark(REMARK_BUSY, 0, NULL, octets);
	pids[0] = start_session("10.0.0.1", octets, sizeof octets, 1);
	pids[1] = start_session("10.0.0.1", octets, sizeof octets, 1);
	ok(may_enter("10.0.0.1") == STRANGERS_CONNECTIONS,
	    "a proxy that names nobody has the limits of a client");
	make_remark(REMARK_ADDRESS, 0, "192.0.2.2", octets);
	ok(end_session(pids[0]) == 0 && end_session(pids[1]) == 0, "its sessions go on");
	pids[0] = start_session("10.0.0.1", octets, sizeof octets, 3);
	listen_for(50);
	ok(end_session(pids[0]) == 0, "a client is named once");
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

/* A forker that answers with this number.  It reports each frame: "g" if it is for this client,
 * else "b". */
static pid_t
start_forker(int32_t answer, const char *client, int ret[2])
{
	const struct sockaddr_storage ss = address_of(client);
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 || pipe(ret) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		unsigned char octets[TRANSFER_OCTETS + 1];
		struct passed passed;
		struct transfer t;
		ssize_t n;

		(void)close(ends[0]);
		while ((n = passing_take(ends[1], octets, sizeof octets, 0, &passed)) > 0) {
			const bool good = transfer_parse(octets, (size_t)n, &t) &&
			    passed.fd >= 0 && t.n == 1 && t.name[0] == 'c' &&
			    memcmp(&t.client, &ss, sizeof ss) == 0;

			if (write(ret[1], good ? "g" : "b", 1) != 1 ||
			    send(ends[1], &answer, sizeof answer, 0) < 0)
				break;
		}
		_exit(0);
	}
	(void)close(ends[1]);
	(void)close(ret[1]);
	children.forker = (struct forker){ ends[0], pid };
	return pid;
}

enum lie { HONEST, TWICE, OTHER_SOCKET, NO_SOCKET, TWO_SOCKETS, ADDRESS, NOT_KNOWN, NO_FRAME };

static void
give(int socket, int client, int other, enum lie lie)
{
	struct transfer t = { .n = 1, .name = "c" };
	unsigned char octets[TRANSFER_OCTETS];

	if (lie == ADDRESS)
		t.client = address_of("127.0.0.1");
	transfer_encode(&t, octets);
	if (lie == NO_FRAME)
		octets[TRANSFER_OCTETS - 1] = 'x';
	if (lie == TWO_SOCKETS) {
		char space[CMSG_SPACE(2 * sizeof(int))] = { 0 };
		struct iovec part = { octets, sizeof octets };
		struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space,
			.msg_controllen = sizeof space };
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);

		h->cmsg_len = CMSG_LEN(2 * sizeof(int));
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(h), (int[]){ client, other }, 2 * sizeof(int));
		(void)sendmsg(socket, &m, MSG_NOSIGNAL);
		return;
	}
	(void)passing_send(socket, octets, sizeof octets,
	    lie == NO_SOCKET ? -1 : lie == OTHER_SOCKET ? other : client, 0);
}

/* A session that gives its client away, honestly or not. */
static pid_t
start_giver(int client, int other, enum lie lie)
{
	const struct sockaddr_storage ss = address_of("192.0.2.1");
	struct child child;
	pid_t pid;

	(void)children_enter(&children, &config, (const struct sockaddr *)&ss, &child);
	if (lie != NOT_KNOWN)
		children_know(&children, &child, client);
	(void)children_make_room(&children);
	pid = fork();
	if (pid == 0) {
		children_forget(&children);
		give(children.to_listener, client, other, lie);
		if (lie == TWICE)
			give(children.to_listener, client, other, lie);
		for (;;)
			(void)pause();
	}
	children_add(&children, &child, pid);
	return pid;
}

static size_t
open_descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 100; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
check_givers(void)
{
	static const struct {
		const char *name;
		enum lie lie;
		int signal;
		const char *want;		/* what the forker got */
	} rows[] = {
		{ "a session gives its client away", HONEST, SIGKILL, "g" },
		{ "twice counts once", TWICE, SIGKILL, "g" },
		{ "another's socket", OTHER_SOCKET, SIGKILL, "" },
		{ "no socket", NO_SOCKET, SIGKILL, "" },
		{ "two sockets", TWO_SOCKETS, SIGKILL, "" },
		{ "an address of its own choice", ADDRESS, SIGKILL, "" },
		{ "a session that may not", NOT_KNOWN, SIGKILL, "" },
		{ "no frame at all", NO_FRAME, 0, "" },
	};
	const int32_t fresh = 1 << 24;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int a[2], b[2], got[2];
		char text[4] = "";
		size_t before;
		pid_t pid, forker;

		begin();
		forker = start_forker(fresh, NULL, got);
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, a) < 0 ||
		    socketpair(AF_UNIX, SOCK_STREAM, 0, b) < 0)
			break;
		before = open_descriptors();
		pid = start_giver(a[0], b[0], rows[i].lie);
		listen_for(50);
		ok(open_descriptors() == before, "%s: no descriptor stays open", rows[i].name);
		ok(children.n == 1 &&
		    children.list[0].pid == (rows[i].want[0] ? fresh : pid),
		    "%s: who has its place", rows[i].name);
		ok(end_session(pid) == rows[i].signal, "%s: its process", rows[i].name);
		(void)children_remove(&children, fresh);
		forker_close(&children.forker);
		(void)waitpid(forker, NULL, 0);
		ok(read(got[0], text, sizeof text) == (ssize_t)strlen(rows[i].want) &&
		    strcmp(text, rows[i].want) == 0, "%s: what the forker gets", rows[i].name);
		for (int j = 0; j < 2; j++) {
			(void)close(a[j]);
			(void)close(b[j]);
		}
		(void)close(got[0]);
		end();
	}
}

/* The place of a session that is over is nobody's, and no process outside has one. */
static void
check_ended_giver(void)
{
	int a[2], got[2];
	char text[4];
	pid_t pid, forker;

	begin();
	forker = start_forker(1 << 24, NULL, got);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, a) < 0)
		return;
	pid = start_giver(a[0], -1, HONEST);
	(void)usleep(50000);
	(void)end_session(pid);
	give(children.to_listener, a[0], -1, HONEST);
	listen_for(50);
	forker_close(&children.forker);
	(void)waitpid(forker, NULL, 0);
	ok(read(got[0], text, sizeof text) == 0, "a session that has ended gives nothing away");
	end();
}

/* The forker cannot fork: the client is told, and the session ends. */
static void
check_no_process(void)
{
	int a[2], got[2];
	char text[100] = "";
	pid_t pid, forker;

	begin();
	forker = start_forker(-EAGAIN, NULL, got);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, a) < 0)
		return;
	pid = start_giver(a[0], -1, HONEST);
	listen_for(50);
	ok(recv(a[1], text, sizeof text - 1, MSG_DONTWAIT) > 0 && strncmp(text, "421 ", 4) == 0,
	    "without a process for it the client is refused");
	ok(end_session(pid) == SIGKILL, "and the session ends");
	forker_close(&children.forker);
	(void)waitpid(forker, NULL, 0);
	end();
}

/* A forker that is silent cannot answer later. */
static void
check_silent_forker(void)
{
	const struct transfer t = { .n = 1, .name = "c" };
	int got[2], pair[2], status = 0;
	pid_t forker;

	begin();
	forker = start_forker(1 << 24, NULL, got);
	(void)kill(forker, SIGSTOP);
	ok(forker > 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 &&
	    forker_fork(&children.forker, pair[0], &t) == -ETIMEDOUT, "no answer in time");
	(void)kill(forker, SIGCONT);
	ok(waitpid(forker, &status, 0) == forker && WIFSIGNALED(status), "the forker is ended");
	ok(forker_fork(&children.forker, pair[0], &t) < 0, "no other answer is taken");
	forker_close(&children.forker);
	(void)close(pair[0]);
	(void)close(pair[1]);
	(void)close(got[0]);
	end();
}

/* The client that a balancer has named is named to the forker by the listener. */
static void
check_named_giver(void)
{
	static struct cidr balancers[1];
	unsigned char octets[REMARK_OCTETS];
	const struct sockaddr_storage ss = address_of("10.0.0.1");
	struct child child;
	int a[2], got[2];
	char text[4] = "";
	pid_t pid, forker;

	begin();
	(void)cidr_parse(SL("10.0.0.1"), balancers);
	config.server.proxy_protocol = 1;
	config.server.proxy_trusted = (struct network_list){ balancers, 1, false };
	forker = start_forker(1 << 24, "192.0.2.7", got);
	make_remark(REMARK_ADDRESS, 0, "192.0.2.7", octets);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, a) < 0)
		return;
	(void)children_enter(&children, &config, (const struct sockaddr *)&ss, &child);
	children_know(&children, &child, a[0]);
	(void)children_make_room(&children);
	pid = fork();
	if (pid == 0) {
		children_forget(&children);
		(void)send(children.to_listener, octets, sizeof octets, 0);
		give(children.to_listener, a[0], -1, HONEST);
		for (;;)
			(void)pause();
	}
	children_add(&children, &child, pid);
	listen_for(50);
	(void)end_session(pid);
	forker_close(&children.forker);
	(void)waitpid(forker, NULL, 0);
	ok(read(got[0], text, sizeof text) == 1 && text[0] == 'g',
	    "the client that a balancer has named");
	end();
}

int
main(void)
{
	log_open("children_test");
	check_failures();
	check_hostile();
	check_balancer();
	check_proxy();
	check_idle();
	check_trusted();
	check_givers();
	check_ended_giver();
	check_no_process();
	check_silent_forker();
	check_named_giver();
	return tap_done();
}
