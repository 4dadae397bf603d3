// SPDX-License-Identifier: ISC
/*
 * smtp-relay: how mail gets out.  Takes everything out of new/ and all of wait/
 * that is due, hands it to the scheduler in runner/, logs what becomes of each recipient, and
 * exits when nothing is left to do.  A path unit starts it when new/ fills, a timer
 * when deferred mail is due; --watch stays for systems without either.
 *
 * Everything that happens arrives in runner/loop, and most of it in the handlers here: mail in new/, all of wait/ made
 * due, an operator's request, the time (deferred mail is due, the table of hosts wants saving).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sysexits.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "aliases/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/options.h"
#include "dns/cache.h"
#include "client/credential.h"
#include "client/greet.h"
#include "queue/run.h"
#include "queue/by_host.h"
#include "queue/operator.h"
#include "explain/explain.h"
#include "runner/intake.h"
#include "runner/loop.h"
#include "runner/report.h"
#include "runner/runner.h"

#define WATCH_S    60		/* between looks at tmp/ and wait/ that nothing asked for */
#define SAVE_S     1		/* how late what was learned of hosts may reach the disk */
#define AGAIN_S    5		/* before another try where not one process could be started */

static const char usage[] =
    "usage: smtp-relay [-c FILE] [-o SECTION.KEY=VALUE]... [--flush] [--watch]\n"
    "       smtp-relay [-c FILE] [-o ...] --explain ADDRESS [--sender ADDRESS]\n"
    "Deliver what is in the queue and due, and what arrives meanwhile; then exit.\n"
    "\n"
    "  --flush             all deferred mail is due now\n"
    "  --watch             stay, and deliver what comes\n"
    "  --explain ADDRESS   show route, exchangers and their order; send nothing\n"
    "  --sender ADDRESS    of mail that comes from there\n"
    "  -c FILE             configuration (" CONFIG_DEFAULT_FILE ")\n"
    "  -o SECTION.KEY=VAL  set one key, over the file; may be repeated\n"
    "  --check             check the configuration and exit\n"
    "  --version, --help\n"
    "Exit: 0 done, 64 usage, 75 another runner is at work or the queue is not usable, 78 configuration.\n";

enum { OPTION_FLUSH = OPTION_OWN, OPTION_WATCH, OPTION_EXPLAIN, OPTION_SENDER };

static const struct option long_options[] = {
	{ "flush", no_argument, NULL, OPTION_FLUSH },
	{ "watch", no_argument, NULL, OPTION_WATCH },
	{ "explain", required_argument, NULL, OPTION_EXPLAIN },
	{ "sender", required_argument, NULL, OPTION_SENDER },
	{ 0 },
};

struct relay {
	bool flush, watch;
	const char *explain, *sender;

	struct config config;
	struct queue queue;
	struct dns_resolver resolver;
	struct aliases aliases;
	struct runner runner;
	struct intake intake;
	struct loop loop;
	sd_event_source *turn, *due_timer, *save_timer;
	unsigned count[OUTCOME_FAILED + 1];	/* of recipients, by enum outcome_kind */
	int64_t due_s;			/* what due_timer is for; 0: to be found out */
	bool state_gone;		/* somebody has deleted state/ */
};

static int
own_option(void *ctx, int val, const char *argument)
{
	struct relay *r = ctx;

	if (val == OPTION_FLUSH)
		r->flush = true;
	else if (val == OPTION_WATCH)
		r->watch = true;
	else if (val == OPTION_SENDER)
		r->sender = argument;
	else
		r->explain = argument;
	return 0;
}

/* ---- what is due ---- */

/* When the earliest deferred message is due; with --watch at least every WATCH_S, for what nobody tells us of: a
 * handler that was killed with its message complete, a clock that was set. */
static void
arm_due_timer(struct relay *r)
{
	int64_t now_s = clock_wall_s(), left_s;

	r->due_s = queue_next_due(&r->queue);
	if (r->due_s == 0 && !r->watch)
		r->due_s = INT64_MAX;
	/* What was due already could not be taken. */
	else if (r->due_s <= r->intake.now_s || (r->watch && r->due_s > now_s + WATCH_S))
		r->due_s = now_s + WATCH_S;
	left_s = r->due_s - now_s;
	if (r->due_s < INT64_MAX)
		loop_set_timer(r->due_timer, left_s > 0 ? (uint64_t)left_s * 1000000 : 1);
}

/* ---- what happens ---- */

