// SPDX-License-Identifier: ISC
/*
 * The sandbox from inside: each case is a child that enters it, then does one thing.
 */
#include "session/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/passing.h"
#include "base/seccomp.h"
#include "session/list.h"
#include "shared/tally_link.h"
#include "tests/lib/seccomp_here.h"
#include "tests/lib/tap.h"

static char folder[] = "/tmp/sandbox_test.XXXXXX";
static struct queue queue;
static struct config config;
static char other_list[300], config_file[200], certificate[200], key[200], users[200];
static int pipe_fd, log_fd, desk_fd = -1;
static struct sockaddr_un other_socket = { .sun_family = AF_UNIX };

/* Each act returns 0 if it is allowed, or errno. */

static int
queue_a_message(void)
{
	static struct queue_message m;
	struct queue_facts facts = { 0 };

	queue_begin(&m);
	queue_from(&m, SL(""), SL(""));
	queue_rcpt(&queue, &m, SL("a@b.example"), SL(""));
	if (queue_head_end(&queue, &m, 0) < 0 || queue_content(&m, SL("x\r\n")) < 0)
		return -m.error;
	return -queue_commit(&queue, &m, &facts);
}

/* As pwrite(3) of musl 1.2.6 does it. */
static int
write_at_newly(void)
{
	char octet = 'x';
	struct iovec part = { &octet, 1 };

	return syscall(SYS_pwritev2, -1, &part, 1, 0L, 0L, 0) < 0 ? errno : 0;
}

static int
read_file(const char *path)
{
	char c;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 || read(fd, &c, 1) < 0 ? errno : 0;
}

static bool
match_any(const void *ctx, struct slice line)
{
	(void)ctx;
	return line.n != 0;
}

/* As a session does; a listener opens the path itself. */
static int
find_in(const char *file, enum list_kind kind)
{
	const struct slice keys[] = { SL("x"), SL("a") };
	const struct list_question q = { kind, keys, 2, match_any, NULL };
	const int found = list_find(file, &q);

	return found < 0 ? -found : found ? 0 : ENOENT;
}

static int
read_list(void)
{
	return find_in(config.server.senders, LIST_LINES);
}

static int
read_aliases(void)
{
	return find_in(config.routes[0].aliases, LIST_NAMES);
}

static int
read_passwd(void)
{
	return read_file("/etc/passwd");
}

static int
read_key(void)
{
	return read_file(key);
}

static int
read_users(void)
{
	return read_file(users);
}

static int
read_config(void)
{
	return read_file(config_file);
}

static int
read_neighbour(void)
{
	char path[300];

	(void)snprintf(path, sizeof path, "%s.secret", config.server.senders);
	return read_file(path);
}

