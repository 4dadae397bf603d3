// SPDX-License-Identifier: ISC
/*
 * Asks systemctl(1) for all units at once, and judges their properties.
 */
#include "doctor/units.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/landlock.h"
#include "doctor/judge.h"
#include "doctor/program.h"

/* The table of units: what each is for. */
static const struct unit_row {
	const char *name;
	bool takes_mail, starts_runner;
	unsigned port;		/* two units are for each port, and one at most may have it */
} rows[] = {
	{ .name = "smtp-handler-listen.socket", .takes_mail = true, .port = 25 },
	{ .name = "smtp-handler.socket", .takes_mail = true, .port = 25 },
	{ .name = "smtp-handler-local.socket", .takes_mail = true },
	{ .name = "smtp-handler-submission-listen.socket", .takes_mail = true, .port = 587 },
	{ .name = "smtp-handler-submission.socket", .takes_mail = true, .port = 587 },
	{ .name = "smtp-handler-submissions-listen.socket", .takes_mail = true, .port = 465 },
	{ .name = "smtp-handler-submissions.socket", .takes_mail = true, .port = 465 },
	{ .name = "smtp-handler-listen.service" },
	{ .name = "smtp-handler-submission-listen.service" },
	{ .name = "smtp-handler-submissions-listen.service" },
	{ .name = "smtp-maildir.socket" },
	{ .name = "smtp-users.socket" },
	{ .name = "smtp-stats.socket" },
	{ .name = "smtp-stats.timer" },
	{ .name = "smtp-relay.path", .starts_runner = true },
	{ .name = "smtp-relay.timer", .starts_runner = true },
	{ .name = "smtp-relay.service" },
};

struct units {
	/* Properties of each; empty: there is no such unit. */
	struct slice text[sizeof rows / sizeof rows[0]];
};

static bool
unit_is(struct slice unit, const char *property, const char *value)
{
	return slice_eq(unit_property(unit, property), slice_str(value));
}

/* Cut the output into units. */
static void
find_units(struct slice text, struct units *ret)
{
	*ret = (struct units){ 0 };
	while (text.n) {
		const char *end = memmem(text.p, text.n, "\n\n", 2);
		const struct slice one = slice_of(text.p, end ? (size_t)(end - text.p) : text.n);

		text = slice_skip(text, one.n + 2);
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
			if (unit_is(one, "Id", rows[i].name) &&
			    !unit_is(one, "LoadState", "not-found"))
				ret->text[i] = one;
	}
}

static struct slice
unit_named(const struct units *u, const char *name)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].name, name) == 0)
			return u->text[i];
	return slice_of(NULL, 0);
}

/* ---- judgements ---- */

static bool
judge_states(struct doctor *d, const struct units *u)
{
	char fix[DOCTOR_TEXT_MAX];
	bool fine = true;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct slice unit = u->text[i];
		const char *name = rows[i].name;

		if (unit_is(unit, "ActiveState", "failed")) {
			(void)snprintf(fix, sizeof fix,
			    "journalctl -u %s; systemctl reset-failed %s; systemctl restart %s",
			    name, name, name);
			doctor_report(d, DOCTOR_FAULT, fix, "%s has failed", name);
			fine = false;
		} else if (unit_is(unit, "UnitFileState", "enabled") &&
		    !unit_is(unit, "ActiveState", "active")) {
			(void)snprintf(fix, sizeof fix, "systemctl start %s", name);
			doctor_report(d, DOCTOR_FAULT, fix, "%s is enabled but does not run", name);
			fine = false;
		} else if (unit_is(unit, "LoadState", "masked")) {
			(void)snprintf(fix, sizeof fix, "systemctl unmask %s", name);
			doctor_report(d, DOCTOR_WARNING, fix, "%s is masked", name);
		}
		if (unit.n && unit_is(unit, "NeedDaemonReload", "yes")) {
			doctor_report(d, DOCTOR_FAULT, "systemctl daemon-reload",
			    "%s: its file has changed, and systemd has the old one", name);
			fine = false;
		}
	}
	return fine;
}

/* Are two units for one port enabled?  The second one follows the first in the table. */
static bool
judge_ports(struct doctor *d, const struct units *u)
{
	char fix[DOCTOR_TEXT_MAX];
	bool fine = true;

	for (size_t i = 1; i < sizeof rows / sizeof rows[0]; i++) {
		const char *one = rows[i - 1].name, *two = rows[i].name;

		if (rows[i].port == 0 || rows[i].port != rows[i - 1].port ||
		    !unit_is(u->text[i - 1], "UnitFileState", "enabled") ||
		    !unit_is(u->text[i], "UnitFileState", "enabled"))
			continue;
		(void)snprintf(fix, sizeof fix,
		    "systemctl disable --now %s; systemctl start %s", two, one);
		doctor_report(d, DOCTOR_FAULT, fix, "%s and %s are both enabled, for port %u", one,
		    two, rows[i].port);
		fine = false;
	}
	return fine;
}

