// SPDX-License-Identifier: ISC
/*
 * Where a listener offers STARTTLS, one process of smtp-handler-tls stands beside it, the forker.
 * At STARTTLS a session gives its client to the listener, and the forker forks a fresh session
 * inside TLS for it.  That session is a child of the listener.  So neither the listener nor a
 * session before TLS needs the right to read a key or to start a program.
 */
#ifndef SESSION_FORKER_H
#define SESSION_FORKER_H

#include "config/options.h"
#include "config/texts.h"
#include "session/start.h"
#include "strangers/transfer.h"

struct forker {
	int fd;			/* to the process; -1: there is none */
	pid_t pid;
};

#define FORKER_NONE { -1, -1 }

/* Start the process, with the configuration in texts.  remark_fd is for the remarks of its
 * sessions, desk_fd for counts of their users; it may be -1.  0, or -errno after an error that is
 * logged; then STARTTLS cannot be offered. */
int forker_start(struct forker *f, const struct config *config, const struct options *options,
    int print_fd, int remark_fd, int desk_fd);

/* Later sessions get this configuration.  0 or -errno. */
int forker_configure(const struct forker *f, const struct config_texts *texts);

/* Fork a session for the client at client_fd, which the caller still closes.  Its process, which is
 * our child, or -errno. */
pid_t forker_fork(const struct forker *f, int client_fd, const struct transfer *t);

/* The end of the process: it waits for nobody. */
void forker_close(struct forker *f);

/* In a session before TLS: give the client away.  Returns only if that fails: -errno. */
int forker_ask(int remark_fd, int client_fd, struct slice helo);

/* In the process: be the forker, by the text of --serve.  -1 in each session that it forks, else an
 * exit status. */
int forker_serve(const char *text, struct options *options, struct config *config,
    struct start *start);

#endif
