// SPDX-License-Identifier: ISC
/* hosts/secured: names with records of DANE, for thirty days. */
#include "hosts/secured.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "hosts/hosts.h"
#include "tests/lib/tap.h"

#define NOW INT64_C(1800000000)

static void
test_times(void)
{
	struct secured s = { .n = 0 };

	ok(!secured_has(&s, "mx.example.org", NOW), "no name at first");
	ok(secured_add(&s, "mx.example.org", NOW), "a name is new");
	ok(!secured_add(&s, "mx.example.org", NOW + 86399), "nothing to save within a day");
	ok(secured_fresh(&s, "mx.example.org", NOW + 86399) &&
	    !secured_fresh(&s, "mx.example.org", NOW + 86400), "a day");
	ok(secured_has(&s, "mx.example.org", NOW + SECURED_S - 1) &&
	    !secured_has(&s, "mx.example.org", NOW + SECURED_S), "thirty days");
	ok(secured_add(&s, "mx.example.org", NOW + 86400) && s.n == 1 &&
	    secured_has(&s, "mx.example.org", NOW + SECURED_S), "seen again, it counts anew");
	ok(!secured_has(&s, "example.org", NOW) && !secured_has(&s, "mx.example.orga", NOW),
	    "other names");
	secured_done(&s);
}

static void
test_names(void)
{
	static const char *const bad[] = {
		"", "MX.example.org", "mx example.org", "mx.example.org\n", "m\303\244x.org", "a/b",
	};
	struct secured s = { .n = 0 };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(!secured_add(&s, bad[i], NOW), "bad name %zu", i);
	ok(s.n == 0 && secured_add(&s, "_mx-1.example.org", NOW), "a good name");
	secured_done(&s);
}

static void
test_limit(void)
{
	struct secured s = { .n = 0 };
	char name[40];

	for (int i = 0; i <= SECURED_MAX; i++) {
		(void)snprintf(name, sizeof name, "mx%d.example.org", i);
		(void)secured_add(&s, name, NOW + i);
	}
	ok(s.n == SECURED_MAX && !secured_has(&s, "mx0.example.org", NOW) &&
	    secured_has(&s, "mx1.example.org", NOW) && secured_has(&s, name, NOW),
	    "the oldest makes room");
	secured_done(&s);
}

static void
test_file(void)
{
	char dir[] = "/tmp/secured_test.XXXXXX", command[60];
	struct hosts h = { 0 }, again;
	struct host_report r = { .event = HOST_SECURED, .name = "mx.example.org" };
	const int fd = mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY) : -1;
	struct secured s = { .n = 0 };

	ok(host_report_valid(&r), "a report of a name is valid");
	hosts_learn(&h, &r, clock_wall_s());
	ok(h.changed && h.n == 0 && h.secured.n == 1, "it is no host");
	ok(hosts_save(&h, fd) == 0 && !h.changed, "it is saved");
	hosts_load(&again, fd);
	ok(again.secured.n == 1 && secured_has(&again.secured, "mx.example.org", clock_wall_s()),
	    "and loaded");
	hosts_learn(&again, &r, clock_wall_s());
	ok(!again.changed, "nothing new");
	(void)secured_add(&s, "old.example.org", NOW - SECURED_S);
	(void)secured_add(&s, "new.example.org", NOW);
	ok(secured_save(&s, fd, NOW) == 0, "saved");
	secured_done(&s);
	secured_load(&s, fd);
	ok(s.n == 1 && secured_has(&s, "new.example.org", NOW), "old names are left out");
	secured_done(&s);
	secured_parse(&s, SL("# name seen\nmx.example.org 1800000000\nno.time\nx 1 2\n\n"
	    "a.example.org -1\nb.example.org 99999999999999999999\nhalf.example.org 18000"));
	ok(s.n == 1 && secured_has(&s, "mx.example.org", NOW), "damaged lines are dropped");
	secured_done(&s);
	hosts_done(&h);
	hosts_done(&again);
	(void)close(fd);
	(void)snprintf(command, sizeof command, "rm -r %s", dir);
	if (system(command) != 0)
		abort();
}

int
main(void)
{
	test_times();
	test_names();
	test_limit();
	test_file();
	return tap_done();
}
