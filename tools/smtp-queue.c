// SPDX-License-Identifier: ISC
/*
 * smtp-queue: look at the queue and act on it.  It reads the command line, becomes the owner of the
 * queue and runs the command.  It needs no runner, and does not disturb one.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/text.h"
#include "config/options.h"
#include "queue/lease.h"
#include "tools/queue/remote.h"

static const char usage[] =
    "usage: smtp-queue [OPTION]... [list] [FILTER]...\n"
    "       smtp-queue [OPTION]... show|log ID...\n"
    "       smtp-queue [OPTION]... hold|release|retry|delete|fail ID...|FILTER...|--all\n"
    "       smtp-queue [OPTION]... hosts\n"
    "       smtp-queue [OPTION]... fsck [--owners] [--repair]\n"
    "       smtp-queue [OPTION]... fsck --storage [DIR [DIR]]\n"
    "       smtp-queue [OPTION]... stats [--http | --sum] [--with-host]\n"
    "       smtp-queue [OPTION]... top [--once]\n"
    "       smtp-queue [OPTION]... report --html\n"
    "       smtp-queue [OPTION]... check [--warning LIMITS] [--critical LIMITS]\n"
    "       smtp-queue [OPTION]... doctor\n"
    "Show the mail queue, and act on its messages.\n"
    "\n"
    "  list                list the messages of the queue\n"
    "  show ID...          show the envelope and the message; --raw: only the message, unchanged\n"
    "  log ID...           show the attempts and the replies of the hosts\n"
    "  hold                keep a message, without attempts, until it is released\n"
    "  release             make a held message due now\n"
    "  retry               make a message due now; retry --all: all that wait\n"
    "  delete              remove a message, without a notice to its sender\n"
    "  fail                give a message up: notify its sender, then remove it\n"
    "  hosts               show latencies and failures of the hosts that were tried\n"
    "  fsck                check every file of the queue; --repair: repair what can be repaired;\n"
    "                      --owners: only owners and modes of the two users' files;\n"
    "                      --storage: does the file system keep what a queue needs?  A second\n"
    "                      DIR is the same folder through another mount\n"
    "  stats               print counters and the state of the queue for Prometheus;\n"
    "                      --http: reply to one request of HTTP on standard input;\n"
    "                      --sum: one sum of all machines of --host;\n"
    "                      --with-host: each sample has a label with this machine's name\n"
    "  top                 show the queue on the terminal, again and again, until the key q;\n"
    "                      --once: print one page\n"
    "  report --html       print a page about the queue and the last days for a browser\n"
    "  check               print one line for Nagios; exit 0 OK, 1 warning, 2 critical,\n"
    "                      3 unknown\n"
    "  doctor              check this machine, the DNS and the units, and show what to type\n"
    "\n"
    "  --sender PATTERN, --recipient PATTERN, --domain PATTERN   with * and ?\n"
    "  --older-than AGE, --younger-than AGE                      such as 30min, 4h, 2d\n"
    "  --state STATE,...   new, active, waiting, held, dead, receiving\n"
    "  --all               every message that the command applies to\n"
    "  --warning LIMITS, --critical LIMITS   check: such as messages=500,age=2h,held=none,\n"
    "                      dead=1,frozen=1: a value that reaches its limit\n"
    "  --json              print one JSON object a line\n"
    "  --ids, --wide       list: print only IDs; do not cut lines to the width of the terminal\n"
    "  --host HOST,...     run the command on these machines, by ssh; each line shows its machine\n"
    "  -c FILE             configuration (" CONFIG_DEFAULT_FILE ")\n"
    "  -o SECTION.KEY=VAL  override one key of the file; may be repeated\n"
    "  --check             check the configuration and exit\n"
    "  --version, --help\n"
    "Exit: 0 done, 1 some message was not done, or fsck or doctor found faults, 64 usage, "
    "69 a machine of --host did not run the command, "
    "71 the system failed, 74 output lost, 75 the queue is not usable, 78 configuration.\n";

enum {
	OPTION_SENDER = OPTION_OWN,
	OPTION_RECIPIENT,
	OPTION_DOMAIN,
	OPTION_OLDER,
	OPTION_YOUNGER,
	OPTION_STATE,
	OPTION_ALL,
	OPTION_JSON,
	OPTION_IDS,
	OPTION_WIDE,
	OPTION_RAW,
	OPTION_OWNERS,
	OPTION_REPAIR,
	OPTION_HTTP,
	OPTION_ONCE,
	OPTION_HTML,
	OPTION_WARNING,
	OPTION_CRITICAL,
	OPTION_HOST,
	OPTION_STORAGE,
	OPTION_SUM,
	OPTION_WITH_HOST,
};

static const struct option long_options[] = {
	{ "sender", required_argument, NULL, OPTION_SENDER },
	{ "recipient", required_argument, NULL, OPTION_RECIPIENT },
	{ "domain", required_argument, NULL, OPTION_DOMAIN },
	{ "older-than", required_argument, NULL, OPTION_OLDER },
	{ "younger-than", required_argument, NULL, OPTION_YOUNGER },
	{ "state", required_argument, NULL, OPTION_STATE },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "ids", no_argument, NULL, OPTION_IDS },
	{ "wide", no_argument, NULL, OPTION_WIDE },
	{ "raw", no_argument, NULL, OPTION_RAW },
	{ "owners", no_argument, NULL, OPTION_OWNERS },
	{ "repair", no_argument, NULL, OPTION_REPAIR },
	{ "http", no_argument, NULL, OPTION_HTTP },
	{ "once", no_argument, NULL, OPTION_ONCE },
	{ "html", no_argument, NULL, OPTION_HTML },
	{ "warning", required_argument, NULL, OPTION_WARNING },
	{ "critical", required_argument, NULL, OPTION_CRITICAL },
	{ "host", required_argument, NULL, OPTION_HOST },
	{ "storage", no_argument, NULL, OPTION_STORAGE },
	{ "sum", no_argument, NULL, OPTION_SUM },
	{ "with-host", no_argument, NULL, OPTION_WITH_HOST },
	{ 0 },
};

/* Options that a command accepts. */
enum {
	WITH_IDS = 1,
	WITH_FILTER = 2,
	WITH_ALL = 4,
	WITH_LOOKS = 8,
	WITH_RAW = 16,
	WITH_REPAIR = 32,
	WITH_HTTP = 64,
	WITH_LIMITS = 128,
	WITH_ONCE = 256,
	WITH_HTML = 512,
	WITH_FOLDERS = 2048,	/* of --storage */
	WITHOUT_QUEUE = 1024	/* the command opens the queue by itself, if it is there */
};

