// SPDX-License-Identifier: ISC
/*
 * Facts about each address of a host: how fast it answers, when it was measured, and since when it
 * fails.  From these follows its pause.  They are kept in one small text file, state/hosts, which
 * is safe to delete.  The parent process of the runner owns the table.  Workers inherit it by fork
 * and report events.
 */
#ifndef HOSTS_HOSTS_H
#define HOSTS_HOSTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "hosts/learned.h"
#include "hosts/secured.h"

/* Limit: the entry without news for the longest time is dropped first. */
#define HOSTS_MAX 4096
#define HOST_KEY  64
#define HOSTS_FAILURES_MAX 1000000

/* The result of TLS in a session that tried it.  A connection that broke there may be an accident:
 * TLS has failed if the next one breaks, too. */
enum host_tls { HOST_TLS_UNKNOWN, HOST_TLS_GOOD, HOST_TLS_FAILED, HOST_TLS_BROKE };

struct host {
	char address[HOST_KEY];		/* "192.0.2.1:25", "[2001:db8::1]:25" */
	char name[64];			/* the name of its last exchanger, cut; for people */
	int64_t connect_us, first_us;	/* smoothed; 0: never measured */
	/* first_us is only a lower bound: we stopped waiting before it answered. */
	bool at_least;
	/* Unix seconds of the last measurement and of the last failure that counted; 0: never. */
	int64_t measured_s, failed_s;
	/* Unix seconds of the last failed handshake, and of the last connection that broke at TLS;
	 * 0: none since the last good one. */
	int64_t tls_failed_s, tls_broke_s;
	int64_t since_s;		/* unix seconds of the first failure in a row */
	unsigned failures;		/* in a row; failures within a pause count as one */
	unsigned broken;		/* in a row: accepted a message and gave no final reply */
	/* It refused our IPv6 address: use IPv4 addresses until then (hosts_ipv4_until). */
	int64_t ipv4_until_s;
	/* Unix seconds; 0: never, or not since it worked. */
	int64_t bdat_failed_s, pipelining_failed_s;
	unsigned bdat_failures, pipelining_failures;	/* in a row */
	int64_t proven_s;		/* of its last transaction, or a minute before; 0: never */
	unsigned marks;			/* HOST_MARK_* */
};

/* Another machine has reported these, or this one has not told them yet (hosts/facts.h). */
enum {
	HOST_MARK_FAILURE = 1,		/* failures, broken, since_s, failed_s */
	HOST_MARK_LATENCY = 2,		/* connect_us, first_us, measured_s */
	HOST_MARK_IPV4 = 4,		/* ipv4_until_s */
	HOST_MARK_UNTOLD = 8,
	HOST_MARKS = 15
};

/* A thing that a host offers and that fails there: it is done without for HOSTS_SPARED_S. */
enum host_spared { HOST_SPARED_TLS, HOST_SPARED_BDAT, HOST_SPARED_PIPELINING };

struct hosts {
	struct host *list;		/* malloc'ed, sorted by address */
	size_t n;
	size_t cap;
	bool changed;
	/* After the first failure, doubled with each; 0: HOSTS_PAUSE_... */
	int64_t pause_s, pause_max_s;
	int64_t forgiven_s;		/* hosts that failed up to then may be dialled at once */
	int64_t good_s;			/* time of the last greeting of any host */
	struct secured secured;
	bool secured_changed;
	struct learned learned;
	bool learned_changed;
	bool untold;			/* there is something for them */
	int64_t heard_us;		/* the place of the last fact of others; 0: none */
};

#define HOSTS_PAUSE_S     60
#define HOSTS_PAUSE_MAX_S 3600
#define HOSTS_OUTAGE_S    60	/* without a greeting of any host our network may have failed */
#define HOSTS_AVERAGE_S   600	/* age of a latency that a sample is averaged into */
#define HOSTS_IPV4_S      (7 * 86400)
#define HOSTS_SPARED_S    86400
#define HOSTS_SPARED_FAILURES 2		/* one broken connection may be an accident */

