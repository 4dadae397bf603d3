// SPDX-License-Identifier: ISC
/*
 * The families of counters.  Values of a label are at the places of their counters: a new one goes
 * to the end of its list.
 */
#include "stats/stats.h"

static const char *const session_ends[] = {
	"quit", "errors", "early", "bare-newline", "lost", "eof", "session-timeout", "timeout",
	"slow", "idle", "limited", "shutdown", "tls", "proxy-header", "starttls", "messages",
	"filter", "elsewhere", "no-queue", NULL,
};
static const char *const tls_versions[] = { "none", "TLSv1.2", "TLSv1.3", NULL };
/* In the order of enum standing. */
static const char *const standings[] = { "stranger", "user", "owner", "trusted", NULL };
/* In the order of enum smtp_verdict. */
static const char *const verdicts[] = {
	"protocol", "sender", "relay", "unknown-user", "route", "space", "local-error", "tls",
	"password", "login-unavailable", "not-owner", "quota", "rate", "too-many-messages",
	"verified", "filter", NULL,
};
/* In the order of enum smtp_data_result. */
static const char *const contents[] = {
	"queued", "too-big", "space", "local-error", "bare-newline", "loop", "line-too-long",
	"filter", NULL,
};
/* In the order of enum strangers_limit; then the limit of the listener. */
static const char *const limits[] = {
	"client-connections", "client-rate", "client-failed-logins", "client-refused-recipients",
	"client-probes", "max-connections", "no-process", NULL,
};
/* In the order of enum outcome_cause. */
static const char *const causes[] = {
	"delivered", "dns-no-such-domain", "dns-null-mx", "dns-no-host", "dns-bad-name",
	"dns-unavailable", "own-host", "connect", "socket", "lost", "protocol", "session-refused",
	"no-tls", "tls-failed", "tls-unverified", "dane", "login", "reply-temporary",
	"reply-permanent", "too-big", "no-8bit", "no-smtputf8", "binary", "no-requiretls",
	"tls-needed", "no-deliverby", "deadline", "loop", "route-reject", "maildir",
	"maildir-quota", "maildir-space", "maildir-user", "forwarded", "expanded", "aliases",
	"empty-list", "local-error", "operator", "put-aside", "expired", "rate", NULL,
};
/* In the order of enum report_end. */
static const char *const ends[] = {
	"finished", "deferred", "dead", "put-aside", "held", "deleted", "given-up", "stuck", NULL,
};
/* In the order of enum notice_kind. */
static const char *const notices[] = {
	"failed", "delayed", "delivered", "relayed", "expanded", NULL,
};
static const char *const delivery_tls[] = { "none", "encrypted", "verified", "downgraded", NULL };

const int64_t stats_bounds_us[STATS_BOUNDS] = {
	10000, 50000, 100000, 500000, 1000000, 5000000, 10000000, 30000000, 60000000, 300000000,
	900000000, 3600000000, 14400000000, 86400000000,
};

#define REFUSED_HELP "Commands, contents, logins and clients that were refused, by reason."

const struct stats_row stats_table[STATS_END] = {
	[STATS_SESSIONS] = { "smtp_sessions_total", NULL, "end", session_ends,
	    .help = "Sessions that have ended, by the reason of their end." },
	[STATS_SESSION_TLS] = { "smtp_session_tls_total", NULL, "version", tls_versions,
	    .help = "Sessions that have ended, by the version of TLS." },
	[STATS_SESSION_TIME] = { "smtp_session_duration_seconds", NULL, NULL, NULL,
	    .help = "The duration of sessions.", .histogram = true },
	[STATS_ACCEPTED] = { "smtp_accepted_messages_total", NULL, "standing", standings,
	    .help = "Messages that were accepted, by the standing of the client." },
	[STATS_ACCEPTED_RCPTS] = { "smtp_accepted_recipients_total", NULL, NULL, NULL,
	    .help = "Recipients of the messages that were accepted." },
	[STATS_ACCEPTED_OCTETS] = { "smtp_accepted_bytes_total", NULL, NULL, NULL,
	    .help = "Octets of the messages that were accepted." },
	[STATS_REFUSED_SENDER] = { "smtp_refused_total", "what=\"sender\"", "reason", verdicts,
	    .help = REFUSED_HELP },
	[STATS_REFUSED_RCPT] = { "smtp_refused_total", "what=\"recipient\"", "reason", verdicts,
	    .help = REFUSED_HELP },
	[STATS_REFUSED_CONTENT] = { "smtp_refused_total", "what=\"content\"", "reason", contents,
	    .help = REFUSED_HELP },
	[STATS_REFUSED_LOGIN] = { "smtp_refused_total", "what=\"login\"", "reason", verdicts,
	    .help = REFUSED_HELP },
	[STATS_REFUSED_CLIENT] = { "smtp_refused_total", "what=\"client\"", "reason", limits,
	    .help = REFUSED_HELP },
	[STATS_LOGINS] = { "smtp_logins_total", NULL, NULL, NULL,
	    .help = "Logins that were accepted." },
	[STATS_RUNS] = { "smtp_relay_runs_total", NULL, NULL, NULL,
	    .help = "Starts of the queue runner." },
	[STATS_CAUSES] = { "smtp_relay_outcomes_total", NULL, "cause", causes,
	    .help = "Outcomes of attempts, one for each recipient, by cause." },
	[STATS_ENDS] = { "smtp_relay_messages_total", NULL, "end", ends,
	    .help = "Messages that the queue runner has let go, by what became of them." },
	[STATS_NOTICES] = { "smtp_relay_notices_total", NULL, "kind", notices,
	    .help = "Notices to senders; the kind failed is a bounce." },
	[STATS_DELIVERY_TLS] = { "smtp_relay_tls_total", NULL, "state", delivery_tls,
	    .help = "Recipients delivered over the network, by TLS." },
	[STATS_DELAY] = { "smtp_relay_delay_seconds", NULL, NULL, NULL,
	    .help = "From the arrival of a message to the delivery to a recipient.",
	    .histogram = true },
	[STATS_DNS] = { "smtp_relay_dns_seconds", NULL, NULL, NULL,
	    .help = "Questions to the DNS, of deliveries over the network.", .histogram = true },
	[STATS_CONNECT] = { "smtp_relay_connect_seconds", NULL, NULL, NULL,
	    .help = "Dialling, greeting and EHLO, of deliveries over the network.",
	    .histogram = true },
	[STATS_SEND] = { "smtp_relay_send_seconds", NULL, NULL, NULL,
	    .help = "From there to the final reply, of deliveries over the network.",
	    .histogram = true },
	[STATS_TROUBLES] = { "smtp_relay_troubles_total", NULL, NULL, NULL,
	    .help = "Errors of this machine that the queue runner has logged." },
};
