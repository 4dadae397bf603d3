// SPDX-License-Identifier: ISC
/*
 * The judgements of the doctor, and the reading of replies to its questions.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "dns/probe.h"
#include "doctor/judge.h"
#include "doctor/units.h"
#include "tests/lib/tap.h"

static void
is_state(struct verdict v, enum doctor_state wanted, const char *name)
{
	ok(v.state == wanted && (wanted == DOCTOR_OK) == !v.why, "%s", name);
}

static void
names(void)
{
	static const struct {
		const char *name;
		enum doctor_state state;
	} rows[] = {
		{ "mail.example.org", DOCTOR_OK },
		{ "localhost.example.org", DOCTOR_OK },
		{ "localhost", DOCTOR_FAULT },
		{ "mail", DOCTOR_FAULT },
		{ "[127.0.0.1]", DOCTOR_FAULT },
		{ "host.localdomain", DOCTOR_FAULT },
		{ "nas.FRITZ.local", DOCTOR_FAULT },
		{ "x.home.arpa", DOCTOR_FAULT },
		{ "mail_1.example.org", DOCTOR_FAULT },
		{ "", DOCTOR_FAULT },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		is_state(judge_name(slice_str(rows[i].name)), rows[i].state, rows[i].name);
}

static void
numbers(void)
{
	const int64_t now_s = 1800000000, day_s = 86400;

	is_state(judge_space(99, 100), DOCTOR_FAULT, "space below min-free");
	is_state(judge_space(100, 100), DOCTOR_WARNING, "space of min-free");
	is_state(judge_space(199, 100), DOCTOR_WARNING, "space just below twice min-free");
	is_state(judge_space(200, 100), DOCTOR_OK, "space of twice min-free");
	is_state(judge_space(0, 0), DOCTOR_OK, "no space, and none is demanded");
	is_state(judge_inodes(0, 0), DOCTOR_OK, "a file system without a number of inodes");
	is_state(judge_inodes(5, 0), DOCTOR_FAULT, "no inode");
	is_state(judge_inodes(5000, 999), DOCTOR_WARNING, "999 inodes");
	is_state(judge_inodes(5000, 1000), DOCTOR_OK, "1000 inodes");
	is_state(judge_clock(now_s, now_s, true), DOCTOR_OK, "the clock is right");
	is_state(judge_clock(now_s, now_s, false), DOCTOR_WARNING, "nothing sets the clock");
	is_state(judge_clock(now_s, now_s + day_s, true), DOCTOR_OK, "the clock is a day behind");
	is_state(judge_clock(now_s, now_s + day_s + 1, true), DOCTOR_FAULT,
	    "the clock is more than a day behind");
	is_state(judge_dates(now_s, now_s, now_s + 14 * day_s), DOCTOR_OK, "14 days are left");
	is_state(judge_dates(now_s, now_s, now_s + 14 * day_s - 1), DOCTOR_WARNING,
	    "less than 14 days are left");
	is_state(judge_dates(now_s, now_s - 9, now_s), DOCTOR_FAULT, "it has just expired");
	is_state(judge_dates(now_s, now_s + 1, now_s + 99 * day_s), DOCTOR_FAULT,
	    "it is not valid yet");
}

static void
records(void)
{
	static const struct {
		const char *a, *b;	/* the texts of the name */
		enum doctor_state spf, dmarc;
	} rows[] = {
		{ "v=spf1 mx -all", "v=DMARC1; p=none", DOCTOR_OK, DOCTOR_OK },
		{ "V=SPF1 ~ALL", "v=dmarc1;p=reject; sp=none", DOCTOR_OK, DOCTOR_OK },
		{ "v=spf1 redirect=_spf.example", "v=DMARC1;  p = quarantine ", DOCTOR_OK,
		  DOCTOR_OK },
		{ "v=spf1 mx +all", "v=DMARC1; rua=mailto:a@b.example", DOCTOR_FAULT,
		  DOCTOR_FAULT },
		{ "v=spf1 all", "v=DMARC1; p=strict", DOCTOR_FAULT, DOCTOR_FAULT },
		{ "v=spf1 mx", "v=DMARC10; p=none", DOCTOR_WARNING, DOCTOR_WARNING },
		{ "v=spf10 -all", "google-site-verification=x", DOCTOR_WARNING,
		  DOCTOR_WARNING },
		{ "v=spf1", "v=DMARC1", DOCTOR_WARNING, DOCTOR_FAULT },
	};
	static const struct slice two_spf[] = { S("v=spf1 -all"), S("v=spf1 mx -all") };
	static const struct slice two_dmarc[] = { S("v=DMARC1; p=none"), S("v=DMARC1; p=none") };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct slice both[] = { slice_str(rows[i].a), slice_str(rows[i].b) };

		is_state(judge_spf(both, 2), rows[i].spf, rows[i].a);
		is_state(judge_dmarc(both, 2), rows[i].dmarc, rows[i].b);
	}
	is_state(judge_spf(two_spf, 2), DOCTOR_FAULT, "two records of SPF");
	is_state(judge_dmarc(two_dmarc, 2), DOCTOR_FAULT, "two records of DMARC");
	is_state(judge_spf(NULL, 0), DOCTOR_WARNING, "no text: no SPF");
	is_state(judge_dmarc(NULL, 0), DOCTOR_WARNING, "no text: no DMARC");
}

