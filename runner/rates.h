// SPDX-License-Identifier: ISC
/*
 * Rates of destinations ([route] rate).  A destination has moments, a fixed interval apart, and
 * senders take them in turn.
 *
 * Each sender has a line.  A message gets a place in it, an interval behind the one before.  When
 * its place is due, it takes the next free moment of the destination: its turn.  All lines are
 * worked off at the same speed.  So a sender has few turns ahead, and a new sender waits for the
 * turns of others, but not for their lines.
 *
 * If several machines share the moments, the lines of each are its own.  While the moments of a
 * destination go to others, its lines stand still here: so all lines of all machines are worked off
 * at the same speed.
 *
 * A message that waits is postponed; its place is in the note in its log.  The lines are in
 * state/rates.
 */
#ifndef RUNNER_RATES_H
#define RUNNER_RATES_H

#include "attempt/outcome.h"
#include "base/slice.h"
#include "queue/run.h"

#define RATES_MAX     10000	/* destinations */
#define RATES_LINES   1000	/* of one destination; more senders share one */
#define RATES_BUCKETS 1024
#define RATES_GRACE_S 10	/* lateness of a run that is made good at once */
#define RATES_WAIT_S  60	/* for a place in a full table */
#define RATES_STAY_S  75	/* a run waits for what comes before the timer's next run */
#define RATES_LOOK_S  (20 * 86400)	/* the longest wait; wait/ distrusts 30 days */
#define RATES_AHEAD   1000	/* intervals, or a day: no machine has given away more moments */
#define RATES_FAR_S   (60 * 86400)	/* a later moment was made by a clock that was wrong */

struct rates {
	int state_fd;			/* borrowed */
	struct rate *buckets[RATES_BUCKETS];
	size_t n;			/* destinations */
	int64_t saved_us, asked_us;
	bool changed;			/* since the file was written */
	bool lost;			/* there was no file: the notes of messages count */
};

/* A message that waits; all 0: it has no place yet. */
struct rates_wait {
	int64_t place_us;		/* in the line of its sender; 0: the table is full */
	int64_t until_s;		/* when it looks again */
	bool turn;			/* until_s is its moment */
};

struct rates_line {
	struct slice destination;	/* a name without control characters */
	uint64_t interval_us;
	uint64_t sender;
};

enum rates_reply {
	RATES_GO,
	RATES_WAIT,		/* until the time in rates_wait */
	RATES_DUE,		/* its place is due: it needs a moment */
};

/* The moment that a message needs.  Times are durations, as the clocks of machines differ. */
struct rates_moment {
	int64_t asked_us;		/* by the clock of this machine */
	int64_t grace_us;		/* moments of so long ago are good too */
	int64_t free_us;		/* from the question to the first that may be free */
};

/* Read the file.  Damaged lines, lines of the past, and those of a clock that was ahead are
 * dropped. */
void rates_load(struct rates *r, int state_fd, int64_t now_us);
/* Write the file.  due_s: when mail is due next; INT64_MAX: never; 0: that is not known. */
void rates_save(struct rates *r, int64_t due_s, int64_t now_us);
/* Free the table; the file stays. */
void rates_done(struct rates *r);

/* Should a run wait for the message that is due at due_s, because a later run would be late? */
bool rates_stay(const struct rates *r, int64_t due_s, int64_t now_us);

/*
 * May a message go now?  After RATES_WAIT w has how it waits.  After RATES_DUE the message needs
 * the moment that is in *ret: rates_given() takes what several machines agreed on, and rates_take()
 * one of this machine.  Both return whether it goes now.
 */
enum rates_reply rates_look(struct rates *r, const struct rates_line *line, struct rates_wait *w,
    int64_t now_us, struct rates_moment *ret);
bool rates_take(struct rates *r, const struct rates_line *line, struct rates_wait *w,
    const struct rates_moment *m, int64_t now_us);
/* after_us: from the time of the question to the moment. */
bool rates_given(struct rates *r, const struct rates_line *line, struct rates_wait *w,
    const struct rates_moment *m, int64_t after_us, int64_t now_us);

/* The number of the one whose mail shares a line: the user; for a stranger the client, with IPv6
 * its /64; else the reverse-path without details. */
uint64_t rates_sender(const struct queue_entry *e);

/* The outcome of a recipient that waits. */
void rates_outcome(const struct rates_wait *w, struct outcome *ret);
/* How a message waits by the last note about a recipient, without its path. */
struct rates_wait rates_note(struct slice note);

#endif
