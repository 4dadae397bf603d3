// SPDX-License-Identifier: ISC
/*
 * smtp-relay: a run of the queue.  It takes all messages out of new/, and the due ones out of
 * wait/.  The scheduler in runner/ gets them.  It exits when nothing is left to do.  A path unit
 * starts it when new/ fills, a timer when deferred mail is due; with --watch it stays.
 *
 *	run_queue()		a run, from start to exit
 *	  open_queue()		one runner at a time
 *	  load_state()		what earlier runs have learned
 *	  loop_run()		waits for events:
 *	    on_arrival()	  a message in new/
 *	    on_due()		  the time of the earliest deferred message
 *	    on_flush()		  the operator made all waiting mail due
 *	    on_request()	  an order of the operator
 *	    on_removal()	  folders that are gone
 *	    on_save()		  measurements of hosts to write down
 *	    on_show()		  the state of the run, for people who watch
 *	    on_turn()		  long work, a part at a time
 *	  go_on()		after events: work for the workers, or the exit
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sysexits.h>
#include <unistd.h>

#include "aliases/check.h"
#include "aliases/returns.h"
#include "base/clock.h"
#include "base/harden.h"
#include "base/landlock.h"
#include "base/log.h"
#include "base/seccomp.h"
#include "base/text.h"
#include "client/credential.h"
#include "client/greet.h"
#include "client/signer.h"
#include "config/options.h"
#include "dns/cache.h"
#include "doctor/doctor.h"
#include "explain/explain.h"
#include "fetch/fetcher.h"
#include "queue/aside.h"
#include "queue/by_host.h"
#include "queue/lease.h"
#include "queue/operator.h"
#include "queue/reading.h"
#include "queue/run.h"
#include "runner/adoption.h"
#include "runner/aside.h"
#include "runner/confine.h"
#include "runner/count.h"
#include "runner/history.h"
#include "runner/intake.h"
#include "runner/loop.h"
#include "runner/others.h"
#include "runner/requests.h"
#include "runner/runner.h"
#include "runner/status.h"
#include "stats/stats.h"

#define WATCH_S 60		/* longest time with --watch between two looks at tmp/ and wait/ */
#define SAVE_S  1		/* how late measurements of hosts may reach the disk */
#define SHOW_S  1		/* between two writes of the run's state */
#define LOOK_S  2		/* between two looks at folders that cannot be watched */
#define DOCTOR_DNS_MS 1000	/* for a name server's reply */
#define AGAIN_S 5		/* before the next try if no process could be started */

static const char usage[] =
    "usage: smtp-relay [-c FILE] [-o SECTION.KEY=VALUE]... [--flush] [--watch] [--confine]\n"
    "       smtp-relay [-c FILE] [-o ...] --explain ADDRESS [--sender ADDRESS] [--json]\n"
    "       smtp-relay [-c FILE] [-o ...] --doctor [--json]\n"
    "       smtp-relay [-c FILE] [-o ...] --adopt DIRECTORY --fenced\n"
    "       smtp-relay [-c FILE] [-o ...] --take-back [--fenced]\n"
    "Deliver the messages that are due and those that arrive meanwhile; then exit.\n"
    "\n"
    "  --flush             make all deferred mail due now\n"
    "  --watch             do not exit; deliver new messages as they arrive\n"
    "  --confine           close most of the file system by Landlock, or end with 71;\n"
    "                      for a unit that starts faster (drop-ins/fast-start.conf)\n"
    "  --explain ADDRESS   show the route, the exchangers and their order; send nothing\n"
    "  --sender ADDRESS    explain mail from this sender\n"
    "  --doctor            check names, name servers, port 25, certificates and records;\n"
    "                      smtp-queue doctor checks the rest of this machine too\n"
    "  --adopt DIRECTORY   deliver all mail of the queue of another machine, which is off\n"
    "  --take-back         become the machine of this queue again, after another had it\n"
    "  --fenced            you say: the other machine cannot write to that queue any more\n"
    "  --json              explain and doctor: print one JSON object a line\n"
    "  -c FILE             configuration (" CONFIG_DEFAULT_FILE ")\n"
    "  -o SECTION.KEY=VAL  override one key of the file; may be repeated\n"
    "  --check             check the configuration and exit\n"
    "  --version, --help\n"
    "Exit: 0 done, 1 the doctor found a fault, 64 usage, 71 the system failed, "
    "74 the output\nis lost, 75 another smtp-relay is running or the queue is not usable, "
    "78 configuration.\n";

