// SPDX-License-Identifier: ISC
#include "session/handover.h"

#include "tests/lib/tap.h"

static const struct {
	const char *name;
	struct handover h;
	const char *text;
} both[] = {
	{ "a pipe that has said nothing", { 0, 1, -1, S(""), S("") }, "0 1 -1 - " },
	{ "a client of the network", { 7, 7, 1, S("192.0.2.1"), S("c.example") }, "7 7 1 192.0.2.1 c.example" },
	{ "IPv6, a literal", { 0, 0, -1, S("2001:db8::1"), S("[IPv6:2001:db8::1]") }, "0 0 -1 2001:db8::1 [IPv6:2001:db8::1]" },
	{ "a dash for a name", { 0, 1, 2, S(""), S("-") }, "0 1 2 - -" },
};

static const char *const bad[] = {
	"", " ", "0", "0 1", "0 1 -1", "-1 1 -1 -", "0 -1 -1 -", "x 1 -1 -", "0 1 -2 -", "0 1 2147483648 -", "0 1 +1 -", "--help",
};

int
main(void)
{
	for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
		char space[HANDOVER_MAX];
		struct buf b = BUF(space);
		struct handover h;

		handover_format(&b, &both[i].h);
		is(buf_slice(&b), slice_str(both[i].text), both[i].name);
		ok(handover_parse(&h, both[i].text) && h.rfd == both[i].h.rfd && h.wfd == both[i].h.wfd &&
		    h.print_fd == both[i].h.print_fd && slice_eq(h.client, both[i].h.client) && slice_eq(h.helo, both[i].h.helo),
		    "and back");
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct handover h;

		ok(!handover_parse(&h, bad[i]), "none: \"%s\"", bad[i]);
	}
	return tap_done();
}
