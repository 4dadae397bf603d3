// SPDX-License-Identifier: ISC
/*
 * What we know of each exchanger's address: how long it takes to answer, when it was last
 * measured, when it last failed.  One small text file, state/hosts; safe to delete.
 * The runner's parent owns the table; workers inherit it by fork and report what they measure.
 */
#ifndef DELIVERY_HOSTS_H
#define DELIVERY_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/dial.h"

#define HOSTS_MAX 4096		/* bounded: the stalest goes first */

/* How TLS went in a session, where it was tried. */
enum host_tls { HOST_TLS_UNKNOWN, HOST_TLS_GOOD, HOST_TLS_FAILED };

struct host {
	char address[64];		/* "192.0.2.1:25", "[2001:db8::1]:25" */
	char name[64];			/* the exchanger it was last reached as, cut; for people */
	int64_t connect_us, first_us;	/* smoothed; 0: never measured */
	bool at_least;			/* first_us is only a lower bound: it was cut off while it had not answered */
	int64_t measured_s, failed_s;	/* unix seconds of the last success and the last failure, 0: never */
	unsigned failures;		/* in a row */
	int64_t tls_failed_s;		/* unix seconds of the last handshake that failed, 0: none since one that did not */
};

struct hosts {
	struct host *list;		/* malloc'ed, sorted by address */
	size_t n;
	size_t cap;
	bool changed;
};

/* What a dial told about one address; as sent from a worker to its parent. */
struct host_report {
	char address[64];
	char name[64];
	enum dial_state state;
	enum host_tls tls;
	int64_t connect_us, first_us;	/* first_us: waited_us for DIAL_SLOW */
};

/* state_fd: the queue's state/ folder.  A missing or damaged file is an empty table; damaged lines are dropped. */
void hosts_load(struct hosts *h, int state_fd);
int hosts_save(struct hosts *h, int state_fd);	/* by rename; 0 or -errno */
void hosts_done(struct hosts *h);

const struct host *hosts_find(const struct hosts *h, const char *address);
void hosts_learn(struct hosts *h, const struct host_report *report, int64_t now_s);

/* Key of an address: "192.0.2.1:25". */
void host_key(char key[64], const struct sockaddr_storage *address);

#endif
