// SPDX-License-Identifier: ISC
/*
 * TLS for a session, in two forms.  smtp-handler links secure_exec.c, and becomes another program
 * when TLS begins.  That program, smtp-handler-tls, links secure_tls.c.
 */
#ifndef SESSION_SECURE_H
#define SESSION_SECURE_H

#include "net/tls.h"
#include "session/start.h"
#include "smtp/server.h"

/* Can this program do TLS? */
bool secure_here(void);

/* Execute the program that can do TLS, with the same arguments.  0 if this program can; or -errno
 * with the reason in why. */
int secure_become(const struct config *config, char **argv, struct buf *why);

/* For --check, after secure_become(): are the certificates and keys good?  Reports each mistake and
 * returns their number. */
unsigned secure_check(const struct config *config, const struct config_report *report);

/* Can a session that begins offer STARTTLS? */
enum server_starttls secure_offer(const struct config *config, const struct start *start);

/* Prepare the handshake: SMTP_ACCEPT or SMTP_REFUSE_TLS.  Does not return if the session goes on in
 * another process. */
enum smtp_verdict secure_prepare(const struct config *config, const struct start *start,
    const struct handover *handover);

/* For a process that forks sessions inside TLS: load the certificates and keys, if they have
 * changed, and do once what all handshakes need.  Those of before stay until all new ones are
 * good. */
void secure_warm(const struct config *config);

/* The path of the program that can do TLS, for the log. */
const char *secure_name(const struct config *config);

/* Become the program that can do TLS, with these arguments behind those of the configuration.
 * -errno. */
int secure_execute(const struct config *config, const struct options *options,
    const char *const *rest);

/* Become the program that can do TLS, with this session.  -errno after an error, which is
 * logged. */
int secure_resume(const struct config *config, const struct options *options,
    const struct handover *handover);

/* The handshake, after secure_prepare().  0, or -errno: then no reply reaches the client any
 * more. */
int secure_begin(struct stream *s, const struct peer *peer, int timeout_ms, struct tls_facts *ret);

/* After the last reply. */
void secure_end(void);

#endif
