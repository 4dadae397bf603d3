// SPDX-License-Identifier: ISC
/*
 * Checks of this machine: files and their users, the queue, lists, the clock, walls, and whether
 * strangers can send through it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "aliases/check.h"
#include "base/clock.h"
#include "base/landlock.h"
#include "base/seccomp.h"
#include "doctor/judge.h"
#include "doctor/program.h"
#include "doctor/units.h"
#include "hosts/learned.h"
#include "queue/check.h"

#define CHECK_SETTINGS "smtp-handler --check; smtp-relay --check"
#define TLS_LOST_MAX   5	/* hosts that are named */
#define MAKE_QUEUE     "systemd-tmpfiles --create smtp-handler.conf"

/* ---- files and users ---- */

static void
report_mistake(void *ctx, const char *file, unsigned line, const char *text)
{
	if (file && line)
		doctor_report(ctx, DOCTOR_FAULT, NULL, "%s:%u: %s", file, line, text);
	else if (file)
		doctor_report(ctx, DOCTOR_FAULT, NULL, "%s: %s", file, text);
	else
		doctor_report(ctx, DOCTOR_FAULT, NULL, "%s", text);
}

/* Can the user of a program read the configuration and the files that it names? */
static void
check_settings(struct doctor *d)
{
	const struct config_report report = { report_mistake, d };
	const struct options *o = d->options;
	struct config c;

	if (config_load(&c, o->config_file, o->overrides, o->noverrides, &report) == 0)
		doctor_report(d, DOCTOR_OK, NULL, "it can be read, with all its files");
}

/* A user who can write the file or folder can become the user of our programs. */
static bool
check_writers(struct doctor *d, const char *path)
{
	struct stat st;
	char fix[DOCTOR_TEXT_MAX];

	if (stat(path, &st) < 0 || (!(st.st_mode & 022) && st.st_uid == 0) || d->caller != 0)
		return true;
	(void)snprintf(fix, sizeof fix, "chown root:root %s; chmod go-w %s", path, path);
	doctor_report(d, DOCTOR_FAULT, fix, st.st_mode & 022
	    ? "%s: others than its owner can write it" : "%s: it does not belong to root", path);
	return false;
}

static void
check_permissions(struct doctor *d)
{
	const char *file = d->options->config_file ? d->options->config_file : CONFIG_DEFAULT_FILE;
	const char *slash = strrchr(file, '/');
	char folder[4096], drop_ins[4096 + 8];
	bool fine = check_writers(d, file);

	(void)snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - file) : 1,
	    slash ? file : ".");
	(void)snprintf(drop_ins, sizeof drop_ins, "%s/conf.d", folder);
	fine &= check_writers(d, drop_ins);
	if (fine && d->caller != 0)
		doctor_report(d, DOCTOR_SKIPPED, NULL, "only root can check them");
	else if (fine)
		doctor_report(d, DOCTOR_OK, NULL, "only root can change the configuration");
}

/* ---- the queue ---- */

static void
check_space(struct doctor *d)
{
	const char *path = d->config->queue.directory;
	struct statvfs fs;
	uint64_t octets;
	struct verdict space, inodes;

	if (statvfs(path, &fs) < 0) {
		doctor_report(d, errno == ENOENT ? DOCTOR_SKIPPED : DOCTOR_WARNING, NULL, "%s: %s",
		    path, strerror(errno));
		return;
	}
	octets = (uint64_t)fs.f_bavail * fs.f_frsize;
	space = judge_space(octets, d->config->queue.min_free);
	inodes = judge_inodes(fs.f_files, fs.f_favail);
	if (space.state != DOCTOR_OK)
		doctor_report(d, space.state, NULL, "%s: %llu MiB are free: %s", path,
		    (unsigned long long)octets >> 20, space.why);
	if (inodes.state != DOCTOR_OK)
		doctor_report(d, inodes.state, NULL, "%s: %llu inodes are free: %s", path,
		    (unsigned long long)fs.f_favail, inodes.why);
	if (space.state == DOCTOR_OK && inodes.state == DOCTOR_OK)
		doctor_report(d, DOCTOR_OK, NULL, "%llu MiB are free",
		    (unsigned long long)octets >> 20);
}

static void
keep_fault(void *ctx, const struct queue_fault *fault)
{
	struct doctor *d = ctx;

	/* The fault of a whole queue is the one to read; the rest are listed by the command. */
	if (fault->repair == QUEUE_REPAIR_RELAY)
		doctor_report(d, DOCTOR_OK, NULL, "%s: %s; the relay repairs it", fault->path,
		    fault->what);
	else
		doctor_report(d, DOCTOR_FAULT, fault->repair == QUEUE_REPAIR_NONE
		    ? "smtp-queue fsck" : NULL, "%s: %s", fault->path, fault->what);
}

