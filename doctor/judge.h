// SPDX-License-Identifier: ISC
/*
 * Judgements about facts, pure: texts of records, properties of units, numbers.
 */
#ifndef DOCTOR_JUDGE_H
#define DOCTOR_JUDGE_H

#include "base/buf.h"
#include "doctor/doctor.h"

/* A verdict, with its reason in words. */
struct verdict {
	enum doctor_state state;
	const char *why;
};

/* The name by which this host greets. */
struct verdict judge_name(struct slice name);

/* Free space or free inodes of the queue's file system.  inodes 0: the file system has no limit. */
struct verdict judge_space(uint64_t free, uint64_t min_free);
struct verdict judge_inodes(uint64_t inodes, uint64_t free);

/* The wall clock: is it behind the time at which the program was installed? */
struct verdict judge_clock(int64_t now_s, int64_t installed_s, bool synchronized);

/* The time until a certificate ends. */
struct verdict judge_dates(int64_t now_s, int64_t from_s, int64_t until_s);

/* The TXT records of a domain, and those of _dmarc below it. */
struct verdict judge_spf(const struct slice *texts, size_t n);
struct verdict judge_dmarc(const struct slice *texts, size_t n);

/* The reply to RCPT of a session of a stranger, for a domain that is not ours.  `replies` is all
 * output of the session. */
struct verdict judge_relay(struct slice replies);

/* The value of a property in the output of systemctl(1) show for one unit; empty: it has none. */
struct slice unit_property(struct slice text, const char *name);

/* Is it the address of a host of the Internet, and not of a private network? */
bool judge_public(const struct sockaddr *sa);

#endif
