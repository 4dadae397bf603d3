// SPDX-License-Identifier: ISC
/*
 * Parses the command line with getopt_long(3), but reports in its own words: the messages of
 * getopt_long(3) need the locale.  The log must be open.
 */
#include "config/options.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/utf8.h"

#define OWN_MAX 24		/* long options of one program */

enum { IN_ORDER = 1, SHORT_C = 'c', SHORT_O = 'o', CHECK = 2, VERSION_ASKED, HELP };

static const struct option shared[] = {
	{ "check", no_argument, NULL, CHECK },
	{ "version", no_argument, NULL, VERSION_ASKED },
	{ "help", no_argument, NULL, HELP },
};

/* 0 or EX_IOERR: some of it is lost. */
static int
write_text(int fd, struct slice text)
{
	ssize_t n;

	while (text.n && (n = write(fd, text.p, text.n)) > 0)
		text = slice_skip(text, (size_t)n);
	return text.n ? EX_IOERR : 0;
}

static int
usage(const struct program *program, const char *format, const char *what)
{
	char text[600];
	struct buf b = BUF(text);

	buf_str(&b, program->name);
	buf_str(&b, ": ");
	for (const char *p = format; *p; p++)
		if (*p == '@')
			buf_add(&b, slice_of(what, strnlen(what, 300)));
		else
			buf_chr(&b, *p);
	if (log_on_stderr())
		utf8_clean(b.p, b.n);
	buf_str(&b, "; see ");
	buf_str(&b, program->name);
	buf_str(&b, " --help\n");
	if (log_on_stderr())
		(void)write_text(STDERR_FILENO, buf_slice(&b));
	else			/* started without a terminal, by inetd for example */
		log_text(LOG_LEVEL_ERROR, "%.*s", (int)b.n - 1, b.p);
	return EX_USAGE;
}

static int
version(const struct program *program)
{
	char text[100];
	struct buf b = BUF(text);

	buf_str(&b, program->name);
	buf_str(&b, " " VERSION "\n");
	return write_text(STDOUT_FILENO, buf_slice(&b));
}

static void
join_options(struct option *all, const struct option *own)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++)
		all[n++] = shared[i];
	for (size_t i = 0; own && own[i].name && i < OWN_MAX; i++)
		all[n++] = own[i];
	all[n] = (struct option){ 0 };
}

/* Report the option that getopt_long() has just refused, as the user typed it. */
static int
refused(const struct program *program, int argc, char **argv, int why)
{
	char letter[] = { '-', (char)optopt, '\0' };
	bool is_short = optopt > ' ' && optopt < 127;
	const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "?";
	const char *what = is_short ? letter : word;

	if (why == ':')
		return usage(program, "@ needs an argument", what);
	if (!is_short && strchr(what, '='))
		return usage(program, "@ is not an option, or takes no argument", what);
	return usage(program, "there is no option @", what);
}

static int
one_option(struct options *o, const struct program *program, int val,
    int (*own)(void *ctx, int val, const char *argument), void *ctx)
{
	int r;

	switch (val) {
	case SHORT_C:
		o->config_file = optarg;
		return -1;
	case SHORT_O:
		if (o->noverrides == OPTIONS_OVERRIDES_MAX)
			return usage(program,
			    "-o @ is one too many: put the settings into a file", optarg);
		o->overrides[o->noverrides++] = optarg;
		return -1;
	case CHECK:
		o->check = true;
		return -1;
	case VERSION_ASKED:
		return version(program);
	case HELP:
		return write_text(STDOUT_FILENO, slice_str(program->usage));
	case IN_ORDER:
		val = OPTION_ARGUMENT;
		/* fallthrough */
	default:
		r = own ? own(ctx, val, optarg) : EX_USAGE;
		return r == 0 ? -1 : r;
	}
}

int
options_parse(struct options *o, const struct program *program, int argc, char **argv,
    int (*own)(void *ctx, int val, const char *argument), void *ctx)
{
	const char *letters = program->arguments ? "-:c:o:" : "+:c:o:";
	struct option all[sizeof shared / sizeof shared[0] + OWN_MAX + 1];
	int val, r;

	memset(o, 0, sizeof *o);
	o->role = program->role;
	join_options(all, program->options);
	opterr = 0;
	optind = 0;		/* both libcs then start from the beginning */
	while ((val = getopt_long(argc, argv, letters, all, NULL)) != -1) {
		r = val == '?' || val == ':' ? refused(program, argc, argv, val)
					     : one_option(o, program, val, own, ctx);
		if (r >= 0)
			return r;
	}
	for (; program->arguments && optind < argc; optind++) {		/* behind "--" */
		r = own(ctx, OPTION_ARGUMENT, argv[optind]);
		if (r != 0)
			return r;
	}
	if (optind < argc)
		return usage(program, "@ is not an option", argv[optind]);
	return -1;
}

static void
report_error(void *ctx, const char *file, unsigned line, const char *text)
{
	const struct options *o = ctx;
	char space[1200];
	struct buf b = BUF(space);

	if (file) {
		buf_add(&b, slice_of(file, strnlen(file, 400)));
		if (line) {
			buf_chr(&b, ':');
			buf_uint(&b, line);
		}
		buf_str(&b, ": ");
	}
	buf_add(&b, slice_of(text, strnlen(text, 750)));
	if (o->check) {
		utf8_clean(b.p, b.n);
		buf_chr(&b, '\n');
		write_text(STDERR_FILENO, buf_slice(&b));
	} else {
		log_text(LOG_LEVEL_ERROR, "%.*s", (int)b.n, b.p);
	}
}

struct config_source
options_source(const struct options *o)
{
	return (struct config_source){
		.file = o->config_file, .overrides = o->overrides, .noverrides = o->noverrides,
		.texts = o->texts, .keep = o->keep,
	};
}

static int
load_config(const struct options *o, struct config *c, const struct config_report *report)
{
	const struct config_source from = options_source(o);

	return config_load_from(c, &from, report);
}

/* A program works as its user of the queue, who may read less than root.  So root checks as that
 * user, from the beginning.  0, -EINVAL or -errno. */
static int
check_as_user(const struct options *o, struct config *c, const struct config_report *report)
{
	struct owner owner;
	int r;

	if (geteuid() != 0 || owner_of(c->queue.directory, o->role, &owner) < 0 || owner.uid == 0)
		return 0;
	r = owner_become(&owner);
	if (r < 0) {
		report->error(report->ctx, NULL, 0,
		    "cannot check as the user of this program: run --check as that user");
		return r;
	}
	config_done(c);
	return load_config(o, c, report);
}

/* systemd sets the variable for ExecReload= too, but hides the folder from it.  A check then takes
 * the credentials for missing, as it does while the unit does not run. */
static void
forget_hidden_credentials(void)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");

	if (directory && access(directory, X_OK) < 0 && errno == EACCES)
		(void)unsetenv("CREDENTIALS_DIRECTORY");
}

int
options_config(const struct options *o, struct config *ret_config)
{
	struct config_report report = { .error = report_error, .ctx = (void *)(uintptr_t)o };
	int r = load_config(o, ret_config, &report);

	if (r == 0 && !o->check)
		return -1;
	forget_hidden_credentials();
	if (r == 0)
		r = check_as_user(o, ret_config, &report);
	if (r == 0 && o->check_more && o->check_more(ret_config, &report) > 0)
		r = -EINVAL;
	config_done(ret_config);
	return r == 0 ? 0 : EX_CONFIG;
}
