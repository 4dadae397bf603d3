// SPDX-License-Identifier: ISC
/*
 * From the queue's folders into the window of the runner: some messages at a time, new mail first.
 */
#ifndef RUNNER_INTAKE_H
#define RUNNER_INTAKE_H

#include "queue/reader.h"

struct runner;

struct intake {
	struct runner *runner;
	/* Folders to walk through from the start. */
	bool look_new;
	bool look_cur; /* for messages left by an earlier run or by a full window */
	bool look_wait;
	bool look_tmp; /* for messages whose handler is gone */
	int64_t now_s;			/* the time by which mail of the last walk was due */
	bool new_stays; /* new/ could not be emptied, so the path unit starts us again */

	/* The rest is its own. */
	struct queue_walk new_walk, cur_walk, wait_walk;
	/* Claimed messages that the reader tries before they are admitted. */
	char ids[QUEUE_READER_MAX][QUEUE_ID_SIZE];
	size_t n;
	struct queue_recovery recovery;
	int recovered;			/* messages of this recovery */
	bool new_only;			/* the last turn took new mail alone */
	int64_t end_us;
};

/* Is there more in new/? */
bool intake_fresh(const struct intake *i);
/* Is there a folder to walk through, and room in the window? */
bool intake_ready(const struct intake *i);
/* Take some messages. */
void intake_turn(struct intake *i);
/* Is no walk under way or wanted? */
bool intake_over(const struct intake *i);
/* End all walks. */
void intake_done(struct intake *i);

/* Make all waiting mail due. */
void intake_flush(struct runner *r);
/* --flush while another runner lives: that one delivers the mail, which is made due.  Returns an
 * exit status. */
int intake_hand_over(struct runner *r);

#endif