static void
sessions(void)
{
	static const char hello[] = "220 h\r\n250-h\r\n250-SIZE\r\n250 HELP\r\n250 2.1.0 ok\r\n";
	char text[400];
	static const struct {
		const char *name, *rest;
		enum doctor_state state;
	} rows[] = {
		{ "all recipients are refused", "550 a\r\n550 b\r\n550 c\r\n221 bye\r\n",
		  DOCTOR_OK },
		{ "the second recipient is accepted", "550 a\r\n250 b\r\n550 c\r\n221 bye\r\n",
		  DOCTOR_FAULT },
		{ "a recipient is accepted to be forwarded", "251 a\r\n550 b\r\n221 bye\r\n",
		  DOCTOR_FAULT },
		{ "recipients are refused for a while", "450 a\r\n450 b\r\n221 bye\r\n",
		  DOCTOR_OK },
		{ "the session ends after MAIL", "", DOCTOR_SKIPPED },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		(void)snprintf(text, sizeof text, "%s%s", hello, rows[i].rest);
		is_state(judge_relay(slice_str(text)), rows[i].state, rows[i].name);
	}
	is_state(judge_relay(SL("421 4.3.2 refused\r\n")), DOCTOR_SKIPPED, "a session is refused");
	is_state(judge_relay(SL("")), DOCTOR_SKIPPED, "no session");
}

