// SPDX-License-Identifier: ISC
#include "config/redis.h"

#include <sys/un.h>

#include "base/buf.h"
#include "tests/lib/tap.h"

static const struct {
	const char *text, *address;
	unsigned port, db;
} good[] = {
	{ "redis://192.0.2.1:6380/3", "192.0.2.1", 6380, 3 },
	{ "redis://192.0.2.1", "192.0.2.1", 6379, 0 },
	{ "redis://192.0.2.1/", "192.0.2.1", 6379, 0 },
	{ "redis://[2001:db8::1]:1/65535", "2001:db8::1", 1, 65535 },
	{ "redis://[::1]", "::1", 6379, 0 },
};

static const char *const bad[] = {
	"", "192.0.2.1", "redis:", "redis://", "redis://localhost", "redis://a.example:6379/0",
	"redis://192.0.2.1:0", "redis://192.0.2.1:65536", "redis://192.0.2.1/x",
	"redis://192.0.2.1/65536", "redis://192.0.2.1/-1", "redis://192.0.2.1/1/2",
	"rediss://192.0.2.1", "redis://user:secret@192.0.2.1", "unix:", "unix:run/redis.sock",
	"unix:/012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
	"45678901234567890123456",
};

int
main(void)
{
	struct redis_place place;
	const char *why;
	const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)&place.address;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		const struct sockaddr *sa = (const struct sockaddr *)&place.address;
		char space[80];
		struct buf address = BUF(space);
		const bool parsed = redis_place_parse(slice_str(good[i].text), &place, &why);

		address_text(&address, sa);
		ok(parsed && strcmp(buf_cstr(&address), good[i].address) == 0 &&
		    address_port(sa) == good[i].port && place.db == good[i].db, "%s", good[i].text);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		why = NULL;
		ok(!redis_place_parse(slice_str(bad[i]), &place, &why) && why, "no place: '%s'",
		    bad[i]);
	}
	ok(redis_place_parse(SL("unix:/run/redis.sock"), &place, &why) &&
	    un->sun_family == AF_UNIX && strcmp(un->sun_path, "/run/redis.sock") == 0, "a path");
	return tap_done();
}
