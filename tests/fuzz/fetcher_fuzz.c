// SPDX-License-Identifier: ISC
/*
 * Questions of workers to the process that starts smtp-fetch.  Each datagram of the input is an
 * octet of flags, one of the length, and a domain.  A worker gets a file only for a domain whose
 * policy is kept, and a hang-up otherwise.
 */
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t fork_none(void);
static int ended_process(void);

#define fork() fork_none()
#define pidfd_open(pid, flags) ended_process()
#define waitpid(pid, status, flags) ((void)(pid), 0)
#define kill(pid, number) ((void)(pid), 0)
#include "fetch/fetcher.c"

#include "tests/fuzz/folder.h"

#define QUESTIONS 48

enum { WITH_DESCRIPTOR = 1, CUT = 2, NO_PROCESS = 4 };

static bool can_fork;

static pid_t
fork_none(void)
{
	return can_fork ? 4711 : -1;
}

/* A program that has ended already. */
static int
ended_process(void)
{
	return eventfd(1, EFD_CLOEXEC);
}

static void
set_up(struct fetcher_setup *s)
{
	int folder;

	if (s->queue)
		return;
	(void)folder_get();
	s->queue = folder_path;
	folder = store_open(folder_path, true);
	must(folder >= 0);
	folder_write(folder, "a.example.txt", SL("a policy"));
	(void)close(folder);
}

/* Send one question.  The worker's own end, or -1. */
static int
ask(int fd, unsigned flags, struct slice domain)
{
	struct question q = { .domain = "" };
	struct fetcher_pair pair = { -1, -1 };

	memcpy(q.domain, domain.p, domain.n < sizeof q.domain ? domain.n : sizeof q.domain);
	if (flags & WITH_DESCRIPTOR)
		must(fetcher_pair(&pair) == 0);
	must(passing_send(fd, &q, flags & CUT && domain.n < sizeof q ? domain.n : sizeof q,
	    pair.other, 0) == 0);
	if (pair.other >= 0)
		(void)close(pair.other);
	return pair.own;
}

static void
check_answer(int own, struct slice domain)
{
	struct passed file;
	char octet, text[20];

	/* Each end of the pair is closed by now, so there is an answer or a hang-up. */
	if (passing_take(own, &octet, 1, MSG_DONTWAIT, &file) > 0) {
		must(file.fd >= 0 && read(file.fd, text, sizeof text) == 8);
		must(memcmp(text, "a policy", 8) == 0 && slice_has_iprefix(domain,
		    SL("a.example")));
		(void)close(file.fd);
	}
	(void)close(own);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fetcher_setup setup;
	struct slice rest = slice_of((const char *)data, size), domains[QUESTIONS];
	int pair[2], own[QUESTIONS];
	size_t n = 0;

	set_up(&setup);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	can_fork = true;
	for (; n < QUESTIONS && rest.n >= 2; n++) {
		const unsigned flags = (unsigned char)rest.p[0];
		const size_t length = (unsigned char)rest.p[1];

		can_fork &= !(flags & NO_PROCESS);
		rest = slice_skip(rest, 2);
		domains[n] = slice_of(rest.p, length < rest.n ? length : rest.n);
		rest = slice_skip(rest, domains[n].n);
		own[n] = ask(pair[0], flags, domains[n]);
	}
	(void)close(pair[0]);
	serve(&setup, pair[1]);
	(void)close(pair[1]);
	for (size_t i = 0; i < n; i++)
		if (own[i] >= 0)
			check_answer(own[i], domains[i]);
	return 0;
}
