// SPDX-License-Identifier: ISC
/*
 * sendmail: programs of this host hand their mail in.  It speaks SMTP to the socket of the handler,
 * so it needs no rights: it has no setuid and no setgid bit, and never opens the queue.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/harden.h"
#include "base/text.h"
#include "config/config.h"
#include "message/mailbox.h"
#include "smtp/dsn.h"
#include "smtp/param.h"
#include "tools/sendmail/caller.h"
#include "tools/sendmail/hand_in.h"
#include "tools/sendmail/outbox.h"

static const char usage[] =
    "usage: sendmail [OPTION]... [RECIPIENT]...\n"
    "Hand in a message from standard input, or act as mailq or newaliases.\n"
    "\n"
    "  -t             the recipients are those of To, Cc and Bcc, and the arguments\n"
    "  -i, -oi        a line that is a dot alone does not end the message\n"
    "  -f ADDRESS     the sender (also -r); <> for none\n"
    "  -F NAME        the full name of the sender, if the message has no From\n"
    "  -N WHEN        notices: never, or success, failure, delay with commas between\n"
    "  -R WHAT        notices return the message (full) or its header (hdrs)\n"
    "  -V ID          an ID for notices\n"
    "  -bs            speak SMTP on standard input and output\n"
    "  -bv            verify the recipients, and send nothing\n"
    "  -bp, -bq       print the queue, as mailq does (root only)\n"
    "  -q             send what waits: the queue (root), or the outbox of the user\n"
    "  -bi            check the aliases, as newaliases does\n"
    "  -v             print the dialogue with the server\n"
    "  -C FILE        configuration (" CONFIG_DEFAULT_FILE ")\n"
    "  --version, --help\n"
    "Other options of sendmail are ignored.\n"
    "Exit: 0 the message is durably queued, 64 usage, 65 bad input, 67 no such recipient, "
    "69 refused, 71 the system failed, 75 try again later, 77 not permitted.\n";

enum mode { MODE_SEND, MODE_SMTP, MODE_QUEUE, MODE_VERIFY, MODE_ALIASES, MODE_FLUSH };

struct call {
	enum mode mode;
	bool from_header;		/* -t */
	bool to_end;			/* -i */
	const char *config_file;
	const char *from, *full_name;
	struct mail mail;
	struct desk desk;
	char login[CALLER_NAME_MAX];
	char params[1100], sender[SMTP_PATH_TEXT + 1], front[2048];
};

static int
mistake(int status, const char *what, struct slice about)
{
	text_print(stderr, "sendmail: %s%.*s\n", what, (int)about.n, about.p ? about.p : "");
	return status;
}

/* ---- options ---- */

static int
set_mode(struct call *c, const char *word)
{
	static const struct {
		char letter;
		enum mode mode;
	} modes[] = {
		{ 'm', MODE_SEND }, { 's', MODE_SMTP }, { 'p', MODE_QUEUE }, { 'q', MODE_QUEUE },
		{ 'v', MODE_VERIFY }, { 'i', MODE_ALIASES },
	};

	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		if (word[0] == modes[i].letter && word[1] == '\0') {
			c->mode = modes[i].mode;
			return EX_OK;
		}
	if (word[0] == 'd' || word[0] == 'D')
		return mistake(EX_USAGE, "-bd: there is no daemon; type: "
		    "systemctl enable --now smtp-handler-listen.socket", SL(""));
	return mistake(EX_USAGE, "unknown mode: -b", slice_str(word));
}

