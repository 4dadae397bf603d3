// SPDX-License-Identifier: ISC
/* dial_socket() with sockets in a temporary folder. */
#include "net/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/lib/tap.h"

static char folder[] = "/tmp/dial_socket_test.XXXXXX";

static int
listener(const char *path, int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, backlog) < 0)
		abort();
	return fd;
}

int
main(void)
{
	char path[100], longer[200] = "/";
	int fd, first, second, server;
	int64_t begun_ms;

	(void)alarm(30);
	if (!mkdtemp(folder))
		abort();
	(void)snprintf(path, sizeof path, "%s/socket", folder);
	ok(dial_socket(path, 500) == -ENOENT, "no socket");
	memset(longer + 1, 'x', sizeof longer - 2);
	ok(dial_socket(longer, 500) == -ENAMETOOLONG, "a path that is too long");

	server = listener(path, 0);
	first = dial_socket(path, 500);
	ok(first >= 0 && (fcntl(first, F_GETFL) & O_NONBLOCK) &&
	    (fcntl(first, F_GETFD) & FD_CLOEXEC), "connected, and does not block");
	begun_ms = clock_ms();
	second = dial_socket(path, 300);
	ok(second == -ETIMEDOUT && clock_ms() - begun_ms >= 250,
	    "the wait for a full backlog ends (%d)", second);
	fd = accept(server, NULL, NULL);
	ok(fd >= 0 && write(fd, "220", 3) == 3 && read(first, longer, 3) == 3, "octets travel");
	close(fd);
	close(first);
	close(server);
	ok(dial_socket(path, 500) == -ECONNREFUSED, "a socket without a listener");
	ok(unlink(path) == 0 && rmdir(folder) == 0, "clean-up");
	return tap_done();
}
