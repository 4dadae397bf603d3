// SPDX-License-Identifier: ISC
/*
 * All files are opened once, before their paths can no longer be reached.
 */
#include "session/confine.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aliases/returns.h"
#include "base/harden.h"
#include "base/landlock.h"
#include "base/log.h"
#include "base/seccomp.h"
#include "mailbox/users.h"
#include "queue/lease.h"
#include "session/auth.h"
#include "session/logins.h"
#include "session/milter_link.h"
#include "session/sandbox.h"
#include "session/secure.h"
#include "session/starter.h"
#include "stats/stats.h"

static struct queue queue;
static int queue_error = -ENOENT;
static bool queue_opened, confined;

void
confine_prepare(void)
{
	harden_process();
	(void)umask(07);	/* files for another user's queue are that user's group's */
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int
join_lease(const struct config *c)
{
	const int r = queue_lease_join(&queue, NULL, c->queue.lease_ms);

	if (r < 0)
		queue_close(&queue);
	return r;
}

/* NULL: there is none. */
static const struct queue *
open_queue(const struct confinement *c)
{
	if (!queue_opened && c->start->print_fd < 0) {
		queue_error = queue_open(&queue, c->config->queue.directory, QUEUE_RECEIVE);
		if (queue_error == 0 && c->config->queue.lease_ms)
			queue_error = join_lease(c->config);
		queue_opened = queue_error == 0;
		if (queue_opened)	/* children of a listener have the map, too */
			(void)stats_map(queue.counts);
	}
	return queue_opened ? &queue : NULL;
}

/* They are mapped, and a rule of the sandbox has been made of the descriptor. */
static void
close_counts(void)
{
	if (queue.counts >= 0 && queue_opened)
		(void)close(queue.counts);
	queue.counts = -1;
}

/* The cause is in the line, so that an operator can mend it.  The sessions of a listener do not
 * repeat it. */
static void
warn(const struct sandbox_errors *errors)
{
	static bool warned;

	if (warned)
		return;
	warned = true;
	if (errors->files < 0)
		log_text(LOG_LEVEL_WARNING, "sandbox without Landlock: %s",
		    landlock_reason(errors->files));
	if (errors->calls < 0)
		log_text(LOG_LEVEL_WARNING, "sandbox without seccomp: %s",
		    seccomp_reason(errors->calls));
}

/* Do users have quotas? */
static bool
limits_users(const struct config *config)
{
	return config->server.user_messages || config->server.user_recipients ||
	       config->server.user_rate;
}

/* Can a proxy have checked a password, and does its user have quotas? */
static bool
counts_users(const struct config *config)
{
	const struct network_list *proxies = &config->server.xclient;

	return (proxies->n || proxies->local) && limits_users(config);
}

/* Other sessions need no desk. */
static int
desk_of(const struct config *config, int desk)
{
	return limits_users(config) ? desk : -1;
}

/* Can a password be checked here? */
static void
hold_logins(const struct config *config)
{
	if (config->server.auth == AUTH_OFF && !counts_users(config))
		return;
	if (queue_opened)
		logins_hold(queue.tmp);
	if (config->server.auth == AUTH_FILE)
		auth_file_hold(config->server.auth_target);
}

static bool
asks_users(const struct config *c)
{
	for (size_t i = 0; i < c->nroutes; i++)
		if (c->routes[i].users)
			return true;
	return false;
}

/* Inside the sandbox no connection can be made. */
static void
connect_helpers(const struct confinement *c)
{
	if (c->config->server.auth == AUTH_DOVECOT && c->may_log_in)
		auth_dovecot_hold(c->config->server.auth_target);
	if (asks_users(c->config))
		users_hold(c->config->server.users_socket);
}

void
confine_session(const struct confinement *c)
{
	struct sandbox sandbox = {
		.config = c->config, .client_fd = c->start->wfd,
		.gives_away = c->tls_later ? c->start->remark_fd : -1,
		.desk = desk_of(c->config, c->start->desk_fd),
	};
	struct sandbox_errors errors;

	if (confined)		/* a queue that is not there must not be looked for again */
		return;
	confined = true;
	sandbox.queue = open_queue(c);
	hold_logins(c->config);
	returns_hold(c->config->server.srs_secret);
	if (c->tls_later && c->start->remark_fd < 0) {
		/* The end of this process sends the other one a signal. */
		sandbox.keeps_signals = landlock_keep_signals() == 0;
		sandbox.has_starter = starter_fork(c->config, c->options, c->start) == 0;
	}
	milter_links_open(c->config, c->start->remark_fd >= 0);
	connect_helpers(c);
	log_seal();
	errors = sandbox_session(&sandbox);
	close_counts();
	warn(&errors);
}

/* Processes that fork sessions. */
static void
confine_parent(const struct confinement *c, enum sandbox_parent kind)
{
	const struct sandbox sandbox = {
		.queue = open_queue(c), .config = c->config,
		.config_file = c->options->config_file, .client_fd = -1, .desk = -1,
		.keeps_signals = c->start->tls_served,
	};
	struct sandbox_errors errors;

	if (c->start->print_fd < 0 && !queue_opened)
		return;
	errors = sandbox_parent(&sandbox, kind);
	close_counts();
	warn(&errors);
}

void
confine_listener(const struct confinement *c)
{
	confine_parent(c, !c->start->implicit ? SANDBOX_LISTENER : SANDBOX_LISTENER_KEYS);
}

void
confine_forker(const struct confinement *c)
{
	confine_parent(c, SANDBOX_FORKER);
}

void
confine_foresee(const struct config *config, int client_fd, int gives_away, int desk)
{
	sandbox_foresee(&(struct sandbox){ .queue = queue_opened ? &queue : NULL, .config = config,
	    .client_fd = client_fd, .gives_away = gives_away, .desk = desk_of(config, desk) });
}

bool
confine_lost_lease(void)
{
	return queue_opened && queue_lease_lost(&queue);
}

bool
confine_stale(void)
{
	return queue_opened && (queue_stale(&queue) || confine_lost_lease());
}

int
confine_queue(struct queue *ret)
{
	if (queue_opened)
		*ret = queue;
	return queue_error;
}
