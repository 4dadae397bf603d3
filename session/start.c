// SPDX-License-Identifier: ISC
/*
 * A client is on the descriptors of the program's start, behind a listening socket, or in a session
 * that smtp-handler hands over (--resume).
 */
#include "session/start.h"

#include <limits.h>
#include <sysexits.h>
#include <unistd.h>

#include "aliases/check.h"
#include "aliases/returns.h"
#include "base/log.h"
#include "session/check.h"
#include "session/confine.h"
#include "session/endpoint.h"
#include "session/forker.h"
#include "session/listen.h"
#include "session/secure.h"

/* The options of the command line besides the configuration. */
struct wishes {
	const char *listen[LISTEN_MAX];
	size_t nlisten;
	bool print, implicit, lf;
	const char *resume, *serve;
	bool stderr_is_socket;		/* at the start of the program: the client, perhaps */
};

enum { OPTION_LISTEN = OPTION_OWN, OPTION_PRINT, OPTION_IMPLICIT, OPTION_LF, OPTION_RESUME,
	OPTION_SERVE };

static const struct option own_options[] = {
	{ "listen", required_argument, NULL, OPTION_LISTEN },
	{ "print", no_argument, NULL, OPTION_PRINT },
	{ "implicit", no_argument, NULL, OPTION_IMPLICIT },
	{ "lf", no_argument, NULL, OPTION_LF },
	{ "resume", required_argument, NULL, OPTION_RESUME },
	{ "serve", required_argument, NULL, OPTION_SERVE },
	{ NULL, 0, NULL, 0 },
};

static const struct program program = {
	.name = "smtp-handler",
	.usage = "usage: smtp-handler [-c FILE] [-o SECTION.KEY=VALUE]... [--listen ADDR:PORT]... "
		 "[--implicit]\n"
		 "                    [--print] [--lf]\n"
		 "       smtp-handler --check | --version | --help\n"
		 "\n"
		 "Receive mail by SMTP on standard input and output, and queue it.\n"
		 "\n"
		 "  -c FILE               configuration (" CONFIG_DEFAULT_FILE ")\n"
		 "  -o SECTION.KEY=VALUE  override one key of the file; may be repeated\n"
		 "  --listen ADDR:PORT    accept connections there, with a process for each\n"
		 "  --print               show messages (on stdout of a listener, else on stderr)\n"
		 "                        instead of queueing them\n"
		 "  --implicit            TLS from the first octet, as on port 465\n"
		 "  --lf                  accept lines that end in LF alone, as typed by hand\n"
		 "  --check               check the configuration and exit\n"
		 "\n"
		 "See also smtp-handler(8) and smtp-handler.conf(5).\n",
	.options = own_options,
	.role = OWNER_HANDLER,
};

static int
add_wish(void *ctx, int val, const char *argument)
{
	struct wishes *w = ctx;

	if (val == OPTION_PRINT) {
		w->print = true;
	} else if (val == OPTION_IMPLICIT) {
		w->implicit = true;
	} else if (val == OPTION_LF) {
		w->lf = true;
	} else if (val == OPTION_RESUME) {
		w->resume = argument;
	} else if (val == OPTION_SERVE) {
		w->serve = argument;
	} else if (w->nlisten < LISTEN_MAX) {
		w->listen[w->nlisten++] = argument;
	} else {
		log_text(LOG_LEVEL_ERROR, "more than %d addresses to listen on", LISTEN_MAX);
		return EX_USAGE;
	}
	return 0;
}

static struct config_texts texts;	/* the configuration as it was read */

/* Go on with the session that smtp-handler has begun, and with its configuration.  -1 or an exit
 * status. */
static int
resume_session(const char *text, struct options *options, struct start *start)
{
	if (!handover_parse(&start->handover, text) ||
	    config_texts_load(&texts, start->handover.config_fd) < 0) {
		log_text(LOG_LEVEL_ERROR,
		    "--resume is not for users: smtp-handler starts smtp-handler-tls with it");
		return EX_USAGE;
	}
	start->rfd = start->handover.rfd;
	start->wfd = start->handover.wfd;
	start->print_fd = start->handover.print_fd;
	start->resumed = true;
	(void)close(start->handover.config_fd);
	options->texts = &texts;
	return -1;
}

/* Clients of port 25 speak SMTP, not LMTP (RFC 2033 section 5). */
static bool
is_misplaced(const struct config *config, int fd)
{
	if (config->server.role != ROLE_LMTP || endpoint_port(fd) != 25)
		return false;
	log_text(LOG_LEVEL_ERROR, "[server] role = lmtp must not use port 25, which is for SMTP");
	return true;
}

static struct listener listener;

/* Find the client; a listener waits for one.  -1 if a client is there (a listener returns this in
 * the child); else an exit status. */
