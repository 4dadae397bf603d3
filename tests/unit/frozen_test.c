// SPDX-License-Identifier: ISC
#include "runner/frozen.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/tap.h"

#define NOW INT64_C(1800000000)

static char directory[] = "/tmp/frozen_test.XXXXXX", password[100];
static char star[] = "*", anna[] = "anna@example.org", name[] = "example.org";
static char via[] = "smtp://h", user[] = "anna";
static const struct route by_star = {
	.pattern = star, .via = VIA_SMTP, .via_text = via, .user = user, .password_file = password,
};
static const struct route by_anna = {
	.pattern = anna, .by_sender = true, .via = VIA_SMTP, .via_text = via,
};
static const struct route by_name = { .pattern = name, .via = VIA_SMTP, .via_text = via };
static const struct route sender_of_that_name = {
	.pattern = name, .by_sender = true, .via = VIA_SMTP, .via_text = via,
};
static int state_fd;

static void
write_at(const char *file, const char *text)
{
	int fd = openat(state_fd, file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		exit(1);
	(void)close(fd);
}

static bool
has_file(void)
{
	return faccessat(state_fd, "frozen", F_OK, 0) == 0;
}

static struct outcome
refusal(void)
{
	struct outcome o;

	outcome_set(&o, CAUSE_LOGIN, SL("mail.example[192.0.2.1]:587"),
	    SL("535 5.7.8 no, gr\303\274n"));
	return o;
}

/* A run by hand has no credentials of the unit: the next run of the unit tries at once. */
static void
test_by_hand(void)
{
	static char credential[] = "provider";
	const struct route r = {
		.pattern = name, .via = VIA_SMTP, .via_text = via, .user = user,
		.password_file = credential,
	};
	const struct outcome o = refusal();
	struct frozen_list f;

	(void)unsetenv("CREDENTIALS_DIRECTORY");
	frozen_load(&f, state_fd, NOW);
	ok(frozen_add(&f, &r, &o, NOW) && frozen_now(&f, &r, NOW), "frozen in this run");
	frozen_done(&f);
	frozen_load(&f, state_fd, NOW);
	ok(f.n == 0 && !frozen_now(&f, &r, NOW), "not in the next one");
	frozen_done(&f);
	(void)unlinkat(state_fd, "frozen", 0);
}

static void
test_pauses(void)
{
	static const int64_t pauses[] = { 300, 600, 1200, 2400, 3600, 3600 };
	const struct outcome o = refusal();
	struct frozen_list f;
	int64_t now_s = NOW;
	bool good = true;

	frozen_load(&f, state_fd, NOW);
	ok(f.n == 0 && !frozen_now(&f, &by_star, NOW) && !frozen_remove(&f, &by_star) &&
	    !has_file(), "nothing is frozen at first");
	for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
		const struct frozen *e = frozen_add(&f, &by_star, &o, now_s);

		good = good && e && e->until_s - now_s == pauses[i] && e->since_s == NOW &&
		    !frozen_add(&f, &by_star, &o, now_s + 1) &&
		    frozen_now(&f, &by_star, now_s + pauses[i] - 1) == e &&
		    !frozen_now(&f, &by_star, now_s + pauses[i]);
		now_s += pauses[i];
	}
	ok(good, "each refusal doubles the pause, up to an hour; refusals in a pause do not count");
	ok(!frozen_now(&f, &by_name, NOW) && !frozen_now(&f, &by_anna, NOW),
	    "no other route is frozen");
	ok(frozen_remove(&f, &by_star) && !frozen_remove(&f, &by_star) && f.n == 0 && !has_file(),
	    "a good login: no file is left");
	frozen_done(&f);
}

static void
test_file(void)
{
	const struct outcome o = refusal();
	struct frozen_list f;
	struct frozen *e;

	frozen_load(&f, state_fd, NOW);
	(void)frozen_add(&f, &by_star, &o, NOW);
	(void)frozen_add(&f, &by_anna, &o, NOW);
	(void)frozen_add(&f, &by_name, &o, NOW);
	frozen_done(&f);
	frozen_load(&f, state_fd, NOW);
	e = frozen_now(&f, &by_anna, NOW + 1);
	ok(f.n == 3 && e && e->until_s == NOW + 300 && e->pause_s == 300 && !e->reported,
	    "another run finds it");
	is(slice_str(e->why), SL("mail.example[192.0.2.1]:587: 535 5.7.8 no, gr\303\274n"),
	    "with its reason");
	ok(frozen_now(&f, &by_name, NOW + 1) && !frozen_now(&f, &sender_of_that_name, NOW + 1),
	    "a sender is not a route of that name");
	frozen_done(&f);
	frozen_load(&f, state_fd, NOW + 300 + 86400);
	ok(f.n == 0, "an entry that ended long ago is forgotten");
	frozen_done(&f);
	frozen_load(&f, state_fd, NOW - 10000);
	ok(f.n == 3 && !frozen_now(&f, &by_name, NOW - 10000),
	    "a clock that was set back lengthens no pause");
	frozen_done(&f);
	frozen_load(&f, state_fd, NOW);
	frozen_forget(state_fd);
	ok(!frozen_now(&f, &by_name, NOW + 1) && !frozen_now(&f, &by_star, NOW + 1),
	    "without the file all routes are released");
	e = frozen_add(&f, &by_star, &o, NOW + 2);
	ok(e && e->pause_s == 300 && e->since_s == NOW + 2 && has_file(),
	    "the next refusal counts as the first");
	ok(frozen_remove(&f, &by_name) && frozen_remove(&f, &by_anna) &&
	    frozen_remove(&f, &by_star) && !has_file(), "good logins: no file is left");
	frozen_done(&f);
}