static void
addresses(void)
{
	static const struct {
		const char *text, *reverse;
		bool is_public;
	} rows[] = {
		{ "192.0.2.1", "1.2.0.192.in-addr.arpa", true },
		{ "10.0.0.1", "1.0.0.10.in-addr.arpa", false },
		{ "172.31.255.255", "255.255.31.172.in-addr.arpa", false },
		{ "172.32.0.0", "0.0.32.172.in-addr.arpa", true },
		{ "100.64.0.1", "1.0.64.100.in-addr.arpa", false },
		{ "2001:db8::1",
		  "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
		  true },
		{ "fe80::1",
		  "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f.ip6.arpa",
		  false },
		{ "::1",
		  "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
		  false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sockaddr_storage ss;
		socklen_t len;
		char space[80];
		struct buf b = BUF(space);

		ok(address_parse(slice_str(rows[i].text), 0, &ss, &len) &&
		    judge_public((const struct sockaddr *)&ss) == rows[i].is_public,
		    "%s is %s", rows[i].text, rows[i].is_public ? "public" : "private");
		dns_reverse_name(&b, (const struct sockaddr *)&ss);
		is(buf_slice(&b), slice_str(rows[i].reverse), "its reverse name");
	}
}

/* A reply about 1.2.0.192.in-addr.arpa, PTR, with a compressed name, and OPT behind it. */
static const uint8_t ptr_reply[] =
    "\0\1\x81\xa0\0\1\0\1\0\0\0\1"
    "\1x\4arpa\0\0\x0c\0\1"
    "\xc0\x0c\0\x0c\0\1\0\0\0\x3c\0\x0a" "\4mail\2EX\xc0\x0e"
    "\0\0\x29\x04\xd0\0\0\0\0\0\0";

static const uint8_t txt_reply[] =
    "\0\1\x81\x80\0\1\0\2\0\0\0\0"
    "\1x\4arpa\0\0\x10\0\1"
    "\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\x0d" "\6v=spf1\5 -all"
    "\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\4" "\3a\0b";

static void
replies(void)
{
	static struct dns_probe p;
	uint8_t packet[sizeof txt_reply];
	bool whole = true;

	p = (struct dns_probe){ .type = DNS_PROBE_PTR };
	ok(dns_probe_read(ptr_reply, sizeof ptr_reply - 1, &p) && p.n == 1, "a name of an address");
	is(slice_str(p.texts[0]), SL("mail.ex.arpa"), "it is decompressed, in lower case");
	ok(p.edns && p.validated, "the reply has EDNS and AD");
	p = (struct dns_probe){ .type = DNS_PROBE_TXT };
	ok(dns_probe_read(txt_reply, sizeof txt_reply - 1, &p) && p.n == 2, "two texts");
	is(slice_str(p.texts[0]), SL("v=spf1 -all"), "the strings of a text are joined");
	is(slice_str(p.texts[1]), SL("a?b"), "NUL in a text");
	ok(!p.edns && !p.validated, "the reply has neither EDNS nor AD");
	for (size_t n = 0; n < sizeof txt_reply - 1; n++)
		whole &= !dns_probe_read(txt_reply, n, &p);
	ok(whole, "a packet that is cut anywhere is damaged");
	memcpy(packet, txt_reply, sizeof packet);
	packet[24] = 0xc0;		/* the owner of the first record refers to itself */
	packet[25] = 24;
	ok(!dns_probe_read(packet, sizeof packet - 1, &p), "a name that refers to itself");
}

/* The findings of units_judge() about the text, one line each. */
static struct slice
judge_units(struct config *c, const char *text, int landlock, char *space, size_t size)
{
	struct doctor_finding f;
	struct buf b = { .p = space, .cap = size };
	struct doctor d = { .config = c };
	int fds[2];

	if (pipe2(fds, O_NONBLOCK) < 0)
		return slice_of(NULL, 0);
	d.out = fds[1];
	units_judge(&d, slice_str(text), landlock);
	while (read(fds[0], &f, sizeof f) == (ssize_t)sizeof f) {
		buf_str(&b, f.state == DOCTOR_OK ? "ok"
		    : f.state == DOCTOR_FAULT ? "fault" : "warning");
		buf_str(&b, ": ");
		buf_str(&b, f.text);
		buf_str(&b, f.fix[0] ? " > " : "");
		buf_str(&b, f.fix);
		buf_chr(&b, '\n');
	}
	(void)close(fds[0]);
	(void)close(fds[1]);
	return buf_slice(&b);
}

#define UNIT(id, active, enabled, more) \
	"Id=" id "\nLoadState=loaded\nActiveState=" active "\nUnitFileState=" enabled "\n" more "\n"
#define LISTEN UNIT("smtp-handler-listen.socket", "active", "enabled", "")
#define PATH   UNIT("smtp-relay.path", "active", "enabled", "Paths=/q/new (DirectoryNotEmpty)\n")
#define TIMER  UNIT("smtp-relay.timer", "active", "enabled", "")
#define RELAY  UNIT("smtp-relay.service", "inactive", "static", "TasksMax=200\nLimitNOFILE=4096\n")
#define CONFINED                                                                               \
	UNIT("smtp-relay.service", "inactive", "static",                                       \
	    "ExecStart={ path=/s/smtp-relay ; argv[]=/s/smtp-relay --confine ; pid=0 }\n")

static void
units(void)
{
	static const struct {
		const char *name, *text, *findings;
	} rows[] = {
		{ "all is well", LISTEN PATH TIMER RELAY,
		  "ok: mail is taken, and starts the runner\n" },
		{ "no units", "", "warning: the units are not installed > "
		  "make install, or apt install smtp-handler\n" },
		{ "both sockets of port 25",
		  LISTEN UNIT("smtp-handler.socket", "active", "enabled", "") PATH TIMER RELAY,
		  "fault: smtp-handler-listen.socket and smtp-handler.socket are both enabled, for "
		  "port 25 > systemctl disable --now smtp-handler.socket; systemctl start "
		  "smtp-handler-listen.socket\n" },
		{ "units of different ports",
		  LISTEN PATH TIMER RELAY
		  UNIT("smtp-handler-submission.socket", "active", "enabled", ""),
		  "ok: mail is taken, and starts the runner\n" },
		{ "the path unit has failed",
		  LISTEN UNIT("smtp-relay.path", "failed", "enabled", "") TIMER RELAY,
		  "fault: smtp-relay.path has failed > journalctl -u smtp-relay.path; systemctl "
		  "reset-failed smtp-relay.path; systemctl restart smtp-relay.path\n" },
		{ "the path unit was stopped",
		  LISTEN UNIT("smtp-relay.path", "inactive", "enabled", "") TIMER RELAY,
		  "fault: smtp-relay.path is enabled but does not run > systemctl start "
		  "smtp-relay.path\n" },
		{ "the timer is not enabled",
		  LISTEN PATH UNIT("smtp-relay.timer", "inactive", "disabled", "") RELAY,
		  "fault: smtp-relay.timer is not enabled, so mail waits in the queue > systemctl "
		  "enable --now smtp-relay.timer\n" },
		{ "another queue",
		  LISTEN TIMER RELAY
		  UNIT("smtp-relay.path", "active", "enabled", "Paths=/z/new (D)\n"),
		  "fault: smtp-relay.path does not know the queue /q > systemctl edit "
		  "smtp-relay.path: [Path] DirectoryNotEmpty=, and in the next line "
		  "DirectoryNotEmpty=/q/new\n" },
		{ "a queue with a longer name",
		  LISTEN TIMER RELAY
		  UNIT("smtp-relay.path", "active", "enabled", "Paths=/q/new2 (D)\n"),
		  "fault: smtp-relay.path does not know the queue /q > systemctl edit "
		  "smtp-relay.path: [Path] DirectoryNotEmpty=, and in the next line "
		  "DirectoryNotEmpty=/q/new\n" },
		{ "the former queue and ours",
		  LISTEN TIMER RELAY
		  UNIT("smtp-relay.path", "active", "enabled",
		      "Paths=/z/new (DirectoryNotEmpty)\nPaths=/q/new (DirectoryNotEmpty)\n"),
		  "fault: smtp-relay.path watches /z/new, too: a message left there starts the "
		  "runner without end > systemctl edit smtp-relay.path: [Path] "
		  "DirectoryNotEmpty=, and in the next line DirectoryNotEmpty=/q/new\n" },
		{ "too few tasks",
		  LISTEN PATH TIMER
		  UNIT("smtp-relay.service", "inactive", "static", "TasksMax=199\n"),
		  "fault: smtp-relay.service: TasksMax=199 is less than [relay] processes needs "
		  "(200) > systemctl edit smtp-relay.service: [Service] TasksMax=200\n" },
		{ "any number of tasks", LISTEN PATH TIMER
		  UNIT("smtp-relay.service", "inactive", "static", "TasksMax=infinity\n"),
		  "ok: mail is taken, and starts the runner\n" },
		{ "a file has changed", LISTEN PATH TIMER
		  UNIT("smtp-relay.service", "inactive", "static", "NeedDaemonReload=yes\n"),
		  "fault: smtp-relay.service: its file has changed, and systemd has the old one > "
		  "systemctl daemon-reload\n" },
		{ "a listener that may not write to the queue",
		  LISTEN PATH TIMER RELAY
		  UNIT("smtp-handler-listen.service", "active", "static", "ReadWritePaths=/z\n"),
		  "fault: smtp-handler-listen.service does not know the queue /q > systemctl edit "
		  "smtp-handler-listen.service: [Service] ReadWritePaths=/q\n" },
		{ "a listener for submission that may not, with too few tasks",
		  LISTEN PATH TIMER RELAY
		  UNIT("smtp-handler-submissions-listen.socket", "active", "enabled", "")
		  UNIT("smtp-handler-submissions-listen.service", "active", "static",
		      "TasksMax=999\nReadWritePaths=/z\n"),
		  "fault: smtp-handler-submissions-listen.service: TasksMax=999 is less than "
		  "[server] max-connections needs (1000) > systemctl edit "
		  "smtp-handler-submissions-listen.service: [Service] TasksMax=1000\n"
		  "fault: smtp-handler-submissions-listen.service does not know the queue /q > "
		  "systemctl edit smtp-handler-submissions-listen.service: [Service] "
		  "ReadWritePaths=/q\n" },
		{ "one that is not in use",
		  LISTEN PATH TIMER RELAY
		  UNIT("smtp-handler-submission-listen.service", "inactive", "static",
		      "ReadWritePaths=/z\n"),
		  "ok: mail is taken, and starts the runner\n" },
		{ "no socket", PATH TIMER RELAY, "warning: no unit takes mail > systemctl enable "
		  "--now smtp-handler-listen.socket\n" },
	};
	const struct slice good = SL("ok: mail is taken, and starts the runner\n");
	char queue[] = "/q", space[4096];
	struct config c = { .queue.directory = queue };

	c.relay.processes = 100;
	c.server.max_connections = 500;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		is(judge_units(&c, rows[i].text, 0, space, sizeof space),
		    slice_str(rows[i].findings), rows[i].name);
	is(judge_units(&c, LISTEN PATH TIMER CONFINED, 0, space, sizeof space), good,
	    "fast-start.conf");
	is(judge_units(&c, LISTEN PATH TIMER RELAY, -ENOSYS, space, sizeof space), good,
	    "no Landlock, and no need for it");
	is(judge_units(&c, LISTEN PATH TIMER CONFINED, -ENOSYS, space, sizeof space),
	    SL("fault: smtp-relay.service cannot start as fast-start.conf demands, without "
	       "Landlock: this kernel has none, or a container hides it > rm "
	       "/etc/systemd/system/smtp-relay.service.d/fast-start.conf; systemctl "
	       "daemon-reload\n"), "fast-start.conf without Landlock");
}

int
main(void)
{
	names();
	numbers();
	records();
	sessions();
	addresses();
	replies();
	units();
	return tap_done();
}
