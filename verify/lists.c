// SPDX-License-Identifier: ISC
/*
 * A list that lies is not asked for a while, by no process of the listener, and the log has one
 * line about it.
 */
#include "verify/lists.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "auth/listed.h"
#include "base/clock.h"
#include "base/log.h"

#define OFF_MS (60 * 60 * 1000)

struct off_until {
	_Atomic int64_t ms[DNSBL_MAX];	/* of clock_ms(), by the place of the list */
};

static struct off_until own, *off = &own;

void
lists_share(void)
{
	void *p = mmap(NULL, sizeof *off, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	    0);

	if (p != MAP_FAILED)
		off = p;
}

/* The postmaster has to be reachable for who is listed by mistake (RFC 5321 section 4.5.1). */
static bool
is_postmaster(struct slice path)
{
	const char *at;

	if (path.n >= 2 && path.p[0] == '<' && path.p[path.n - 1] == '>')
		path = slice_of(path.p + 1, path.n - 2);
	at = path.n ? memrchr(path.p, '@', path.n) : NULL;
	if (at)
		path.n = (size_t)(at - path.p);
	return slice_ieq(path, SL("postmaster"));
}

static size_t
read_lists(const struct config *config, struct dnsbl ret[DNSBL_MAX])
{
	struct slice rest = slice_str(config->verify.dnsbl);
	size_t n = 0;

	while (n < DNSBL_MAX && dnsbl_next(&rest, &ret[n]) > 0)
		n++;
	return n;
}

static void
turn_off(const struct dnsbl *list, size_t i)
{
	const int64_t now_ms = clock_ms(), before = atomic_exchange(&off->ms[i], now_ms + OFF_MS);

	if (before <= now_ms)
		log_text(LOG_LEVEL_ERROR, "dnsbl %.*s gives answers that no list gives, and is not "
		    "asked for an hour: its name server, or ours, lies or refuses questions",
		    (int)list->zone.n, list->zone.p);
}

/* Ask all lists.  True if one has the client, or each has answered; *ret_hit: the list that has it,
 * or n. */
static bool
ask_all(const struct auth_dns *dns, const struct dnsbl *lists, size_t n,
    const struct check_client *client, size_t *ret_hit)
{
	bool done = true;

	*ret_hit = n;
	for (size_t i = 0; i < n; i++) {
		if (atomic_load(&off->ms[i]) > clock_ms())
			continue;
		switch (listed_check(dns, &lists[i], client->ipv6, client->address)) {
		case LISTED_PENDING:
			done = false;
			break;
		case LISTED_YES:
			if (*ret_hit == n)
				*ret_hit = i;
			break;
		case LISTED_LIES:
			turn_off(&lists[i], i);
			break;
		case LISTED_NO:
			break;
		}
	}
	return done || *ret_hit < n;
}

static void
ask(struct lists *l, const struct config *config, const struct dns_resolver *r,
    const struct check_client *client)
{
	static struct answers answers;
	struct dnsbl lists[DNSBL_MAX];
	const size_t n = read_lists(config, lists);
	struct auth_dns dns = answers_dns(&answers);
	struct sockaddr_storage ss;
	char space[256];
	struct buf text = BUF(space);
	size_t hit;

	answers_begin(&answers, r, (int)config->verify.timeout_ms);
	while (!ask_all(&dns, lists, n, client, &hit))
		answers_wait(&answers);
	if (hit < n) {
		while (!listed_text(&dns, &lists[hit], client->ipv6, client->address, &text))
			answers_wait(&answers);
		check_client_address(client, &ss);
		buf_str(&l->reply, "550 5.7.1 Client [");
		address_text(&l->reply, (const struct sockaddr *)&ss);
		buf_str(&l->reply, "] is listed by ");
		buf_add(&l->reply, lists[hit].zone);
		buf_str(&l->reply, text.n ? ": " : "");
		buf_add(&l->reply, buf_slice(&text));
	}
	answers_end(&answers);
}

struct slice
lists_refusal(struct lists *l, const struct config *config, const struct dns_resolver *r,
    const struct check_client *client, struct slice rcpt)
{
	if (!config->verify.dnsbl || is_postmaster(rcpt))
		return SL("");
	if (!l->asked) {
		l->reply = (struct buf)BUF(l->space);
		ask(l, config, r, client);
		l->asked = true;
	}
	return buf_slice(&l->reply);
}
