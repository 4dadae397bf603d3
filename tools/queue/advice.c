// SPDX-License-Identifier: ISC
#include "tools/queue/advice.h"

static const char *const table[CAUSE_COUNT] = {
	[CAUSE_DNS_DEFER] =
	    "The name servers gave no answer. Type: smtp-queue doctor",
	[CAUSE_CONNECT] =
	    "No exchanger of the destination answered. If this holds for all of them, port 25"
	    " is probably blocked: smtp-queue doctor tries it. Else wait: the mail goes out "
	    "as soon as a host is back.",
	[CAUSE_SOCKET] =
	    "No server listens on the socket of an lmtp: route. Start the server, or correct "
	    "the route, then type: smtp-queue retry --all",
	[CAUSE_LOST] =
	    "The connection broke off in a session. smtp-queue log ID shows where; if it is "
	    "always in the content, look at firewalls and the MTU of the path.",
	[CAUSE_PROTOCOL] =
	    "The host sent a reply without meaning. smtp-queue log ID shows it; its operator "
	    "must know.",
	[CAUSE_REFUSED_SESSION] =
	    "The host refuses this machine, perhaps because of a list of senders of spam. "
	    "Read its reply (smtp-queue log ID), then type: smtp-queue doctor",
	[CAUSE_NO_TLS] =
	    "A route requires TLS and the host does not announce it. Ask its operator, or set"
	    " tls = may for this route.",
	[CAUSE_TLS_FAILED] =
	    "The handshake failed. The next attempt goes without TLS if that is allowed; "
	    "smtp-queue log ID has the reason.",
	[CAUSE_TLS_UNVERIFIED] =
	    "The certificate of the host does not prove its name. smtp-queue log ID has the "
	    "reason; its operator must renew it.",
	[CAUSE_DANE] =
	    "The DNS does not answer what TLS the host must offer (DANE). If this holds for "
	    "many hosts, type: smtp-queue doctor. Else the operator of that host must mend "
	    "its zone; smtp-relay --explain ADDRESS has the reasons.",
	[CAUSE_LOGIN] =
	    "The smarthost refused the login. Correct user and password-file of the route, "
	    "then type: smtp-queue retry --all",
	[CAUSE_RATE] =
	    "The route has a rate, and the mail goes out when its time has come. If that is too "
	    "slow, raise [route] rate, then type: smtp-queue retry --all",
	[CAUSE_REPLY_TEMPORARY] =
	    "The host asked for another attempt later, as with greylisting. If it still does "
	    "so after hours, read its reply: smtp-queue log ID",
	[CAUSE_MAILDIR] =
	    "A mailbox could not be written. The log has the path and the error: journalctl "
	    "-t smtp-relay",
	[CAUSE_MAILDIR_QUOTA] =
	    "The owner of the mailbox has no space left. Mail must be deleted there, or the "
	    "quota raised.",
	[CAUSE_MAILDIR_SPACE] =
	    "The file system of the mailbox is full. Type: df -h",
	[CAUSE_ALIASES] =
	    "An aliases file has a mistake. Type: smtp-relay --check",
	[CAUSE_LOCAL] =
	    "An error of this machine. The log has it: journalctl -t smtp-relay",
};

const char *
advice_of(enum outcome_cause cause)
{
	return table[cause];
}
