// SPDX-License-Identifier: ISC
/*
 * A child with pipes.  The parent reads until the child has closed its output.
 */
#include "doctor/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_FOUND 127

bool
program_folder(struct buf *b)
{
	char path[4096];
	const ssize_t n = readlink("/proc/self/exe", path, sizeof path);
	const char *slash = n > 0 ? memrchr(path, '/', (size_t)n) : NULL;

	if (!slash)
		return false;
	buf_add(b, slice_of(path, (size_t)(slash - path)));
	return !b->full;
}

void
program_arguments(const char *folder, const char *name, const struct options *options,
    const char *const *more, char space[4096], const char *argv[PROGRAM_ARGS_MAX])
{
	size_t n = 0;

	(void)snprintf(space, 4096, "%s/%s", folder, name);
	argv[n++] = space;
	if (options->config_file) {
		argv[n++] = "-c";
		argv[n++] = options->config_file;
	}
	for (size_t i = 0; i < options->noverrides; i++) {
		argv[n++] = "-o";
		argv[n++] = options->overrides[i];
	}
	for (; *more && n < PROGRAM_ARGS_MAX - 1; more++)
		argv[n++] = *more;
	argv[n] = NULL;
}

static _Noreturn void
become_program(const char *const *argv, int in, int out)
{
	if (in < 0)
		in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0)
		_exit(NOT_FOUND);
	(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(NOT_FOUND);
}

pid_t
program_start(const char *const *argv, int in, int *ret_out)
{
	int out[2];
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become_program(argv, in, out[1]);
	(void)close(out[1]);
	if (pid < 0) {
		pid = -errno;
		(void)close(out[0]);
	} else {
		*ret_out = out[0];
	}
	return pid;
}

/* A pipe that gives the input, which is shorter than a pipe holds.  A descriptor or -errno. */
static int
pipe_of(struct slice input)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	if (write(fds[1], input.p, input.n) != (ssize_t)input.n) {
		(void)close(fds[0]);
		fds[0] = -EIO;
	}
	(void)close(fds[1]);
	return fds[0];
}

static void
read_output(int fd, struct buf *output)
{
	char block[1024];
	ssize_t n;

	while ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR)) {
		const size_t room = output->cap - output->n;

		if (n > 0)
			buf_add(output, slice_of(block, (size_t)n < room ? (size_t)n : room));
	}
	(void)close(fd);
}

int
program_run(const char *const *argv, struct slice input, struct buf *output)
{
	const int in = pipe_of(input);
	int status = 0, out = -1;
	pid_t pid;

	if (in < 0)
		return in;
	pid = program_start(argv, in, &out);
	(void)close(in);
	if (pid < 0)
		return pid;
	read_output(out, output);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (!WIFEXITED(status))
		return -EINTR;
	return WEXITSTATUS(status) == NOT_FOUND ? -ENOENT : WEXITSTATUS(status);
}
