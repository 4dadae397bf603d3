// SPDX-License-Identifier: ISC
/*
 * smtp-handler-passwd: make a line for the file of [server] auth = file:, with a password from
 * standard input.  A password as an argument would be visible to other users.
 */
#include <crypt.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#include "base/harden.h"

#define PASSWORD_MAX 500

/* Reads a line, without its end.  False at the end of input, or if it is too long or has a NUL. */
static bool
read_line(char *p, size_t size)
{
	size_t n;

	if (!fgets(p, (int)size, stdin))
		return false;
	n = strlen(p);
	if (n && p[n - 1] == '\n')
		p[--n] = '\0';
	else if (n + 1 == size)
		return false;
	if (n && p[n - 1] == '\r')
		p[n - 1] = '\0';
	return true;
}

static bool
ask_password(const char *prompt, char *p, size_t size)
{
	struct termios was, quiet;
	const bool terminal = tcgetattr(STDIN_FILENO, &was) == 0;
	bool r;

	if (terminal) {
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		(void)fputs(prompt, stderr);
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	r = read_line(p, size);
	if (terminal) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
		(void)fputc('\n', stderr);
	}
	return r;
}

static bool
valid_user(const char *user)
{
	const size_t n = strlen(user);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)user[i] <= ' ' || user[i] == ':' || user[i] == 0x7f)
			return false;
	return n > 0 && n <= 255 && user[0] != '#' && user[0] != '-';
}

static int
report_failure(int status, const char *text)
{
	(void)fprintf(stderr, "smtp-handler-passwd: %s\n", text);
	return status;
}

/* Prints the line for the file. */
static int
print_line(const char *user, const char *password)
{
	static struct crypt_data data;
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *out;
	int status = EX_OK;

	if (!crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof setting))
		return report_failure(EX_OSERR, strerror(errno));
	out = crypt_r(password, setting, &data);
	if (!out || out[0] == '*')
		status = report_failure(EX_OSERR, "crypt(3) fails");
	else if (printf("%s:%s\n", user, out) < 0 || fflush(stdout) != 0)
		status = report_failure(EX_IOERR, strerror(errno));
	explicit_bzero(&data, sizeof data);
	return status;
}

int
main(int argc, char **argv)
{
	char password[PASSWORD_MAX + 2], again[sizeof password];
	int status;

	harden_process();
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		(void)puts("usage: smtp-handler-passwd USER\n\n"
			   "Reads a password and prints a line for the file of "
			   "[server] auth = file:FILE.");
		return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		(void)puts("smtp-handler-passwd " VERSION);
		return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
	}
	if (argc != 2 || !valid_user(argv[1]))
		return report_failure(
		    EX_USAGE, "usage: smtp-handler-passwd USER (a name without blanks and colons)");
	(void)setvbuf(stdin, NULL, _IONBF, 0); /* a buffer would keep a copy of the password */
	if (!ask_password("Password: ", password, sizeof password))
		return report_failure(EX_DATAERR, "no password was given, or it is too long");
	if (password[0] == '\0')
		status = report_failure(EX_DATAERR, "the password is empty");
	else if (isatty(STDIN_FILENO) &&
	    (!ask_password("Again: ", again, sizeof again) || strcmp(password, again) != 0))
		status = report_failure(EX_DATAERR, "the two passwords differ");
	else
		status = print_line(argv[1], password);
	explicit_bzero(password, sizeof password);
	explicit_bzero(again, sizeof again);
	return status;
}
