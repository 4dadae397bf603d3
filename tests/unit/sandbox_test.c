// SPDX-License-Identifier: ISC
/*
 * The sandbox from inside: each case is a child that enters it, then does one thing.
 */
#include "session/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/tap.h"

static char folder[] = "/tmp/sandbox_test.XXXXXX";
static struct queue queue;
static struct config config;

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

static int
read_file(const char *path)
{
	char c;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 || read(fd, &c, 1) < 0 ? errno : 0;
}

static int
read_passwd(void)
{
	return read_file("/etc/passwd");
}

static int
read_list(void)
{
	return read_file(config.server.senders);
}

static int
read_aliases(void)
{
	return read_file(config.routes[0].aliases);
}

static int
write_list(void)
{
	return open(config.server.senders, O_WRONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int
list_new(void)
{
	return openat(queue.fresh, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0 ? errno : 0;
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
log_out(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0 ? errno : 0;
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
signal_a_process(void)
{
	return kill(getpid(), 0) < 0 ? errno : 0;
}

#define KILLED (-SIGSYS)

static const struct {
	const char *name;
	int (*act)(void);
	int session, listener;		/* 0, errno, or KILLED */
	enum sandbox_restrictions restriction;	/* the restriction that refuses it; 0: none */
} cases[] = {
	{ .name = "a message can be queued", .act = queue_a_message },
	{ .name = "a list can be read", .act = read_list },
	{ .name = "an aliases file can be read", .act = read_aliases },
	{ .name = "the log can be reached", .act = log_out },
	{ .name = "no other file can be read", .act = read_passwd, .session = EACCES,
	    .listener = EACCES, .restriction = SANDBOX_FILES },
	{ .name = "no list can be written", .act = write_list, .session = EACCES,
	    .listener = EACCES, .restriction = SANDBOX_FILES },
	{ .name = "messages of other sessions cannot be listed", .act = list_new, .session = EACCES,
	    .listener = EACCES, .restriction = SANDBOX_FILES },
	{ .name = "no program can be started", .act = run_program, .session = KILLED,
	    .listener = KILLED, .restriction = SANDBOX_CALLS },
	{ .name = "no connection can be made", .act = connect_out, .session = KILLED,
	    .listener = KILLED, .restriction = SANDBOX_CALLS },
	{ .name = "only a listener forks", .act = fork_child, .session = KILLED,
	    .restriction = SANDBOX_CALLS },
	{ .name = "only a listener sends signals", .act = signal_a_process, .session = KILLED,
	    .restriction = SANDBOX_CALLS },
};

static unsigned restricted_here;

/* The result of the act in a child in the sandbox. */
static int
in_sandbox(enum sandbox_for whom, int (*act)(void))
{
	static const char nowhere[] = "/nonexistent/smtp-handler.conf";
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (sandbox_enter(whom, &queue, &config, nowhere) != restricted_here)
			_exit(254);
		_exit(act());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 255;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static unsigned
find_walls(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit((int)sandbox_enter(SANDBOX_SESSION, &queue, &config, NULL));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 255;
	return (unsigned)WEXITSTATUS(status);
}

static bool
set_up(void)
{
	static char aliases[200];
	static struct route route = { .via = VIA_DISCARD, .aliases = aliases };
	char path[200], list[200];
	int fd;

	if (!mkdtemp(folder))
		return false;
	(void)snprintf(path, sizeof path, "%s/queue", folder);
	(void)snprintf(list, sizeof list, "%s/lists", folder);
	if (queue_open(&queue, path, QUEUE_RECEIVE) < 0 || mkdir(list, 0700) < 0)
		return false;
	(void)snprintf(list, sizeof list, "%s/lists/senders", folder);
	config.server.senders = strdup(list);
	fd = open(list, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "x\n", 2) != 2 || close(fd) < 0)
		return false;
	/* A folder of its own, because the folder of the list of senders is open. */
	(void)snprintf(aliases, sizeof aliases, "%s/names", folder);
	if (mkdir(aliases, 0700) < 0)
		return false;
	(void)snprintf(aliases, sizeof aliases, "%s/names/aliases", folder);
	config.routes = &route;
	config.nroutes = 1;
	fd = open(aliases, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd >= 0 && write(fd, "a: b\n", 5) == 5 && close(fd) == 0;
}

int
main(void)
{
	char command[300];

	if (!ok(set_up(), "set-up"))
		return tap_done();
	restricted_here = find_walls();
#if defined(__SANITIZE_ADDRESS__) || defined(SANITIZED)
	ok(restricted_here == 0, "a sanitizer's build has no sandbox");
#else
	ok(restricted_here & SANDBOX_CALLS, "calls are filtered");
#endif
	printf("# restrictions: %u\n", restricted_here);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		/* The kernel may lack Landlock. */
		if ((cases[i].restriction & ~restricted_here) != 0)
			continue;
		ok(in_sandbox(SANDBOX_SESSION, cases[i].act) == cases[i].session, "session: %s",
		    cases[i].name);
		ok(in_sandbox(SANDBOX_LISTENER, cases[i].act) == cases[i].listener, "listener: %s",
		    cases[i].name);
	}
	queue_close(&queue);
	free(config.server.senders);
	(void)snprintf(command, sizeof command, "rm -rf %s", folder);
	ok(system(command) == 0, "clean-up");
	return tap_done();
}