static int
write_list(void)
{
	return open(config.server.senders, O_WRONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int
list_in(int folder_fd)
{
	return openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0 ? errno : 0;
}

static int
list_new(void)
{
	return list_in(queue.fresh);
}

static int
list_tmp(void)
{
	return list_in(queue.tmp);
}

static int
read_unfinished(void)
{
	return openat(queue.tmp, "unfinished", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int
read_message(void)
{
	return openat(queue.fresh, "message", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int
write_message(void)
{
	return openat(queue.fresh, "message", O_WRONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int
remove_message(void)
{
	return unlinkat(queue.fresh, "message", 0) < 0 ? errno : 0;
}

static int
create_in_new(void)
{
	const int fd = openat(queue.fresh, "another", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? errno : 0;
}

static int
make_folder(void)
{
	return syscall(SYS_mkdirat, queue.tmp, "folder", 0700) < 0 ? errno : 0;
}

static int
make_link(void)
{
	return syscall(SYS_symlinkat, "/etc", queue.tmp, "link") < 0 ? errno : 0;
}

static int
run_program(void)
{
	char *argv[] = { (char *)(uintptr_t)"true", NULL };

	(void)execv("/bin/true", argv);
	return errno;
}

static int
connect_out(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int
make_local_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0 ? errno : 0;
}

static int
make_datagram_socket(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0 ? errno : 0;
}

static int
make_packet_socket(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) < 0 ? errno : 0;
}

/* The socket for the log was made before. */
static int
connect_elsewhere(void)
{
	return connect(log_fd, (struct sockaddr *)&other_socket, sizeof other_socket) < 0 ? errno :
	    0;
}

static int
send_elsewhere(void)
{
	return sendto(log_fd, "x", 1, 0, (struct sockaddr *)&other_socket, sizeof other_socket) < 0
	    ? errno : 0;
}

static int
send_to_log(void)
{
	return send(log_fd, "x", 1, MSG_DONTWAIT) < 0 && errno != EAGAIN ? errno : 0;
}

static int
fork_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : waitpid(pid, NULL, 0) == pid ? 0 : errno;
}

static int
fork_sibling(void)
{
	const long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int
signal_a_process(void)
{
	return kill(getpid(), 0) < 0 ? errno : 0;
}

static int
signal_the_parent(void)
{
	return kill(getppid(), 0) < 0 ? errno : 0;
}

static int
map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	    MAP_FAILED ? errno : 0;
}

static int
make_code(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	    0);

	return mprotect(memory, 4096, PROT_READ | PROT_EXEC) < 0 ? errno : 0;
}

static int
protect_memory(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	    0);

	return mprotect(memory, 4096, PROT_READ) < 0 ? errno : 0;
}

static int
ask_process(void)
{
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) < 0 ? errno : 0;
}

static int
count_pending(void)
{
	int n;

	return ioctl(pipe_fd, FIONREAD, &n) < 0 ? errno : 0;
}

static int
type_into_terminal(void)
{
	return ioctl(pipe_fd, TIOCSTI, "x") < 0 ? errno : 0;
}

static int
copy_descriptor(void)
{
	return fcntl(pipe_fd, F_DUPFD_CLOEXEC, 3) < 0 ? errno : 0;
}

static int
set_no_delay(void)
{
	const int one = 1;

	return setsockopt(pipe_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 ? errno : 0;
}

static int
set_mark(void)
{
	const int one = 1;

	return setsockopt(pipe_fd, SOL_SOCKET, SO_MARK, &one, sizeof one) < 0 ? errno : 0;
}

static int
trace(void)
{
	return syscall(SYS_ptrace, 0, 0, 0, 0) < 0 ? errno : 0;
}

#define KILLED (-SIGSYS)

enum kind { SESSION, UNDER_LISTENER, WITH_HELPERS, LISTENER, WITH_KEYS, FORKER, KINDS };

static const char *const kind_names[] = {
	"session", "session under a listener", "session that asks Dovecot and the registry",
	"listener", "listener with keys", "forker",
};

#define ANY_SESSION(x) [SESSION] = (x), [UNDER_LISTENER] = (x), [WITH_HELPERS] = (x)
#define ANY_PARENT(x) [LISTENER] = (x), [WITH_KEYS] = (x), [FORKER] = (x)
#define ALL(x) ANY_SESSION(x), ANY_PARENT(x)

static const struct {
	const char *name;
	int (*act)(void);
	int want[KINDS];		/* 0, errno, or KILLED */
	bool files;			/* Landlock refuses it */
} cases[] = {
	{ "a message can be queued", queue_a_message, { 0 }, false },
	{ "a file can be written at a place", write_at_newly, { ALL(EBADF) }, false },
	{ "a list can be read", read_list, { 0 }, false },
	{ "an aliases file can be read", read_aliases, { 0 }, false },
	{ "no other file can be read", read_passwd, { ALL(EACCES) }, true },
	{ "no file beside a list can be read", read_neighbour, { ANY_SESSION(EACCES) }, true },
	{ "no list can be written", write_list, { ALL(EACCES) }, true },
	{ "messages of other sessions cannot be listed", list_new, { ALL(EACCES) }, true },
	{ "nor those that are not whole", list_tmp, { ALL(EACCES) }, true },
	{ "filters alone read those in tmp/", read_unfinished, { ANY_SESSION(EACCES) }, true },
	{ "no message can be read", read_message, { ALL(EACCES) }, true },
	{ "no message can be written", write_message, { ALL(EACCES) }, true },
	{ "no message can be removed", remove_message, { ALL(EACCES) }, true },
	{ "nothing is opened in new/", create_in_new, { ALL(EACCES) }, true },
	{ "no folder can be made", make_folder, { ALL(KILLED) }, false },
	{ "no link can be made", make_link, { ALL(KILLED) }, false },
	{ "no program can be started", run_program, { ALL(KILLED) }, false },
	{ "no connection can be made", connect_out, { ALL(KILLED) }, false },
	{ "no session makes a local socket", make_local_socket, { ANY_SESSION(KILLED) }, false },
	{ "nor one for packets", make_packet_socket, { ANY_SESSION(KILLED) }, false },
	{ "the log has its socket", make_datagram_socket, { ANY_SESSION(KILLED) }, false },
	{ "the log is written", send_to_log, { 0 }, false },
	{ "no session connects to another socket", connect_elsewhere, { ANY_SESSION(KILLED) },
	    false },
	{ "nor does it send there", send_elsewhere, { ANY_SESSION(KILLED) }, false },
	{ "only a listener forks", fork_child, { ANY_SESSION(KILLED), [FORKER] = KILLED },
	    false },
	{ "a forker forks siblings", fork_sibling, { ANY_SESSION(KILLED), [LISTENER] = KILLED,
	    [WITH_KEYS] = KILLED }, false },
	{ "only a listener sends signals", signal_a_process, { ANY_SESSION(KILLED),
	    [FORKER] = KILLED }, false },
	{ "a key is for sessions inside TLS", read_key, { ANY_SESSION(EACCES),
	    [LISTENER] = EACCES }, true },
	{ "users are for sessions inside TLS", read_users, { ANY_SESSION(EACCES),
	    [LISTENER] = EACCES }, true },
	{ "a configuration is for a listener", read_config, { ANY_SESSION(EACCES),
	    [FORKER] = EACCES }, true },
	{ "it sends none to others", signal_the_parent, { ALL(KILLED) }, false },
	{ "no memory can be executed", map_code, { ALL(KILLED) }, false },
	{ "no memory becomes code", make_code, { ALL(KILLED) }, false },
	{ "memory can be protected", protect_memory, { 0 }, false },
	{ "only a listener calls prctl", ask_process, { ANY_SESSION(KILLED) }, false },
	{ "what is pending can be counted", count_pending, { 0 }, false },
	{ "no terminal is typed into", type_into_terminal, { ANY_SESSION(KILLED),
	    ANY_PARENT(ENOTTY) }, false },
	{ "no descriptor is copied", copy_descriptor, { ANY_SESSION(KILLED) }, false },
	{ "a connection can be without delay", set_no_delay, { ALL(ENOTSOCK) }, false },
	{ "a connection has no mark", set_mark, { ANY_SESSION(KILLED), ANY_PARENT(ENOTSOCK) },
	    false },
	{ "no process is traced", trace, { ALL(KILLED) }, false },
};

static bool files_here, scopes_here;

static bool
enter(enum kind kind)
{
	static char filter[] = "unix:/nowhere";
	struct config c = config;
	const struct sandbox s = {
		.queue = &queue, .config = &c, .config_file = config_file, .gives_away = -1,
		.desk = desk_fd,
	};
	static const enum sandbox_parent parents[KINDS] = {
		[WITH_KEYS] = SANDBOX_LISTENER_KEYS, [FORKER] = SANDBOX_FORKER,
	};
	struct sandbox_errors errors = { 0, 0 };

	c.server.auth = kind == WITH_HELPERS ? AUTH_DOVECOT :
	    kind == WITH_KEYS || kind == FORKER ? AUTH_FILE : AUTH_OFF;
	c.routes[0].users = kind == WITH_HELPERS;
	if (kind == UNDER_LISTENER || kind >= LISTENER)
		errors = sandbox_parent(&s, parents[kind]);
	if (kind == UNDER_LISTENER) {
		/* Its configuration had filters before, which read messages in tmp/. */
		c.server.milter = filter;
		sandbox_foresee(&s);
		c.server.milter = NULL;
		sandbox_foresee(&s);
	}
	if (kind < LISTENER && errors.calls == 0)
		errors = sandbox_session(&s);
	return errors.calls == 0 && (errors.files == 0) == files_here;
}

/* The result of the act in a child in the sandbox. */
static int
in_sandbox(enum kind kind, int (*act)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(enter(kind) ? act() : 254);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 255;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void
try_all(enum kind kind)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int want = cases[i].want[kind], got;

		/* The kernel may lack Landlock, or a part of it. */
		if (cases[i].files && !files_here)
			continue;
		if (cases[i].act == signal_the_parent && kind >= LISTENER && kind != FORKER) {
			if (!scopes_here)
				continue;
			want = EPERM;
		}
		got = in_sandbox(kind, cases[i].act);
		if (!ok(got == want, "%s: %s", kind_names[kind], cases[i].name))
			printf("# got %d, want %d\n", got, want);
	}
}

/* A socket for the counts of a user, the other end of which goes to the desk. */
static int
pass_a_socket(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, TALLY_SOCKET, 0, fds) < 0)
		return errno;
	return -passing_send(desk_fd, "", 1, fds[1], MSG_DONTWAIT);
}

/* Such a socket could get the number of the desk, and be sent to any address. */
static int
make_datagram_pair(void)
{
	int fds[2];

	return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) < 0 ? errno : 0;
}

static int
pass_elsewhere(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, TALLY_SOCKET, 0, fds) < 0)
		return errno;
	return -passing_send(fds[0], "", 1, fds[1], MSG_DONTWAIT);
}