static int
find_client(const struct wishes *w, const struct options *options, struct config *config,
    struct start *start)
{
	int fd = -1;
	int r = listen_open(&listener, w->listen, w->nlisten, &fd);

	if (r != 0)
		return r;
	for (size_t i = 0; i < listener.n; i++)
		if (is_misplaced(config, listener.fds[i]))
			return EX_CONFIG;
	start->implicit = w->implicit;
	start->lf = w->lf;
	if (w->print)
		start->print_fd = listener.n ? STDOUT_FILENO : STDERR_FILENO;
	if (listener.n) {
		r = listen_prepare(&listener, options, config, start);
		if (r != 0)
			return r;
		confine_listener(&(struct confinement){
		    .config = config, .options = options, .start = start });
		r = listen_accept(&listener, options, config, &fd);
		if (r >= 0)
			return r;
		start->remark_fd = listener.children.to_listener;
		start->desk_fd = listener.children.shared.desk;
	} else if (w->print && w->stderr_is_socket && !endpoint_is_socket(STDERR_FILENO)) {
		/* The socket may be the client's, so log_open() has replaced it. */
		log_text(LOG_LEVEL_ERROR,
		    "--print: standard error is a socket, as under inetd; use --listen instead");
		return EX_CONFIG;
	}
	if (fd >= 0)
		start->rfd = start->wfd = fd;
	return is_misplaced(config, start->rfd) ? EX_CONFIG : -1;
}

/* A fault of the configuration, or of the command line (EX_USAGE), is not the fault of the clients,
 * so they get a reply.  People make mistakes in command lines too: those need no 421. */
static void
refuse_clients(const struct wishes *w, const struct start *start, int fault)
{
	int fd = start->wfd;

	if (w->resume || w->serve || listen_inherit(&listener, &fd) < 0)
		return;
	if (listener.ninherited)
		listen_refuse_all(&listener, w->implicit);
	else if (!w->nlisten && !w->implicit && fault == EX_CONFIG)
		listen_refuse(fd);
}

static char **arguments;		/* for the program that this one may become */
static bool needs_certificate;		/* --implicit */

#define NO_CERTIFICATE "--implicit: there is no certificate: set tls-certificate in [server]"

/* --check of the files that the configuration names.  Only the program that can do TLS checks
 * certificates. */
static unsigned
check_more(const struct config *config, const struct config_report *report)
{
	char text[PATH_MAX + 100];
	struct buf why = BUF(text);
	unsigned wrong = 0;

	if (needs_certificate && !config->server.tls_certificate) {
		report->error(report->ctx, NULL, 0, NO_CERTIFICATE);
		wrong++;
	}
	if (config->server.tls_certificate && secure_become(config, arguments, &why) < 0) {
		report->error(report->ctx, NULL, 0, buf_cstr(&why));
		wrong++;
	} else if (config->server.tls_certificate) {
		wrong += secure_check(config, report);
	}
	return wrong + aliases_check(config, report) + session_check(config, report) +
	    returns_check(config->server.srs_secret, "server", report);
}

/* --implicit.  -1 or an exit status. */
static int
become_tls(const struct config *config)
{
	char text[PATH_MAX + 100];
	struct buf why = BUF(text);

	if (!config->server.tls_certificate) {
		log_text(LOG_LEVEL_ERROR, NO_CERTIFICATE);
		return EX_CONFIG;
	}
	if (secure_become(config, arguments, &why) == 0)
		return -1;
	log_text(LOG_LEVEL_ERROR, "--implicit: %s", buf_cstr(&why));
	return EX_CONFIG;
}

int
start_find(struct start *ret, struct options *options, struct config *config, int argc, char **argv)
{
	struct wishes wishes = { .stderr_is_socket = endpoint_is_socket(STDERR_FILENO) };
	int r;

	*ret = (struct start){ .rfd = STDIN_FILENO, .wfd = STDOUT_FILENO, .print_fd = -1,
		.remark_fd = -1, .desk_fd = -1 };
	arguments = argv;
	log_open(program.name);
	r = options_parse(options, &program, argc, argv, add_wish, &wishes);
	if (r < 0 && wishes.serve)
		return forker_serve(wishes.serve, options, config, ret);
	if (r < 0 && wishes.resume)
		r = resume_session(wishes.resume, options, ret);
	if (r < 0) {
		needs_certificate = wishes.implicit;
		options->check_more = check_more;
		options->keep = wishes.resume || secure_here() ? NULL : &texts;
		r = options_config(options, config);
	}
	if (r < 0 && wishes.implicit)
		r = become_tls(config);
	if (r < 0 && !wishes.resume)
		r = find_client(&wishes, options, config, ret);
	if ((r == EX_CONFIG || r == EX_USAGE) && !options->check)
		refuse_clients(&wishes, ret, r);
	return r;
}
