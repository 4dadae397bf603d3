// SPDX-License-Identifier: ISC
/*
 * The moments of destinations with a rate.  The first line of the input is the last note of a
 * message, the rest is the file of a run before.
 */
#include "runner/rates.c"
#include "tests/fuzz/folder.h"
#include "tests/lib/rates_alone.h"

#define NOW_S INT64_C(1800000000)
#define NOW   (NOW_S * SECOND_US)
#define STEP  (10 * SECOND_US)

/* A message that waits has its place and its time in its note. */
static void
must_note(const struct rates_wait *w)
{
	struct outcome o;
	struct rates_wait again;
	char space[sizeof o.detail + 100];
	struct buf note = BUF(space);

	rates_outcome(w, &o);
	buf_fmt(&note, "deferred %s why=\"%s\"", o.status, o.detail);
	again = rates_note(buf_slice(&note));
	must(again.place_us == w->place_us);
	must(w->place_us == 0 || (again.until_s == w->until_s && again.turn == w->turn));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rates_line line = { S("mx a.example"), STEP, 1 };
	struct slice file, note = slice_cut(slice_of((const char *)data, size), '\n', &file);
	struct rates_wait w = rates_note(note), later;
	const int state = folder_get()->tmp;
	struct rates r;
	size_t n;

	folder_write(state, FILE_NAME, file);
	rates_load(&r, state, NOW);
	must(r.n <= RATES_MAX && !r.lost);
	if (!ask_alone(&r, &line, &w, NOW)) {
		must(w.until_s >= NOW_S && w.until_s <= NOW_S + RATES_FAR_S + 1);
		must_note(&w);
		later = w;
		must(!ask_alone(&r, &line, &later, NOW + 1) && later.until_s >= NOW_S);
	}
	(void)rates_stay(&r, NOW_S, NOW);
	rates_save(&r, NOW_S, NOW);
	n = r.n;
	rates_done(&r);
	rates_load(&r, state, NOW);
	must(r.n == n);
	rates_done(&r);
	return 0;
}