/* After each event: more work for the workers, or the end. */
static void
go_on(void *ctx)
{
	struct relay *r = ctx;
	struct runner *runner = &r->runner;

	r->intake.look_new |= runner->wrote;
	runner->wrote = false;
	runner_dispatch(runner);
	if (intake_ready(&r->intake) || runner_ready(runner))
		(void)sd_event_source_set_enabled(r->turn, SD_EVENT_ONESHOT);
	if (r->due_s == 0 && !r->intake.look_wait && !r->intake.wait_walk.names)
		arm_due_timer(r);
	if (runner->nworkers == 0 && runner->nmessages && !runner_ready(runner) && !runner->stopping)
		loop_set_timer(r->due_timer, AGAIN_S * 1000000);	/* no process: nobody else would wake us */
	if (runner->hosts.changed && sd_event_source_get_enabled(r->save_timer, NULL) == 0)
		loop_set_timer(r->save_timer, SAVE_S * 1000000);
	loop_tell(&r->loop, r->count);
	if (runner->nworkers == 0 && (runner->stopping || (!r->watch && runner->nmessages == 0 && intake_over(&r->intake) &&
	    !runner_ready(runner))))
		(void)sd_event_exit(r->loop.event, r->intake.new_stays ? EX_TEMPFAIL : EX_OK);
}

/* Now and then, between all that happens: what there may be very much of. */
static int
on_turn(sd_event_source *s, void *ctx)
{
	struct relay *r = ctx;

	(void)s;
	if (intake_ready(&r->intake))
		intake_turn(&r->intake);
	if (runner_ready(&r->runner))
		runner_turn(&r->runner);
	go_on(r);
	return 0;
}

static int
on_arrival(sd_event_source *s, const struct inotify_event *event, void *ctx)
{
	struct relay *r = ctx;

	(void)s;
	(void)event;
	r->intake.look_new = true;
	go_on(r);
	return 0;
}

/* Somebody has made everything due: smtp-relay --flush. */
static int
on_flush(sd_event_source *s, const struct inotify_event *event, void *ctx)
{
	struct relay *r = ctx;

	(void)s;
	(void)event;
	runner_revive(&r->runner);
	r->intake.look_wait = true;
	go_on(r);
	return 0;
}

static int
on_request(sd_event_source *s, const struct inotify_event *event, void *ctx)
{
	struct relay *r = ctx;

	(void)s;
	if (event->mask & (IN_DELETE_SELF | IN_IGNORED)) {
		r->state_gone = true;
		loop_set_timer(r->save_timer, SAVE_S * 1000000);	/* not at once: who deletes it wants to finish */
		return 0;
	}
	runner_requests(&r->runner);
	go_on(r);
	return 0;
}

/* Without it operators wait longer, which is no reason to deliver nothing. */
static void
watch_requests(struct relay *r)
{
	int error, folder = queue_requests_folder(&r->queue);

	error = loop_watch(&r->loop, folder, IN_CREATE | IN_DELETE_SELF, on_request);
	if (folder >= 0)
		(void)close(folder);
	if (error < 0)
		report_trouble(r, "cannot watch state/requests", "", error);
}

static void
renew_state(struct relay *r)
{
	int error = queue_renew_state(&r->queue);

	r->state_gone = false;
	if (error < 0)
		report_trouble(r, "cannot make state/ anew", "", error);
	watch_requests(r);
	runner_requests(&r->runner);	/* what was asked for meanwhile */
}

static int
on_due(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct relay *r = ctx;

	(void)s;
	(void)usec;
	r->due_s = 0;
	intake_recover(&r->queue);
	r->intake.look_new = r->intake.look_wait = true;
	r->intake.look_cur = true;	/* what could not be read or moved a minute ago stayed there */
	go_on(r);
	return 0;
}

static int
on_save(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct relay *r = ctx;
	int error;

	(void)s;
	(void)usec;
	if (r->state_gone)
		renew_state(r);
	error = hosts_save(&r->runner.hosts, r->queue.state);
	if (error == -ENOENT) {
		renew_state(r);
		error = hosts_save(&r->runner.hosts, r->queue.state);
	}
	if (error < 0)
		report_trouble(r, "cannot save state/hosts", "", error);
	go_on(r);
	return 0;
}

static void
child_started(void *ctx, struct worker *w, pid_t pid, int fd)
{
	loop_add_worker(&((struct relay *)ctx)->loop, w, pid, fd);
}

static void
child_ended(void *ctx, struct worker *w)
{
	loop_drop_worker(&((struct relay *)ctx)->loop, w);
}

static void
heard_rcpt(void *ctx, const char *id, struct slice path, const struct outcome *o, int64_t delay_us)
{
	((struct relay *)ctx)->count[o->kind]++;
	report_rcpt(id, path, o, delay_us);
}

static void
heard_message(void *ctx, const char *id, enum runner_end end, int64_t due_s, int error)
{
	struct relay *r = ctx;

	if (end == RUNNER_DEFERRED && due_s < r->due_s)
		r->due_s = 0;
	report_message(id, end, due_s, error);
}

static const struct runner_hooks hooks = {
	.started = child_started,
	.ended = child_ended,
	.rcpt = heard_rcpt,
	.message = heard_message,
	.notified = report_notified,
	.moved = report_moved,
	.trouble = report_trouble,
	.frozen = report_frozen,
};

/* ---- the run ---- */