static void
try_desk(enum kind kind)
{
	int ends[2];

	if (socketpair(AF_UNIX, TALLY_SOCKET, 0, ends) < 0)
		return;
	ok(in_sandbox(kind, pass_a_socket) == KILLED, "%s: without a desk there is no socket pair",
	    kind_names[kind]);
	desk_fd = ends[0];
	ok(in_sandbox(kind, pass_a_socket) == 0, "%s: a socket passes the desk", kind_names[kind]);
	ok(in_sandbox(kind, pass_elsewhere) == KILLED, "%s: and no other way", kind_names[kind]);
	ok(in_sandbox(kind, make_datagram_pair) == KILLED, "%s: it is no socket for datagrams",
	    kind_names[kind]);
	desk_fd = -1;
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* A list that is replaced: this session has the old one, the next one the new one. */
static int
replace_list(void)
{
	return rename(other_list, config.server.senders) < 0 ? errno : 0;
}

static void
try_replaced(void)
{
	ok(in_sandbox(UNDER_LISTENER, read_list) == 0, "a list before it is replaced");
	ok(replace_list() == 0, "replaced");
	ok(in_sandbox(UNDER_LISTENER, read_list) == 0, "the next session reads the new one");
}

/* Files that cannot be opened, from now on. */
static bool none_held;

bool __real_list_hold(const char *file);
bool __wrap_list_hold(const char *file);

bool
__wrap_list_hold(const char *file)
{
	return !none_held && __real_list_hold(file);
}

/* 0: a session that has too many files open reads its list by a rule, and the next session, which
 * holds its lists open, has no such rule. */
static int
two_sessions(void)
{
	const struct sandbox s = {
		.queue = &queue, .config = &config, .config_file = config_file, .gives_away = -1,
		.desk = -1,
	};
	int status[2] = { -1, -1 };

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (sandbox_parent(&s, SANDBOX_LISTENER).files < 0)
		return 3;
	sandbox_foresee(&s);
	for (int i = 0; i < 2; i++) {
		none_held = i == 0;
		if (fork() == 0)
			_exit(sandbox_session(&s).files < 0 ? 255 :
			    read_file(config.server.senders));
		(void)wait(&status[i]);
	}
	return WEXITSTATUS(status[0]) != 0 ? 1 : WEXITSTATUS(status[1]) != EACCES ? 2 : 0;
}

static void
try_unheld(void)
{
	int status = -1;
	const pid_t pid = fork();

	if (pid == 0)
		_exit(two_sessions());
	ok(waitpid(pid, &status, 0) == pid && status == 0,
	    "a list that cannot be held open is open to that session only");
}

static bool
write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	const ssize_t n = (ssize_t)strlen(text);

	return fd >= 0 && write(fd, text, (size_t)n) == n && close(fd) == 0;
}

