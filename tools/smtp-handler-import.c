// SPDX-License-Identifier: ISC
/*
 * smtp-handler-import: read the configuration of another mail program, and print or write ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/harden.h"
#include "base/text.h"
#include "tools/import/import.h"
#include "tools/import/output.h"

static const char usage[] =
    "usage: smtp-handler-import [--from KIND] [--root DIR] [--write DIR [--force]]\n"
    "                           [--run-commands] [FILE | -]\n"
    "Read the configuration of another mail program, and print that of smtp-handler.\n"
    "\n"
    "  FILE            such as /etc/msmtprc, ssmtp.conf, dma.conf, remotes, main.cf, smtpd.conf\n"
    "                  or update-exim4.conf.conf, or the folder of it; - is standard input; by\n"
    "                  default the usual places\n"
    "  --from KIND     msmtp, ssmtp, dma, nullmailer, postfix, exim or opensmtpd, if the name\n"
    "                  does not show it\n"
    "  --write DIR     write the configuration and its passwords into DIR, which is usually\n"
    "                  " PLAN_FOLDER "\n"
    "  --force         replace files that are there\n"
    "  --run-commands  run the programs that print passwords, and keep what they print\n"
    "  --root DIR      look for all files in DIR, such as a disk of another machine\n"
    "  --version, --help\n"
    "Passwords are never printed.  What cannot be translated goes to standard error.\n"
    "Exit: 0 done, 64 usage, 65 the file is no text or too large, 66 no file, or it cannot be\n"
    "read, 71 no memory, 73 cannot write, 74 cannot print, 78 the result has a mistake.\n";

struct options {
	const char *from, *root, *write, *file;
	bool force, run;
};

/* The context of the function that reads files. */
struct source {
	const struct options *o;
	int code;		/* the exit code for the last file that was left out */
	struct {
		const char *path;
		struct slice text;
	} known[8];		/* files that were read: a table is read for each of its keys */
	unsigned nknown;
};

static int
complain(int code, const char *what, const char *why)
{
	text_print(stderr, "smtp-handler-import: %s: %s\n", what, why);
	return code;
}

/* ---- files ---- */

/* A file that cannot be read: a note of the plan, and the result is false. */
static bool
leave_out(struct import *im, const char *path, int code, const char *why)
{
	struct source *s = im->ctx;

	s->code = code;
	plan_note(im->plan, (struct plan_at){ plan_copy(im->plan, slice_str(path)), 0 },
	    "it is left out: %s", why);
	return false;
}

/* A copy of the text as an editor of another system leaves it: without its byte order mark, and
 * with LF for each CRLF. */
static struct slice
plain_text(struct plan *p, struct slice text)
{
	const struct slice from = slice_has_prefix(text, SL("\xef\xbb\xbf")) ? slice_skip(text, 3) :
	    text;
	char *copy = plan_copy(p, from);
	size_t n = 0;

	for (size_t i = 0; i < from.n && !p->failed; i++)
		if (from.p[i] != '\r' || i + 1 == from.n || from.p[i + 1] != '\n')
			copy[n++] = from.p[i];
	copy[n] = '\0';
	return slice_of(copy, n);
}

/* All that a descriptor has, in memory of the plan.  False after a note. */
static bool
read_all(struct import *im, int fd, const char *path, struct slice *ret)
{
	char *space = malloc(IMPORT_FILE_MAX + 1);
	struct buf b = { .p = space, .cap = IMPORT_FILE_MAX + 1 };
	const char *why = space ? NULL : "no memory";
	int code = EX_DATAERR;
	ssize_t n = 0;

	while (space && b.n < b.cap && (n = read(fd, b.p + b.n, b.cap - b.n)) > 0)
		b.n += (size_t)n;
	if (n < 0) {
		why = strerror(errno);
		code = EX_NOINPUT;
	} else if (b.n > IMPORT_FILE_MAX) {
		why = "it is larger than 1 MiB";
	} else if (space && memchr(b.p, '\0', b.n)) {
		why = "it is no text";
	}
	if (why)
		(void)leave_out(im, path, code, why);
	else
		*ret = plain_text(im->plan, buf_slice(&b));
	if (space)
		explicit_bzero(space, b.n);
	free(space);
	return !why && !im->plan->failed;
}

/* Open the file that a path means.  An absolute one is in the folder of --root, and so is what the
 * links on its way name: the files of this machine are not those of the other. */
static int
open_path(const struct import *im, const char *path, int flags)
{
	const struct source *s = im->ctx;
	const struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT,
	};
	int root, fd, error;

	if (path[0] != '/' || !*s->o->root)
		return open(path, flags | O_CLOEXEC);
	root = open(s->o->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -1;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
	error = errno;
	(void)close(root);
	errno = error;
	return fd;
}