enum { OPTION_FLUSH = OPTION_OWN, OPTION_WATCH, OPTION_CONFINE, OPTION_EXPLAIN, OPTION_SENDER,
	OPTION_DOCTOR, OPTION_JSON, OPTION_ADOPT, OPTION_TAKE_BACK, OPTION_FENCED };

static const struct option long_options[] = {
	{ "flush", no_argument, NULL, OPTION_FLUSH },
	{ "watch", no_argument, NULL, OPTION_WATCH },
	{ "confine", no_argument, NULL, OPTION_CONFINE },
	{ "explain", required_argument, NULL, OPTION_EXPLAIN },
	{ "sender", required_argument, NULL, OPTION_SENDER },
	{ "doctor", no_argument, NULL, OPTION_DOCTOR },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "adopt", required_argument, NULL, OPTION_ADOPT },
	{ "take-back", no_argument, NULL, OPTION_TAKE_BACK },
	{ "fenced", no_argument, NULL, OPTION_FENCED },
	{ 0 },
};

struct relay {
	bool flush, watch, confine, doctor, json;
	const char *explain, *sender;
	struct adoption adoption;

	struct config config;
	struct queue queue;
	struct dns_resolver resolver;
	struct validator validator;
	struct aliases aliases;
	struct runner runner;
	struct intake intake;
	struct loop loop;
	struct others others;		/* runs of other machines */
	struct loop_source arrivals, flushes, requests;	/* new/, wait/, state/requests */
	struct loop_source removals;	/* the queue itself */
	struct loop_source turn;	/* the next part of long work */
	struct loop_source due, save, show, look, lease;	/* timers */
	/* The time of the earliest deferred message, for `due`.  INT64_MAX: none; 0: look it up. */
	int64_t due_s;
	bool blind;			/* folders cannot be watched */
	bool state_gone;		/* state/ was deleted */
	bool unproven;			/* DNSSEC does not work */
	bool stale;			/* another folder was: the run ends */
};

static int run_queue(struct relay *r, const struct options *options);
static int put_up_walls(const struct relay *r);
static void check_walls(void);
static void find_fetch(struct relay *r, const struct options *options);
static int open_queue(struct relay *r);
static int open_loop(struct relay *r);
static void load_hosts(struct relay *r);
static void load_state(struct relay *r);
static void close_all(struct relay *r);
static void watch_requests(struct relay *r);
static void renew_state(struct relay *r);
static void on_arrival(void *ctx, uint32_t mask);
static void on_due(void *ctx, uint32_t mask);
static void on_flush(void *ctx, uint32_t mask);
static void on_request(void *ctx, uint32_t mask);
static void on_removal(void *ctx, uint32_t mask);
static void on_save(void *ctx, uint32_t mask);
static void on_show(void *ctx, uint32_t mask);
static void on_look(void *ctx, uint32_t mask);
static void on_turn(void *ctx, uint32_t mask);
static void on_lease(void *ctx, uint32_t mask);
static void go_on(void *ctx);

static int
own_option(void *ctx, int val, const char *argument)
{
	struct relay *r = ctx;

	if (val == OPTION_FLUSH)
		r->flush = true;
	else if (val == OPTION_WATCH)
		r->watch = true;
	else if (val == OPTION_CONFINE)
		r->confine = true;
	else if (val == OPTION_SENDER)
		r->sender = argument;
	else if (val == OPTION_DOCTOR)
		r->doctor = true;
	else if (val == OPTION_JSON)
		r->json = true;
	else if (val == OPTION_ADOPT)
		r->adoption.adopt = argument;
	else if (val == OPTION_TAKE_BACK)
		r->adoption.take_back = true;
	else if (val == OPTION_FENCED)
		r->adoption.fenced = true;
	else
		r->explain = argument;
	return 0;
}

