// SPDX-License-Identifier: ISC
/*
 * The listener waits for the forker's answer to each frame.  The forker reads nothing that a client
 * or a session has sent but the name in the frame.
 *
 * CLONE_PARENT makes the listener the parent of a session that the forker forks, so the listener
 * counts, signals and reaps it like any other.
 */
#include "session/forker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/large.h"
#include "base/log.h"
#include "base/passing.h"
#include "base/victim.h"
#include "base/words.h"
#include "session/confine.h"
#include "session/secure.h"
#include "session/signals.h"
#include "smtp/server.h"

#define ANSWER_MS 5000		/* for a fork; a machine that swaps is slow */
#define LEAVE_MS  30000		/* until the listener has taken the client over */

/* Descriptors that the process inherits, in the order of the text of --serve.  The listener's and
 * that of the configuration are always there. */
enum inherited { FD_LISTENER, FD_REMARKS, FD_PRINT, FD_CONFIG, FD_DESK, FDS };

static_assert(TRANSFER_NAME_MAX == SMTP_HELO_MAX, "any name has room");

/* ---- the listener's half ---- */

/* The answer: a process ID, 0, or -errno.  An answer that came later would be taken for that to the
 * next frame, so a forker without one is ended, and the listener with it. */
static int
take_answer(const struct forker *f)
{
	struct pollfd p = { .fd = f->fd, .events = POLLIN };
	int32_t answer;
	ssize_t n;
	int r;

	do
		r = poll(&p, 1, ANSWER_MS);
	while (r < 0 && errno == EINTR);
	n = r > 0 ? recv(f->fd, &answer, sizeof answer, MSG_DONTWAIT) : -1;
	if (n == sizeof answer)
		return answer;
	if (r == 0)
		(void)kill(f->pid, SIGKILL);
	return r == 0 ? -ETIMEDOUT : n < 0 ? -errno : -EPIPE;
}

static int
keep_open(int fd)
{
	return fcntl(fd, F_SETFD, 0) < 0 ? -errno : 0;
}

/* In the child: become the program, or send the reason. */
static _Noreturn void
become_forker(const struct config *config, const struct options *options, const int *fds)
{
	char space[100];
	struct buf text = BUF(space);
	int32_t r = 0;

	for (int i = 0; i < FDS; i++) {
		buf_fmt(&text, "%d ", fds[i]);
		if (r == 0 && fds[i] >= 0)
			r = keep_open(fds[i]);
	}
	if (r == 0) {
		const char *const rest[] = { "--serve", buf_cstr(&text), NULL };

		r = secure_execute(config, options, rest);
	}
	(void)send(fds[FD_LISTENER], &r, sizeof r, MSG_NOSIGNAL);
	_exit(EX_UNAVAILABLE);
}

static int
begin_forker(struct forker *f, const struct config *config, const struct options *options,
    int *fds)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	*f = (struct forker){ ends[0], fork() };
	if (f->pid == 0) {
		(void)close(ends[0]);
		fds[FD_LISTENER] = ends[1];
		become_forker(config, options, fds);
	}
	(void)close(ends[1]);
	return f->pid < 0 ? -errno : take_answer(f);
}

int
forker_start(struct forker *f, const struct config *config, const struct options *options,
    int print_fd, int remark_fd, int desk_fd)
{
	int fds[FDS] = { -1, remark_fd, print_fd, config_texts_seal(options->keep), desk_fd };
	int r = fds[FD_CONFIG] < 0 ? fds[FD_CONFIG] : begin_forker(f, config, options, fds);

	if (fds[FD_CONFIG] >= 0)
		(void)close(fds[FD_CONFIG]);
	if (r == 0)
		return 0;
	log_text(LOG_LEVEL_ERROR, "STARTTLS is not offered: %s: %s", secure_name(config),
	    strerror(-r));
	forker_close(f);
	return r;
}

int
forker_configure(const struct forker *f, const struct config_texts *texts)
{
	const int fd = config_texts_seal(texts);
	int r = fd < 0 ? fd : passing_send(f->fd, "", 1, fd, 0);

	if (fd >= 0)
		(void)close(fd);
	return r < 0 ? r : take_answer(f);
}

pid_t
forker_fork(const struct forker *f, int client_fd, const struct transfer *t)
{
	unsigned char octets[TRANSFER_OCTETS];
	int r;

	transfer_encode(t, octets);
	r = f->fd < 0 ? -ESRCH :
	    passing_send(f->fd, octets, sizeof octets, client_fd, MSG_DONTWAIT);
	if (r == 0)
		r = take_answer(f);
	return r == 0 ? -EPROTO : r;
}

void
forker_close(struct forker *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	*f = (struct forker)FORKER_NONE;
}

/* ---- a session's half ---- */

