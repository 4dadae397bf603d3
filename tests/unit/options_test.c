// SPDX-License-Identifier: ISC
/* Each case runs in a child, so that its output on fd 1 and 2 can be read. */
#include "config/options.h"

#include <sys/wait.h>

#include "base/log.h"
#include "tests/lib/config.h"

enum { OPT_LISTEN = OPTION_OWN, OPT_PRINT };

static const struct option own_options[] = {
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "print", no_argument, NULL, OPT_PRINT },
	{ 0 },
};
static const struct program program = {
	.name = "test", .usage = "usage: test [-c FILE]\n", .options = own_options
};
static const struct program bare = { .name = "test", .usage = "usage: test\n" };

static char seen_text[100];
static struct buf seen = BUF(seen_text);

static int
own(void *ctx, int val, const char *argument)
{
	if (ctx != &seen)
		return 99;
	buf_fmt(&seen, "%d=%s ", val - OPTION_OWN, argument ? argument : "-");
	return argument && strcmp(argument, "bad") == 0 ? 78 : 0;
}

#define ARGS 8

static const struct {
	const char *name;
	const char *args[ARGS];
	int code;
	const char *out, *err;		/* its begin */
} endings[] = {
	{ .name = "version", .args = { "--version" }, .code = 0, .out = "test " VERSION "\n",
	    .err = "" },
	{ .name = "help", .args = { "--help" }, .code = 0, .out = "usage: test [-c FILE]\n",
	    .err = "" },
	{ .name = "version_before_mistakes", .args = { "--version", "--nonsense" }, .code = 0,
	    .out = "test ", .err = "" },
	{ .name = "unknown_long", .args = { "--nonsense" }, .code = 64, .out = "",
	    .err = "test: there is no option --nonsense; see test --help\n" },
	{ .name = "unknown_long_with_value", .args = { "--nonsense=1" }, .code = 64, .out = "",
	    .err = "test: --nonsense=1 is not an option, or takes no argument" },
	{ .name = "unknown_short", .args = { "-x" }, .code = 64, .out = "",
	    .err = "test: there is no option -x" },
	{ .name = "unknown_short_behind_known", .args = { "-c", "f", "-xyz" }, .code = 64,
	    .out = "", .err = "test: there is no option -x" },
	{ .name = "value_where_none_goes", .args = { "--check=yes" }, .code = 64, .out = "",
	    .err = "test: --check=yes is not an option, or takes no argument" },
	{ .name = "value_missing_short", .args = { "-c" }, .code = 64, .out = "",
	    .err = "test: -c needs an argument" },
	{ .name = "value_missing_override", .args = { "--check", "-o" }, .code = 64, .out = "",
	    .err = "test: -o needs an argument" },
	{ .name = "value_missing_long", .args = { "--listen" }, .code = 64, .out = "",
	    .err = "test: --listen needs an argument" },
	{ .name = "argument_that_is_no_option", .args = { "file" }, .code = 64, .out = "",
	    .err = "test: file is not an option" },
	{ .name = "argument_before_options", .args = { "file", "--help" }, .code = 64, .out = "",
	    .err = "test: file is not an option" },
	{ .name = "behind_two_hyphens", .args = { "--", "--help" }, .code = 64, .out = "",
	    .err = "test: --help is not an option" },
	{ .name = "own_option_refuses", .args = { "--listen", "bad" }, .code = 78, .out = "",
	    .err = "" },
};

static struct slice
read_back(int fd, char *room, size_t size)
{
	ssize_t n = pread(fd, room, size, 0);

	return slice_of(room, n > 0 ? (size_t)n : 0);
}

static int
temporary(void)
{
	char path[] = "/tmp/smtp-handler-options-test-XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0)
		exit(1);
	(void)unlink(path);
	return fd;
}

static int
parse(struct options *o, const struct program *p, const char *const *args)
{
	char *argv[ARGS + 2] = { (char *)(uintptr_t)"test" };
	int argc = 1;

	for (; argc <= ARGS && args[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)args[argc - 1];
	seen.n = 0;
	return options_parse(o, p, argc, argv, own, &seen);
}

/* Run body in a child whose fd 1 and 2 are files.  Returns its exit code. */
static int
in_child(int (*body)(const void *), const void *ctx, int *ret_out, int *ret_err)
{
	int status = -1;
	pid_t pid;

	*ret_out = temporary();
	*ret_err = temporary();
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)dup2(*ret_out, 1);
		(void)dup2(*ret_err, 2);
		log_open("test");
		_exit(body(ctx));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -2;
	return WEXITSTATUS(status);
}

static int
parse_only(const void *args)
{
	struct options o;
	int code = parse(&o, &program, args);

	return code < 0 ? 200 : code;
}

static void
check_endings(void)
{
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		int out, err, code = in_child(parse_only, endings[i].args, &out, &err);
		char room[500];
		struct slice said = read_back(out, room, sizeof room);

		ok(code == endings[i].code, "%s exits %d (%d)", endings[i].name, endings[i].code,
		    code);
		ok(slice_has_prefix(said, slice_str(endings[i].out)) &&
			(endings[i].out[0] || said.n == 0),
		    "%s on fd 1", endings[i].name);
		said = read_back(err, room, sizeof room);
		if (!ok(slice_has_prefix(said, slice_str(endings[i].err)) &&
			    (endings[i].err[0] || said.n == 0),
			"%s on fd 2", endings[i].name))
			printf("# said: %.*s\n", (int)said.n, said.p);
		(void)close(out);
		(void)close(err);
	}
}

