// SPDX-License-Identifier: ISC
/*
 * smtp-relay: how mail gets out.  Takes everything out of new/ and all of wait/
 * that is due, hands it to the scheduler in runner/, logs what becomes of each recipient, and
 * exits when nothing is left to do.  A path unit starts it when new/ fills, a timer
 * when deferred mail is due; --watch stays for systems without either.
 *
 * Everything that happens arrives in the event loop at the end of this file: mail
 * in new/ (inotify), a worker's words (its socket), its end (pidfd), the time
 * (deferred mail is due, the table of hosts wants saving), a signal.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "aliases/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"
#include "dns/cache.h"
#include "delivery/credential.h"
#include "delivery/greet.h"
#include "queue.h"
#include "queue/look.h"
#include "runner/explain.h"
#include "runner/intake.h"
#include "runner/report.h"
#include "runner/runner.h"

#define SHUTDOWN_S 25		/* for running deliveries to end after SIGTERM */
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
	sd_event *loop;
	sd_event_source *due_timer, *save_timer;
	struct child *children;
	unsigned count[OUTCOME_FAILED + 1];	/* of recipients, by enum outcome_kind */
	bool rearm;			/* something went to wait/: due_timer may be too late for it */
};

/* What the loop watches of one worker. */
struct child {
	struct child *next;
	struct relay *relay;
	struct worker *worker;
	sd_event_source *words, *end;
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

static void
set_timer(sd_event_source *timer, uint64_t after_us)
{
	(void)sd_event_source_set_time_relative(timer, after_us);
	(void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/* When the earliest deferred message is due; with --watch at least every WATCH_S, for what nobody tells us of: a
 * handler that was killed with its message complete, a clock that was set. */
static void
arm_due_timer(struct relay *r)
{
	int64_t next_s = queue_next_due(&r->queue), left_s = next_s - clock_wall_us() / 1000000;

	r->rearm = false;
	if (r->watch && (next_s == 0 || left_s > WATCH_S))
		left_s = WATCH_S;
	else if (next_s == 0)
		return;
	set_timer(r->due_timer, left_s > 0 ? (uint64_t)left_s * 1000000 : 1000000);
}

static void
take(struct relay *r, bool everything)
{
	if (r->runner.stopping)
		return;
	intake_due(&r->runner, everything);
	arm_due_timer(r);
}

/* ---- what happens ---- */

/* After each event: more work for the workers, or the end. */
static void
go_on(struct relay *r)
{
	struct runner *runner = &r->runner;

	/* Where no delivery was under way, nothing that ends would bring us back here.  What comes of a notice is no notice. */
	while (runner->wrote && !runner->stopping) {
		runner->wrote = false;
		take(r, false);
	}
	if (runner->more && runner->nmessages < RUNNER_WINDOW / 2)
		intake_rest(&r->runner);
	runner_dispatch(runner);
	if (r->rearm)
		arm_due_timer(r);
	if (runner->ready && runner->nworkers == 0 && !runner->stopping)
		set_timer(r->due_timer, AGAIN_S * 1000000);	/* no process: nobody else would wake us */
	if (runner->hosts.changed && sd_event_source_get_enabled(r->save_timer, NULL) == 0)
		set_timer(r->save_timer, SAVE_S * 1000000);
	(void)sd_notifyf(0, "STATUS=%zu messages in hand, %u delivery processes; so far %u delivered, "
	    "%u deferred, %u failed", runner->nmessages, runner->nworkers,
	    r->count[OUTCOME_DELIVERED], r->count[OUTCOME_DEFERRED], r->count[OUTCOME_FAILED]);
	if (runner->nworkers == 0 && (runner->stopping || (!r->watch && runner->nmessages == 0)))
		(void)sd_event_exit(r->loop, 0);
}

static int
on_arrival(sd_event_source *s, const struct inotify_event *event, void *ctx)
{
	struct relay *r = ctx;

	(void)s;
	(void)event;
	take(r, false);
	go_on(r);
	return 0;
}

static int
on_request(sd_event_source *s, const struct inotify_event *event, void *ctx)
{
	struct relay *r = ctx;

	(void)s;
	(void)event;
	runner_requests(&r->runner);
	go_on(r);
	return 0;
}

static int
on_due(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct relay *r = ctx;

	(void)s;
	(void)usec;
	intake_recover(&r->queue);
	take(r, false);
	/* What could not be read or moved a minute ago stayed in cur/. */
	if (!r->runner.stopping)
		intake_rest(&r->runner);
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
	error = hosts_save(&r->runner.hosts, r->queue.state);
	if (error < 0)
		report_trouble(r, "cannot save state/hosts", "", error);
	return 0;
}

static int
on_words(sd_event_source *s, int fd, uint32_t events, void *ctx)
{
	struct child *c = ctx;
	struct relay *r = c->relay;

	(void)fd;
	runner_hear(&r->runner, c->worker);
	/* Hung up: only its end is left to wait for, and that comes by pid. */
	if (events & (EPOLLHUP | EPOLLERR))
		(void)sd_event_source_set_enabled(s, SD_EVENT_OFF);
	go_on(r);
	return 0;
}

static int
on_end(sd_event_source *s, const siginfo_t *info, void *ctx)
{
	struct child *c = ctx;
	struct relay *r = c->relay;
	bool killed = info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED;

	(void)s;
	/* As wait(2) would say it. */
	runner_reap(&r->runner, c->worker, killed ? info->si_status : W_EXITCODE(info->si_status, 0));
	go_on(r);
	return 0;
}

static void
child_started(void *ctx, struct worker *w, pid_t pid, int fd)
{
	struct relay *r = ctx;
	struct child *c = calloc(1, sizeof *c);

	if (!c || sd_event_add_io(r->loop, &c->words, fd, EPOLLIN, on_words, c) < 0 ||
	    sd_event_add_child(r->loop, &c->end, pid, WEXITED, on_end, c) < 0) {
		/* A worker nobody watches would never be reaped; better no runner than that. */
		log_text(LOG_LEVEL_ERROR, "cannot watch a delivery process; stopping");
		(void)kill(pid, SIGKILL);
		exit(EX_OSERR);
	}
	c->relay = r;
	c->worker = w;
	c->next = r->children;
	r->children = c;
}

static void
child_ended(void *ctx, struct worker *w)
{
	struct relay *r = ctx;
	struct child **at = &r->children, *c;

	while (*at && (*at)->worker != w)
		at = &(*at)->next;
	if (!(c = *at))
		return;
	*at = c->next;
	sd_event_source_disable_unref(c->words);
	sd_event_source_disable_unref(c->end);
	free(c);
}

static int
on_too_late(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct relay *r = ctx;

	(void)s;
	(void)usec;
	log_text(LOG_LEVEL_WARNING, "%u deliveries did not end in time: killed, they will be tried again",
	    r->runner.nworkers);
	runner_kill(&r->runner);
	return 0;
}

/* Running deliveries end in good order; everything else stays in cur/, where the next run finds it. */
static int
on_stop(sd_event_source *s, const struct signalfd_siginfo *info, void *ctx)
{
	struct relay *r = ctx;

	(void)s;
	(void)info;
	if (!r->runner.stopping) {
		runner_stop(&r->runner);
		(void)sd_notify(0, "STOPPING=1");
		(void)sd_event_add_time_relative(r->loop, NULL, CLOCK_MONOTONIC, SHUTDOWN_S * 1000000ull,
		    0, on_too_late, r);
	}
	go_on(r);
	return 0;
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
	((struct relay *)ctx)->rearm |= end == RUNNER_DEFERRED;
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
open_loop(struct relay *r, const char *new_path)
{
	sigset_t set;
	int error;

	/* sd_event_add_child wants SIGCHLD blocked, the signal sources theirs; workers unblock all. */
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if ((error = sd_event_new(&r->loop)) < 0 ||
	    (error = sd_event_add_signal(r->loop, NULL, SIGTERM, on_stop, r)) < 0 ||
	    (error = sd_event_add_signal(r->loop, NULL, SIGINT, on_stop, r)) < 0 ||
	    (error = sd_event_add_inotify(r->loop, NULL, new_path, IN_MOVED_TO | IN_CREATE | IN_ONLYDIR,
		 on_arrival, r)) < 0 ||
	    (error = sd_event_add_time(r->loop, &r->due_timer, CLOCK_MONOTONIC, UINT64_MAX, 0, on_due, r)) < 0 ||
	    (error = sd_event_add_time(r->loop, &r->save_timer, CLOCK_MONOTONIC, UINT64_MAX, 0, on_save, r)) < 0)
		return error;
	(void)sd_event_source_set_enabled(r->save_timer, SD_EVENT_OFF);
	return 0;
}

/* What an operator asks for of messages that this runner has. */
static int
watch_requests(struct relay *r)
{
	int error, fd = queue_requests_folder(&r->queue);

	if (fd < 0)
		return fd;
	error = sd_event_add_inotify_fd(r->loop, NULL, fd, IN_CREATE | IN_ONLYDIR, on_request, r);
	(void)close(fd);
	return error < 0 ? error : 0;
}

/* -1, or an exit status. */
static int
open_queue(struct relay *r)
{
	const char *directory = r->config.queue.directory;
	char new_path[4096];
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
	if (error < 0) {
		log_text(LOG_LEVEL_NOTICE, error == -EWOULDBLOCK
		    ? "another smtp-relay is at work on %s; it will see to the mail" : "cannot lock %s/state/lock",
		    directory);
		return EX_TEMPFAIL;
	}
	(void)snprintf(new_path, sizeof new_path, "%s/new", directory);
	error = open_loop(r, new_path);
	if (error == 0)
		error = watch_requests(r);
	if (error < 0) {
		log_text(LOG_LEVEL_ERROR, "cannot set up the event loop: %s", strerror(-error));
		return EX_TEMPFAIL;
	}
	intake_recover(&r->queue);
	return -1;
}

static int
run(struct relay *r)
{
	int code = open_queue(r);

	if (code >= 0)
		return code;
	r->runner.config = &r->config;
	r->runner.queue = &r->queue;
	r->runner.resolver = &r->resolver;
	r->runner.aliases = r->aliases.n ? &r->aliases : NULL;
	r->runner.hooks = &hooks;
	r->runner.ctx = r;
	r->resolver.cache = dns_cache_new();	/* without memory every question is asked */
	hosts_load(&r->runner.hosts, r->queue.state);
	hosts_pauses(&r->runner.hosts, r->config.queue.retry_min_s, r->config.queue.retry_max_s);
	if (r->flush)
		r->runner.hosts.forgiven_s = clock_wall_us() / 1000000;
	if (r->flush)
		frozen_forget(r->queue.state);
	frozen_load(&r->runner.frozen, r->queue.state, clock_wall_us() / 1000000);
	runner_requests(&r->runner);
	take(r, r->flush);
	intake_rest(&r->runner);
	(void)sd_notify(0, "READY=1");
	go_on(r);
	code = sd_event_loop(r->loop);
	if (r->runner.hosts.changed)
		(void)hosts_save(&r->runner.hosts, r->queue.state);
	runner_done(&r->runner);
	dns_cache_free(r->resolver.cache);
	r->resolver.cache = NULL;
	sd_event_unref(r->loop);
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
