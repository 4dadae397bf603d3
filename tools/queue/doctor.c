// SPDX-License-Identifier: ISC
/*
 * smtp-queue doctor: the checks of this machine, and beside them those of smtp-relay, which has the
 * libraries of DNS and TLS.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/text.h"
#include "doctor/doctor.h"
#include "doctor/program.h"
#include "tools/queue/tool.h"

/* Print the lines of smtp-relay, which have passed base/text there already. */
static void
print_lines(int fd)
{
	char block[4096];
	ssize_t n;

	while ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			(void)fwrite(block, 1, (size_t)n, stdout);
	(void)close(fd);
}

/* The exit status of the process, or -1. */
static int
await_relay(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int
tool_doctor(struct tool *t)
{
	const char *const more[] = { "--doctor", t->json ? "--json" : NULL, NULL };
	const char *argv[PROGRAM_ARGS_MAX];
	char folder[4096], relay[4096];
	struct buf b = BUF(folder);
	struct doctor d = { .config = &t->config, .options = t->options, .json = t->json };
	int out = -1, status = -1;
	unsigned faults;
	pid_t pid;

	if (!program_folder(&b)) {
		tool_complain("/proc/self/exe", "cannot find the other programs");
		return EX_OSERR;
	}
	d.programs = buf_cstr(&b);
	program_arguments(d.programs, "smtp-relay", t->options, more, relay, argv);
	pid = program_start(argv, -1, &out);
	faults = doctor_run(&d, doctor_system, doctor_system_n);
	if (pid > 0) {
		print_lines(out);
		status = await_relay(pid);
	}
	if (status != EX_OK && status != TOOL_SOME_FAILED)
		tool_complain(relay, "no checks of names, port 25 and certificates: it failed");
	return faults || status != EX_OK ? TOOL_SOME_FAILED : EX_OK;
}