/* A run cannot be taken back: an option without meaning is a mistake.  -1, or the exit code. */
static int
check_options(const struct relay *r)
{
	const bool shows = r->explain || r->doctor, runs = r->flush || r->watch || r->confine ||
	    r->adoption.adopt || r->adoption.take_back;
	const char *wrong = NULL;

	if (r->sender && !r->explain)
		wrong = "--sender goes with --explain";
	else if (r->json && !shows)
		wrong = "--json goes with --explain or --doctor";
	else if (shows && (runs || (r->explain && r->doctor)))
		wrong = "--explain and --doctor deliver nothing, and stand alone";
	if (wrong)
		log_text(LOG_LEVEL_ERROR, "usage: %s; see smtp-relay --help", wrong);
	return wrong ? EX_USAGE : -1;
}

static unsigned
check_more(const struct config *c, const struct config_report *report)
{
	return aliases_check(c, report) + credential_check(c, report) + greet_check(c, report) +
	    signer_check(c, report) + returns_check(c->relay.srs_secret, "relay", report);
}

/* The exit status of --doctor. */
static int
examine(struct relay *r, const struct options *options)
{
	struct dns_resolver quick = r->resolver;
	struct doctor d = {
		.config = &r->config, .options = options, .resolver = &quick, .json = r->json,
	};

	quick.timeout_ms = DOCTOR_DNS_MS;
	quick.attempts = 2;
	text_init();
	return doctor_run(&d, doctor_network, doctor_network_n) ? 1 : EX_OK;
}

static void
prepare_dns(struct relay *r)
{
	const struct config *c = &r->config;

	dns_resolver_init(&r->resolver, &c->relay.resolver, NULL);
	r->resolver.trust_ad = c->relay.dnssec == RELAY_DNSSEC_TRUST_AD;
	r->resolver.unvalidated = c->relay.dnssec_unsigned;
	r->validator = (struct validator){
		.resolver = &r->resolver, .anchor = c->relay.dnssec_anchor,
	};
}

/* The process that validates, if there is to be one. */
static struct validator *
validator_of(struct relay *r)
{
	return r->config.relay.dnssec == RELAY_DNSSEC_AUTO ? &r->validator : NULL;
}

int
main(int argc, char **argv)
{
	static const struct program program = {
		.name = "smtp-relay", .usage = usage, .options = long_options,
		.role = OWNER_RELAY,
	};
	static struct relay relay;
	struct options options = { 0 };
	const char *lost;
	int code;

	harden_process();
	log_open("smtp-relay");
	code = options_parse(&options, &program, argc, argv, own_option, &relay);
	if (code < 0)
		code = check_options(&relay);
	if (code >= 0)
		return code;
	options.check_more = check_more;
	code = options_config(&options, &relay.config);
	if (code >= 0)
		return code;
	/* A host without a full name uses its address instead (RFC 5321 section 4.1.4). */
	if (!relay.config.server.hostname)
		relay.config.server.hostname = strdup("[127.0.0.1]");
	code = adoption_prepare(&relay.adoption, &relay.config);
	if (code >= 0)
		return code;
	prepare_dns(&relay);
	if (aliases_init(&relay.aliases, &relay.config) < 0)
		return EX_OSERR;
	if (relay.doctor)
		code = examine(&relay, &options);
	else if (relay.explain)
		code = explain(&relay.config, &relay.resolver, validator_of(&relay), relay.sender,
		    relay.explain, relay.json, stdout);
	else
		code = run_queue(&relay, &options);
	lost = relay.doctor || relay.explain ? text_lost(stdout) : NULL;
	if (lost) {
		log_text(LOG_LEVEL_ERROR, "standard output: %s", lost);
		code = EX_IOERR;
	}
	aliases_done(&relay.aliases);
	config_done(&relay.config);
	return code;
}

/* ---- a run ---- */

static void
take_report(void *ctx, const struct report *e)
{
	count_report(e);
	report_log(ctx, e);
}

/* Workers must not reach the counters. */
static void
open_counters(const struct queue *q)
{
	(void)stats_map(q->counts);
	stats_keep_from_children();
	stats_add(STATS_RUNS, 0, 1);
}

