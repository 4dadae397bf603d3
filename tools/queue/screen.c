// SPDX-License-Identifier: ISC
/*
 * The few sequences of ECMA-48 that all terminals of today obey.  A page is written at once and
 * over the last one, so nothing flickers.
 */
#include "tools/queue/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define TAKE "\033[?1049h\033[?25l"	/* the alternate screen, no cursor */
#define GIVE "\033[?25h\033[?1049l"

static struct termios before;
static sigset_t waiting;		/* the signal mask while screen_wait() waits */
static volatile sig_atomic_t resized, ended, stopped;

static void
on_signal(int number)
{
	if (number == SIGWINCH)
		resized = 1;
	else if (number == SIGTSTP)
		stopped = 1;
	else
		ended = 1;
}

/* Keys come at once and are not shown.  ^C and ^Z stay signals. */
static int
take_terminal(void)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return -errno;
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
		return -errno;
	(void)fputs(TAKE, stdout);
	(void)fflush(stdout);
	return 0;
}

static void
give_terminal(void)
{
	(void)fputs(GIVE, stdout);
	(void)fflush(stdout);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

int
screen_open(void)
{
	static const int signals[] = { SIGWINCH, SIGTSTP, SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t ours;

	(void)sigemptyset(&ours);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		(void)sigaction(signals[i], &action, NULL);
		(void)sigaddset(&ours, signals[i]);
	}
	/* A signal that comes while a page is made interrupts the next wait. */
	(void)sigprocmask(SIG_BLOCK, &ours, &waiting);
	return take_terminal();
}

void
screen_close(void)
{
	give_terminal();
}

void
screen_size(size_t *ret_rows, size_t *ret_columns)
{
	struct winsize size = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		size.ws_row = 0;
	*ret_rows = size.ws_row ? size.ws_row : 24;
	*ret_columns = size.ws_col ? size.ws_col : 80;
}

void
screen_draw(const char *page, size_t n)
{
	const char *const end = page + n;

	(void)fputs("\033[H", stdout);
	while (page < end) {
		const char *lf = memchr(page, '\n', (size_t)(end - page));
		const size_t line = (size_t)((lf ? lf : end) - page);

		(void)fwrite(page, 1, line, stdout);
		(void)fputs("\033[K", stdout);
		page += line + (lf != NULL);
		/* A line end on the last row would scroll. */
		if (page < end)
			(void)fputc('\n', stdout);
	}
	(void)fputs("\033[J", stdout);
	(void)fflush(stdout);
}

/* Stop as ^Z asks, and go on with the whole screen. */
static void
stop_here(void)
{
	give_terminal();
	(void)raise(SIGSTOP);
	(void)take_terminal();
}

static enum screen_event
take_key(void)
{
	char key;
	const ssize_t n = read(STDIN_FILENO, &key, 1);

	if (n < 0 && errno == EINTR)
		return SCREEN_TIME;
	return n != 1 || key == 'q' || key == 'Q' ? SCREEN_QUIT : SCREEN_KEY;
}

enum screen_event
screen_wait(int ms)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000L };
	const int n = ppoll(&p, 1, &time, &waiting);

	if (ended)
		return SCREEN_QUIT;
	if (stopped) {
		stopped = 0;
		stop_here();
		return SCREEN_RESIZED;
	}
	if (resized) {
		resized = 0;
		return SCREEN_RESIZED;
	}
	return n > 0 ? take_key() : SCREEN_TIME;
}
