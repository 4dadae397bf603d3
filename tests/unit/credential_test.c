// SPDX-License-Identifier: ISC
/*
 * Passwords from files, tokens from programs.
 */
#include "client/credential.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/token.h"
#include "tests/lib/tap.h"

static char directory[] = "/tmp/credential_test.XXXXXX", file[100], program[100];

static void
write_file(const char *path, struct slice text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(text.p, 1, text.n, f) != text.n || fclose(f) != 0 || chmod(path, mode) < 0)
		exit(1);
}

/* Does why contain part?  A NULL is in any. */
static bool
has(const struct buf *why, const char *part)
{
	return !part || memmem(why->p, why->n, part, strlen(part)) != NULL;
}

static const struct {
	const char *name;
	struct slice text;
	mode_t mode;
	int want;
	struct slice secret;
	const char *why;
} files[] = {
	{ .name = "a line", .text = S("s3cret pass\n"), .mode = 0600, .secret = S("s3cret pass") },
	{ .name = "without an end", .text = S("s3cret"), .mode = 0400, .secret = S("s3cret") },
	{ .name = "with CRLF", .text = S("s3cret\r\n"), .mode = 0600, .secret = S("s3cret") },
	{ .name = "blanks are part of the secret",
	  .text = S(" s3cret \n"), .mode = 0600, .secret = S(" s3cret ") },
	{ .name = "the first line only",
	  .text = S("s3cret\nand a remark\n"), .mode = 0600, .secret = S("s3cret") },
	{ .name = "UTF-8", .text = S("gr\303\274n\n"), .mode = 0600, .secret = S("gr\303\274n") },
	{ .name = "nothing",
	  .text = S(""), .mode = 0600, .want = -EINVAL, .why = "the first line is empty" },
	{ .name = "an empty line",
	  .text = S("\ns3cret\n"), .mode = 0600, .want = -EINVAL,
	  .why = "the first line is empty" },
	{ .name = "NUL",
	  .text = S("s3c\0ret\n"), .mode = 0600, .want = -EINVAL, .why = "has control characters" },
	{ .name = "control characters",
	  .text = S("s3c\001ret\n"), .mode = 0600, .want = -EINVAL,
	  .why = "has control characters" },
	{ .name = "readable by all",
	  .text = S("s3cret\n"), .mode = 0644, .want = -EACCES,
	  .why = "others can read it (mode 0644): chmod 600 it" },
	{ .name = "readable by a group",
	  .text = S("s3cret\n"), .mode = 0640, .want = -EACCES, .why = "others can read it" },
};

static void
check_files(void)
{
	static struct credential c;
	const struct route r = { .password_file = file };
	char text[400];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct buf why = BUF(text);
		int e;

		write_file(file, files[i].text, files[i].mode);
		e = credential_get(&r, &c, &why);
		ok(e == files[i].want && has(&why, files[i].why) && !has(&why, "s3c"), "%s",
		    files[i].name);
		if (e == 0)
			is(buf_slice(&c.secret), files[i].secret, "the secret");
		credential_wipe(&c);
		ok(!memmem(c.space, sizeof c.space, "s3c", 3) &&
		    !memmem(c.space, sizeof c.space, "remark", 6),
		    "nothing stays in memory");
		(void)unlink(file);
	}
}

static void
check_lengths(void)
{
	static char octets[CLIENT_AUTH_SECRET_MAX + 100];
	static struct credential c;
	const struct route r = { .password_file = file };
	char text[400];
	struct buf why = BUF(text);

	memset(octets, 'x', sizeof octets);
	write_file(file, slice_of(octets, CLIENT_AUTH_SECRET_MAX), 0600);
	ok(credential_get(&r, &c, &why) == 0 && c.secret.n == CLIENT_AUTH_SECRET_MAX,
	    "the longest secret");
	write_file(file, slice_of(octets, CLIENT_AUTH_SECRET_MAX + 1), 0600);
	ok(credential_get(&r, &c, &why) == -EINVAL && has(&why, "too long"), "one octet more");
	write_file(file, slice_of(octets, sizeof octets), 0600);
	ok(credential_get(&r, &c, &why) == -EINVAL, "many octets more");
	(void)unlink(file);
	why.n = 0;
	ok(credential_get(&r, &c, &why) == -ENOENT && has(&why, "No such file"), "no file");
}

static void
check_credentials(void)
{
	static struct credential c;
	char name[] = "file";
	const struct route r = { .password_file = name };
	char text[400];
	struct buf why = BUF(text);

	(void)unsetenv("CREDENTIALS_DIRECTORY");
	ok(credential_get(&r, &c, &why) == -ENOENT &&
	    has(&why, "file: there are no credentials: set LoadCredential= in the unit"),
	    "a credential outside a unit");
	(void)setenv("CREDENTIALS_DIRECTORY", directory, 1);
	write_file(file, SL("s3cret\n"), 0440);
	ok(credential_get(&r, &c, &why) == 0, "a credential");
	is(buf_slice(&c.secret), SL("s3cret"), "the secret");
	(void)unlink(file);
}

