// SPDX-License-Identifier: ISC
/*
 * Frames between the runner and its workers: jobs down, results up.  A frame is one datagram of a
 * SOCK_SEQPACKET pair; a job's has the open message beside it.  Both ends are the same program, so
 * frames are plain structs.  A worker talks to strangers, so its frames are hostile input.
 */
#ifndef RUNNER_FRAME_H
#define RUNNER_FRAME_H

#include "attempt/attempt.h"
#include "attempt/ticket.h"
#include "dns/cache.h"
#include "policy/tls_result.h"
#include "queue/run.h"

#define FRAME_RCPTS_MAX 1000	/* recipients of one job; longer lists become several jobs */

enum frame_type {
	FRAME_JOB,		/* to the worker: a job */
	FRAME_RCPT,		/* the result of one recipient, perhaps with the end of the job */
	FRAME_HOST,		/* a measurement or a failure of a host */
	FRAME_MOVED,		/* a destination gets its mail over IPv4 from now on */
	FRAME_SESSION,		/* the result of TLS at an exchanger */
	FRAME_DNS,		/* a DNS answer that other workers can use */
	FRAME_DONE,		/* the end of a job without a held result */
	/* The sites of exchangers that it asks to dial.  The reply is FRAME_LEAVE, or a hang-up:
	 * the runner has taken back its jobs. */
	FRAME_DIAL,
	FRAME_DIALLED,		/* the one of them to which it is connected */
	FRAME_LEAVE,		/* to the worker: those that it may dial */
	FRAME_TICKET,		/* a ticket for other workers */
	FRAME_WANT,		/* asks for a ticket; the reply is FRAME_FOUND */
	FRAME_FOUND,		/* to the worker: a ticket, or none */
};

struct frame_job {
	char id[QUEUE_ID_SIZE];
	struct queue_lines lines;	/* of all recipients of the message */
	uint32_t n;
	uint32_t at[FRAME_RCPTS_MAX];	/* the job's recipients, as those of a queue_part */
};

struct frame_rcpt {
	uint32_t rcpt;			/* which one of the job */
	bool last;			/* the job is over */
	int64_t delay_us;		/* since the message arrived */
	char path[600];			/* cut, as the log cuts it */
	struct outcome outcome;
};

struct frame_moved {
	char destination[256], host[300], reply[OUTCOME_DETAIL];
};

struct frame_dial {
	uint32_t n;
	uint64_t sites[ATTEMPT_DIALS];
};

struct frame_leave {
	uint32_t allowed;		/* bit i: sites[i] */
};

struct frame {
	enum frame_type type;
	union {
		struct frame_job job;
		struct frame_rcpt rcpt;
		struct host_report host;
		struct frame_moved moved;
		struct tls_result session;
		struct dns_memo dns;
		struct frame_dial dial;	/* also of FRAME_DIALLED */
		struct frame_leave leave;
		struct ticket ticket;	/* also of FRAME_FOUND */
		struct ticket_kind want;
	};
};

/* Send one frame.  0 or -errno. */
int frame_put(int fd, const struct frame *f);
/* Send a job with the descriptor of its message, which stays the caller's.  It never waits.  0;
 * -EAGAIN if the worker does not read; -errno. */
int frame_put_job(int fd, const struct frame *f, int message);
/* Receive one frame.  A descriptor that came with it is closed.  1: a frame, and each of its fields
 * is valid; 0: the other end is closed; -EAGAIN: none yet, without wait; -EBADMSG: no valid frame,
 * which is dropped; -errno. */
int frame_get(int fd, struct frame *ret, bool wait);
/* The same for a worker.  With a job comes the descriptor of its message, which becomes the
 * caller's; with another frame, *ret_message is -1.  -EBADMSG also for a job without one. */
int frame_get_job(int fd, struct frame *ret, bool wait, int *ret_message);

#endif