/* Is a unit enabled that takes mail, and are all that start the runner? */
static bool
judge_enabled(struct doctor *d, const struct units *u)
{
	bool fine = false;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		fine |= rows[i].takes_mail && unit_is(u->text[i], "UnitFileState", "enabled");
	if (!fine)
		doctor_report(d, DOCTOR_WARNING,
		    "systemctl enable --now smtp-handler-listen.socket",
		    "no unit takes mail");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char fix[DOCTOR_TEXT_MAX];

		if (!rows[i].starts_runner ||
		    unit_is(u->text[i], "UnitFileState", "enabled"))
			continue;
		(void)snprintf(fix, sizeof fix, "systemctl enable --now %s", rows[i].name);
		doctor_report(d, DOCTOR_FAULT, fix, "%s is not enabled, so mail waits in the queue",
		    rows[i].name);
		fine = false;
	}
	return fine;
}

/* Is the limit of a unit below what the configuration needs?  Unlimited is "infinity". */
static bool
judge_limit(struct doctor *d, const struct units *u, const char *name, const char *property,
    uint64_t needed, const char *setting)
{
	const struct slice value = unit_property(unit_named(u, name), property);
	char text[32], fix[DOCTOR_TEXT_MAX], *end;
	uint64_t limit;

	if (value.n == 0 || value.n >= sizeof text)
		return true;
	(void)snprintf(text, sizeof text, "%.*s", (int)value.n, value.p);
	limit = strtoull(text, &end, 10);
	if (end == text || *end || limit >= needed)
		return true;
	(void)snprintf(fix, sizeof fix, "systemctl edit %s: [Service] %s=%llu", name, property,
	    (unsigned long long)needed);
	doctor_report(d, DOCTOR_FAULT, fix, "%s: %s=%s is less than %s needs (%llu)", name,
	    property, text, setting, (unsigned long long)needed);
	return false;
}

/* May the listener write to the folder of the queue? */
static bool
judge_folder(struct doctor *d, const struct units *u, const char *name)
{
	const char *directory = d->config->queue.directory;
	const struct slice value = unit_property(unit_named(u, name), "ReadWritePaths");
	char fix[DOCTOR_TEXT_MAX];

	if (value.n == 0 || memmem(value.p, value.n, directory, strlen(directory)))
		return true;
	(void)snprintf(fix, sizeof fix, "systemctl edit %s: [Service] ReadWritePaths=%.250s", name,
	    directory);
	doctor_report(d, DOCTOR_FAULT, fix, "%s does not know the queue %s", name, directory);
	return false;
}

static bool
judge_listeners(struct doctor *d, const struct units *u)
{
	static const char *const names[][2] = {
		{ "smtp-handler-listen.service", NULL },
		{ "smtp-handler-submission-listen.service",
		  "smtp-handler-submission-listen.socket" },
		{ "smtp-handler-submissions-listen.service",
		  "smtp-handler-submissions-listen.socket" },
	};
	bool fine = true;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *service = names[i][0], *needed_by = names[i][1];

		if (needed_by && !unit_is(unit_named(u, needed_by), "UnitFileState", "enabled"))
			continue;
		fine &= judge_limit(d, u, service, "TasksMax",
		    d->config->server.max_connections * 2, "[server] max-connections");
		fine &= judge_limit(d, u, service, "LimitNOFILE", 256, "a session");
		fine &= judge_folder(d, u, service);
	}
	return fine;
}

/* Does the path unit watch the queue, and no other folder?  A message that is left in another one
 * stays there, and starts the runner again and again. */
static bool
judge_path(struct doctor *d, const struct units *u)
{
	const char *name = "smtp-relay.path", *directory = d->config->queue.directory;
	struct slice text = unit_named(u, name), value, other = { 0 };
	char wanted[PATH_MAX + 8], fix[DOCTOR_TEXT_MAX];
	bool known = false;

	(void)snprintf(wanted, sizeof wanted, "%s/new (", directory);
	while (text.n) {
		const struct slice key = slice_cut(slice_cut(text, '\n', &text), '=', &value);

		if (!slice_eq(key, SL("Paths")))
			continue;
		if (slice_has_prefix(value, slice_str(wanted)))
			known = true;
		else
			other = slice_cut(value, ' ', &value);
	}
	if (other.n == 0)
		return true;
	(void)snprintf(fix, sizeof fix, "systemctl edit %s: [Path] DirectoryNotEmpty=, and in the "
	    "next line DirectoryNotEmpty=%.200s/new", name, directory);
	if (!known)
		doctor_report(d, DOCTOR_FAULT, fix, "%s does not know the queue %s", name,
		    directory);
	else
		doctor_report(d, DOCTOR_FAULT, fix, "%s watches %.*s, too: a message left there "
		    "starts the runner without end", name, (int)other.n, other.p);
	return false;
}