static bool
read_path(struct import *im, const char *path, struct slice *ret)
{
	struct source *s = im->ctx;
	struct stat st;
	bool good;
	int fd;

	for (unsigned i = 0; i < s->nknown; i++)
		if (strcmp(s->known[i].path, path) == 0) {
			*ret = s->known[i].text;
			return true;
		}
	fd = open_path(im, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT ? false :
		    leave_out(im, path, EX_NOINPUT, strerror(errno));
	good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ?
	    read_all(im, fd, path, ret) :
	    leave_out(im, path, EX_NOINPUT, "it is no regular file; a pipe can be standard input");
	(void)close(fd);
	if (good && s->nknown < sizeof s->known / sizeof s->known[0]) {
		s->known[s->nknown].path = plan_copy(im->plan, slice_str(path));
		s->known[s->nknown++].text = *ret;
	}
	return good;
}

/* ---- the file to read ---- */

static const struct import_kind *
kind_named(const char *name)
{
	for (const struct import_kind *k = import_kinds; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

/* The status of the file that a path means.  False: it is not there. */
static bool
find_status(const struct import *im, const char *path, struct stat *ret)
{
	const int fd = open_path(im, path, O_PATH);
	const bool found = fd >= 0 && fstat(fd, ret) == 0;

	if (fd >= 0)
		(void)close(fd);
	return found;
}

static bool
is_there(const struct import *im, const char *path)
{
	struct stat ignored;

	return find_status(im, path, &ignored);
}

/* The path of a usual place. */
static const char *
usual_place(struct import *im, const struct import_kind *k)
{
	if (k->main[0] != '~')
		return k->main;
	return im->home ? plan_text(im->plan, "%s%s", im->home, k->main + 1) : "";
}

/* The only file in a usual place.  0 or an exit code. */
static int
find_usual(struct import *im, const struct options *o, const struct import_kind **ret,
    const char **ret_file)
{
	unsigned found = 0;

	for (const struct import_kind *k = import_kinds; k->name; k++) {
		const char *path = usual_place(im, k);

		if ((o->from && strcmp(o->from, k->name) != 0) || !*path || !is_there(im, path))
			continue;
		if (found++ == 1)
			text_print(stderr, "smtp-handler-import: there are several, name one: %s\n",
			    *ret_file);
		if (found > 1)
			text_print(stderr, "smtp-handler-import: there are several, name one: %s\n",
			    path);
		*ret = k;
		*ret_file = path;
	}
	if (found == 0)
		return complain(EX_NOINPUT, "no file", "there is no configuration of msmtp, ssmtp, "
		    "dma, nullmailer, Postfix, Debian's Exim or OpenSMTPD in its usual place: name "
		    "the file");
	return found == 1 ? 0 : EX_USAGE;
}

/* A file in a folder that was named. */
static const char *
find_in_folder(struct import *im, const struct options *o, const struct import_kind **ret)
{
	for (const struct import_kind *k = import_kinds; k->name; k++) {
		const char *path = plan_text(im->plan, "%s%s", o->file, strrchr(k->main, '/'));

		if ((o->from && strcmp(o->from, k->name) != 0) || !is_there(im, path))
			continue;
		*ret = k;
		return path;
	}
	return NULL;
}

static int
find_file(struct import *im, const struct options *o, const struct import_kind **ret,
    const char **ret_file)
{
	struct stat st;

	if (!o->file)
		return find_usual(im, o, ret, ret_file);
	*ret_file = o->file;
	if (find_status(im, o->file, &st) && S_ISDIR(st.st_mode)) {
		*ret_file = find_in_folder(im, o, ret);
		return *ret_file ? 0 : complain(EX_NOINPUT, o->file,
		    "there is no file to import in it");
	}
	*ret = o->from ? kind_named(o->from) : import_kind_of(o->file);
	return *ret ? 0 : complain(EX_USAGE, o->file, "say what it is by --from msmtp, ssmtp, dma, "
	    "nullmailer, postfix, exim or opensmtpd; no other program's file can be read");
}

/* ---- the result ---- */

/* Keep the first line that the command prints. */
static void
run_command(struct plan *p, struct plan_file *f)
{
	FILE *in = popen(f->command, "re");
	char *line = NULL;
	size_t space = 0;
	ssize_t n = in ? getline(&line, &space, in) : -1;

	if (n > 0 && line[n - 1] == '\n')
		n--;
	if (in && pclose(in) == 0 && n > 0)
		f->content = plan_text(p, "%.*s\n", (int)n, line);
	else
		plan_note(p, f->at, "the command for the password failed, or printed nothing");
	if (line)
		explicit_bzero(line, space);
	free(line);
}

/* Run the commands that print passwords. */
static void
run_commands(struct plan *p)
{
	for (size_t i = 0; i < p->nfiles; i++) {
		struct plan_file *f = &p->files[i];

		if (f->kind == PLAN_PASSWORD && !f->content && f->command)
			run_command(p, f);
	}
}

static void
print_mistake(void *ctx, const char *file, unsigned line, const char *text)
{
	(void)ctx;
	(void)file;
	text_print(stderr, "smtp-handler-import: line %u of the result: %s\n", line, text);
}

/* A file gets the octets as they are. */
static void
print_result(struct slice text)
{
	if (isatty(STDOUT_FILENO))
		(void)text_lines(stdout, text, true);
	else
		(void)fwrite(text.p, 1, text.n, stdout);
}

static int
finish(struct plan *p, const struct options *o, const char *source)
{
	char space[1000];
	struct buf why = BUF(space);
	const struct config_report report = { .error = print_mistake };
	const char *lost;

	if (o->run)
		run_commands(p);
	output_notes(p, o->write != NULL, stderr);
	if (p->failed)
		return complain(EX_OSERR, source, "no memory, or it has too many settings for one "
		    "import: leave out some of its domains, and write their [route]s by hand");
	if (!output_check(p, &report))
		return complain(EX_CONFIG, source, "nothing is printed: please report this");
	if (!o->write) {
		print_result(slice_str(output_text(p, source)));
		lost = text_lost(stdout);
		if (lost)
			return complain(EX_IOERR, "standard output", lost);
	} else if (output_write(p, source, o->force, &why) < 0) {
		return complain(EX_CANTCREAT, "nothing changed", buf_cstr(&why));
	}
	return 0;
}

static int
import(const struct options *o)
{
	static struct plan plan;
	struct source source = { .o = o };
	struct import im = {
		.plan = &plan, .home = getenv("HOME"), .read = read_path, .ctx = &source,
	};
	const struct import_kind *kind = NULL;
	const char *file = NULL;
	struct slice text;
	int code;

	plan_init(&plan, o->write ? o->write : PLAN_FOLDER);
	code = find_file(&im, o, &kind, &file);
	if (code == 0 && !(strcmp(file, "-") == 0 ? read_all(&im, STDIN_FILENO, file, &text) :
	    read_path(&im, file, &text))) {
		output_notes(&plan, true, stderr);
		code = source.code ? source.code : complain(EX_NOINPUT, file,
		    "there is no such file");
	}
	if (code == 0) {
		kind->read(&im, file, text);
		code = finish(&plan, o, file);
	}
	plan_done(&plan);
	return code;
}

/* -1 to go on, or the exit code. */
static int
parse_options(struct options *o, int argc, char **argv)
{
	enum { FROM = 256, ROOT, WRITE, FORCE, RUN, VERSION_ASKED, HELP };
	static const struct option list[] = {
		{ "from", required_argument, NULL, FROM }, { "root", required_argument, NULL,
		    ROOT },
		{ "write", required_argument, NULL, WRITE }, { "force", no_argument, NULL, FORCE },
		{ "run-commands", no_argument, NULL, RUN },
		{ "version", no_argument, NULL, VERSION_ASKED }, { "help", no_argument, NULL,
		    HELP },
		{ 0 },
	};
	int val;

	while ((val = getopt_long(argc, argv, "", list, NULL)) >= 0) {
		switch (val) {
		case FROM:
			o->from = optarg;
			break;
		case ROOT:
			o->root = optarg;
			break;
		case WRITE:
			o->write = optarg;
			break;
		case FORCE:
			o->force = true;
			break;
		case RUN:
			o->run = true;
			break;
		case VERSION_ASKED:
			text_print(stdout, "smtp-handler-import %s\n", VERSION);
			return fflush(stdout) == 0 ? 0 : EX_IOERR;
		case HELP:
			(void)text_lines(stdout, slice_str(usage), true);
			return fflush(stdout) == 0 ? 0 : EX_IOERR;
		default:
			(void)text_lines(stderr, slice_str(usage), true);
			return EX_USAGE;
		}
	}
	o->file = argv[optind];
	if (argc - optind > 1)
		return complain(EX_USAGE, argv[optind + 1], "name one file");
	if (o->from && !kind_named(o->from))
		return complain(EX_USAGE, o->from, "the kinds are msmtp, ssmtp, dma, nullmailer, "
		    "postfix, exim, opensmtpd");
	if (o->write && (o->write[0] != '/' || strpbrk(o->write, " \t#")))
		return complain(EX_USAGE, o->write, "write an absolute path without blanks");
	if (o->force && !o->write)
		return complain(EX_USAGE, "--force", "it is for --write");
	return -1;
}

int
main(int argc, char **argv)
{
	struct options o = { .root = "" };
	int code;

	harden_process();
	text_init();
	code = parse_options(&o, argc, argv);
	return code >= 0 ? code : import(&o);
}
