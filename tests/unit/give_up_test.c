// SPDX-License-Identifier: ISC
/* A message that is given up while notices are still owed: the sender gets all of them. */
#include "notice/give_up.h"

#include "tests/lib/mail.h"

static struct { char path[50], action[50]; } found[5];
static size_t nfound;

/* Keep the recipient and the action of a notice, and remove the notice. */
static bool
read_notice(void *ctx, const char *id)
{
	struct mail *m = ctx;
	struct queue_entry e;
	static char text[20000];
	char *at;
	ssize_t n;

	if (queue_load(&m->q, id, &e) < 0)
		abort();
	n = pread(e.fd, text, sizeof text - 1, (off_t)e.content_at);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "\r\nFinal-Recipient: rfc822; ");
	if (at && nfound < sizeof found / sizeof found[0])
		(void)sscanf(at, "\r\nFinal-Recipient: rfc822; %40s Action: %40s",
		    found[nfound].path, found[nfound].action);
	nfound++;
	queue_unload(&e);
	(void)queue_finish(&m->q, id);
	return true;
}

/* Is there a notice about path with this action? */
static bool
noticed(const char *path, const char *action)
{
	for (size_t i = 0; i < nfound; i++)
		if (strcmp(found[i].path, path) == 0 && strcmp(found[i].action, action) == 0)
			return true;
	return false;
}

static void
give_up(struct mail *m, const char *from, const char *params,
    const enum queue_rcpt_state states[5])
{
	static char host[] = "mail.example";
	static const struct config config = { .server.hostname = host };
	char to[500], bounce[QUEUE_ID_SIZE];
	struct queue_spot spot;

	(void)snprintf(to, sizeof to, "p@d %s|d@d %s|s@d %s|r@d %s|e@d %s", params, params, params,
	    params, params);
	mail_put(m, from, "", to, SL("Subject: x\r\n\r\n"));
	for (size_t i = 0; i < 5; i++)
		if (queue_mark(&m->e, i, states[i]) < 0)
			abort();
	memset(found, 0, sizeof found);
	nfound = 0;
	if (queue_find(&m->q, m->e.id, QUEUE_ANYWHERE, &spot) < 0 ||
	    give_up_message(&m->q, &config, &spot, bounce) < 0)
		abort();
	queue_spot_done(&spot);
	mail_clear(m);
	if (queue_take_new(&m->q, read_notice, m) < 0)
		abort();
}

int
main(void)
{
	static const enum queue_rcpt_state states[5] = {
		QUEUE_PENDING, QUEUE_DELIVERED, QUEUE_DELIVERED_OWED, QUEUE_RELAYED_OWED,
		QUEUE_EXPANDED_OWED,
	};
	static const enum queue_rcpt_state only_pending[5] = {
		QUEUE_PENDING, QUEUE_DELIVERED, QUEUE_DELIVERED, QUEUE_DELIVERED, QUEUE_DELIVERED,
	};
	static struct mail m;

	mail_init(&m);
	give_up(&m, "a@b", "NOTIFY=SUCCESS,FAILURE", states);
	ok(nfound == 4 && noticed("p@d", "failed") && noticed("s@d", "delivered") &&
	    noticed("r@d", "relayed") && noticed("e@d", "expanded"),
	    "B162 owed notices are sent with the failure, and no others");
	give_up(&m, "a@b", "", states);
	ok(nfound == 4 && noticed("r@d", "relayed"), "also notices owed without NOTIFY");
	give_up(&m, "a@b", "NOTIFY=NEVER", only_pending);
	ok(nfound == 0, "B162 NEVER: no notice");
	mail_done(&m);
	return tap_done();
}