/* The users of the files, which root checks as root. */
static void
check_owners(struct doctor *d)
{
	struct queue_check c = { .fault = keep_fault, .ctx = d };
	const int r = queue_check_owners(d->config->queue.directory, &c);
	struct owner_pair pair;

	if (d->caller == 0 && !owner_pair_new(&pair))
		doctor_report(d, DOCTOR_WARNING, "systemd-sysusers",
		    "there are no users smtp-handler and smtp-relay, so all runs as root");
	if (r == -ENOENT)
		doctor_report(d, DOCTOR_WARNING, MAKE_QUEUE, "%s: there is no queue yet",
		    d->config->queue.directory);
	else if (r < 0)
		doctor_report(d, d->caller == 0 ? DOCTOR_FAULT : DOCTOR_SKIPPED, NULL, "%s: %s",
		    d->config->queue.directory, strerror(-r));
	else if (c.faults == 0)
		doctor_report(d, DOCTOR_OK, NULL, "the queue belongs to its users");
}

static void
check_queue(struct doctor *d)
{
	struct queue_check c = { .fault = keep_fault, .ctx = d };
	const char *path = d->config->queue.directory;
	struct queue q;
	int r = access(path, F_OK) < 0 ? -errno : queue_open(&q, path, QUEUE_LOOK);

	if (r < 0) {
		doctor_report(d, r == -ENOENT || (r == -EACCES && d->caller != 0)
		    ? DOCTOR_SKIPPED : DOCTOR_FAULT, NULL, "%s: %s", path, strerror(-r));
		return;
	}
	r = queue_check(&q, &c);
	queue_close(&q);
	if (r < 0)
		doctor_report(d, DOCTOR_FAULT, NULL, "%s: %s", path, strerror(-r));
	else if (c.faults == 0)
		doctor_report(d, DOCTOR_OK, NULL, "%llu messages, all whole",
		    (unsigned long long)c.messages);
}