/* Workers inherit the heap.  A list of small free pieces would be walked by each of them, and its
 * pages would be copied. */
static void
tidy_heap(void)
{
#ifdef M_MXFAST
	(void)mallopt(M_MXFAST, 0);
#endif
}

static int
run_queue(struct relay *r, const struct options *options)
{
	struct runner *runner = &r->runner;
	int code;

	tidy_heap();
	runner->config = &r->config;
	runner->queue = &r->queue;
	runner->resolver = &r->resolver;
	runner->validator = validator_of(r);
	runner->aliases = r->aliases.n ? &r->aliases : NULL;
	runner->reports.sink = take_report;
	if ((code = put_up_walls(r)) >= 0 || (code = open_queue(r)) >= 0)
		return code;
	load_hosts(r);
	others_start(&r->others, runner, options);
	if ((code = open_loop(r)) >= 0)
		return code;
	check_walls();
	find_fetch(r, options);
	open_counters(&r->queue);
	watch_requests(r);
	r->resolver.cache = dns_cache_new();	/* NULL: every question goes to a server */
	r->intake = (struct intake){
		.runner = runner, .look_new = true, .look_cur = true, .look_wait = true,
		.look_tmp = true,
	};
	load_state(r);
	history_note(&r->queue, &runner->hosts, clock_wall_s());
	requests_serve(runner);
	loop_ready();
	go_on(r);
	code = loop_run(&r->loop);
	close_all(r);
	return code < 0 ? EX_OSERR : code;
}

/* MTA-STS needs a program that not every build has. */
static void
find_fetch(struct relay *r, const struct options *options)
{
	const enum relay_sts sts = r->config.relay.mta_sts;

	if (sts != RELAY_STS_OFF && !fetcher_find(&r->runner.fetch, options, &r->config) &&
	    sts == RELAY_STS_ON)
		log_text(LOG_LEVEL_NOTICE,
		    "mail goes out without MTA-STS: there is no smtp-fetch beside smtp-relay "
		    "(install it, or set mta-sts = off in [relay])");
}

/* The walls of --confine: without them the unit would have less than it has by its mounts.  -1, or
 * an exit status. */
static int
put_up_walls(const struct relay *r)
{
	const int error = r->confine ? runner_confine(&r->config) : 0;

	if (error < 0)
		log_text(LOG_LEVEL_ERROR, "cannot confine itself: no Landlock: %s (remove "
		    "fast-start.conf from smtp-relay.service.d, then systemctl daemon-reload)",
		    landlock_reason(error));
	return error < 0 ? EX_OSERR : -1;
}

/* Reports if workers cannot have their walls. */
static void
check_walls(void)
{
	struct landlock l;

	if (SECCOMP_SANITIZER)
		return;
	landlock_begin(&l, 0);
	if (l.error < 0)
		log_text(LOG_LEVEL_WARNING, "deliveries are made without Landlock: %s",
		    landlock_reason(l.error));
	else
		(void)close(l.fd);
}

static void
on_lease(void *ctx, uint32_t mask)
{
	struct relay *r = ctx;
	const int error = queue_lease_renew(&r->queue);

	(void)mask;
	if (error < 0)
		report_trouble(&r->runner.reports, "cannot renew the lease", "", error);
	loop_set_timer(&r->lease, r->config.queue.lease_ms * 1000 / 4);
}

/* -1, or an exit status. */
static int
open_queue(struct relay *r)
{
	const char *directory = r->config.queue.directory;
	int error;

	error = queue_open(&r->queue, directory, QUEUE_RUN);
	if (error < 0) {
		log_text(LOG_LEVEL_ERROR, "cannot use the queue %s: %s (%s)", directory,
		    strerror(-error), queue_advice(QUEUE_RUN, error));
		return EX_TEMPFAIL;
	}
	error = queue_lock_runner(&r->queue);
	if (error == -EWOULDBLOCK && adoption_wants(&r->adoption, &r->queue))
		return adoption_force(&r->adoption, &r->config, &r->queue);
	if (error == -EWOULDBLOCK && r->flush)
		return intake_hand_over(&r->runner);
	if (error == -EWOULDBLOCK)
		log_text(LOG_LEVEL_NOTICE,
		    "another smtp-relay is running on %s; it will deliver the mail", directory);
	else if (error < 0)
		log_text(LOG_LEVEL_ERROR, "cannot lock %s/cur: %s", directory, strerror(-error));
	return error < 0 ? EX_TEMPFAIL : adoption_hold(&r->adoption, &r->config, &r->queue);
}

