// SPDX-License-Identifier: ISC
/*
 * smtp-fetch: look for the policy of MTA-STS of a domain, print it, and keep it for smtp-relay;
 * post reports.  A process of its own does so, because it talks to web servers that strangers
 * choose.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/name.h"
#include "base/text.h"
#include "config/options.h"
#include "dns/name.h"
#include "fetch/confine.h"
#include "fetch/discover.h"
#include "fetch/https.h"
#include "fetch/posts.h"
#include "fetch/store.h"
#include "queue/run.h"

#define TIMEOUT_MS    60000	/* RFC 8461 section 3.3 */
#define ARGUMENTS_MAX 64
#define LIST_MAX      STORE_FILES_MAX

static const char usage[] =
    "usage: smtp-fetch [-c FILE] [-o SECTION.KEY=VALUE]... [--timeout S] DOMAIN...\n"
    "       smtp-fetch [-c FILE] [-o ...] [--refresh] [--post]\n"
    "Get the MTA-STS policies of domains, print them, and keep them for smtp-relay.\n"
    "\n"
    "  --refresh           get the kept policies anew that are due for it\n"
    "  --post              post the reports of smtp-report that wait for a web server\n"
    "  --timeout S         seconds for one web server (60)\n"
    "  -c FILE             configuration (" CONFIG_DEFAULT_FILE ")\n"
    "  -o SECTION.KEY=VAL  override one key of the file; may be repeated\n"
    "  --check             check the configuration and exit\n"
    "  --version, --help\n"
    "Exit: 0 done, 1 a domain has no policy, or it cannot be fetched, 64 usage,\n"
    "71 the system failed, 74 the output is lost, 75 the queue is not usable, 78 configuration.\n";

enum { OPTION_REFRESH = OPTION_OWN, OPTION_POST, OPTION_TIMEOUT };

static const struct option long_options[] = {
	{ "refresh", no_argument, NULL, OPTION_REFRESH },
	{ "post", no_argument, NULL, OPTION_POST },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ 0 },
};

struct fetch {
	bool refresh, post, failed;
	int timeout_ms;
	const char *domains[ARGUMENTS_MAX];
	size_t n;
	struct config config;
	struct dns_resolver resolver;
	int folder, posts;		/* posts: -1: there are none */
	char *due[LIST_MAX];		/* domains to refresh */
	size_t ndue;
};

static int
own_option(void *ctx, int val, const char *argument)
{
	struct fetch *f = ctx;
	uint64_t seconds;

	if (val == OPTION_REFRESH) {
		f->refresh = true;
	} else if (val == OPTION_POST) {
		f->post = true;
	} else if (val == OPTION_TIMEOUT && slice_uint(slice_str(argument), 600, &seconds) &&
	    seconds > 0) {
		f->timeout_ms = (int)seconds * 1000;
	} else if (val == OPTION_ARGUMENT && f->n < ARGUMENTS_MAX) {
		f->domains[f->n++] = argument;
	} else {
		(void)text_lines(stderr, slice_str(usage), true);
		return EX_USAGE;
	}
	return 0;
}

/* ---- one domain ---- */

static void
print_policy(const char *domain, const struct sts_record *r)
{
	struct slice rest = r->policy.text, pattern;
	char space[64];
	struct buf until = BUF(space);

	clock_stamp(&until, r->expires_s);
	text_print(stdout, "%s: %s until %s, id %.*s, mx", domain,
	    sts_mode_word(r->policy.mode), buf_cstr(&until), (int)r->id.n, r->id.p);
	while ((pattern = sts_next_pattern(&rest)).n)
		text_print(stdout, " %.*s", (int)pattern.n, pattern.p);
	text_print(stdout, "\n");
}

static void
keep(struct fetch *f, const char *domain, const struct sts_record *r)
{
	const int error = store_write(f->folder, slice_str(domain), r);

	if (error < 0)
		text_print(stderr, "smtp-fetch: cannot keep the policy of %s: %s\n", domain,
		    strerror(-error));
	f->failed |= error < 0;
}