struct command {
	const char *name;
	int (*before)(struct tool *t);	/* before root becomes the owner of the queue */
	int (*run)(struct tool *t);
	int (*act)(struct tool *t, const char *verb);
	unsigned with;
};

static const struct command commands[] = {
	{ "list", NULL, tool_list, NULL, WITH_FILTER | WITH_LOOKS },
	{ "show", NULL, tool_show, NULL, WITH_IDS | WITH_RAW },
	{ "log", NULL, tool_log, NULL, WITH_IDS | WITH_RAW },
	{ "hold", NULL, NULL, tool_act, WITH_IDS | WITH_FILTER | WITH_ALL },
	{ "release", NULL, NULL, tool_act, WITH_IDS | WITH_FILTER | WITH_ALL },
	{ "retry", NULL, NULL, tool_act, WITH_IDS | WITH_FILTER | WITH_ALL },
	{ "delete", NULL, NULL, tool_act, WITH_IDS | WITH_FILTER | WITH_ALL },
	{ "fail", NULL, NULL, tool_act, WITH_IDS | WITH_FILTER | WITH_ALL },
	{ "hosts", NULL, tool_hosts, NULL, 0 },
	{ "fsck", tool_fsck_owners, tool_fsck, NULL, WITH_REPAIR | WITH_FOLDERS },
	{ "stats", NULL, tool_stats, NULL, WITH_HTTP },
	{ "top", NULL, tool_top, NULL, WITH_ONCE },
	{ "report", NULL, tool_report, NULL, WITH_HTML },
	{ "check", NULL, tool_check, NULL, WITH_LIMITS },
	{ "doctor", NULL, tool_doctor, NULL, WITHOUT_QUEUE },
};