/* Watch a folder.  If the kernel gives no watch, the run looks into all folders from time to time,
 * and reports that once. */
static void
watch(struct relay *r, struct loop_source *s, int folder, uint32_t events,
    void (*when)(void *ctx, uint32_t mask))
{
	const int error = loop_watch(&r->loop, s, folder, events, when);

	if (error >= 0 || r->blind)
		return;
	r->blind = true;
	log_text(LOG_LEVEL_NOTICE,
	    "cannot watch the queue: %s; looking into it every %d s (to watch it, raise "
	    "fs.inotify.max_user_instances and max_user_watches)", strerror(-error), LOOK_S);
	loop_set_timer(&r->look, LOOK_S * 1000000);
}

static int
open_loop(struct relay *r)
{
	struct loop *l = &r->loop;
	int error;

	*l = (struct loop){ .runner = &r->runner, .after = go_on, .ctx = r };
	error = loop_open(l);
	if (error < 0) {
		log_text(LOG_LEVEL_ERROR, "cannot set up the event loop: %s", strerror(-error));
		return EX_TEMPFAIL;
	}
	loop_idle(l, &r->turn, on_turn);
	loop_timer(l, &r->due, on_due);
	loop_timer(l, &r->save, on_save);
	loop_timer(l, &r->show, on_show);
	loop_timer(l, &r->look, on_look);
	loop_timer(l, &r->lease, on_lease);
	others_watch(&r->others, l);
	if (r->queue.lease)
		loop_set_timer(&r->lease, 1);
	watch(r, &r->arrivals, r->queue.fresh, IN_MOVED_TO | IN_CREATE, on_arrival);
	watch(r, &r->flushes, r->queue.wait, IN_MOVED_TO, on_flush);
	watch(r, &r->removals, r->queue.root, IN_DELETE, on_removal);
	return -1;
}

/* Loads what earlier runs have learned of hosts; --flush forgets failures. */
static void
load_hosts(struct relay *r)
{
	struct hosts *hosts = &r->runner.hosts;

	hosts_load(hosts, r->queue.state);
	hosts_pauses(hosts, r->config.queue.retry_min_s, r->config.queue.retry_max_s);
	if (r->flush)
		hosts_forgive(hosts, clock_wall_s());
}

/* Loads the other results of earlier runs. */
static void
load_state(struct relay *r)
{
	const int64_t retry_max_s = (int64_t)r->config.queue.retry_max_s;

	aside_begin(&r->runner);
	queue_state_sweep(&r->queue);
	r->runner.deaths = queue_deaths_sweep(
	    &r->queue, clock_wall_s(), (int64_t)r->config.queue.lifetime_s + 86400);
	queue_by_host_sweep(&r->queue, clock_wall_s(), retry_max_s + 86400);
	if (r->flush) {
		frozen_forget(r->queue.state);
		intake_flush(&r->runner);
	}
	frozen_load(&r->runner.frozen, r->queue.state, clock_wall_s());
	rates_load(&r->runner.rates, r->queue.state, clock_wall_us());
	aside_notify(&r->runner);
}

static void
close_all(struct relay *r)
{
	others_tell(&r->others);
	if (r->runner.hosts.changed)
		(void)hosts_save(&r->runner.hosts, r->queue.state);
	rates_save(&r->runner.rates, r->due_s, clock_wall_us());
	intake_done(&r->intake);
	runner_done(&r->runner);
	others_end(&r->others);
	validator_end(&r->validator);
	dns_cache_free(r->resolver.cache);
	r->resolver.cache = NULL;
	loop_close(&r->loop);
	/* The home may begin at once: nothing is written after this, by workers neither. */
	if (r->adoption.adopt && r->runner.nworkers == 0)
		adoption_release(&r->config, &r->queue);
	queue_close(&r->queue);
}