static int
open_state(const struct doctor *d)
{
	char path[4096];

	(void)snprintf(path, sizeof path, "%s/state", d->config->queue.directory);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Hosts that have shown good certificates for a month, and none in their last session. */
static void
check_tls_lost(struct doctor *d)
{
	const int state = open_state(d);
	unsigned n = 0, lost = 0;
	struct learned l;
	char text[40];

	if (state < 0) {
		doctor_report(d, DOCTOR_SKIPPED, NULL, "the queue has no state/ that can be read");
		return;
	}
	learned_load(&l, state);
	(void)close(state);
	for (size_t i = 0; i < l.n; i++) {
		const struct learned_host *h = learned_find(&l, l.list[i].name, clock_wall_s());
		struct buf since = BUF(text);

		n += learned_is(h);
		if (!learned_is(h) || h->bad_s <= h->good_s || lost++ >= TLS_LOST_MAX)
			continue;
		clock_stamp(&since, h->good_s);
		doctor_report(d, DOCTOR_WARNING, NULL, "%s: no good certificate since %s", h->name,
		    buf_cstr(&since));
	}
	learned_done(&l);
	if (lost == 0)
		doctor_report(d, DOCTOR_OK, NULL, "%u hosts are known for good certificates, "
		    "and have them", n);
}

/* ---- lists ---- */

static bool
check_readable(struct doctor *d, const char *what, const char *path)
{
	if (!path || access(path, R_OK) == 0)
		return true;
	doctor_report(d, DOCTOR_FAULT, NULL, "%s %s: %s", what, path, strerror(errno));
	return false;
}

static bool
check_list(struct doctor *d, const char *what, const char *path)
{
	struct stat st;

	if (!check_readable(d, what, path))
		return false;
	if (!path || stat(path, &st) < 0 || st.st_size > 0)
		return true;
	doctor_report(d, DOCTOR_WARNING, "write one address or name a line into it",
	    "%s %s: it is empty, so all are refused", what, path);
	return false;
}

static void
check_lists(struct doctor *d)
{
	bool fine = check_list(d, "senders", d->config->server.senders);

	fine &= check_list(d, "auth-senders", d->config->server.auth_senders);
	fine &= check_readable(d, "masquerade", d->config->server.masquerade);
	for (size_t i = 0; i < d->config->nroutes; i++)
		fine &= check_list(d, "recipients", d->config->routes[i].recipients);
	if (fine)
		doctor_report(d, DOCTOR_OK, NULL, "all lists can be read");
}

static void
check_aliases(struct doctor *d)
{
	const struct config_report report = { report_mistake, d };

	if (aliases_check(d->config, &report) == 0)
		doctor_report(d, DOCTOR_OK, NULL, "all aliases can be read");
}

/* ---- the rest ---- */

static void
check_clock(struct doctor *d)
{
	struct timex t = { 0 };
	struct stat st = { 0 };
	const bool synchronized = adjtimex(&t) >= 0 && !(t.status & STA_UNSYNC);
	struct verdict v;
	char space[40];
	struct buf b = BUF(space);

	(void)stat("/proc/self/exe", &st);
	v = judge_clock(clock_wall_s(), st.st_mtime, synchronized);
	clock_stamp(&b, clock_wall_s());
	if (v.state == DOCTOR_OK)
		doctor_report(d, v.state, NULL, "%s, synchronized", buf_cstr(&b));
	else
		doctor_report(d, v.state, NULL, "%s: %s", buf_cstr(&b), v.why);
}

/* One session of a stranger, who tries to send to another stranger.  No message is begun. */
static void
try_session(struct doctor *d, const char *stranger, const char *queue)
{
	static const struct slice session = S(
	    "EHLO doctor.invalid\r\n"
	    "MAIL FROM:<doctor@doctor.invalid>\r\n"
	    "RCPT TO:<doctor@relay-test.invalid>\r\n"
	    "RCPT TO:<@doctor.invalid:doctor@relay-test.invalid>\r\n"
	    "RCPT TO:<\"doctor@relay-test.invalid\"@relay-test.invalid>\r\n"
	    "QUIT\r\n");
	const char *const more[] = {
		"-o", queue, "-o", "queue.min-free=0", "-o", "server.early-talkers=log",
		"-o", "server.proxy-protocol=off", NULL,
	};
	const char *argv[PROGRAM_ARGS_MAX];
	char path[4096], space[8192];
	struct buf output = BUF(space);
	struct verdict v;
	int r;

	(void)setenv("REMOTE_ADDR", stranger, 1);
	(void)setenv("TCPREMOTEIP", stranger, 1);
	program_arguments(d->programs, "smtp-handler", d->options, more, path, argv);
	r = program_run(argv, session, &output);
	v = judge_relay(buf_slice(&output));
	if (r != 0)
		doctor_report(d, DOCTOR_WARNING, CHECK_SETTINGS, "%.200s cannot be tried: %s", path,
		    r < 0 ? strerror(-r) : "it failed");
	else if (v.state == DOCTOR_OK)
		doctor_report(d, v.state, NULL, "strangers such as %s are refused", stranger);
	else
		doctor_report(d, v.state, NULL, "%s, here %s", v.why, stranger);
}

/* The session has an empty queue of its own, so it fails for no other reason. */
static void
check_relay(struct doctor *d)
{
	/* Addresses that no host has: for documentation (RFC 5737, RFC 9637). */
	static const char *const strangers[] = { "203.0.113.77", "3fff::77" };
	static const char *const files[] = { "/stats/sessions", "/stats", "/new", "/tmp", "" };
	char folder[] = "/tmp/smtp-doctor.XXXXXX", queue[64], path[64];

	if (!mkdtemp(folder)) {
		doctor_report(d, DOCTOR_WARNING, "chmod 1777 /tmp", "/tmp: %s", strerror(errno));
		return;
	}
	(void)snprintf(queue, sizeof queue, "queue.directory=%s", folder);
	for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++)
		try_session(d, strangers[i], queue);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		(void)snprintf(path, sizeof path, "%s%s", folder, files[i]);
		(void)remove(path);
	}
}

static const char *
landlock_fix(int error)
{
	switch (error) {
	case -EOPNOTSUPP:
		return SECCOMP_SANITIZER ? NULL :
		    "boot with lsm=landlock,... on the kernel's command line";
	case -EPROTONOSUPPORT:
		return "boot a kernel 5.19 or later";
	case -EPERM:
		return "add @sandbox to SystemCallFilter= of the unit, or to the filter of the "
		       "container";
	default:
		return NULL;
	}
}

static void
try_landlock(struct doctor *d)
{
	struct landlock l;
	int r;

	landlock_begin(&l, 0);
	r = landlock_enforce(&l);
	if (r < 0)
		doctor_report(d, DOCTOR_WARNING, landlock_fix(r), "no Landlock: %s",
		    landlock_reason(r));
	else if (open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0)
		doctor_report(d, DOCTOR_OK, NULL, "Landlock closes files");
	else
		doctor_report(d, DOCTOR_WARNING, NULL, "Landlock has no effect");
}