static void
check_parsed(void)
{
	static const char *const shared[ARGS] = { "-c", "f", "-oa.b=c", "-o",
		"route example.org.via=print", "--check" };
	static const char *const own[ARGS] = { "--print", "--listen", "127.0.0.1:0",
		"--listen=[::1]:25" };
	struct options o;

	ok(parse(&o, &program, (const char *[ARGS]){ NULL }) == -1 && !o.config_file && !o.check &&
		o.noverrides == 0,
	    "no arguments");
	ok(parse(&o, &bare, (const char *[ARGS]){ "--check" }) == -1 && o.check,
	    "a program without options of its own");
	ok(parse(&o, &program, shared) == -1, "all shared options");
	ok(strcmp(o.config_file, "f") == 0 && o.check && o.noverrides == 2 &&
		strcmp(o.overrides[0], "a.b=c") == 0 &&
		strcmp(o.overrides[1], "route example.org.via=print") == 0,
	    "the values of the shared options");
	ok(parse(&o, &program, (const char *[ARGS]){ "-c", "f", "-c", "g" }) == -1 &&
		strcmp(o.config_file, "g") == 0,
	    "the last -c wins");
	ok(parse(&o, &program, own) == -1, "the program's own options");
	is(buf_slice(&seen), SL("1=- 0=127.0.0.1:0 0=[::1]:25 "),
	    "the arguments of the program's own options");
}

static int
too_many(const void *ctx)
{
	char *argv[OPTIONS_OVERRIDES_MAX + 3];
	struct options o;
	int argc = 0;

	(void)ctx;
	argv[argc++] = (char *)(uintptr_t)"test";
	while (argc <= OPTIONS_OVERRIDES_MAX)
		argv[argc++] = (char *)(uintptr_t)"-oa.b=c";
	argv[argc] = NULL;
	if (options_parse(&o, &program, argc, argv, NULL, NULL) != -1 ||
	    o.noverrides != OPTIONS_OVERRIDES_MAX)
		return 1;
	argv[argc++] = (char *)(uintptr_t)"-ox.y=z";
	argv[argc] = NULL;
	return options_parse(&o, &program, argc, argv, NULL, NULL);
}

static const struct {
	const char *name, *text;
	bool check;
	int code;
	const char *said;		/* FILE stands for the name of the file */
} configurations[] = {
	{ .name = "good", .text = "[relay]\nport = 26\n", .code = 200, .said = "" },
	{ .name = "good_checked", .text = "[relay]\nport = 26\n", .check = true, .code = 0,
	    .said = "" },
	{ .name = "bad_checked", .text = "[relay]\nport = x\n[relay]\nfamily = y\n", .check = true,
	    .code = 78,
	    .said = "FILE:2: [relay] port = x: write a plain number\n"
		"FILE:4: [relay] family = y: write any or ipv4 or ipv6\n" },
	{ .name = "bad", .text = "[relay]\nport = x\n", .code = 78,
	    .said = "FILE:2: [relay] port = x: write a plain number\n" },
	{ .name = "bad_bytes", .text = "[relay]\nport = \xff\n", .code = 78,
	    .said = "FILE:2: [relay] port = \\xff: write a plain number\n" },
};

static int
configure(const void *ctx)
{
	struct options o = { .config_file = conf, .check = *(const bool *)ctx };
	struct config c;
	int code = options_config(&o, &c);

	if (code < 0 && c.relay.port != 26)
		return 1;
	config_done(&c);
	return code < 0 ? 200 : code;
}

static void
check_configurations(void)
{
	for (size_t i = 0; i < sizeof configurations / sizeof configurations[0]; i++) {
		char room[1000], want_text[1000];
		struct buf want = BUF(want_text);
		struct slice said, line, stamp;
		int out, err, code;

		write_at("c.conf", configurations[i].text);
		code = in_child(configure, &configurations[i].check, &out, &err);
		ok(code == configurations[i].code, "%s exits %d (%d)", configurations[i].name,
		    configurations[i].code, code);
		for (const char *p = configurations[i].said; *p; p++)
			if (strncmp(p, "FILE", 4) == 0) {
				buf_str(&want, conf);
				p += 3;
			} else {
				buf_chr(&want, *p);
			}
		said = read_back(err, room, sizeof room);
		/* A line of the log begins with "TIME test[PID]: ". */
		if (!configurations[i].check && said.n) {
			stamp = slice_cut(said, ']', &line);
			ok(memmem(stamp.p, stamp.n, "Z test[", 7) != NULL, "%s is in the log",
			    configurations[i].name);
			said = slice_skip(line, 2);
		}
		is(said, buf_slice(&want), configurations[i].name);
		ok(read_back(out, room, sizeof room).n == 0, "%s leaves fd 1 alone",
		    configurations[i].name);
		(void)close(out);
		(void)close(err);
	}
}

int
main(void)
{
	int out, err;

	config_test_begin();
	check_endings();
	check_parsed();
	ok(in_child(too_many, NULL, &out, &err) == 64, "one override too many");
	check_configurations();
	config_test_end();
	return tap_done();
}
