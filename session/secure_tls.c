// SPDX-License-Identifier: ISC
/*
 * From the certificates in the configuration to a session inside TLS, in smtp-handler-tls.
 */
#include "session/secure.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/log.h"
#include "session/certificates.h"

static struct tls *tls;

bool
secure_here(void)
{
	return true;
}

int
secure_become(const struct config *config, char **argv, struct buf *why)
{
	(void)config;
	(void)argv;
	(void)why;
	return 0;
}

unsigned
secure_check(const struct config *config, const struct config_report *report)
{
	static struct certificates certificates;
	char text[600];
	struct buf why = BUF(text);
	unsigned wrong = 0;
	int r = certificates_find(&certificates, config, &why);

	/* The credentials of a unit are there only while it runs. */
	if (r == -ENOENT && !getenv("CREDENTIALS_DIRECTORY"))
		return 0;
	if (r < 0) {
		report->error(report->ctx, NULL, 0, buf_cstr(&why));
		return 1;
	}
	for (size_t i = 0; i < certificates.n; i++) {
		why = (struct buf)BUF(text);
		if (tls_check(&certificates.pairs[i], &why) == 0)
			continue;
		report->error(report->ctx, NULL, 0, buf_cstr(&why));
		wrong++;
	}
	return wrong;
}

enum server_starttls
secure_offer(const struct config *config, const struct start *start)
{
	(void)start;
	return config->server.tls == SERVER_TLS_OFF ? SMTP_STARTTLS_OFF : SMTP_STARTTLS_OFFERED;
}

static uint64_t
add_file(uint64_t hash, const char *path)
{
	struct stat st;
	int64_t facts[5] = { 0 };

	if (stat(path, &st) == 0) {
		facts[0] = (int64_t)st.st_dev;
		facts[1] = (int64_t)st.st_ino;
		facts[2] = st.st_size;
		facts[3] = st.st_ctim.tv_sec;
		facts[4] = st.st_ctim.tv_nsec;
	}
	hash = hash_slice(hash, slice_of((const char *)facts, sizeof facts));
	return hash_slice(hash, slice_of(path, strlen(path) + 1));
}

/* A number that changes with the files, and with what else a context is made of. */
static uint64_t
identify(const struct config *config, const struct certificates *c)
{
	const char ask = (char)config->server.tls_client;
	uint64_t hash = hash_slice(HASH_START, slice_of(&ask, 1));

	for (size_t i = 0; i < c->n; i++) {
		hash = add_file(hash, c->pairs[i].chain);
		hash = add_file(hash, c->pairs[i].key);
	}
	return hash;
}

void
secure_warm(const struct config *config)
{
	static struct certificates certificates;
	static uint64_t tried;
	char text[600];
	struct buf why = BUF(text);
	struct tls *fresh;
	uint64_t now;
	int r = certificates_find(&certificates, config, &why);

	if (r < 0)
		certificates.n = 0;
	now = identify(config, &certificates);
	if (tls && now == tried)
		return;
	tried = now;
	if (r == 0)
		r = tls_server(&fresh, certificates.pairs, certificates.n,
		    config->server.tls_client == CLIENT_CERTIFICATES_ASK, &why);
	if (r == 0) {
		tls_warm(fresh);
		tls_free(tls);
		tls = fresh;
	} else if (tls) {
		/* A program that renews them may have replaced one file by now. */
		log_text(LOG_LEVEL_ERROR, "new certificates are not used, the former ones stay: %s",
		    buf_cstr(&why));
	}
	/* Without any the session reports the failure: it tries again. */
}

const char *
secure_name(const struct config *config)
{
	(void)config;
	return "smtp-handler-tls";
}

int
secure_execute(const struct config *config, const struct options *options, const char *const *rest)
{
	(void)config;
	(void)options;
	(void)rest;
	return -ENOSYS;		/* unreachable: no other program is needed */
}

int
secure_resume(const struct config *config, const struct options *options,
    const struct handover *handover)
{
	(void)config;
	(void)options;
	(void)handover;
	return -ENOSYS;		/* unreachable: no starter is needed in this program */
}

enum smtp_verdict
secure_prepare(const struct config *config, const struct start *start,
    const struct handover *handover)
{
	const bool ask = config->server.tls_client == CLIENT_CERTIFICATES_ASK;
	static struct certificates certificates;
	char text[600];
	struct buf why = BUF(text);
	int r;

	(void)start;
	(void)handover;
	if (tls)			/* from the process that forked this one */
		return SMTP_ACCEPT;
	r = certificates_find(&certificates, config, &why);
	if (r == 0)
		r = tls_server(&tls, certificates.pairs, certificates.n, ask, &why);
	if (r == 0)
		return SMTP_ACCEPT;
	log_text(LOG_LEVEL_ERROR, "no TLS: %s", buf_cstr(&why));
	return SMTP_REFUSE_TLS;
}

int
secure_begin(struct stream *s, const struct peer *peer, int timeout_ms, struct tls_facts *ret)
{
	char text[300];
	struct buf why = BUF(text);
	struct log_line line;
	const int on = 1, r = tls_handshake(tls, s, timeout_ms, ret, &why);

	if (r == 0) {
		/* A client with Nagle's algorithm sends its EHLO after the end of its handshake is
		 * acknowledged, and an acknowledgement may wait 40 ms for data to go with. */
		(void)setsockopt(s->rfd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
		return 0;
	}
	log_begin(&line, LOG_LEVEL_NOTICE, "tls-failed");
	log_str(&line, "client", slice_str(peer->text));
	log_str(&line, "why", buf_slice(&why));
	log_end(&line);
	return r;
}

void
secure_end(void)
{
	if (tls)
		tls_end(tls);
}