/* ---- events ---- */

static void
on_arrival(void *ctx, uint32_t mask)
{
	struct relay *r = ctx;

	(void)mask;
	r->intake.look_new = true;
}

static void
on_due(void *ctx, uint32_t mask)
{
	struct relay *r = ctx;

	(void)mask;
	r->due_s = 0;
	aside_notify(&r->runner);
	history_note(&r->queue, &r->runner.hosts, clock_wall_s());
	r->intake.look_new = r->intake.look_wait = r->intake.look_tmp = true;
	r->intake.look_cur = true;	/* for messages that could not be read or moved before */
	r->runner.unread = false;
}

/* smtp-relay --flush has made all waiting mail due. */
static void
on_flush(void *ctx, uint32_t mask)
{
	struct relay *r = ctx;

	(void)mask;
	runner_revive(&r->runner);
	r->intake.look_wait = true;
}

static void
on_request(void *ctx, uint32_t mask)
{
	struct relay *r = ctx;

	if (mask & (IN_DELETE_SELF | IN_IGNORED)) {
		r->state_gone = true;
		loop_set_timer(&r->save, SAVE_S * 1000000);	/* the deletion may still go on */
		return;
	}
	requests_serve(&r->runner);
}

/* A later run makes the folders anew, or finds the new ones. */
static void
on_removal(void *ctx, uint32_t mask)
{
	struct relay *r = ctx;

	(void)mask;
	if (r->stale || !queue_stale(&r->queue))
		return;
	r->stale = true;
	log_text(LOG_LEVEL_ERROR, "a folder of %s was removed: this run ends",
	    r->config.queue.directory);
	runner_stop(&r->runner);
}

/* If it fails, operators wait longer for the runner, and mail is delivered all the same. */
static void
watch_requests(struct relay *r)
{
	const int folder = queue_requests_folder(&r->queue);

	if (folder < 0) {
		report_trouble(&r->runner.reports, "cannot watch state/requests", "", folder);
		return;
	}
	watch(r, &r->requests, folder, IN_CREATE | IN_DELETE_SELF, on_request);
	(void)close(folder);
}

static void
renew_state(struct relay *r)
{
	int error = queue_renew_state(&r->queue);

	r->state_gone = false;
	queue_reading_renew(&r->queue);
	if (error < 0)
		report_trouble(&r->runner.reports, "cannot recreate state/", "", error);
	watch_requests(r);
	requests_serve(&r->runner);	/* requests that came before the folder was watched */
}

/* Writes state/hosts.  If state/ was deleted, it is made anew. */
static void
on_save(void *ctx, uint32_t mask)
{
	struct relay *r = ctx;
	int error;

	(void)mask;
	if (r->state_gone)
		renew_state(r);
	error = hosts_save(&r->runner.hosts, r->queue.state);
	if (error == -ENOENT) {
		renew_state(r);
		error = hosts_save(&r->runner.hosts, r->queue.state);
	}
	if (error < 0)
		report_trouble(&r->runner.reports, "cannot save state/hosts", "", error);
}

/* Writes state/destinations; a lack of it is no trouble for mail. */
static void
on_show(void *ctx, uint32_t mask)
{
	static struct status status;
	const struct relay *r = ctx;
	const int64_t now_s = clock_wall_s();

	(void)mask;
	history_note(&r->queue, &r->runner.hosts, now_s);
	status_gather(&r->runner, now_s, &status);
	(void)status_write(&status, r->queue.state);
}

/* Looks for what the watches would report. */
static void
on_look(void *ctx, uint32_t mask)
{
	struct relay *r = ctx;

	(void)mask;
	r->intake.look_new = r->intake.look_wait = true;
	requests_serve(&r->runner);
	loop_set_timer(&r->look, LOOK_S * 1000000);
}

/* A part of long work, between other events. */
static void
on_turn(void *ctx, uint32_t mask)
{
	struct relay *r = ctx;

	(void)mask;
	if (intake_ready(&r->intake))
		intake_turn(&r->intake);
	if (runner_ready(&r->runner))
		runner_turn(&r->runner);
}