/* fsck --storage */
static const struct command storage_command = {
	"fsck", NULL, tool_storage, NULL, WITH_FOLDERS | WITHOUT_QUEUE
};

struct call {
	struct tool tool;
	const char *hosts;		/* of --host; NULL: this machine */
	const struct command *command;
};

void
tool_complain(const char *what, const char *why)
{
	(void)fflush(stdout);
	(void)fputs("smtp-queue: ", stderr);
	text_put(stderr, slice_str(what));
	text_print(stderr, ": %s\n", why);
}

bool
tool_output_broken(void)
{
	return ferror(stdout) != 0;
}

static int
report_misuse(const char *what, const char *why)
{
	tool_complain(what, why);
	return EX_USAGE;
}

static int
take_argument(struct call *c, const char *text)
{
	struct tool *t = &c->tool;

	if (!c->command) {
		for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
			if (strcmp(commands[i].name, text) == 0)
				c->command = &commands[i];
		return c->command
		    ? 0
		    : report_misuse(text, "there is no such command; see smtp-queue --help");
	}
	if (!(c->command->with & (WITH_IDS | WITH_FOLDERS)))
		return report_misuse(text, "this command takes no argument; see smtp-queue --help");
	t->ids[t->nids++] = text;
	return 0;
}

static int
take_limits(const char **ret, const char *text)
{
	*ret = text;
	return tool_limits_valid(text) ? 0 : report_misuse(text,
	    "not limits: write some of messages=N,age=TIME,held=N,dead=N,frozen=N; N can be none");
}

/* Sets what an option without an argument stands for.  False if it is another one. */
static bool
set_flag(struct tool *t, int val)
{
	bool *const flags[] = {
		[OPTION_ALL] = &t->all, [OPTION_JSON] = &t->json, [OPTION_IDS] = &t->ids_only,
		[OPTION_WIDE] = &t->wide, [OPTION_RAW] = &t->raw, [OPTION_OWNERS] = &t->owners,
		[OPTION_REPAIR] = &t->repair, [OPTION_HTTP] = &t->http, [OPTION_ONCE] = &t->once,
		[OPTION_HTML] = &t->html, [OPTION_STORAGE] = &t->storage,
		[OPTION_SUM] = &t->sum, [OPTION_WITH_HOST] = &t->with_host,
	};

	if (val < 0 || (size_t)val >= sizeof flags / sizeof flags[0] || !flags[val])
		return false;
	*flags[val] = true;
	return true;
}

static int
own_option(void *ctx, int val, const char *text)
{
	struct call *c = ctx;
	struct filter *f = &c->tool.filter;

	if (set_flag(&c->tool, val))
		return 0;
	switch (val) {
	case OPTION_ARGUMENT:
		return take_argument(c, text);
	case OPTION_SENDER:
		f->sender = text;
		return 0;
	case OPTION_RECIPIENT:
		f->recipient = text;
		return 0;
	case OPTION_DOMAIN:
		f->domain = text;
		return 0;
	case OPTION_OLDER:
		return filter_age(text, &f->older_s)
		    ? 0
		    : report_misuse(text, "not a time: write one like 30min, 4h or 2d");
	case OPTION_YOUNGER:
		return filter_age(text, &f->younger_s)
		    ? 0
		    : report_misuse(text, "not a time: write one like 30min, 4h or 2d");
	case OPTION_STATE:
		return filter_states(text, &f->places) ? 0
		    : report_misuse(text,
			"not a state: write new, active, waiting, held, dead or receiving");
	case OPTION_HOST:
		c->hosts = text;
		return remote_hosts_valid(text) ? 0 : report_misuse(text,
		    "not names of machines: write them with commas, such as mx1,root@mx2");
	case OPTION_WARNING:
		return take_limits(&c->tool.warning, text);
	default:
		return take_limits(&c->tool.critical, text);
	}
}

