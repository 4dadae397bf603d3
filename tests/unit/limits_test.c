// SPDX-License-Identifier: ISC
/*
 * The limits in the manuals are those of the code: each number is read from the manual, and then
 * tried at its value and one above.
 */
#include <stdio.h>
#include <stdlib.h>

#include "config/keys.h"
#include "smtp/dsn.h"
#include "smtp/server.h"
#include "tests/lib/tap.h"

#define LONGEST 20000

static char manual_space[200000], line_space[LONGEST + 100];
static struct buf manual, line;

static bool
read_manual(const char *path)
{
	FILE *file = fopen(path, "r");

	manual = (struct buf)BUF(manual_space);
	if (file) {
		manual.n = fread(manual.p, 1, manual.cap - 1, file);
		(void)fclose(file);
	}
	manual.p[manual.n] = '\0';
	return ok(manual.n > 0 && manual.n < manual.cap - 1, "%s is read", path);
}

static void
add_times(size_t n, char c)
{
	while (n--)
		buf_chr(&line, c);
}

/* A domain of n octets in labels of at most 50. */
static void
add_domain(size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_chr(&line, i % 50 == 49 && i + 1 < n ? '.' : 'd');
}

static void
make_command(size_t n)
{
	buf_str(&line, "NOOP ");
	add_times(n - line.n - 2, 'x');
}

static void
make_ehlo(size_t n)
{
	buf_str(&line, "EHLO ");
	add_times(n, 'c');
}

static void
make_local_part(size_t n)
{
	buf_str(&line, "MAIL FROM:<");
	add_times(n, 'a');
	buf_str(&line, "@b>");
}

static void
make_domain(size_t n)
{
	buf_str(&line, "MAIL FROM:<a@");
	add_domain(n);
	buf_chr(&line, '>');
}

/* A source route fills it up. */
static void
make_path(size_t n)
{
	size_t at;

	buf_str(&line, "MAIL FROM:");
	at = line.n;
	buf_chr(&line, '<');
	while (line.n - at + 60 < n) {
		buf_str(&line, line.n - at > 1 ? ",@" : "@");
		add_times(50, 'r');
	}
	buf_str(&line, ":a@");
	add_domain(n - (line.n - at) - 1);
	buf_chr(&line, '>');
}

/* Each character is encoded in three. */
static void
make_envid(size_t n)
{
	buf_str(&line, "MAIL FROM:<a@b> ENVID=");
	while (n--)
		buf_str(&line, "+3D");
}

static void
make_orcpt(size_t n)
{
	size_t at;

	buf_str(&line, "RCPT TO:<u@b> ORCPT=");
	at = line.n;
	buf_str(&line, "rfc822;");
	add_times(n - (line.n - at), 'o');
}

/* A row of the list in smtp-handler(8). */
static const struct limit {
	const char *name;
	void (*make)(size_t n);
	int refusal;
} limits[] = {
	{ "a command line, with its CRLF", make_command, 500 },
	{ "the name in EHLO and HELO", make_ehlo, 501 },
	{ "a local part", make_local_part, 501 },
	{ "a domain", make_domain, 501 },
	{ "a path, with its brackets and source route", make_path, 501 },
	{ "the value of ENVID, before it was encoded", make_envid, 501 },
	{ "the value of ORCPT", make_orcpt, 501 },
};

/* The reply to a line with that length of the limited part. */
static int
reply_to(const struct limit *limit, size_t n)
{
	static const struct server server = {
		.hostname = S("mx.example"), .max_recipients = 100, .max_errors = 20,
	};
	static struct server_session s;
	struct smtp_reply r;

	server_init(&s, &server);
	line = (struct buf)BUF(line_space);
	limit->make(n);
	if (limit->make == make_orcpt) {
		(void)server_command(&s, SL("MAIL FROM:<a@b>"));
		(void)server_decide(&s, SMTP_ACCEPT, SL(""));
	}
	if (line.n + 2 > server_line_max(&s))
		return server_overlong(&s).code;
	r = server_command(&s, buf_slice(&line));
	if (r.next == SMTP_NEXT_CHECK_MAIL || r.next == SMTP_NEXT_CHECK_RCPT)
		r = server_decide(&s, SMTP_ACCEPT, SL(""));
	return r.code;
}

