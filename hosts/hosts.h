// SPDX-License-Identifier: ISC
/*
 * What we know of each exchanger's address: how long it takes to answer, when it was last
 * measured, since when it fails and how long it is left alone for that.  One small text file, state/hosts; safe to delete.
 * The runner's parent owns the table; workers inherit it by fork and report what they see.
 */
#ifndef HOSTS_HOSTS_H
#define HOSTS_HOSTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"

#define HOSTS_MAX 4096		/* bounded: the stalest goes first */
#define HOST_KEY  64
#define HOSTS_FAILURES_MAX 1000000

/* How TLS went in a session, where it was tried. */
enum host_tls { HOST_TLS_UNKNOWN, HOST_TLS_GOOD, HOST_TLS_FAILED };

struct host {
	char address[HOST_KEY];		/* "192.0.2.1:25", "[2001:db8::1]:25" */
	char name[64];			/* the exchanger it was last reached as, cut; for people */
	int64_t connect_us, first_us;	/* smoothed; 0: never measured */
	bool at_least;			/* first_us is only a lower bound: it was cut off while it had not answered */
	int64_t measured_s, failed_s;	/* unix seconds of the last success and the last failure that counted, 0: never */
	int64_t tls_failed_s;		/* unix seconds of the last handshake that failed, 0: none since one that did not */
	int64_t since_s;		/* of the first failure in the row */
	unsigned failures;		/* in a row; those within the pause behind one are the same failure */
	unsigned broken;		/* in a row: took a message and never said whether it has it */
	int64_t ipv4_until_s;		/* it does not want our IPv6 address: its IPv4 neighbours are to be used until then */
};

struct hosts {
	struct host *list;		/* malloc'ed, sorted by address */
	size_t n;
	size_t cap;
	bool changed;
	int64_t pause_s, pause_max_s;	/* behind the first failure, doubled with each; 0: HOSTS_PAUSE_... */
	int64_t forgiven_s;		/* what failed up to then may be dialled at once */
	int64_t good_s;			/* when any host greeted us last */
};

#define HOSTS_PAUSE_S     60
#define HOSTS_PAUSE_MAX_S 3600
#define HOSTS_IPV4_S      (7 * 86400)

/* What happened to an address. */
enum host_event {
	HOST_RESTING,			/* was not dialled, or not by its fault; nothing to learn, but its mail waits for it */
	HOST_OPEN,			/* greeted: connect_us and first_us are set */
	HOST_SLOW,			/* cut off while it had not: first_us is how long it was waited for */
	HOST_FAILED,			/* no connection, no greeting, or a session that broke off */
	HOST_REFUSED,			/* greeted, but takes no mail from us now */
	HOST_BROKE,			/* broke off behind the final dot */
	HOST_PROVEN,			/* took part in a whole transaction: whatever it had, it is over */
	HOST_NO_IPV6,			/* refused us for our IPv6 address */
};

/* As sent from a worker to its parent. */
struct host_report {
	char address[HOST_KEY];
	char name[64];
	enum host_event event;
	enum host_tls tls;		/* with any event */
	int64_t connect_us, first_us;
};

/* state_fd: the queue's state/ folder.  A missing or damaged file is an empty table; damaged lines are dropped. */
void hosts_load(struct hosts *h, int state_fd);
/* The content of such a file, into a table. */
void hosts_parse(struct hosts *h, struct slice text);
int hosts_save(struct hosts *h, int state_fd);	/* by rename; 0 or -errno */
void hosts_done(struct hosts *h);

/* Pauses that fit a schedule of retries: no address is left alone for longer than any message. */
void hosts_pauses(struct hosts *h, uint64_t retry_min_s, uint64_t retry_max_s);

const struct host *hosts_find(const struct hosts *h, const char *address);
void hosts_learn(struct hosts *h, const struct host_report *report, int64_t now_s);

/* Until when it is not to be dialled, as it failed again and again; 0: it may be now. */
int64_t hosts_rests_until(const struct hosts *h, const struct host *host, int64_t now_s);

/* What is known of it, in words: "good", "fails since ..., left alone until ...". */
void hosts_state(struct buf *b, const struct hosts *h, const struct host *host, int64_t now_s);

/* For the parts of the room: the entry for address, made if there is none; NULL without memory, and then it is not
 * remembered.  Does a text fit into a line of the table? */
struct host *hosts_entry(struct hosts *h, const char *address);
bool host_printable(const char *s);

/* Key of an address: "192.0.2.1:25". */
void host_key(char key[HOST_KEY], const struct sockaddr_storage *address);

#endif
