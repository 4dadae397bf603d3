// SPDX-License-Identifier: ISC
/*
 * Checks of this machine, each with its remedy.  A check is one function in a row of a table.  All
 * run at once, each in a process of its own and as the user of the program that it is about.
 */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include "base/owner.h"
#include "config/options.h"
#include "dns/resolver.h"

#define DOCTOR_TEXT_MAX  400
#define DOCTOR_MS        8500	/* for all checks of one program */

enum doctor_state { DOCTOR_OK, DOCTOR_SKIPPED, DOCTOR_WARNING, DOCTOR_FAULT };

struct doctor_finding {
	enum doctor_state state;
	char text[DOCTOR_TEXT_MAX];
	char fix[DOCTOR_TEXT_MAX];	/* a command or an action; empty: that of the check */
};

/* The surroundings of a check. */
struct doctor {
	const struct config *config;
	const struct options *options;		/* for programs that a check starts */
	const struct dns_resolver *resolver;	/* with short timeouts; or NULL */
	const char *programs;			/* the folder of our programs */
	bool json;
	uid_t caller;				/* the user before the check became another */
	int out;				/* takes findings */
};

enum doctor_user { DOCTOR_AS_CALLER, DOCTOR_AS_HANDLER, DOCTOR_AS_RELAY };

struct doctor_check {
	const char *name;
	enum doctor_user user;
	void (*run)(struct doctor *d);
	const char *fix;
};

/* Tables of checks: those that need no library, and those of DNS and TLS. */
extern const struct doctor_check doctor_system[];
extern const size_t doctor_system_n;
extern const struct doctor_check doctor_network[];
extern const size_t doctor_network_n;

/* Report a finding of the running check.  A fix of NULL is that of the check. */
__attribute__((format(printf, 4, 5))) void doctor_report(struct doctor *d,
    enum doctor_state state, const char *fix, const char *format, ...);

/* Run all checks and print their findings in the order of the table.  Checks that are not over
 * after DOCTOR_MS are ended, which is a warning.  Returns the number of faults. */
unsigned doctor_run(struct doctor *d, const struct doctor_check *checks, size_t n);

#endif