/* An event at an address. */
enum host_event {
	/* Not dialled, or failed for a reason of ours.  Nothing is learned about the host, and its
	 * mail keeps waiting. */
	HOST_NOTHING,
	HOST_OPEN,			/* it greeted us: connect_us and first_us are set */
	HOST_SLOW,			/* we stopped waiting for its greeting after first_us */
	HOST_FAILED,			/* no connection, no greeting, or the session broke off */
	HOST_REFUSED,			/* it greeted us, but refuses our mail for now */
	HOST_BROKE,			/* it broke off after the final dot */
	HOST_PROVEN,			/* it completed a transaction: earlier failures are over */
	HOST_NO_IPV6,			/* it refused our IPv6 address */
	HOST_NO_BDAT,			/* it refused a chunk as it does not know BDAT */
	HOST_NO_PIPELINING,		/* a new connection broke at a group of commands */
	HOST_NO_AHEAD,			/* it took a message, and lost the commands behind it */
	HOST_NO_CLEAR,			/* it was spared TLS, and took no mail without */
	HOST_BDAT_BROKE,		/* a new connection broke at a chunk */
	HOST_SECURED,			/* the name has proven records of DANE; no address */
	/* The exchanger of this name has shown a good certificate, or none.  No address. */
	HOST_TLS_SHOWN,
	HOST_TLS_LOST,
};

/* An event as a worker sends it to its parent process. */
struct host_report {
	char address[HOST_KEY];
	char name[DNS_NAME_MAX];
	enum host_event event;
	enum host_tls tls;		/* with any event */
	int64_t connect_us, first_us;
	int64_t age_us;			/* of a connection that broke */
};

/* Load the tables from state_fd, the folder state/ of the queue.  A missing file gives an empty
 * table; damaged lines are dropped.  hosts_done() must follow. */
void hosts_load(struct hosts *h, int state_fd);

/* Add the lines of a table file to h.  Damaged lines are dropped. */
void hosts_parse(struct hosts *h, struct slice text);

/* Save the tables in state_fd, by rename.  0 or -errno. */
int hosts_save(struct hosts *h, int state_fd);

/* Free the table. */
void hosts_done(struct hosts *h);

/* An operator wants all hosts tried afresh: pauses end, and what fails at a host is tried again. */
void hosts_forgive(struct hosts *h, int64_t now_s);

/* Has this machine spoken to the host itself at that time or later? */
bool hosts_spoke_since(const struct host *host, int64_t since_s);

/* Adapt the pauses to the schedule of retries: no host is paused longer than a message waits. */
void hosts_pauses(struct hosts *h, uint64_t retry_min_s, uint64_t retry_max_s);

/* The entry for address, borrowed until the table changes; NULL if there is none. */
const struct host *hosts_find(const struct hosts *h, const char *address);

/* Set the age of a connection that was opened then (monotonic).  One of more than a day is as good
 * as one of a day: nothing is remembered for longer. */
void host_report_age(struct host_report *report, int64_t opened_ms, int64_t now_ms);

/* Is it a report as a worker makes it?  It may be any octets, of another process. */
bool host_report_valid(const struct host_report *report);

/* Learn from an event at now_s (unix seconds).  An address that is not printable is ignored. */
void hosts_learn(struct hosts *h, const struct host_report *report, int64_t now_s);

/* The end of a pause (unix seconds) after repeated failures; 0: it may be dialled now. */
int64_t hosts_paused_until(const struct hosts *h, const struct host *host, int64_t now_s);

/* Did the last connection that tried TLS break there, within a day? */
bool hosts_broke_at_tls(const struct host *host, int64_t now_s);

/* The end of the time (unix seconds) for which the host gets its mail without that; 0: with it. */
int64_t hosts_spared_until(const struct host *host, enum host_spared what, int64_t now_s);

/* The end of the time (unix seconds) for which only its IPv4 addresses are used; 0: IPv6, too.  A
 * time that is too far ahead was made by a clock that was wrong. */
int64_t hosts_ipv4_until(const struct host *host, int64_t now_s);

/* Append the state of a host for people: "good", "has failed since ..., paused until ...". */
void hosts_state(struct buf *b, const struct hosts *h, const struct host *host, int64_t now_s);

/* For the files of hosts/: the entry for address, created if there is none.  NULL without memory;
 * the address is then not remembered. */
struct host *hosts_entry(struct hosts *h, const char *address);

/* May s stand in a line of the table?  It must not be empty, or hold blanks or control
 * characters. */
bool host_printable(const char *s);

/* The key of an address: "192.0.2.1:25". */
void host_key(char key[HOST_KEY], const struct sockaddr_storage *address);

/* A number for an address in a network that one owner has: an IPv4 address, or the /64 of an IPv6
 * address.  IPv4 in IPv6 (RFC 4291 section 2.5.5.2, RFC 6052 section 2.1) counts as IPv4. */
uint64_t host_site(const struct sockaddr_storage *address);

#endif