static void
try_seccomp(struct doctor *d)
{
	static const struct seccomp_rule rules[] = { SECCOMP_FAIL(getpgid, ENOTNAM) };
	struct seccomp f = { 0 };
	int r;

	SECCOMP_ADD(&f, rules);
	r = seccomp_enforce(&f, SECCOMP_RET_ALLOW);
	if (r == 0 && getpgid(0) < 0 && errno == ENOTNAM)
		doctor_report(d, DOCTOR_OK, NULL, "seccomp closes system calls");
	else
		doctor_report(d, DOCTOR_WARNING,
		    r == -EINVAL ? "boot a kernel with CONFIG_SECCOMP_FILTER" : NULL,
		    "no seccomp: %s", r < 0 ? seccomp_reason(r) : "the filter has no effect");
}

static void
check_walls(struct doctor *d)
{
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	try_seccomp(d);
	try_landlock(d);
}

#define DAY_S 86400

static bool
has_day(const char *place, const char *names, int64_t day_s)
{
	char path[4096], stamp[32];
	struct buf b = BUF(stamp);

	clock_stamp(&b, day_s);
	return (size_t)snprintf(path, sizeof path, "%s/%s%.10s", place, names,
	    buf_cstr(&b)) < sizeof path && access(path, F_OK) == 0;
}

/* Is there a day that has records, and whose reports were not made? */
static bool
are_late(const char *place, const char *records, const char *queue, const char *made)
{
	const int64_t now_s = clock_wall_s();
	bool late = false;

	for (int i = 2; place && i <= 3; i++)
		late |= has_day(place, records, now_s - i * DAY_S) &&
		    !has_day(queue, made, now_s - i * DAY_S);
	return late;
}

/* Reports about a day are made on the next one. */
static void
check_reports(struct doctor *d)
{
	const char *queue = d->config->queue.directory;
	const char *findings = d->config->reports.dmarc_findings;
	bool sessions, messages;

	if (!d->config->reports.contact) {
		doctor_report(d, DOCTOR_OK, NULL, "none are sent, as [reports] contact is not set");
		return;
	}
	sessions = are_late(queue, "state/sessions/", queue, "state/reports/tls-");
	messages = are_late(findings, "", queue, "state/reports/dmarc-");
	if (messages)
		doctor_report(d, DOCTOR_WARNING, NULL,
		    "messages are recorded in %s, and no reports are made of them", findings);
	if (sessions)
		doctor_report(d, DOCTOR_WARNING, NULL,
		    "sessions are recorded in %s/state/sessions, and no reports are made of them",
		    queue);
	if (!sessions && !messages)
		doctor_report(d, DOCTOR_OK, NULL, "they are made in time");
}

const struct doctor_check doctor_system[] = {
	{ "settings", DOCTOR_AS_HANDLER, check_settings, CHECK_SETTINGS },
	{ "settings-out", DOCTOR_AS_RELAY, check_settings, CHECK_SETTINGS },
	{ "permissions", DOCTOR_AS_CALLER, check_permissions, "" },
	{ "units", DOCTOR_AS_CALLER, units_check, "systemctl status 'smtp-*'" },
	{ "unit-files", DOCTOR_AS_CALLER, units_check_files,
	  "systemd-analyze verify smtp-relay.service; then correct or remove the drop-in" },
	{ "space", DOCTOR_AS_HANDLER, check_space, "make room, or move [queue] directory" },
	{ "owners", DOCTOR_AS_CALLER, check_owners, "smtp-queue fsck --owners --repair" },
	{ "queue", DOCTOR_AS_RELAY, check_queue, "smtp-queue fsck --repair" },
	{ "tls-lost", DOCTOR_AS_RELAY, check_tls_lost,
	  "ask the operator of the host; to forget it, remove its line from state/learned" },
	{ "lists", DOCTOR_AS_HANDLER, check_lists, "smtp-handler --check" },
	{ "aliases", DOCTOR_AS_RELAY, check_aliases, "smtp-relay --check" },
	{ "clock", DOCTOR_AS_CALLER, check_clock,
	  "timedatectl set-ntp true (apt install systemd-timesyncd)" },
	{ "reports", DOCTOR_AS_RELAY, check_reports,
	  "systemctl enable --now smtp-report.timer" },
	{ "relay", DOCTOR_AS_HANDLER, check_relay,
	  "remove 'accept = anyone' from [route *], and foreign networks from [server] trusted" },
	{ "walls", DOCTOR_AS_HANDLER, check_walls, SECCOMP_SANITIZER ?
	  "install a build without SAN=" :
	  "run it on a kernel with seccomp and Landlock, in no container that hides them" },
};
const size_t doctor_system_n = sizeof doctor_system / sizeof doctor_system[0];
