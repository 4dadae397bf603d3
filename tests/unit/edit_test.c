// SPDX-License-Identifier: ISC
#include "message/edit.h"

#include "tests/lib/tap.h"

static struct edit e;

#define OWN "Received: us\r\n"
#define REST "A: 1\r\nB : 2\r\n\t3\r\na:4\r\n"

enum what { ADD, INSERT, CHANGE };

static const struct {
	const char *name;
	enum what what;
	size_t index;
	const char *field, *value, *want;	/* want NULL: refused */
	bool no_blank;
} cases[] = {
	{ "a field is added at the end", ADD, 0, "X", "v", OWN REST "X: v\r\n", false },
	{ "a field without a blank", ADD, 0, "X", "v", OWN REST "X:v\r\n", true },
	{ "a field of several lines", ADD, 0, "X", "v\n w\n\tx", OWN REST "X: v\r\n w\r\n\tx\r\n",
	  false },
	{ "no line begins a field", ADD, 0, "X", "v\nEvil: w\r\n\r\nbody",
	  OWN REST "X: v\r\n\tEvil: w\r\n\tbody\r\n", false },
	{ "a bare CR is a blank", ADD, 0, "X", "v\rw", OWN REST "X: v w\r\n", false },
	{ "an empty value is added", ADD, 0, "X", "", OWN REST "X: \r\n", false },
	{ "index 0 is above ours", INSERT, 0, "X", "v", "X: v\r\n" OWN REST, false },
	{ "index 1 is below ours", INSERT, 1, "X", "v", OWN "X: v\r\n" REST, false },
	{ "index 2", INSERT, 2, "X", "v", OWN "A: 1\r\nX: v\r\nB : 2\r\n\t3\r\na:4\r\n", false },
	{ "an index of the end", INSERT, 4, "X", "v", OWN REST "X: v\r\n", false },
	{ "an index behind it", INSERT, 9, "X", "v", OWN REST "X: v\r\n", false },
	{ "the first of a name changes", CHANGE, 1, "a", "v", OWN "a: v\r\nB : 2\r\n\t3\r\na:4\r\n",
	  false },
	{ "the second of a name changes", CHANGE, 2, "A", "v",
	  OWN "A: 1\r\nB : 2\r\n\t3\r\nA: v\r\n",
	  false },
	{ "index 0 means 1", CHANGE, 0, "B", "v", OWN "A: 1\r\nB: v\r\na:4\r\n", false },
	{ "a field is removed", CHANGE, 1, "B", "", OWN "A: 1\r\na:4\r\n", false },
	{ "a field that is not there is added", CHANGE, 3, "A", "v", OWN REST "A: v\r\n", false },
	{ "a field that is not there is not removed", CHANGE, 3, "A", "", OWN REST, false },
	{ "ours does not count", CHANGE, 1, "Received", "v", OWN REST "Received: v\r\n", false },
	{ "a name with a blank", ADD, 0, "X Y", "v", NULL, false },
	{ "a name with a colon", ADD, 0, "X:", "v", NULL, false },
	{ "no name", ADD, 0, "", "v", NULL, false },
};

static bool
run(enum what what, size_t index, const char *field, const char *value, bool blank)
{
	const struct slice name = slice_str(field), text = slice_str(value);

	return what == ADD ? edit_add(&e, name, text, blank) :
	    what == INSERT ? edit_insert(&e, index, name, text, blank) :
	    edit_change(&e, index, name, text, blank);
}

static void
test_limits(void)
{
	static char value[EDIT_MAX / 2];

	memset(value, 'x', sizeof value - 1);
	edit_begin(&e);
	edit_octets(&e, SL(OWN REST));
	ok(!run(ADD, 0, "X", value, true), "a field that does not fit");
	(void)is(edit_fields(&e), SL(OWN REST), "nothing changes then");
	value[sizeof value / 2] = '\0';
	ok(run(ADD, 0, "X", value, true), "a large field that fits");
}

int
main(void)
{
	char space[100];
	struct buf b = BUF(space);
	struct slice rest;
	struct field f;
	size_t n = 0;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool done;

		edit_begin(&e);
		edit_octets(&e, SL(OWN REST));
		done = run(cases[i].what, cases[i].index, cases[i].field, cases[i].value,
		    !cases[i].no_blank);
		(void)is(edit_fields(&e), slice_str(cases[i].want ? cases[i].want : OWN REST),
		    cases[i].name);
		ok(done == (cases[i].want != NULL), "%s: the result", cases[i].name);
	}
	edit_begin(&e);
	edit_octets(&e, SL(OWN REST));
	(void)edit_insert(&e, 0, SL("Top"), SL("t"), true);
	(void)edit_change(&e, 1, SL("Top"), SL(""), true);
	rest = edit_fields(&e);
	ok(edit_next(&e, &rest, &n, &f) && field_is(&f, SL("A")),
	    "ours is hidden after a field above it has come and gone");
	(void)edit_next(&e, &rest, &n, &f);
	edit_value(&b, &f, false);
	(void)is(buf_slice(&b), SL("2\n\t3"), "a value has LF, and no blank");
	b.n = 0;
	edit_value(&b, &f, true);
	(void)is(buf_slice(&b), SL(" 2\n\t3"), "a value with its blank");
	test_limits();
	return tap_done();
}