/* The number behind ".It name Ta"; 0 if there is none. */
static size_t
number_of(const char *name)
{
	char row[100];
	const char *found;

	(void)snprintf(row, sizeof row, "\n.It %s Ta ", name);
	found = strstr(manual.p, row);
	return found ? strtoul(found + strlen(row), NULL, 10) : 0;
}

static void
test_server(void)
{
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		const struct limit *l = &limits[i];
		const size_t n = number_of(l->name);

		if (!ok(n > 0 && n < LONGEST / 3, "H072 the manual has %s: %zu", l->name, n))
			continue;
		ok(reply_to(l, n) == 250, "H072 %s of %zu octets is taken", l->name, n);
		ok(reply_to(l, n + 1) == l->refusal, "H072 one of %zu is refused", n + 1);
		ok(n >= 255, "and the limit is no least size");
	}
	ok(number_of("a line of AUTH, with its CRLF") == SMTP_AUTH_LINE, "a line of AUTH");
}

/* ---- the bounds of numbers in the configuration ---- */

/* The text "from 1 to 10000" for a key with bounds, as the program has it. */
static bool
bounds_of(int key, struct buf *why)
{
	static const struct slice values[] = { S("1000000000000000d"), S("999999999999T"),
		S("99999999999999") };
	struct config c = { 0 };
	bool found = false;

	for (size_t i = 0; i < sizeof values / sizeof values[0] && !found; i++) {
		why->n = 0;
		found = keys_set(&c, key, values[i], why) < 0 &&
		    slice_has_prefix(buf_slice(why), SL("must be from"));
	}
	config_done(&c);
	return found;
}

/* The lines of a key in the manual, joined: up to the next key.  Some keys share their lines. */
static bool
paragraph_of(const char *section, struct slice key, struct buf *ret)
{
	const char *start = strstr(manual.p, section), *at, *end;
	char alone[80], shared[80];

	(void)snprintf(alone, sizeof alone, "\n.It Cm %.*s = ", (int)key.n, key.p);
	(void)snprintf(shared, sizeof shared, " %.*s ", (int)key.n, key.p);
	at = start ? strstr(start, alone) : NULL;
	if (!at)
		at = start ? strstr(start, shared) : NULL;
	end = at ? strstr(at + 1, "\n.It ") : NULL;
	for (; end && at < end; at++)
		buf_chr(ret, *at == '\n' ? ' ' : *at);
	return end != NULL;
}

static void
test_bounds(const char *section)
{
	char names_space[2000];
	struct buf names = BUF(names_space);
	struct slice rest, name;
	char heading[40];

	(void)snprintf(heading, sizeof heading, "\n.Ss [%s]", section);
	keys_names(slice_str(section), &names);
	for (rest = buf_slice(&names); rest.n; rest = slice_trim(rest)) {
		char why_space[200], text_space[4000];
		struct buf why = BUF(why_space), text = BUF(text_space);
		struct slice bounds;

		name = slice_cut(rest, ',', &rest);
		if (!bounds_of(keys_find(slice_str(section), name), &why))
			continue;
		bounds = slice_skip(buf_slice(&why), strlen("must be "));
		ok(paragraph_of(heading, name, &text) &&
			memmem(text.p, text.n, bounds.p, bounds.n),
		    "[%s] %.*s: the manual has \"%.*s\"", section, (int)name.n, name.p,
		    (int)bounds.n, bounds.p);
	}
}

int
main(void)
{
	if (read_manual("man/smtp-handler.8"))
		test_server();
	if (read_manual("man/smtp-handler.conf.5")) {
		test_bounds("queue");
		test_bounds("server");
		test_bounds("relay");
		test_bounds("verify");
	}
	return tap_done();
}