/* One parameter of MAIL or RCPT, checked by the rules of the server (RFC 3461). */
static int
set_param(struct call *c, int option, const char *value)
{
	struct buf b = { .p = c->params, .n = strlen(c->params), .cap = sizeof c->params };

	if (option == 'N') {
		c->mail.notify = slice_str(value);
		return smtp_dsn_notify_valid(c->mail.notify) ? EX_OK :
		    mistake(EX_USAGE, "-N takes never, or success, failure, delay: ",
			slice_str(value));
	}
	if (b.n)
		buf_chr(&b, ' ');
	if (option == 'R') {
		if (strcmp(value, "full") != 0 && strcmp(value, "hdrs") != 0)
			return mistake(EX_USAGE, "-R takes full or hdrs: ", slice_str(value));
		buf_str(&b, value[0] == 'f' ? "RET=FULL" : "RET=HDRS");
	} else {
		buf_str(&b, "ENVID=");
		smtp_xtext_encode(slice_str(value), &b);
	}
	(void)buf_cstr(&b);
	c->mail.params = buf_slice(&b);
	return b.full ? mistake(EX_USAGE, "-V is too long", SL("")) : EX_OK;
}

static int
take_option(struct call *c, int option, const char *value)
{
	switch (option) {
	case 't':
		c->from_header = true;
		return EX_OK;
	case 'i':
		c->to_end = true;
		return EX_OK;
	case 'f':
	case 'r':
		c->from = value;
		return EX_OK;
	case 'F':
		c->full_name = value;
		return EX_OK;
	case 'b':
		return set_mode(c, value);
	case 'q':
		c->mode = MODE_FLUSH;
		return EX_OK;
	case 'C':
		c->config_file = value;
		return EX_OK;
	case 'v':
		c->desk.verbose = true;
		return EX_OK;
	case 'o':
		c->to_end |= strcmp(value, "i") == 0;
		return EX_OK;
	case 'N':
	case 'R':
	case 'V':
		return set_param(c, option, value);
	case '?':
		return mistake(EX_USAGE, "unknown option or missing value; see sendmail --help",
		    SL(""));
	default:
		return EX_OK;		/* for what other servers do */
	}
}

static int
take_arguments(struct call *c, int argc, char **argv)
{
	static const char letters[] = "A:B:C:EF:GIL:N:O:R:UV:X:b:cd::e:f:h:imno:p:q::r:stvx";
	const char *name = strrchr(argv[0], '/');
	struct slice bad;
	int option, r = EX_OK;

	name = name ? name + 1 : argv[0];
	if (strcmp(name, "mailq") == 0)
		c->mode = MODE_QUEUE;
	if (strcmp(name, "newaliases") == 0)
		c->mode = MODE_ALIASES;
	opterr = 0;
	/* GNU's getopt(3) also finds options behind recipients, up to "--". */
	while (r == EX_OK && (option = getopt(argc, argv, letters)) != -1)
		r = take_option(c, option, optarg);
	for (; r == EX_OK && optind < argc; optind++)
		if (people_add(&c->mail.people, slice_str(argv[optind]), &bad) < 0)
			r = mistake(EX_NOUSER, "not an address: ", bad);
	return r;
}

/* ---- the message ---- */

/* The sender of the envelope: -f, else the user. */
static int
set_sender(struct call *c)
{
	char space[SMTP_PATH_MAX];
	struct buf b = BUF(space), sender = BUF(c->sender);
	struct slice rest = slice_str(c->from), element;
	enum mailbox_result found = MAILBOX_END;
	struct smtp_path path;

	if (!c->from) {
		c->mail.sender = slice_str(c->login);
		return c->login[0] ? EX_OK :
		    mistake(EX_NOUSER, "this user has no name; give the sender with -f", SL(""));
	}
	found = mailbox_next(&rest, &b, &element);
	if (found == MAILBOX_END)		/* "" and "<>" */
		return EX_OK;
	if (found == MAILBOX_BAD ||
	    !smtp_path_parse_whole(buf_slice(&b), SMTP_PATH_LISTED, &path))
		return mistake(EX_USAGE, "-f takes an address: ", slice_str(c->from));
	buf_add(&sender, smtp_path_text(&path));
	c->mail.sender = buf_slice(&sender);
	return EX_OK;
}

