// SPDX-License-Identifier: ISC
/*
 * Sheets from a process that a message has taken over.  A sheet that is taken must be safe for all
 * that the runner does with it.  After a "p" the input changes octets of a sheet that is good: two
 * octets of its place, and the new octet.
 */
#include "config/config.h"
#include "runner/rank.h"
#include "runner/sheet.h"
#include "tests/fuzz/fuzz.h"

#define ID "0T29CKDKGCSF4BGW"

static size_t
must_be_line(struct slice s)
{
	must(!slice_has_control(s));
	return s.n;
}

static const struct config config = { .ndkim = 1 };

static struct slice
change_sheet(const uint8_t *data, size_t size)
{
	static char space[4000];
	struct queue_rcpt rcpts[] = {
		{ .path = S("Bob@Example.NET"), .domain = S("Example.NET"), .at = 300,
		    .state = 'P' },
		{ .path = S("postmaster"), .params = S("NOTIFY=NEVER"), .at = 400, .state = 'S' },
	};
	struct queue_entry e = {
		.id = ID, .fd = -1, .content_at = 900, .content_size = 77,
		.arrived_us = INT64_C(1763787774000001), .attempts = 3, .warned = true,
		.standing = STANDING_TRUSTED, .from = S("a@example.org"),
		.from_params = S("HOLDFOR=60 BY=100;R MT-PRIORITY=3"), .rcpts = rcpts, .nrcpts = 2,
	};
	struct buf b = BUF(space);

	sheet_write(&config, &e, 0, &b);
	must(!b.full && b.n);
	for (; size >= 3; data += 3, size -= 3)
		b.p[((size_t)data[0] << 8 | data[1]) % b.n] = (char)data[2];
	return buf_slice(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const bool changes = size && data[0] == 'p';
	const struct slice octets = changes ? change_sheet(data + 1, size - 1) :
	    slice_of((const char *)data, size);
	struct sheet s;
	size_t sum;

	if (sheet_read(&config, ID, octets, &s) < 0) {
		must(!changes || size > 3);
		return 0;
	}
	must(queue_entry_valid(&s.e) && s.rank < RANKS && s.right.scope < DKIM_SCOPES);
	/* Each is read as a bool, which a sanitizer checks. */
	sum = s.e.warned || s.e.expanded || s.released || s.deadline.set || s.deadline.give_back;
	sum += must_be_line(s.e.from) + must_be_line(s.e.quarantine) +
	    must_be_line(s.right.domain);
	for (size_t i = 0; i < s.e.nrcpts; i++) {
		const struct queue_rcpt *rcpt = &s.e.rcpts[i];

		must(s.rcpts[i].route && s.rcpts[i].local <= rcpt->path.n);
		sum += must_be_line(rcpt->path) + must_be_line(rcpt->domain) +
		    must_be_line(s.rcpts[i].last);
		sum += s.rcpts[i].wants_failed || s.rcpts[i].wants_delayed;
	}
	must(sum > 0);
	sheet_done(&s);
	return 0;
}
