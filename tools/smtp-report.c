// SPDX-License-Identifier: ISC
/*
 * smtp-report: queue the reports about the last days for the domains that ask for them.  A timer
 * starts it once a day, as the user of smtp-relay.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/text.h"
#include "config/options.h"
#include "reports/confine.h"
#include "reports/daily.h"
#include "reports/sent.h"
#include "reports/tls_daily.h"

static const char usage[] =
    "usage: smtp-report [-c FILE] [-o SECTION.KEY=VALUE]... [--list]\n"
    "Queue the reports about the last days for the domains that ask for them: what\n"
    "smtp-verify has found about mail in their name (DMARC), and what smtp-relay has seen\n"
    "of TLS at their exchangers.\n"
    "\n"
    "  --list              print the reports that are due, and queue nothing\n"
    "  -c FILE             configuration (" CONFIG_DEFAULT_FILE ")\n"
    "  -o SECTION.KEY=VAL  override one key of the file; may be repeated\n"
    "  --check             check the configuration and exit\n"
    "  --version, --help\n"
    "Exit: 0 done, 64 usage, 74 the list is lost, 75 the queue is not usable, another\n"
    "smtp-report is at work, or the DNS does not answer: a later run makes the rest;\n"
    "78 configuration.\n";

enum { OPTION_LIST = OPTION_OWN };

static const struct option long_options[] = {
	{ "list", no_argument, NULL, OPTION_LIST },
	{ 0 },
};

static int
own_option(void *ctx, int val, const char *argument)
{
	(void)val;
	(void)argument;
	*(bool *)ctx = true;
	return 0;
}

static int
complain(const char *what, const char *path, int error, const char *advice)
{
	text_print(stderr, "smtp-report: cannot use %s%s: %s (%s)\n", what, path, strerror(-error),
	    advice);
	return EX_TEMPFAIL;
}

/* Is there no such folder because nothing has written there yet? */
static bool
is_missing(int error)
{
	return error == -ENOENT || error == -ENOTDIR;
}

static int
open_folder(int at, const char *path)
{
	const int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void
close_folder(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

static const char *
reason(int error)
{
	return error == -EAGAIN ? "the DNS does not answer; the next run makes the rest" :
	    error == -EBUSY ? "another smtp-report is at work; wait until it ends" :
	    strerror(-error);
}

static int
run_all(struct daily *d)
{
	const int64_t now_s = clock_wall_s();
	int r = 0, tls = 0;

	reports_confine(d->findings, d->sessions, d->config->queue.directory);
	if (d->findings >= 0)
		r = daily_run(d, now_s);
	if (d->sessions >= 0)
		tls = tls_daily_run(d, now_s);
	return r < 0 ? r : tls;
}

static int
run_daily(const struct config *c, const struct dns_resolver *resolver, const struct queue *q,
    bool list)
{
	struct daily d = { .config = c, .resolver = resolver, .queue = q, .list = list };
	const char *folder = c->reports.dmarc_findings;
	int r;

	d.findings = folder ? open_folder(AT_FDCWD, folder) : -ENOENT;
	if (d.findings < 0 && !is_missing(d.findings))
		return complain("[reports] dmarc-findings = ", folder, d.findings,
		    "type systemd-tmpfiles --create smtp-handler.conf");
	d.sessions = open_folder(q->state, "sessions");
	d.sent = sent_open_folder(c->queue.directory);
	if (d.sent >= 0)
		r = run_all(&d);
	else
		r = d.sent;
	close_folder(d.findings);
	close_folder(d.sessions);
	close_folder(d.sent);
	if (d.sent < 0)
		return complain(c->queue.directory, "/state/reports", d.sent,
		    queue_advice(QUEUE_RUN, d.sent));
	if (r < 0)
		text_print(stderr, "smtp-report: %s\n", reason(r));
	return r < 0 ? EX_TEMPFAIL : EX_OK;
}

/* The exit status after the list is printed. */
static int
end_list(int code)
{
	const char *why = text_lost(stdout);

	if (!why)
		return code;
	text_print(stderr, "smtp-report: standard output: %s\n", why);
	return EX_IOERR;
}

int
main(int argc, char **argv)
{
	static const struct program program = {
		.name = "smtp-report", .usage = usage, .options = long_options,
		.role = OWNER_RELAY,
	};
	static struct config config;
	static struct dns_resolver resolver;
	struct options options = { 0 };
	struct queue q;
	bool list = false;
	int code, r;

	harden_process();
	log_open(program.name);
	code = options_parse(&options, &program, argc, argv, own_option, &list);
	if (code < 0)
		code = options_config(&options, &config);
	if (code >= 0)
		return code;
	text_init();
	if (!config.reports.contact) {
		text_print(stdout, "smtp-report: [reports] contact is not set, so no reports are "
		    "sent\n");
		config_done(&config);
		return list ? end_list(EX_OK) : EX_OK;
	}
	dns_resolver_init(&resolver, &config.relay.resolver, NULL);
	r = queue_open(&q, config.queue.directory, QUEUE_RUN);
	if (r < 0) {
		code = complain(config.queue.directory, "", r, queue_advice(QUEUE_RUN, r));
	} else {
		code = run_daily(&config, &resolver, &q, list);
		queue_close(&q);
	}
	config_done(&config);
	return list ? end_list(code) : code;
}