static struct sockaddr_un
address_of(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", folder, name);
	return a;
}

static bool
make_sockets(void)
{
	const struct sockaddr_un log = address_of("log");
	const int logger = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const int other = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	other_socket = address_of("other");
	log_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return bind(logger, (const struct sockaddr *)&log, sizeof log) == 0 &&
	    bind(other, (const struct sockaddr *)&other_socket, sizeof other_socket) == 0 &&
	    connect(log_fd, (const struct sockaddr *)&log, sizeof log) == 0;
}

/* A file in a folder of its own. */
static bool
put_file(char path[200], const char *name, const char *text)
{
	(void)snprintf(path, 200, "%s/%s", folder, name);
	if (mkdir(path, 0700) < 0)
		return false;
	(void)snprintf(path, 200, "%s/%s/file", folder, name);
	return write_file(path, text);
}

static bool
set_up(void)
{
	static char aliases[200];
	static struct route route = { .via = VIA_DISCARD, .aliases = aliases };
	char path[300], list[200];
	int ends[2];

	if (!mkdtemp(folder) || pipe(ends) < 0)
		return false;
	pipe_fd = ends[0];
	if (!make_sockets())
		return false;
	(void)snprintf(path, sizeof path, "%s/queue", folder);
	(void)snprintf(list, sizeof list, "%s/lists", folder);
	if (queue_open(&queue, path, QUEUE_RECEIVE) < 0 || mkdir(list, 0700) < 0)
		return false;
	(void)snprintf(list, sizeof list, "%s/lists/senders", folder);
	config.server.senders = strdup(list);
	(void)snprintf(path, sizeof path, "%s.secret", list);
	(void)snprintf(other_list, sizeof other_list, "%s.other", list);
	if (!write_file(list, "x\n") || !write_file(path, "x\n") ||
	    !write_file(other_list, "a\n"))
		return false;
	(void)snprintf(path, sizeof path, "%s/queue/tmp/unfinished", folder);
	if (!write_file(path, "x\n"))
		return false;
	(void)snprintf(path, sizeof path, "%s/queue/new/message", folder);
	/* A folder of its own, because the folder of the list of senders is open to a listener. */
	(void)snprintf(aliases, sizeof aliases, "%s/names", folder);
	if (!write_file(path, "x\n") || mkdir(aliases, 0700) < 0)
		return false;
	(void)snprintf(aliases, sizeof aliases, "%s/names/aliases", folder);
	config.routes = &route;
	config.nroutes = 1;
	config.server.tls_certificate = certificate;
	config.server.tls_key = key;
	config.server.auth_target = users;
	return write_file(aliases, "a: b\n") && put_file(certificate, "certs", "x") &&
	    put_file(key, "private", "x") && put_file(users, "users", "x") &&
	    put_file(config_file, "conf", "x");
}