static const struct {
	const char *name, *script, *arguments;
	int want;
	const char *secret, *why;
} programs[] = {
	{ .name = "a token", .script = "echo ya29.token", .secret = "ya29.token" },
	{ .name = "arguments are words, whatever is in them",
	  .script = "echo \"$#:$1:$2\"", .arguments = " a;b  $HOME ", .secret = "2:a;b:$HOME" },
	{ .name = "the first line only", .script = "echo t0ken; echo expires", .secret = "t0ken" },
	{ .name = "nothing on standard input", .script = "read x; echo \"<$x>\"", .secret = "<>" },
	{ .name = "no descriptor is inherited",
	  .script = "ls /proc/self/fd | tail -n +5 | wc -l", .secret = "0" },
	{ .name = "a process that stays behind",
	  .script = "sleep 100 & echo t0ken", .secret = "t0ken" },
	{ .name = "failure",
	  .script = "echo t0ken; exit 3", .want = -EREMOTEIO, .why = "exit status 3" },
	{ .name = "failure with a reason",
	  .script = "echo first >&2; echo 'refresh token expired' >&2; exit 1", .want = -EREMOTEIO,
	  .why = "exit status 1: refresh token expired" },
	{ .name = "killed",
	  .script = "kill -9 $$", .want = -EREMOTEIO, .why = "was killed by signal 9" },
	{ .name = "nothing",
	  .script = "true", .want = -EINVAL,
	  .why = "token-command: the first line is empty" },
	{ .name = "more than a token",
	  .script = "yes | head -c 100000", .want = -EFBIG, .why = "writes more than a token" },
	{ .name = "without end",
	  .script = "yes", .want = -EFBIG, .why = "writes more than a token" },
};

static void
check_programs(void)
{
	static struct credential c;
	char command[300], script[300], text[400];

	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
		const struct route r = { .token_command = command };
		struct buf why = BUF(text);
		int e;

		(void)snprintf(script, sizeof script, "#!/bin/sh\n%s\n", programs[i].script);
		(void)snprintf(command, sizeof command, "%s%s", program,
		    programs[i].arguments ? programs[i].arguments : "");
		write_file(program, slice_str(script), 0700);
		e = credential_get(&r, &c, &why);
		ok(e == programs[i].want && has(&why, programs[i].why) && !has(&why, "t0ken"),
		    "a program: %s (%d)", programs[i].name, e);
		if (e != programs[i].want || why.n)
			printf("# %.*s\n", (int)why.n, why.p);
		if (e == 0)
			is(buf_slice(&c.secret), slice_str(programs[i].secret), "the token");
		ok(e == 0 || c.space[0] == '\0', "a failed program leaves nothing in memory");
	}
	(void)unlink(program);
}

static void
check_time(void)
{
	char text[400], space[100];
	struct buf why = BUF(text), b = BUF(space);
	int64_t begun_ms = clock_ms();

	ok(token_run("/nonexistent/program x", 5000, &b, &why) == -EREMOTEIO &&
	    has(&why, "cannot start it: No such file"),
	    "no program");
	write_file(program, SL("#!/bin/sh\nsleep 100 & sleep 100\n"), 0700);
	why.n = 0;
	ok(token_run(program, 300, &b, &why) == -ETIMEDOUT && has(&why, "takes too long"),
	    "a program that takes too long");
	ok(clock_ms() - begun_ms < 20000, "is not waited for");
	(void)unlink(program);
}

/* The processes in the file: how many of them live? */
static unsigned
living(void)
{
	FILE *f = fopen(file, "r");
	unsigned n = 0;
	int pid;

	while (f && fscanf(f, "%d", &pid) == 1)
		n += kill((pid_t)pid, 0) == 0;
	if (f)
		(void)fclose(f);
	return n;
}

/* Children in sessions of their own, orphans among them. */
#define FLEEING "n() { echo $$ >>%s; exec sleep 300; }\n" \
	"case $1 in n) n;; esac\n" \
	"setsid $0 n & setsid sh -c \"setsid $0 n & exit\" & (setsid setsid $0 n &)\n" \
	"nohup setsid $0 n </dev/null >/dev/null 2>&1 &\n" \
	"while [ \"$(cat %s 2>/dev/null | wc -l)\" -lt 4 ]; do sleep 0.02; done\n%s\n"

static void
write_fleeing(const char *end)
{
	char script[600];

	(void)unlink(file);
	(void)snprintf(script, sizeof script, "#!/bin/sh\n" FLEEING, file, file, end);
	write_file(program, slice_str(script), 0700);
}

static void
check_fleeing(void)
{
	char text[400], space[100];
	struct buf why = BUF(text), b = BUF(space);
	pid_t pid;

	write_fleeing("echo t0ken");
	ok(token_run(program, 20000, &b, &why) == 0, "a program with children that flee");
	is(buf_slice(&b), SL("t0ken\n"), "its token");
	ok(living() == 0, "they do not outlive it");
	write_fleeing("sleep 300");
	ok(token_run(program, 2000, &b, &why) == -ETIMEDOUT && living() == 0,
	    "nor a program that takes too long");
	write_fleeing("sleep 300");
	pid = fork();
	if (pid == 0)
		_exit(token_run(program, 20000, &b, &why) == 0);
	for (int i = 0; i < 500 && living() < 4; i++)
		(void)usleep(10000);
	ok(living() == 4 && kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid,
	    "they live, and their worker is killed");
	for (int i = 0; i < 500 && living(); i++)
		(void)usleep(10000);
	ok(living() == 0, "they do not outlive a worker that is killed");
	(void)unlink(program);
	(void)unlink(file);
}

int
main(void)
{
	if (!mkdtemp(directory))
		return 1;
	(void)snprintf(file, sizeof file, "%s/file", directory);
	(void)snprintf(program, sizeof program, "%s/program", directory);
	check_files();
	check_lengths();
	check_credentials();
	check_programs();
	check_time();
	check_fleeing();
	ok(rmdir(directory) == 0, "nothing is left behind");
	return tap_done();
}