static void
test_changes(void)
{
	const struct outcome o = refusal();
	struct route changed = by_star;
	char other[] = "ben", command[] = "/bin/true x", elsewhere[] = "smtps://h";
	struct frozen_list f;

	write_at("password", "one\n");
	frozen_load(&f, state_fd, NOW);
	(void)frozen_add(&f, &by_star, &o, NOW);
	ok(frozen_now(&f, &by_star, NOW + 1) != NULL, "frozen if nothing has changed");
	changed.user = other;
	ok(!frozen_now(&f, &changed, NOW + 2), "not with another user");
	ok(frozen_add(&f, &changed, &o, NOW + 2)->since_s == NOW + 2 &&
	    frozen_now(&f, &changed, NOW + 2)->pause_s == 300, "the other user has its own pause");
	changed.via_text = elsewhere;
	ok(!frozen_now(&f, &changed, NOW + 3), "not with another host");
	changed.token_command = command;
	(void)frozen_add(&f, &changed, &o, NOW + 3);
	changed.token_command = NULL;
	ok(!frozen_now(&f, &changed, NOW + 4), "not without the command");
	(void)frozen_add(&f, &by_star, &o, NOW + 5);
	write_at("password", "three\n");
	ok(!frozen_now(&f, &by_star, NOW + 6), "not with another password");
	(void)frozen_add(&f, &by_star, &o, NOW + 6);
	(void)unlinkat(state_fd, "password", 0);
	ok(!frozen_now(&f, &by_star, NOW + 7), "not without a password");
	(void)frozen_remove(&f, &by_star);
	frozen_done(&f);
}

static const char *const damaged[] = {
	"", "x", "1 2 3 4\n", "1 2 3 4 route\n", "1 2 3 4 road * why\n", "-1 2 300 4 route * why\n",
	"1 2 0 4 route * why\n", "1 2 3601 4 route * why\n",
	"1 2 300 99999999999999999999 route * why\n", "1 2 300 4 route * w\001hy\n",
	"1 2 300 4 route  why\n", "99999999999999999999 2 300 4 route * why\n",
};

static void
test_damage(void)
{
	static char text[5000];
	struct frozen_list f;

	for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
		write_at("frozen", damaged[i]);
		frozen_load(&f, state_fd, 100);
		ok(f.n == 0, "a damaged line, row %zu", i);
		frozen_done(&f);
	}
	write_at(
	    "frozen", "# a remark\n1 2 300 4 route * why not\nnonsense\n1 2 300 4 sender a@b\n");
	frozen_load(&f, state_fd, 100);
	ok(f.n == 2 && strcmp(f.list[0].why, "why not") == 0 &&
	    strcmp(f.list[1].name, "sender a@b") == 0, "good lines among damaged ones");
	frozen_done(&f);
	memset(text, 'x', sizeof text - 1);
	memcpy(text, "1 2 300 4 route * ", 18);
	write_at("frozen", text);
	frozen_load(&f, state_fd, 100);
	ok(f.n == 0, "a line without end");
	frozen_done(&f);
	frozen_forget(state_fd);
}

/* A full file, as somebody else may have written it. */
static void
test_full(void)
{
	const struct outcome o = refusal();
	struct frozen_list f;
	FILE *file = fdopen(openat(state_fd, "frozen", O_WRONLY | O_CREAT | O_TRUNC, 0600), "w");

	if (!file)
		exit(1);
	for (int i = 0; i < 5000; i++)
		fprintf(file, "%lld %lld 300 1 route r%d.example why\n", (long long)NOW,
		    (long long)(i % 2 ? NOW + 1000 + i : INT64_MAX / 4), i);
	(void)fclose(file);
	frozen_load(&f, state_fd, NOW);
	ok(f.n == 1000, "a full file is read in part (%zu)", f.n);
	ok(frozen_add(&f, &by_star, &o, NOW) && frozen_now(&f, &by_star, NOW + 1),
	    "a full list takes a new route all the same");
	ok(f.n == 1000, "it does not grow");
	frozen_done(&f);
	frozen_load(&f, state_fd, NOW);
	ok(frozen_now(&f, &by_star, NOW + 1), "the file has the new route");
	frozen_done(&f);
	frozen_forget(state_fd);
}

int
main(void)
{
	if (!mkdtemp(directory) || (state_fd = open(directory, O_RDONLY | O_DIRECTORY)) < 0)
		return 1;
	(void)snprintf(password, sizeof password, "%s/password", directory);
	test_by_hand();
	test_pauses();
	test_full();
	test_file();
	test_changes();
	test_damage();
	ok(rmdir(directory) == 0, "nothing is left behind");
	return tap_done();
}
