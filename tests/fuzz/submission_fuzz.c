// SPDX-License-Identifier: ISC
/*
 * Additions to a message that is submitted, behind the filter that mends its header section.  The
 * first octet is the size of the pieces.  In pieces or whole, the result is the same; it has a
 * Date, a Message-ID and no Bcc, and it is complete: a second pass changes nothing.  The senders of
 * this host get another address.
 */
#include <string.h>

#include "message/mend.h"
#include "message/submission.h"
#include "tests/fuzz/fuzz.h"

#define MAX 65536
#define ROOM (16 * MAX)

static char once[ROOM], pieces[ROOM], twice[ROOM];
static struct submission s;
static struct mend m;

static void
take(void *ctx, struct slice octets)
{
	buf_add(ctx, octets);
}

static bool
replace(void *ctx, struct slice address, struct buf *ret)
{
	(void)ctx;
	must(memchr(address.p, '@', address.n) != NULL);
	if (address.n < 10 ||
	    !slice_ieq(slice_skip(address, address.n - 10), SL("@h.example")))
		return false;
	buf_str(ret, "x@elsewhere.example");
	return true;
}

static void
pass_on(void *ctx, struct slice octets)
{
	submission_content(ctx, octets);
}

static struct slice
submit(struct slice in, size_t step, char *space)
{
	static struct buf out;

	out = (struct buf){ .p = space, .cap = ROOM };
	submission_begin(&s, SL("h.example"), SL("ID1"), 0, take, &out);
	s.replace = replace;
	mend_begin(&m, pass_on, &s);
	while (in.n) {
		const size_t n = in.n < step ? in.n : step;
		char *exact = malloc(n);

		must(exact != NULL);
		memcpy(exact, in.p, n);
		mend_content(&m, slice_of(exact, n));
		free(exact);
		in = slice_skip(in, n);
	}
	mend_end(&m);
	submission_end(&s);
	must(!out.full);
	return buf_slice(&out);
}

static void
check_fields(struct slice rest)
{
	unsigned dates = 0, ids = 0;
	struct field f;

	while (field_next(&rest, FIELD_TO_BROKEN_LINE, &f)) {
		dates += field_is(&f, SL("Date"));
		ids += field_is(&f, SL("Message-ID"));
		must(!field_is(&f, SL("Bcc")) && !field_is(&f, SL("Resent-Bcc")));
	}
	must(dates && ids);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in, out;

	if (size == 0 || size > MAX)
		return 0;
	in = slice_of((const char *)data + 1, size - 1);
	out = submit(in, MAX, once);
	must(slice_eq(submit(in, 1U + data[0], pieces), out));
	check_fields(out);
	must(slice_eq(submit(out, ROOM, twice), out));
	return 0;
}
