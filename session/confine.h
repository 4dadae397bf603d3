// SPDX-License-Identifier: ISC
/*
 * A process gives up what it does not need, in two steps: at its start, and before it reads the
 * first octet from a client.
 */
#ifndef SESSION_CONFINE_H
#define SESSION_CONFINE_H

#include "config/options.h"
#include "queue.h"
#include "session/start.h"

struct confinement {
	const struct config *config;
	const struct options *options;
	const struct start *start;
	bool tls_later;			/* of a session: TLS may begin in another program */
	bool may_log_in;		/* AUTH may be offered to this client, in this program */
};

/* Files that are created are private, no core is written, and new privileges cannot be had. */
void confine_prepare(void);

/*
 * Open the queue (unless printing), the lists and the log, connect to filters, to Dovecot and to
 * the registry of users, and enter the sandbox.  If TLS may begin later, another process stays
 * outside: session/starter.h, session/forker.h.  A second call does nothing.
 */
void confine_session(const struct confinement *c);

/* The same for a process that accepts connections.  Its sessions confine themselves further.  If it
 * finds no queue, it leaves all that to its sessions: each looks for the queue again. */
void confine_listener(const struct confinement *c);

/* The same for the process that forks the sessions inside TLS (session/forker.h). */
void confine_forker(const struct confinement *c);

/* In one of these two, before it forks a session for the client at client_fd: sandbox_foresee(). */
void confine_foresee(const struct config *config, int client_fd, int gives_away, int desk);

/* As queue_stale(): inside the sandbox a new folder is not found.  Or was the lease lost? */
bool confine_stale(void);
bool confine_lost_lease(void);

/* The folders of the queue that were opened.  0, or the -errno of opening it. */
int confine_queue(struct queue *ret);

#endif