/* ---- after events ---- */

/* Sets the timer for the earliest deferred message.  With --watch it expires at least every
 * WATCH_S, to notice what raises no event: a handler killed after its message was complete, or a
 * clock that was set. */
static void
set_due(struct relay *r)
{
	const int64_t now_us = clock_wall_us(), now_s = now_us / 1000000;
	int64_t left_us;

	r->due_s = queue_next_due(&r->queue);
	if (r->due_s == 0 && !r->watch)
		r->due_s = INT64_MAX;
	/* A message that was due already could not be taken. */
	else if (r->due_s <= r->intake.now_s || (r->watch && r->due_s > now_s + WATCH_S))
		r->due_s = now_s + WATCH_S;
	if (r->due_s == INT64_MAX)
		return;
	/* At the start of that second: messages of a rate then go one after the other. */
	left_us = (r->due_s - now_s) * 1000000 - now_us % 1000000;
	loop_set_timer(&r->due, left_us > 0 ? (uint64_t)left_us : 1);
}

/* Forgets the time of the timer if a message was deferred to an earlier one. */
static void
check_due(struct relay *r)
{
	struct reports *reports = &r->runner.reports;

	if (reports->due_s && reports->due_s < r->due_s)
		r->due_s = 0;
	reports->due_s = 0;
}

static bool
is_over(const struct relay *r)
{
	const struct runner *runner = &r->runner;

	if (runner->nworkers)
		return false;
	/* An adopted queue is left when nothing waits in it.  The timer's next run would come too
	 * late for the moments of a rate. */
	return runner->stopping || (!r->watch && runner->window.nmessages == 0 &&
	    intake_over(&r->intake) && !runner_ready(runner) && !runner->unread &&
	    !rates_stay(&runner->rates, r->due_s, clock_wall_us()) &&
	    (!r->adoption.adopt || r->due_s == INT64_MAX));
}

/* Reports whether answers are validated: the news comes before the first answer.  On a host where
 * that never worked it is no reason for a warning in each run. */
static void
take_news(struct relay *r)
{
	const enum log_level level =
	    r->runner.hosts.secured.n ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE;
	struct validator_news news;
	int got;

	while ((got = validator_news(&r->validator, &news)) == 1) {
		if (news.works && r->unproven)
			log_text(LOG_LEVEL_NOTICE, "DNSSEC works again");
		else if (!news.works && !r->unproven)
			log_text(level, "DNSSEC does not work: %s; answers of the DNS are used "
			    "without proof (smtp-queue doctor has advice)", news.why);
		r->unproven = !news.works;
	}
	if (got < 0)
		report_trouble(&r->runner.reports,
		    "the process that validates DNSSEC has ended", "", 0);
}

/* Work for the workers, the timers, or the exit. */
static void
go_on(void *ctx)
{
	struct relay *r = ctx;
	struct runner *runner = &r->runner;

	r->intake.look_new |= runner->wrote;
	runner->wrote = false;
	runner->taking = intake_fresh(&r->intake);
	runner_dispatch(runner);
	take_news(r);
	if (intake_ready(&r->intake) || runner_ready(runner))
		loop_set_idle(&r->turn);
	check_due(r);
	if (r->due_s == 0 && !r->intake.look_wait && !r->intake.wait_walk.names)
		set_due(r);
	/* Without a process no further event would come. */
	if (!runner->stopping && (runner->unread || (runner->nworkers == 0 &&
	    runner->window.nmessages && !runner->turns.n && !runner_ready(runner))))
		loop_set_timer(&r->due, AGAIN_S * 1000000);
	if (runner->hosts.changed && !loop_timer_set(&r->save))
		loop_set_timer(&r->save, SAVE_S * 1000000);
	if (runner->nworkers && !loop_timer_set(&r->show))
		loop_set_timer(&r->show, SHOW_S * 1000000);
	others_go_on(&r->others);
	loop_status(&r->loop);
	/* With --watch the next look may have mended it. */
	if (is_over(r))
		loop_exit(&r->loop, r->stale || r->intake.new_stays ||
			(runner->reports.stuck && !r->watch) ? EX_TEMPFAIL : EX_OK);
}
