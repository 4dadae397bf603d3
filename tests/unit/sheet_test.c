// SPDX-License-Identifier: ISC
/*
 * Sheets: what a process that reads messages writes, and damaged ones, which it might write after a
 * message has taken it over.
 */
#include "runner/sheet.h"

#include <errno.h>
#include <stdlib.h>

#include "runner/rank.h"
#include "tests/lib/tap.h"

#define ID "0T29CKDKGCSF4BGW"

static struct queue_rcpt rcpts[2];
static const struct config config = { .ndkim = 1 };

static struct queue_entry
sample(void)
{
	struct queue_entry e = {
		.id = ID, .fd = -1, .content_at = 900, .content_size = 77,
		.arrived_us = INT64_C(1763787774000001), .attempts = 3, .warned = true,
		.report = true,
		.standing = STANDING_TRUSTED, .from = S("a@example.org"),
		.from_params = S("HOLDFOR=60 BY=100;R MT-PRIORITY=3"),
		.quarantine = S("a filter says so"), .rcpts = rcpts, .nrcpts = 2,
	};

	rcpts[0] = (struct queue_rcpt){
		.path = S("Bob@Example.NET"), .domain = S("Example.NET"), .at = 300, .state = 'P',
	};
	rcpts[1] = (struct queue_rcpt){
		.path = S("postmaster"), .params = S("NOTIFY=NEVER"), .at = 400, .state = 'S',
	};
	return e;
}

static struct slice
written(int error, char *space, size_t cap)
{
	struct buf b = { .p = space, .cap = cap };
	struct queue_entry e = sample();

	sheet_write(&config, &e, error, &b);
	return b.full ? slice_of(space, 0) : buf_slice(&b);
}

static void
test_whole(void)
{
	char space[4000];
	const struct slice octets = written(0, space, sizeof space);
	struct sheet s;

	if (!ok(sheet_read(&config, ID, octets, &s) == 0, "a sheet is read"))
		return;
	memset(space, 'x', sizeof space);
	ok(strcmp(s.e.id, ID) == 0 && s.e.fd == -1 && s.e.content_at == 900 &&
		s.e.content_size == 77 && s.e.attempts == 3 && s.e.warned && !s.e.expanded &&
		s.e.report && s.e.arrived_us == INT64_C(1763787774000001),
	    "it has the numbers of the message");
	ok(slice_eq(s.e.from, SL("a@example.org")) &&
		slice_eq(s.e.quarantine, SL("a filter says so")) && !s.released,
	    "it has the texts, in memory of its own");
	/* The second of its arrival has begun: HOLDFOR is over in that after the 60 s. */
	ok(s.release_s == 1763787775 + 60 && s.deadline.set && s.deadline.give_back &&
		s.deadline.at_s == 1763787774 + 100 && s.rank == RANK_USUAL + 3,
	    "it has what the parameters ask for");
	ok(s.e.nrcpts == 2 && slice_eq(s.e.rcpts[0].path, SL("Bob@Example.NET")) &&
		slice_eq(s.e.rcpts[0].domain, SL("example.net")) && s.rcpts[0].local == 4 &&
		s.e.rcpts[0].state == 'P' && s.e.rcpts[0].at == 300 && s.rcpts[0].wants_failed &&
		s.rcpts[0].route == config_route(&config, SL("example.net")),
	    "it has a recipient, with the domain in canonical form, and its route");
	ok(slice_eq(s.e.rcpts[1].path, SL("postmaster")) && s.e.rcpts[1].domain.n &&
		s.e.rcpts[1].state == 'S' && !s.rcpts[1].wants_failed && !s.rcpts[1].wants_delayed,
	    "it has the recipient who has no domain and whose sender wants no notice");
	sheet_done(&s);
}

static void
test_errors(void)
{
	char space[4000];
	struct slice octets = written(-EBADMSG, space, sizeof space);
	struct sheet s;

	ok(sheet_read(&config, ID, octets, &s) == -EBADMSG, "a file that is no message");
	octets = written(0, space, sizeof space);
	ok(written(0, space, octets.n).n == octets.n && written(0, space, octets.n - 1).n == 0,
	    "a sheet has room, or is not written");
	ok(written(-EBADMSG, space, 10).n == 0, "an error has room, or is not written");
	octets = written(0, space, sizeof space);
	for (size_t n = 0; n < octets.n; n++)
		if (sheet_read(&config, ID, slice_of(space, n), &s) != -EPROTO)
			ok(false, "a sheet that was cut after %zu octets is none", n);
	octets.n++;
	ok(sheet_read(&config, ID, octets, &s) == -EPROTO, "a sheet with an octet more is none");
}

static bool
is_safe(const struct sheet *s)
{
	bool safe = queue_entry_valid(&s->e) && s->rank < RANKS && s->right.scope < DKIM_SCOPES &&
	    !slice_has_control(s->e.from) && !slice_has_control(s->e.quarantine) &&
	    !slice_has_control(s->right.domain);

	for (size_t i = 0; i < s->e.nrcpts; i++)
		safe = safe && s->rcpts[i].route && s->rcpts[i].local <= s->e.rcpts[i].path.n &&
		    !slice_has_control(s->e.rcpts[i].path) &&
		    !slice_has_control(s->e.rcpts[i].domain);
	return safe;
}

/* Each octet of a sheet takes each value. */
static void
test_damaged(void)
{
	char space[4000];
	const struct slice octets = written(0, space, sizeof space);
	size_t taken = 0, refused = 0, unsafe = 0;
	struct sheet s;

	for (size_t i = 0; i < octets.n; i++) {
		const char was = space[i];

		for (int value = 0; value < 256; value++) {
			space[i] = (char)value;
			if (sheet_read(&config, ID, octets, &s) < 0) {
				refused++;
				continue;
			}
			taken++;
			unsafe += !is_safe(&s);
			sheet_done(&s);
		}
		space[i] = was;
	}
	ok(taken > 0 && refused > 0 && unsafe == 0,
	    "one octet is wrong: %zu sheets are taken, %zu refused, %zu are not safe", taken,
	    refused, unsafe);
}

int
main(void)
{
	test_whole();
	test_errors();
	test_damaged();
	return tap_done();
}