int
main(void)
{
	char command[300];
	const char *lacks = seccomp_lacks();
	struct landlock probe;

	if (lacks && !SECCOMP_SANITIZER) {
		printf("1..0 # SKIP no seccomp: %s\n", lacks);
		return 0;
	}
	if (!ok(set_up(), "set-up"))
		return tap_done();
	landlock_begin(&probe, 0);
	files_here = probe.error == 0;
	scopes_here = probe.abi >= 6;
	if (probe.fd >= 0)
		(void)close(probe.fd);
	printf("# Landlock: %s, ABI %d\n", files_here ? "here" : landlock_reason(probe.error),
	    probe.abi);
	if (SECCOMP_SANITIZER)
		ok(!files_here, "a sanitizer's build has no sandbox");
	for (int kind = 0; kind < KINDS && !SECCOMP_SANITIZER; kind++)
		try_all((enum kind)kind);
	for (int kind = 0; kind <= UNDER_LISTENER && !SECCOMP_SANITIZER; kind++)
		try_desk((enum kind)kind);
	if (!SECCOMP_SANITIZER)
		try_replaced();
	if (files_here)
		try_unheld();
	queue_close(&queue);
	free(config.server.senders);
	(void)snprintf(command, sizeof command, "rm -rf %s", folder);
	ok(system(command) == 0, "clean-up");
	return tap_done();
}
