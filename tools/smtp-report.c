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

static const char usage[] =
    "usage: smtp-report [-c FILE] [-o SECTION.KEY=VALUE]... [--list]\n"
    "Queue the reports about the last days for the domains that ask for them: what\n"
    "smtp-verify has found about mail in their name (DMARC).\n"
    "\n"
    "  --list              print the reports that are due, and queue nothing\n"
    "  -c FILE             configuration (" CONFIG_DEFAULT_FILE ")\n"
    "  -o SECTION.KEY=VAL  override one key of the file; may be repeated\n"
    "  --check             check the configuration and exit\n"
    "  --version, --help\n"
    "Exit: 0 done, 64 usage, 71 the system failed, 75 the queue is not usable or the DNS\n"
    "does not answer: a later run makes the rest; 78 configuration.\n";

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

static int
run_daily(const struct config *c, const struct dns_resolver *resolver, const struct queue *q,
    bool list)
{
	struct daily d = { .config = c, .resolver = resolver, .queue = q, .list = list };
	const char *folder = c->reports.dmarc_findings;
	int r;

	d.findings = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d.findings < 0)
		return complain("[reports] dmarc-findings = ", folder, -errno,
		    "type systemd-tmpfiles --create smtp-handler.conf");
	d.sent = sent_open_folder(c->queue.directory);
	if (d.sent < 0) {
		(void)close(d.findings);
		return complain(c->queue.directory, "/state/reports", d.sent,
		    queue_advice(QUEUE_RUN, d.sent));
	}
	reports_confine(d.findings, c->queue.directory);
	r = daily_run(&d, clock_wall_s());
	if (r < 0)
		text_print(stderr, "smtp-report: %s\n", r == -EAGAIN ?
		    "the DNS does not answer; the next run makes the rest" : strerror(-r));
	(void)close(d.findings);
	(void)close(d.sent);
	return r < 0 ? EX_TEMPFAIL : EX_OK;
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
	if (!config.reports.contact || !config.reports.dmarc_findings) {
		text_print(stdout, "smtp-report: [reports] contact is not set, so no reports are "
		    "sent\n");
		config_done(&config);
		return EX_OK;
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
	return code;
}