static int
open_loop(struct relay *r)
{
	struct loop *l = &r->loop;
	int error;

	r->loop = (struct loop){ .runner = &r->runner, .after = go_on, .ctx = r };
	if ((error = loop_open(l)) >= 0 &&
	    (error = loop_watch(l, r->queue.fresh, IN_MOVED_TO | IN_CREATE, on_arrival)) >= 0 &&
	    (error = loop_watch(l, r->queue.wait, IN_MOVED_TO, on_flush)) >= 0 &&
	    (error = sd_event_add_defer(l->event, &r->turn, on_turn, r)) >= 0 &&
	    (error = loop_timer(l, &r->due_timer, on_due)) >= 0 &&
	    (error = loop_timer(l, &r->save_timer, on_save)) >= 0)
		error = 0;
	return error;
}

/* -1, or an exit status. */
static int
open_queue(struct relay *r)
{
	const char *directory = r->config.queue.directory;
	int error;

	error = queue_open(&r->queue, directory, QUEUE_RUN);
	if (error < 0) {
		log_text(LOG_LEVEL_ERROR, "cannot use the queue %s: %s (create it for this user, or set "
		    "[queue] directory)", directory, strerror(-error));
		return EX_TEMPFAIL;
	}
	error = queue_lock_runner(&r->queue);
	if (error == -EWOULDBLOCK && r->flush)
		return intake_hand_over(&r->queue);
	if (error == -EWOULDBLOCK)
		log_text(LOG_LEVEL_NOTICE, "another smtp-relay is at work on %s; it will see to the mail", directory);
	else if (error < 0)
		log_text(LOG_LEVEL_ERROR, "cannot lock %s/cur: %s", directory, strerror(-error));
	if (error < 0)
		return EX_TEMPFAIL;
	error = open_loop(r);
	if (error < 0) {
		log_text(LOG_LEVEL_ERROR, "cannot set up the event loop: %s", strerror(-error));
		return EX_TEMPFAIL;
	}
	watch_requests(r);
	intake_recover(&r->queue);
	return -1;
}

static int
run(struct relay *r)
{
	int code;

	r->runner.config = &r->config;
	code = open_queue(r);
	if (code >= 0)
		return code;
	r->runner.queue = &r->queue;
	r->runner.resolver = &r->resolver;
	r->runner.aliases = r->aliases.n ? &r->aliases : NULL;
	r->runner.hooks = &hooks;
	r->runner.ctx = r;
	r->resolver.cache = dns_cache_new();	/* without memory every question is asked */
	r->intake = (struct intake){ .runner = &r->runner, .look_new = true, .look_cur = true, .look_wait = true };
	hosts_load(&r->runner.hosts, r->queue.state);
	hosts_pauses(&r->runner.hosts, r->config.queue.retry_min_s, r->config.queue.retry_max_s);
	queue_by_host_sweep(&r->queue, clock_wall_s(), (int64_t)r->config.queue.retry_max_s + 86400);
	if (r->flush) {
		r->runner.hosts.forgiven_s = clock_wall_s();
		frozen_forget(r->queue.state);
		intake_flush(&r->queue);
	}
	frozen_load(&r->runner.frozen, r->queue.state, clock_wall_s());
	runner_requests(&r->runner);
	(void)sd_notify(0, "READY=1");
	go_on(r);
	code = loop_run(&r->loop);
	if (r->runner.hosts.changed)
		(void)hosts_save(&r->runner.hosts, r->queue.state);
	intake_done(&r->intake);
	runner_done(&r->runner);
	dns_cache_free(r->resolver.cache);
	r->resolver.cache = NULL;
	loop_close(&r->loop);
	queue_close(&r->queue);
	return code < 0 ? EX_OSERR : code;
}

static unsigned
check_more(const struct config *c, const struct config_report *report)
{
	return aliases_check(c, report) + credential_check(c, report) + greet_check(c, report);
}

int
main(int argc, char **argv)
{
	static const struct program program = { .name = "smtp-relay", .usage = usage, .options = long_options };
	static struct relay relay;
	struct options options = { 0 };
	int code;

	log_open("smtp-relay");
	code = options_parse(&options, &program, argc, argv, own_option, &relay);
	if (code >= 0)
		return code;
	options.check_more = check_more;
	code = options_config(&options, &relay.config);
	if (code >= 0)
		return code;
	/* A host without a full name goes by its address (RFC 5321 section 4.1.4); to its exchangers by the one they see. */
	if (!relay.config.server.hostname)
		relay.config.server.hostname = strdup("[127.0.0.1]");
	dns_resolver_init(&relay.resolver, &relay.config.relay.resolver, NULL);
	if (aliases_init(&relay.aliases, &relay.config) < 0)
		return EX_OSERR;
	code = relay.explain ? explain(&relay.config, &relay.resolver, relay.sender, relay.explain, stdout) : run(&relay);
	aliases_done(&relay.aliases);
	config_done(&relay.config);
	return code;
}