/* A policy that holds stays in force if there is no new one (RFC 8461 section 5.1). */
static void
fetch_one(struct fetch *f, const char *domain)
{
	static char old_space[STS_RECORD_MAX], new_space[STS_TEXT_MAX + STS_ID_MAX];
	struct buf old_text = BUF(old_space), text = BUF(new_space);
	char space[600];
	struct buf why = BUF(space);
	struct sts_record old = { 0 }, new;
	const int64_t now_s = clock_wall_s();
	const bool live = store_read(f->folder, slice_str(domain), &old_text, &old) &&
	    sts_record_live(&old, now_s);
	const enum discover_result result = discover_policy(&f->config, &f->resolver,
	    slice_str(domain), live, f->timeout_ms, &text, &new, &why);

	if (result == DISCOVER_FOUND) {
		print_policy(domain, &new);
		keep(f, domain, &new);
		return;
	}
	f->failed = true;
	if (result == DISCOVER_NONE) {
		text_print(stdout, "%s: it announces no policy\n", domain);
		return;
	}
	if (result == DISCOVER_UNKNOWN) {
		text_print(stdout, "%s: %s\n", domain, buf_cstr(&why));
		return;
	}
	text_print(stdout, "%s: %s%s\n", domain, buf_cstr(&why),
	    live ? "; the policy that is kept stays in force" : "");
	if (!live)
		old = (struct sts_record){ .id = SL("") };
	old.failed_s = now_s;
	old.failure = new.failure;
	old.reason = buf_slice(&why);
	keep(f, domain, &old);
}

/* ---- all that are kept ---- */

static void
list_due(void *ctx, struct slice domain)
{
	static char space[STS_RECORD_MAX];
	struct buf b = BUF(space);
	struct fetch *f = ctx;
	struct sts_record r;

	if (f->ndue < LIST_MAX && store_read(f->folder, domain, &b, &r) && r.has_policy &&
	    sts_record_due(&r, SL(""), clock_wall_s()) &&
	    (f->due[f->ndue] = strndup(domain.p, domain.n)))
		f->ndue++;
}

static void
refresh(struct fetch *f)
{
	store_each(f->folder, clock_wall_s(), list_due, f);
	for (size_t i = 0; i < f->ndue; i++) {
		fetch_one(f, f->due[i]);
		free(f->due[i]);
	}
}

static void
fetch_named(struct fetch *f)
{
	for (size_t i = 0; i < f->n; i++) {
		char domain[DNS_NAME_MAX];

		if (dns_name_from_text(slice_str(f->domains[i]), domain) &&
		    name_is_domain(slice_str(domain))) {
			fetch_one(f, domain);
			continue;
		}
		text_print(stderr, "smtp-fetch: %s is no domain\n", f->domains[i]);
		f->failed = true;
	}
}

/* Become the queue's user, open the folder, and put up the walls.  -1, or an exit status. */
static int
begin(struct fetch *f)
{
	const char *queue = f->config.queue.directory;
	struct queue q;
	int r = queue_open(&q, queue, QUEUE_RUN);

	if (r == 0) {
		queue_close(&q);
		r = f->folder = store_open(queue, true);
	}
	if (r < 0) {
		text_print(stderr, "smtp-fetch: cannot use %s/state/sts: %s (%s)\n", queue,
		    strerror(-r), queue_advice(QUEUE_RUN, r));
		return EX_TEMPFAIL;
	}
	if (https_begin() < 0) {
		text_print(stderr, "smtp-fetch: libcurl fails\n");
		return EX_OSERR;
	}
	text_init();
	f->posts = f->post ? posts_open(queue) : -1;
	fetch_confine(f->folder, f->posts, f->config.relay.tls_ca_file);
	return -1;
}

/* The exit status after the policies of named domains are printed. */
static int
end_output(const struct fetch *f)
{
	const char *why = text_lost(stdout);

	if (!why)
		return f->failed ? 1 : EX_OK;
	text_print(stderr, "smtp-fetch: standard output: %s\n", why);
	return EX_IOERR;
}

int
main(int argc, char **argv)
{
	static const struct program program = {
		.name = "smtp-fetch", .usage = usage, .options = long_options,
		.arguments = true, .role = OWNER_RELAY,
	};
	static struct fetch fetch = { .timeout_ms = TIMEOUT_MS };
	struct options options = { 0 };
	int code;

	harden_process();
	log_open("smtp-fetch");
	code = options_parse(&options, &program, argc, argv, own_option, &fetch);
	if (code >= 0)
		return code;
	if (!options.check && (fetch.refresh || fetch.post) == (fetch.n > 0)) {
		(void)text_lines(stderr, slice_str(usage), true);
		return EX_USAGE;
	}
	code = options_config(&options, &fetch.config);
	if (code >= 0)
		return code;
	dns_resolver_init(&fetch.resolver, &fetch.config.relay.resolver, NULL);
	code = begin(&fetch);
	if (code < 0) {
		if (fetch.refresh)
			refresh(&fetch);
		if (fetch.posts >= 0)
			posts_send(fetch.posts, &fetch.config, &fetch.resolver,
			    fetch.timeout_ms);
		fetch_named(&fetch);
		code = fetch.n ? end_output(&fetch) : EX_OK;
	}
	config_done(&fetch.config);
	return code;
}