/* Checks --storage and the folders that belong to it.  0 or EX_USAGE. */
static int
check_folders(const struct call *c)
{
	const struct tool *t = &c->tool;
	const char *name = c->command->name;

	if (t->storage && !(c->command->with & WITH_FOLDERS))
		return report_misuse(name, "takes no --storage");
	if (t->storage && (t->repair || t->owners))
		return report_misuse(name, "--storage goes with neither --repair nor --owners");
	if (t->storage && t->nids > 2)
		return report_misuse(name, "--storage takes two folders at most");
	if (!t->storage && t->nids && c->command->with & WITH_FOLDERS)
		return report_misuse(t->ids[0],
		    "fsck takes a folder only with --storage; see smtp-queue --help");
	return 0;
}

/* Checks that the options fit each other.  0 or EX_USAGE. */
static int
check_call(const struct call *c)
{
	const struct tool *t = &c->tool;
	const char *name = c->command->name;
	const unsigned with = c->command->with;
	const bool filtered = filter_given(&t->filter), chosen = filtered || t->all;

	if (filtered && !(with & WITH_FILTER))
		return report_misuse(name, "takes no filter");
	if (t->all && !(with & WITH_ALL))
		return report_misuse(name, "takes no --all");
	if ((t->wide || t->ids_only) && !(with & WITH_LOOKS))
		return report_misuse(name, "takes neither --wide nor --ids");
	if (t->ids_only && t->json)
		return report_misuse(name, "takes --ids or --json, not both");
	if ((t->repair || t->owners) && !(with & WITH_REPAIR))
		return report_misuse(name, "takes neither --repair nor --owners");
	if (t->http && !(with & WITH_HTTP))
		return report_misuse(name, "takes no --http");
	if ((t->sum || t->with_host) && !(with & WITH_HTTP))
		return report_misuse(name, "takes neither --sum nor --with-host");
	if (c->hosts && t->with_host)
		return report_misuse(name, "takes --with-host only without --host");
	if (t->once && !(with & WITH_ONCE))
		return report_misuse(name, "takes no --once");
	if (t->html && !(with & WITH_HTML))
		return report_misuse(name, "takes no --html");
	if ((t->warning || t->critical) && !(with & WITH_LIMITS))
		return report_misuse(name, "takes neither --warning nor --critical");
	if (t->raw && !(with & WITH_RAW))
		return report_misuse(name, "takes no --raw");
	if (c->hosts && (t->raw || t->http || t->html || (with & WITH_ONCE && !t->once)))
		return report_misuse(name, "takes no --host for an output of this kind: run it by "
		    "ssh on each machine");
	if ((with & WITH_IDS) && t->nids == 0 && !chosen)
		return report_misuse(name,
		    with & WITH_ALL ? "no message is named: give IDs, or a filter, or --all"
				    : "no message is named: give IDs");
	if (t->nids && chosen)
		return report_misuse(name, "give either IDs, or a filter or --all");
	return check_folders(c);
}