int
forker_ask(int remark_fd, int client_fd, struct slice helo)
{
	const int64_t until_ms = clock_ms() + LEAVE_MS;
	struct transfer t = { .n = helo.n };
	unsigned char octets[TRANSFER_OCTETS];
	int r;

	memcpy(t.name, helo.p, helo.n);
	transfer_encode(&t, octets);
	do
		r = passing_send(remark_fd, octets, sizeof octets, client_fd, MSG_DONTWAIT);
	while (r == -EAGAIN && poll(NULL, 0, 10) == 0 && clock_left_ms(until_ms) > 0);
	if (r < 0)
		return r;
	/* The listener kills this process: from now on the client is another's. */
	while (clock_left_ms(until_ms) > 0 && !signals_stop)
		(void)poll(NULL, 0, clock_left_ms(until_ms));
	_exit(EX_OK);
}

/* ---- the forker ---- */

/* Later sessions get the configuration in the file fd. */
static int
read_config(int fd, struct options *options, struct config *config)
{
	static struct config_texts texts;
	struct config_texts fresh_texts = { .n = 0 };
	struct config fresh = { 0 };
	int r = config_texts_load(&fresh_texts, fd);

	if (r < 0)
		return r;
	options->texts = &fresh_texts;
	r = options_config(options, &fresh) < 0 ? 0 : -EINVAL;
	if (r == 0) {
		config_done(config);
		*config = fresh;
	}
	config_texts_done(r == 0 ? &texts : &fresh_texts);
	if (r == 0)
		texts = fresh_texts;
	options->texts = &texts;
	return r;
}

/* As fork(2), but the child's parent is ours. */
static pid_t
fork_sibling(void)
{
	const unsigned long flags = CLONE_PARENT | SIGCHLD;
#ifdef __s390__
	const long pid = syscall(SYS_clone, 0, flags, 0, 0, 0);
#else
	const long pid = syscall(SYS_clone, flags, 0, 0, 0, 0);
#endif

	return pid < 0 ? -errno : (pid_t)pid;
}

/* In the fresh session: what smtp-handler has begun goes on. */
static void
begin_session(struct start *start, int client_fd, const struct transfer *t)
{
	static LARGE char address[80], name[TRANSFER_NAME_MAX];
	struct buf client = BUF(address);

	if (t->client.ss_family != AF_UNSPEC)
		address_text(&client, (const struct sockaddr *)&t->client);
	memcpy(name, t->name, t->n);
	start->rfd = start->wfd = client_fd;
	start->resumed = true;
	start->handover.client = buf_slice(&client);
	start->handover.helo = slice_of(name, t->n);
}

/* The text of --serve. */
static bool
take_fds(const char *text, int *ret)
{
	struct slice rest = slice_str(text);

	for (int i = 0; i < FDS; i++)
		if (!handover_fd(&rest, &ret[i]))
			return false;
	return ret[FD_LISTENER] >= 0 && ret[FD_CONFIG] >= 0 && slice_trim(rest).n == 0;
}

/* One frame.  -1 in a session; 1 after an answer; 0: the listener has ended. */
static int
take_frame(int listener, struct options *options, struct config *config, struct start *start)
{
	unsigned char octets[TRANSFER_OCTETS + 1];
	struct passed passed;
	const ssize_t n = passing_take(listener, octets, sizeof octets, 0, &passed);
	struct transfer t;
	int32_t answer = -EPROTO;

	if (n <= 0)
		return 0;
	if (n == 1 && passed.fd >= 0) {
		answer = read_config(passed.fd, options, config);
	} else if (passed.fd >= 0 && transfer_parse(octets, (size_t)n, &t)) {
		secure_warm(config);
		confine_foresee(config, passed.fd, -1, start->desk_fd);
		answer = victim_fork(fork_sibling);
	}
	if (answer == 0 && n > 1) {
		(void)close(listener);
		begin_session(start, passed.fd, &t);
		return -1;
	}
	if (passed.fd >= 0)
		(void)close(passed.fd);
	return send(listener, &answer, sizeof answer, MSG_NOSIGNAL) < 0 ? 0 : 1;
}

int
forker_serve(const char *text, struct options *options, struct config *config,
    struct start *start)
{
	int32_t ready = 0;
	int fds[FDS], r;

	if (!take_fds(text, fds)) {
		log_text(LOG_LEVEL_ERROR, "--serve is not for users: a listener starts "
		    "smtp-handler-tls with it");
		return EX_USAGE;
	}
	/* The listener ends this process, by the end of the socket. */
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	for (int i = 0; i < FDS; i++)
		if (fds[i] >= 0 && i != FD_PRINT)
			(void)fcntl(fds[i], F_SETFD, FD_CLOEXEC);
	r = read_config(fds[FD_CONFIG], options, config);
	(void)close(fds[FD_CONFIG]);
	if (r < 0)
		return EX_CONFIG;
	start->remark_fd = fds[FD_REMARKS];
	start->print_fd = fds[FD_PRINT];
	start->desk_fd = fds[FD_DESK];
	secure_warm(config);
	victim_prepare();
	confine_forker(&(struct confinement){
	    .config = config, .options = options, .start = start });
	if (send(fds[FD_LISTENER], &ready, sizeof ready, MSG_NOSIGNAL) < 0)
		return EX_OK;
	while ((r = take_frame(fds[FD_LISTENER], options, config, start)) > 0)
		;
	return r < 0 ? -1 : EX_OK;
}
