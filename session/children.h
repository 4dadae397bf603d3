// SPDX-License-Identifier: ISC
/*
 * The sessions of a listener: their processes, the limits of their clients, and the remarks by
 * which a session reports its client's deeds.
 */
#ifndef SESSION_CHILDREN_H
#define SESSION_CHILDREN_H

#include <sys/types.h>

#include "config/config.h"
#include "session/forker.h"
#include "shared/shared.h"
#include "strangers/strangers.h"

struct child {
	pid_t pid;
	uint32_t place;			/* of its client in the table */
	int64_t idle_since_ms;		/* 0: not idle */
	int64_t second_ms;		/* the start of a second with so many remarks */
	unsigned remarks;
	bool balancer;			/* its client is still to be named */
	bool proxy;			/* it may name its client, by XCLIENT */
	bool ending;			/* it was asked to end */
	uint64_t cookie;		/* of its client's socket; 0: it may not give that away */
	struct sockaddr_storage named;	/* the client that a balancer has named */
};

struct children {
	struct child *list;
	size_t n, room, nending;
	struct strangers table;
	size_t table_octets;
	int remarks;			/* the listener's end of the socket; -1: none */
	int to_listener;		/* the end that all sessions inherit; -1: none */
	struct shared shared;		/* limits that other machines share */
	bool shared_away, shared_ended;	/* logged: Redis, or the process, is not there */
	struct forker forker;		/* takes the clients at STARTTLS, if there is one */
};

/* Prepare the table and the socket for remarks.  0 or -errno. */
int children_open(struct children *c, const struct config *config);

/* In a fresh session: give up all but to_listener and shared.desk. */
void children_forget(struct children *c);

/*
 * May this client have a session?  STRANGERS_LIMITS if it may: *ret_child is then to be passed to
 * children_add() or children_refuse().  Else the limit that it passes.
 */
enum strangers_limit children_enter(struct children *c, const struct config *config,
    const struct sockaddr *sa, struct child *ret_child);
/* The client is at fd: at STARTTLS, the session may give that socket away, and no other. */
void children_know(const struct children *c, struct child *child, int fd);
/* Memory for one more child.  False if there is none. */
bool children_make_room(struct children *c);
void children_add(struct children *c, const struct child *child, pid_t pid);
void children_refuse(struct children *c, const struct child *child);

/* Is there a place for one more session, of a trusted client or of another, beside those that are
 * ending?  If all are taken, the session that has been idle for the longest time is asked to
 * end. */
bool children_make_place(struct children *c, const struct config *config, bool trusted);

/* Forget a process.  False if it is no session. */
bool children_remove(struct children *c, pid_t pid);

/* Does the table hold failures of clients that still count? */
bool children_remember(const struct children *c, const struct config *config);

/* Take what the process reports that shares limits with other machines.  This logs. */
void children_share(struct children *c);

/* Take the remarks that wait, and the clients that sessions give away at STARTTLS.  This logs. */
void children_listen(struct children *c, const struct config *config);

/* Log that a client was refused, at most once a minute for a client. */
void children_log(struct children *c, const struct sockaddr *sa, enum strangers_limit limit);

#endif
