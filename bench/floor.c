// SPDX-License-Identifier: ISC
/*
 * The floor of a server of this kind: "floor PORT FOLDER" listens, and each connection has a fresh
 * process.  It replies without a look at the commands, and does the input and output that a message
 * costs: a file is made, written, synced and renamed.  Nothing that is secure or true stands here.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int tmp_fd, new_fd;

static void
reply(int fd, const char *text, size_t n)
{
	if (n > 0 && write(fd, text, n) != (ssize_t)n)
		_exit(0);
}

#define REPLY(fd, text) reply((fd), (text), sizeof(text) - 1)

/* A descriptor of the file of a message. */
static int
begin_file(char *name)
{
	static unsigned number;
	int fd;

	(void)sprintf(name, "%d-%u", getpid(), number++);
	fd = openat(tmp_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		abort();
	return fd;
}

static void
end_file(int fd, const char *name)
{
	if (fsync(fd) < 0 || renameat(tmp_fd, name, new_fd, name) < 0)
		abort();
	(void)close(fd);
}

static char in[65536];
static size_t have;

static void
fill(int client)
{
	const ssize_t n = recv(client, in + have, sizeof in - have, 0);

	if (n <= 0)
		_exit(0);
	have += (size_t)n;
}

static void
drop(size_t n)
{
	have -= n;
	memmove(in, in + n, have);
}

/* The content up to its last line. */
static void
take_content(int client)
{
	static const char last[] = "\r\n.\r\n";
	char name[40];
	const int fd = begin_file(name);

	for (;;) {
		const char *end = memmem(in, have, last, sizeof last - 1);
		const size_t n = end ? (size_t)(end + 2 - in) : have > 4 ? have - 4 : 0;

		if (n > 0 && write(fd, in, n) != (ssize_t)n)
			abort();
		drop(n);
		if (end)
			break;
		fill(client);
	}
	drop(3);
	end_file(fd, name);
	REPLY(client, "250 Ok\r\n");
}

static const char *
reply_to(char verb)
{
	return verb == 'E' ? "250-floor\r\n250 PIPELINING\r\n" : verb == 'D' ? "354 Go\r\n" :
	    verb == 'Q' ? "221 Bye\r\n" : "250 Ok\r\n";
}

static _Noreturn void
serve(int client)
{
	static char out[8192];
	size_t n = 0;

	REPLY(client, "220 floor\r\n");
	for (;;) {
		const char *end = memmem(in, have, "\r\n", 2);
		const char verb = in[0], *text = reply_to(verb);

		if (end) {
			memcpy(out + n, text, strlen(text));
			n += strlen(text);
			drop((size_t)(end + 2 - in));
		}
		if (!end || verb == 'D' || verb == 'Q') {
			reply(client, out, n);
			n = 0;
		}
		if (!end)
			fill(client);
		else if (verb == 'Q')
			_exit(0);
		else if (verb == 'D')
			take_content(client);
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	const int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	char path[4096];

	if (argc != 3)
		return 1;
	at.sin_port = htons((uint16_t)atoi(argv[1]));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)snprintf(path, sizeof path, "%s/tmp", argv[2]);
	tmp_fd = open(path, O_RDONLY | O_DIRECTORY);
	(void)snprintf(path, sizeof path, "%s/new", argv[2]);
	new_fd = open(path, O_RDONLY | O_DIRECTORY);
	if (tmp_fd < 0 || new_fd < 0 || fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 4096) < 0)
		return 1;
	for (;;) {
		const int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (client < 0)
			continue;
		if (fork() == 0)
			serve(client);
		(void)close(client);
	}
}
