// SPDX-License-Identifier: ISC
#include "session/handover.h"

#include "tests/lib/tap.h"

static const struct {
	const char *name;
	struct handover h;
	const char *text;
} both[] = {
	{ .name = "a pipe without a client",
	  .h = { .rfd = 0, .wfd = 1, .print_fd = -1, .config_fd = -1 },
	  .text = "0 1 -1 -1 - " },
	{ .name = "a client of the network",
	  .h = { .rfd = 7, .wfd = 7, .print_fd = 1, .config_fd = 5,
	    .client = S("192.0.2.1"),
	    .helo = S("c.example") },
	  .text = "7 7 1 5 192.0.2.1 c.example" },
	{ .name = "IPv6, a literal",
	  .h = { .rfd = 0, .wfd = 0, .print_fd = -1, .config_fd = 0,
	    .client = S("2001:db8::1"),
	    .helo = S("[IPv6:2001:db8::1]") },
	  .text = "0 0 -1 0 2001:db8::1 [IPv6:2001:db8::1]" },
	{ .name = "a dash for a name",
	  .h = { .rfd = 0, .wfd = 1, .print_fd = 2, .config_fd = -1, .helo = S("-") },
	  .text = "0 1 2 -1 - -" },
};

static const char *const bad[] = {
	"", " ", "0", "0 1", "0 1 -1", "0 1 -1 -1", "-1 1 -1 -1 -", "0 -1 -1 -1 -", "x 1 -1 -1 -",
	"0 1 -2 -1 -", "0 1 -1 -2 -", "0 1 -1 -", "0 1 2147483648 -1 -", "0 1 +1 -1 -", "--help",
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
		ok(handover_parse(&h, both[i].text) && h.rfd == both[i].h.rfd &&
		    h.wfd == both[i].h.wfd && h.print_fd == both[i].h.print_fd &&
		    h.config_fd == both[i].h.config_fd &&
		    slice_eq(h.client, both[i].h.client) && slice_eq(h.helo, both[i].h.helo),
		    "it is parsed back");
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct handover h;

		ok(!handover_parse(&h, bad[i]), "not a handover: \"%s\"", bad[i]);
	}
	return tap_done();
}