/* $COLUMNS if it is set, else the terminal's width, else 80. */
static size_t
terminal_columns(void)
{
	const char *text = getenv("COLUMNS");
	struct winsize size;
	uint64_t n;

	if (text && slice_uint(slice_str(text), 10000, &n) && n > 0)
		return (size_t)n;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

/* The queue cannot be opened.  Its exit status. */
static int
report_closed(const struct tool *t, int error)
{
	const char *directory = t->config.queue.directory;
	const bool others = error == -EACCES;

	if (error == -ENOENT)
		tool_complain(directory, "there is no queue here; see [queue] directory");
	else if (error == -EREMOTE || error == -ENOLCK)
		tool_complain(directory, queue_advice(QUEUE_RUN, error));
	else if (others && t->foreign)
		tool_complain(directory,
		    "not checked any further: run fsck --repair as root first");
	else if (others && t->caller != 0)
		tool_complain(directory,
		    "the queue belongs to another user: be root, or that user");
	else
		tool_complain(directory,
		    others ? queue_advice(QUEUE_LOOK, error) : strerror(-error));
	return others && t->foreign ? TOOL_SOME_FAILED : EX_TEMPFAIL;
}

/* Moving messages takes the lease of the queue, if it has one by now; it may be an adopted one.
 * Without a term of its own, this process could not renew it. */
static int
join_lease(struct tool *t)
{
	const uint64_t term_ms = t->config.queue.lease_ms;
	struct queue_lease_state state;
	int r;

	if (term_ms) {
		r = queue_lease_join_away(&t->queue, NULL, term_ms);
		return r == -ENOENT ? 0 : r;
	}
	r = queue_lease_read(&t->queue, &state);
	return r == 0 || r == -EBADMSG ? -ENOLCK : 0;
}

static int
run_command(struct call *c)
{
	struct tool *t = &c->tool;
	const char *directory = t->config.queue.directory;
	const bool without = c->command->with & WITHOUT_QUEUE;
	const char *lost;
	int status, r;

	t->caller = getuid();
	r = c->command->before ? c->command->before(t) : 0;
	if (r == 0 && !t->owners && !without)
		r = queue_open(&t->queue, directory, c->command->act ? QUEUE_RUN : QUEUE_LOOK);
	if (r == 0 && !without && (c->command->act || t->repair))
		r = join_lease(t);
	if (r < 0)
		return c->command->run == tool_check ? tool_check_unknown(strerror(-r))
						     : report_closed(t, r);
	t->now_us = clock_wall_us();
	t->columns = terminal_columns();
	if (t->owners) {
		status = t->foreign > t->adopted ? TOOL_SOME_FAILED : EX_OK;
	} else {
		status = c->command->act ? c->command->act(t, c->command->name)
					 : c->command->run(t);
		if (!without)
			queue_close(&t->queue);
	}
	lost = text_lost(stdout);
	if (lost)
		tool_complain("standard output", lost);
	return lost ? EX_IOERR : status;
}

int
main(int argc, char **argv)
{
	static const struct program program = {
		.name = "smtp-queue", .usage = usage, .options = long_options, .arguments = true,
		.role = OWNER_RELAY,
	};
	struct call call = { .tool.filter = filter_none };
	struct options options = { 0 };
	int code;

	harden_process();
	log_open("smtp-queue");
	text_init();
	call.tool.ids = calloc((size_t)argc + 1, sizeof *call.tool.ids);
	if (!call.tool.ids)
		return EX_OSERR;
	code = options_parse(&options, &program, argc, argv, own_option, &call);
	if (code < 0 && !call.command)
		call.command = &commands[0];
	if (code < 0 && !options.check && check_call(&call) != 0)
		code = EX_USAGE;
	if (call.tool.storage)
		call.command = &storage_command;
	if (code < 0 && call.hosts) {
		code = remote_run(call.hosts, argc, argv, &call.tool,
		    call.command->run == tool_stats);
	}
	if (code < 0)
		code = options_config(&options, &call.tool.config);
	call.tool.options = &options;
	if (code < 0) {
		/* A bounce of `fail` needs the name of this machine, as one of smtp-relay does. */
		if (!call.tool.config.server.hostname)
			call.tool.config.server.hostname = strdup("[127.0.0.1]");
		(void)signal(SIGPIPE, SIG_DFL);		/* so that `list | head` ends with head */
		code = run_command(&call);
		config_done(&call.tool.config);
	}
	free(call.tool.ids);
	return code;
}