/* Does the runner need Landlock to start, as the mounts of its unit are left out? */
static bool
judge_confined(struct doctor *d, const struct units *u, int landlock)
{
	const struct slice start =
	    unit_property(unit_named(u, "smtp-relay.service"), "ExecStart");

	if (landlock == 0 || !memmem(start.p, start.n, " --confine", 10))
		return true;
	doctor_report(d, DOCTOR_FAULT, "rm /etc/systemd/system/smtp-relay.service.d/"
	    "fast-start.conf; systemctl daemon-reload",
	    "smtp-relay.service cannot start as fast-start.conf demands, without Landlock: %s",
	    landlock_reason(landlock));
	return false;
}

void
units_judge(struct doctor *d, struct slice text, int landlock)
{
	const struct config *c = d->config;
	struct units u;
	bool fine;

	find_units(text, &u);
	if (unit_named(&u, "smtp-relay.service").n == 0) {
		doctor_report(d, DOCTOR_WARNING, "make install, or apt install smtp-handler",
		    "the units are not installed");
		return;
	}
	fine = judge_states(d, &u);
	fine &= judge_ports(d, &u);
	fine &= judge_enabled(d, &u);
	fine &= judge_listeners(d, &u);
	fine &= judge_limit(d, &u, "smtp-relay.service", "TasksMax", c->relay.processes * 2,
	    "[relay] processes");
	fine &= judge_limit(d, &u, "smtp-relay.service", "LimitNOFILE",
	    c->relay.processes * 4 + 64, "[relay] processes");
	fine &= judge_confined(d, &u, landlock);
	fine &= judge_path(d, &u);
	if (fine)
		doctor_report(d, DOCTOR_OK, NULL, "mail is taken, and starts the runner");
}

/* ---- programs ---- */

static bool
has_systemd(struct doctor *d)
{
	if (access("/run/systemd/system", F_OK) == 0)
		return true;
	doctor_report(d, DOCTOR_SKIPPED, NULL, "systemd does not run here");
	return false;
}

void
units_check(struct doctor *d)
{
	static char space[64 * 1024];
	const char *argv[sizeof rows / sizeof rows[0] + 4];
	struct buf output = BUF(space);
	struct landlock l;
	size_t n = 0;
	int r;

	if (!has_systemd(d))
		return;
	argv[n++] = "systemctl";
	argv[n++] = "show";
	argv[n++] = "--property=Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload,TasksMax,"
	    "LimitNOFILE,Paths,ReadWritePaths,ExecStart";
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		argv[n++] = rows[i].name;
	argv[n] = NULL;
	r = program_run(argv, slice_of("", 0), &output);
	landlock_begin(&l, 0);
	landlock_drop(&l);
	if (r != 0)
		doctor_report(d, DOCTOR_WARNING, NULL, "systemctl does not answer: %s",
		    r < 0 ? strerror(-r) : "it failed");
	else
		units_judge(d, buf_slice(&output), l.error);
}

void
units_check_files(struct doctor *d)
{
	static const char *const argv[] = {
		"systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
		"smtp-handler-listen.socket", "smtp-handler-local.socket", "smtp-relay.path",
		"smtp-relay.timer", "smtp-relay.service", "smtp-handler-listen.service", NULL,
	};
	char space[4096];
	struct buf output = BUF(space);
	struct slice line, rest;
	int r;

	if (!has_systemd(d))
		return;
	r = program_run(argv, slice_of("", 0), &output);
	rest = buf_slice(&output);
	line = slice_cut(rest, '\n', &rest);
	if (r == -ENOENT)
		doctor_report(d, DOCTOR_SKIPPED, NULL, "there is no systemd-analyze");
	else if (r != 0 || line.n)
		doctor_report(d, r != 0 ? DOCTOR_FAULT : DOCTOR_WARNING, NULL, "%.*s",
		    line.n ? (int)line.n : 6, line.n ? line.p : "failed");
	else
		doctor_report(d, DOCTOR_OK, NULL, "systemd understands them");
}
