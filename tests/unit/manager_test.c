// SPDX-License-Identifier: ISC
/*
 * States reach the socket of the service manager, by a path or by an abstract name.
 */
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/manager.h"
#include "tests/lib/tap.h"

/* Does a state reach a socket of this name, which NOTIFY_SOCKET names so? */
static bool
arrives(const char *name, size_t n, const char *variable)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[100];
	ssize_t got;

	memcpy(at.sun_path, name, n);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&at,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		abort();
	setenv("NOTIFY_SOCKET", variable, 1);
	manager_notify("READY=1");
	got = recv(fd, text, sizeof text, MSG_DONTWAIT);
	(void)close(fd);
	return got == 7 && memcmp(text, "READY=1", 7) == 0;
}

int
main(void)
{
	char path[] = "/tmp/manager.XXXXXX", name[sizeof path], text[200];

	if (!mkdtemp(path) || chdir(path) < 0)
		abort();
	(void)snprintf(text, sizeof text, "%s/s", path);
	ok(arrives(text, strlen(text), text), "a path");
	(void)unlink("s");
	memcpy(name, path, sizeof path);
	path[0] = '@';
	name[0] = '\0';
	ok(arrives(name, sizeof name - 1, path), "an abstract name");
	setenv("NOTIFY_SOCKET", "relative", 1);
	manager_notify("READY=1");
	unsetenv("NOTIFY_SOCKET");
	manager_notify("READY=1");
	ok(true, "without a manager nothing happens");
	path[0] = '/';
	(void)rmdir(path);
	return tap_done();
}
