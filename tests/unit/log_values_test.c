// SPDX-License-Identifier: ISC
/* base/log: values with any octets and of any length. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/tap.h"
#include "tests/unit/log_run.h"

static const struct {
	const char *name;
	struct slice value;
	const char *want;
} values[] = {
	{ "plain", S("a@example.org"), "a@example.org" },
	{ "empty", S(""), "\"\"" },
	{ "blank", S("a b"), "\"a b\"" },
	{ "quote", S("a\"b"), "\"a\\\"b\"" },
	{ "equals", S("a=b"), "\"a=b\"" },
	{ "backslash", S("a\\b"), "\"a\\\\b\"" },
	{ "newline", S("a\nevent x=y"), "\"a\\x0aevent x=y\"" },
	{ "crlf", S("\r\n"), "\"\\x0d\\x0a\"" },
	{ "nul", S("a\0b"), "\"a\\x00b\"" },
	{ "tab", S("\t"), "\"\\x09\"" },
	{ "escape", S("\033[2J"), "\"\\x1b[2J\"" },
	{ "delete", S("\177"), "\"\\x7f\"" },
	{ "utf8", S("b\xc3\xbc" "cher"), "\"b\xc3\xbc" "cher\"" },
	{ "utf8_four_octets", S("\xf0\x9f\x93\xa7"), "\"\xf0\x9f\x93\xa7\"" },
	{ "utf8_cut", S("a\xc3"), "\"a\\xc3\"" },
	{ "utf8_overlong", S("\xc0\xaf"), "\"\\xc0\\xaf\"" },
	{ "utf8_overlong_three", S("\xe0\x80\xaf"), "\"\\xe0\\x80\\xaf\"" },
	{ "utf8_surrogate", S("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"" },
	{ "utf8_above_the_last", S("\xf4\x90\x80\x80"), "\"\\xf4\\x90\\x80\\x80\"" },
	{ "utf8_lone_continuation", S("\x80"), "\"\\x80\"" },
	{ "c1_control", S("\xc2\x9b" "2J"), "\"\\xc2\\x9b2J\"" },
	{ "line_separator", S("\xe2\x80\xa8"), "\"\\xe2\\x80\\xa8\"" },
	{ "right_to_left_override", S("\xe2\x80\xae"), "\"\\xe2\\x80\\xae\"" },
};

static void
all_values(void)
{
	struct log_line l;

	log_open("test");
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		log_begin(&l, LOG_LEVEL_INFO, "e");
		log_str(&l, "v", values[i].value);
		log_str(&l, "w", SL("x"));
		log_end(&l);
	}
	log_text(LOG_LEVEL_INFO, "a sentence with \"quotes\"\nand \\ %s", "\033");
}

static void
check_values(void)
{
	int p[2];
	char room[16384], want[200];
	struct slice line, rest;

	if (pipe(p) < 0)
		exit(1);
	run(all_values, p[1]);
	rest = drain(p[0], room, sizeof room);
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		line = slice_cut(rest, '\n', &rest);
		(void)snprintf(want, sizeof want, "test[%d]: e v=%s w=x", (int)child,
		    values[i].want);
		is(line, slice_str(want), values[i].name);
	}
	is_line(rest, "", "a sentence with \"quotes\"\\x0aand \\ \\x1b\n");
	(void)close(p[0]);
	(void)close(p[1]);
}

static const size_t lengths[] = { 500, 508, 509, 510, 513, 514, 1000, 100000 };

static void
long_values(void)
{
	static char letters[100000], tabs[100000];
	struct log_line l;

	memset(letters, 'a', sizeof letters);
	memset(tabs, '\t', sizeof tabs);
	log_open("test");
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		log_begin(&l, LOG_LEVEL_INFO, "e");
		log_str(&l, "a", slice_of(letters, lengths[i]));
		log_str(&l, "b", SL("x"));
		log_end(&l);
	}
	log_begin(&l, LOG_LEVEL_INFO, "tabs");
	log_str(&l, "a", slice_of(tabs, sizeof tabs));
	log_end(&l);
	/* The line itself runs full, at any place. */
	for (size_t room = 0; room < 512; room += 3) {
		log_begin(&l, LOG_LEVEL_INFO, "full");
		for (int i = 0; i < 6; i++) {
			log_str(&l, "k", slice_of(room % 2 ? tabs : letters, room));
			log_uint(&l, "number", UINT64_MAX);
			log_str(&l, "t", slice_of(tabs, room));
		}
		log_end(&l);
	}
	log_text(LOG_LEVEL_INFO, "%.*s", (int)sizeof tabs, tabs);
}

static void
check_long(void)
{
	char path[] = "/tmp/smtp-handler-log-test-XXXXXX";
	static char room[1 << 20];
	int fd = mkstemp(path);
	struct slice line, rest;
	unsigned lines = 0, marks = 0, bad = 0;

	if (fd < 0)
		exit(1);
	(void)unlink(path);
	run(long_values, fd);
	(void)lseek(fd, 0, SEEK_SET);
	rest = drain(fd, room, sizeof room);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		line = slice_cut(rest, '\n', &rest);
		if (lengths[i] <= 510)
			ok(!memmem(line.p, line.n, "...", 3), "%zu octets are whole", lengths[i]);
		else
			ok(memmem(line.p, line.n, "a... b=x", 8) != NULL, "%zu octets are cut",
			    lengths[i]);
	}
	line = slice_cut(rest, '\n', &rest);
	ok(memmem(line.p, line.n, "\\x09...\"", 8) != NULL,
	    "cut between escapes, with the closing quote");
	while (rest.n) {
		line = slice_cut(rest, '\n', &rest);
		lines++;
		bad += line.n >= sizeof ((struct log_line *)NULL)->text;
		marks += line.n > 3 && memcmp(line.p + line.n - 3, "...", 3) == 0;
	}
	ok(lines == 172 && bad == 0, "full lines are one line each, and bounded (%u)", lines);
	ok(marks > 100, "text left out is marked (%u)", marks);
	(void)close(fd);
}

int
main(void)
{
	(void)unsetenv("JOURNAL_STREAM");
	start_syslogd();
	check_values();
	check_long();
	return tap_done();
}