/* A display name: as it is, in quotes, or as an encoded word of UTF-8 (RFC 2047). */
static void
put_name(struct buf *b, struct slice name)
{
	bool plain = true;

	if (!slice_is_ascii(name)) {
		buf_str(b, "=?UTF-8?B?");
		base64_encode(b, name);
		buf_str(b, "?=");
		return;
	}
	for (size_t i = 0; i < name.n; i++)
		plain &= !strchr("()<>[]:;@\\,.\"", name.p[i]);
	if (!plain)
		buf_chr(b, '"');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '"' || name.p[i] == '\\')
			buf_chr(b, '\\');
		buf_chr(b, name.p[i]);
	}
	if (!plain)
		buf_chr(b, '"');
}

/* A message without From gets one; the server adds the other fields that lack. */
static void
set_front(struct call *c)
{
	char space[CALLER_NAME_MAX * 2];
	struct buf name = BUF(space), b = BUF(c->front);
	struct slice sender = c->mail.sender.n ? c->mail.sender : slice_str(c->login);

	if (letter_has(&c->mail.letter, SL("From")) || sender.n == 0)
		return;
	if (c->full_name)
		buf_str(&name, c->full_name);
	else
		caller_full_name(&name);
	if (name.full || slice_has_control(buf_slice(&name)) || name.n > CALLER_NAME_MAX)
		name.n = 0;
	buf_str(&b, "From: ");
	put_name(&b, buf_slice(&name));
	buf_str(&b, name.n ? " <" : "<");
	buf_add(&b, sender);
	buf_str(&b, ">\n");
	if (!b.full)
		c->mail.front = buf_slice(&b);
}

/* The message cannot be read, or for now there is no room to keep it while it is read. */
static int
report_unread(int error)
{
	const bool later = error == -ENOSPC || error == -EDQUOT || error == -EFBIG ||
	    error == -ENOMEM || error == -EMFILE || error == -ENFILE;

	return mistake(later ? EX_TEMPFAIL : EX_IOERR, later ?
	    "no room for the message in the folder of TMPDIR, or in /tmp: " :
	    "cannot read the message: ", slice_str(strerror(-error)));
}

static int
read_message(struct call *c)
{
	struct slice bad = SL("");
	int r = set_sender(c);

	if (r != EX_OK)
		return r;
	r = letter_read(&c->mail.letter, STDIN_FILENO, !c->to_end);
	if (r < 0)
		return report_unread(r);
	if (c->from_header)
		r = people_of_header(&c->mail.people, &c->mail.letter, &bad);
	/* Programs write "undisclosed recipients", and more: the others must get their mail. */
	if (r == -EINVAL)
		r = mistake(c->mail.people.n ? 0 : EX_DATAERR,
		    "the header has what is not an address: ", bad);
	if (r > 0)
		return r;
	if (r < 0)
		return mistake(EX_OSERR, "the recipients: ", slice_str(strerror(-r)));
	if (c->mail.people.n == 0)
		return mistake(EX_USAGE, c->from_header ?
		    "no recipients in To, Cc and Bcc" : "no recipients: name some, or use -t",
		    SL(""));
	set_front(c);
	return EX_OK;
}

/* ---- what is done ---- */

/* The server is away, or cannot take all for now. */
static int
keep(const struct call *c, const struct config *config)
{
	int r;

	if (!config->sendmail.outbox)
		return EX_TEMPFAIL;
	r = outbox_keep(&c->mail);
	if (r < 0)
		return mistake(EX_TEMPFAIL, "the outbox: ", slice_str(strerror(-r)));
	(void)mistake(EX_OK, "kept in the outbox; sendmail -q sends it", SL(""));
	return EX_OK;
}

static int
send_message(struct call *c, const struct config *config)
{
	enum hand_in r = HAND_IN_LATER;
	int status = read_message(c);

	if (status != EX_OK)
		return status;
	if (desk_open(&c->desk))
		r = desk_hand_in(&c->desk, &c->mail);
	if (r == HAND_IN_REFUSED)
		status = c->desk.no_user ? EX_NOUSER : EX_UNAVAILABLE;
	if (r != HAND_IN_SENT && people_count(&c->mail.people, PERSON_OPEN)) {
		const int kept = keep(c, config);

		status = status == EX_OK ? kept : status;
	}
	if (r == HAND_IN_SENT && config->sendmail.outbox)
		(void)outbox_send(&c->desk, slice_str(c->login));
	desk_close(&c->desk);
	return status;
}

