// SPDX-License-Identifier: ISC
/*
 * A configuration file and, after the first NUL, an -o option: it loads, or mistakes are reported.
 */
#include "config/config.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void
count(void *ctx, const char *file, unsigned line, const char *text)
{
	unsigned *errors = ctx;

	(void)line;
	must(text && *text && file && *file);
	for (; *text; text++)
		must((unsigned char)*text >= ' ' && *text != '\177');
	(*errors)++;
}

static void
check_route(const struct config *c, const struct route *r)
{
	must(r->via_text && r->pattern);
	must((r->via == VIA_SMTP || (r->via == VIA_LMTP && !r->target)) == (r->nhosts > 0));
	must((r->via == VIA_MAILDIR || r->via == VIA_OWNER || r->via == VIA_REJECT ||
	    (r->via == VIA_LMTP && !r->nhosts)) == (r->target != NULL));
	must(r->via != VIA_LMTP || r->nhosts || r->target[0] == '/');
	for (size_t i = 0; i < r->nhosts; i++)
		must(r->hosts[i].name[0] && (r->via != VIA_LMTP || (r->hosts[i].port != 25 &&
		    route_host_is_service(&r->hosts[i]) == (r->hosts[i].port == 0))));
	must(r->via != VIA_MAILDIR || r->target[0] == '/');
	must(r->accept == ACCEPT_TRUSTED || r->accept_set || strcmp(r->pattern, "*") != 0);
	must(!r->user || (r->via == VIA_SMTP && !r->password_file != !r->token_command));
	must(r->user || (!r->password_file && !r->token_command));
	for (const char *p = r->pattern; *p; p++)
		must(ascii_lower(*p) == *p);
	if (r->by_sender)
		must((r->via == VIA_MX || r->via == VIA_SMTP) && r->accept == ACCEPT_TRUSTED);
	else if (r->pattern[0] != '.')
		must(config_route(c, slice_str(r->pattern)) == r);
	if (r->by_sender && strchr(r->pattern, '@'))
		must(config_route_from(c,
			 (struct sender){ slice_str(r->pattern), STANDING_TRUSTED }, SL("")) == r);
}

static void
check(const struct config *c)
{
	must(c->queue.directory && c->queue.directory[0] == '/');
	must(c->queue.lifetime_s > 0 && c->queue.retry_min_s > 0 &&
	    c->queue.retry_min_s <= c->queue.retry_max_s);
	must(c->server.max_recipients >= 100 && c->server.max_message_size >= 65536 &&
	    c->server.timeout_ms > 0);
	must(c->relay.port >= 1 && c->relay.port <= 65535 && c->relay.processes >= 1 &&
	    c->relay.processes <= 1000);
	for (size_t i = 0; i < c->nroutes; i++)
		check_route(c, &c->routes[i]);
	must(config_route(c, SL("example.org")) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice option, text = slice_cut(slice_of((const char *)data, size), '\0', &option);
	char path[40], *copy = strndup(option.n ? option.p : "", option.n);
	const char *overrides[] = { copy };
	unsigned errors = 0;
	struct config_report report = { count, &errors };
	struct config c;
	int r, fd = memfd_create("config", MFD_CLOEXEC);

	must(copy && fd >= 0 && (text.n == 0 || write(fd, text.p, text.n) == (ssize_t)text.n));
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	r = config_load(&c, path, overrides, option.n > 0, &report);
	must((r == 0) == (errors == 0));
	if (r == 0)
		check(&c);
	config_done(&c);
	(void)close(fd);
	free(copy);
	return 0;
}
