// SPDX-License-Identifier: ISC
/*
 * Sheets from a process that a message has taken over.  A sheet that is taken must be safe for all
 * that the runner does with it.
 */
#include "config/config.h"
#include "runner/rank.h"
#include "runner/sheet.h"
#include "tests/fuzz/fuzz.h"

static size_t
must_be_line(struct slice s)
{
	must(!slice_has_control(s));
	return s.n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config config = { .ndkim = 1 };
	const struct slice octets = slice_of((const char *)data, size);
	struct sheet s;
	size_t sum;

	if (sheet_read(&config, "0T29CKDKGCSF4BGW", octets, &s) < 0)
		return 0;
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