static int
verify(struct call *c)
{
	const char *lost;
	bool good;

	if (c->mail.people.n == 0)
		return mistake(EX_USAGE, "-bv takes addresses", SL(""));
	if (!desk_open(&c->desk))
		return EX_TEMPFAIL;
	good = desk_verify(&c->desk, &c->mail.people);
	desk_close(&c->desk);
	lost = text_lost(stdout);
	if (lost)
		return mistake(EX_IOERR, "standard output: ", slice_str(lost));
	return good ? EX_OK : EX_NOUSER;
}

static int
flush_outbox(struct call *c)
{
	size_t stay;

	if (!outbox_any())
		return EX_OK;
	if (!desk_open(&c->desk))
		return EX_TEMPFAIL;
	stay = outbox_send(&c->desk, slice_str(c->login));
	desk_close(&c->desk);
	return stay ? EX_TEMPFAIL : EX_OK;
}

/* Become another program of ours, beside this one. */
static int
become(const struct call *c, const char *name, const char *const *arguments)
{
	const char *argv[8] = { name };
	char self[4096], path[4200];
	const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	size_t at = 1;
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	(void)snprintf(path, sizeof path, "%s/%s", self, name);
	if (c->config_file) {
		argv[at++] = "-c";
		argv[at++] = c->config_file;
	}
	while (*arguments)
		argv[at++] = *arguments++;
	argv[at] = NULL;
	(void)execv(path, (char *const *)(uintptr_t)argv);
	return mistake(EX_OSFILE, path, slice_str(": cannot be started"));
}

static int
as_root(const struct call *c)
{
	static const char *const list[] = { "list", NULL };
	static const char *const retry[] = { "retry", "--all", NULL };

	if (geteuid() == 0)
		return become(c, "smtp-queue", c->mode == MODE_QUEUE ? list : retry);
	return mistake(EX_NOPERM, "the queue is root's; type: sudo smtp-queue ",
	    slice_str(c->mode == MODE_QUEUE ? "list" : "retry --all"));
}

static int
act(struct call *c, const struct config *config)
{
	static const char *const check[] = { "--check", NULL };

	switch (c->mode) {
	case MODE_SMTP:
		if (desk_carry(&c->desk))
			return EX_OK;
		(void)puts("421 4.3.2 The mail server of this host is not running\r");
		return EX_TEMPFAIL;
	case MODE_VERIFY:
		return verify(c);
	case MODE_FLUSH:
		if (geteuid() != 0 && config->sendmail.outbox)
			return flush_outbox(c);
		return as_root(c);
	case MODE_QUEUE:
		return as_root(c);
	case MODE_ALIASES:
		return become(c, "smtp-handler", check);
	default:
		return send_message(c, config);
	}
}

/* The configuration is for the server's programs.  Its mistakes are theirs to report. */
static void
ignore(void *ctx, const char *file, unsigned line, const char *text)
{
	(void)ctx;
	(void)file;
	(void)line;
	(void)text;
}

int
main(int argc, char **argv)
{
	static struct call c;
	static struct config config;
	const struct config_report quiet = { .error = ignore };
	struct buf login = BUF(c.login);
	int status;

	harden_process();
	text_init();
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return text_lines(stdout, slice_str(usage), true) || fflush(stdout) ?
		    EX_IOERR : EX_OK;
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		(void)puts("sendmail (smtp-handler) " VERSION);
		return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	c.desk.fd = -1;
	(void)caller_login(&login);
	status = take_arguments(&c, argc, argv);
	if (status == EX_OK) {
		(void)config_load(&config, c.config_file, NULL, 0, &quiet);
		c.desk.socket = config.sendmail.socket ? config.sendmail.socket : SENDMAIL_SOCKET;
		status = act(&c, &config);
		config_done(&config);
	}
	letter_done(&c.mail.letter);
	people_done(&c.mail.people);
	return status;
}
