// SPDX-License-Identifier: ISC
/*
 * The process that validates answers of the DNS, with a library whose results are the input.  The
 * first octet is the result of the test of the root.  Then each result is an octet of flags, the
 * code of the reply, and the lengths of a question and of a packet, in front of their octets.
 *
 * Each reply belongs to a question, and none is proven that the library has not proven.
 */
#include <dlfcn.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/seccomp.h"

static void *find_symbol(const char *name);

#define dlopen(name, flags) ((void *)1)
#define dlsym(library, name) find_symbol(name)
#define access(name, mode) 0
#define prctl(...) (-1)
#define seccomp_enforce_threads(filter, action) 0
#include "dns/validate.c"

#include "tests/fuzz/fuzz.h"

#define RESULTS 24

enum { SECURE = 1, BOGUS = 2, NXDOMAIN = 4, WITH_REASON = 8, NOT_TAKEN = 16, NO_PACKET = 32 };

struct pending {
	void *ctx;
	ub_callback_type callback;
	bool open;
};

static struct pending pending[2 * RESULTS];
static struct slice packets[RESULTS];
static unsigned flags[RESULTS], rcodes[RESULTS], nresults, nasked;
static uint8_t tested;
static bool proven;
static int ready_fd = -1;

/* ---- the library ---- */

static struct ub_ctx *
create(void)
{
	return (struct ub_ctx *)&ready_fd;
}

static int
take_option(struct ub_ctx *ctx, const char *name, const char *value)
{
	return ctx && name && value ? 0 : -1;
}

static int
take_text(struct ub_ctx *ctx, const char *text)
{
	return ctx && text ? 0 : -1;
}

static int
take_stream(struct ub_ctx *ctx, void *out)
{
	return ctx && !out ? 0 : -1;
}

static int
take_flag(struct ub_ctx *ctx, int on)
{
	return ctx && on ? 0 : -1;
}

static int
resolve(struct ub_ctx *ctx, const char *name, int type, int class, void *data,
    ub_callback_type callback, int *ret_number)
{
	const unsigned n = nasked++;

	must(ctx && name && type > 0 && class == 1 && n < 2 * RESULTS);
	if (n > 0 && n <= nresults && (flags[n - 1] & NOT_TAKEN))
		return -1;
	pending[n] = (struct pending){ data, callback, true };
	*ret_number = (int)n;
	(void)eventfd_write(ready_fd, 1);
	return 0;
}

static void
drop_result(struct ub_result *result)
{
	free(result);
}

static int
cancel(struct ub_ctx *ctx, int number)
{
	must(ctx && number >= 0 && number < 2 * RESULTS);
	pending[number].open = false;
	return 0;
}

static struct ub_result *
make_result(unsigned n)
{
	static char reason[] = "a signature\nis \001 wrong";
	struct ub_result *r = calloc(1, sizeof *r);
	const unsigned f = n == 0 ? tested : n <= nresults ? flags[n - 1] : NO_PACKET;

	must(r != NULL);
	r->bogus = (f & BOGUS) != 0;
	r->secure = (f & SECURE) && !r->bogus;
	r->nxdomain = (f & NXDOMAIN) != 0;
	r->why_bogus = f & WITH_REASON ? reason : NULL;
	if (n > 0 && n <= nresults) {
		r->rcode = (int)(rcodes[n - 1] & 15);
		r->answer_packet = f & NO_PACKET ? NULL : (void *)(uintptr_t)packets[n - 1].p;
		r->answer_len = (int)packets[n - 1].n;
		proven |= r->secure;
	}
	return r;
}

static int
process(struct ub_ctx *ctx)
{
	eventfd_t count;

	must(ctx && eventfd_read(ready_fd, &count) == 0);
	for (unsigned n = 0; n < nasked; n++)
		if (pending[n].open) {
			pending[n].open = false;
			pending[n].callback(pending[n].ctx, 0, make_result(n));
		}
	return 0;
}

static int
ready(struct ub_ctx *ctx)
{
	return ctx ? ready_fd : -1;
}

static const char *
error_text(int error)
{
	return error ? "an error" : "no error";
}

static void *
find_symbol(const char *name)
{
#define FUNCTION(text, function) { text, (void (*)(void))(function) }
	static const struct {
		const char *name;
		void (*function)(void);
	} functions[] = {
		FUNCTION("ub_ctx_create", create), FUNCTION("ub_ctx_set_option", take_option),
		FUNCTION("ub_ctx_set_fwd", take_text), FUNCTION("ub_ctx_add_ta_file", take_text),
		FUNCTION("ub_ctx_debugout", take_stream), FUNCTION("ub_ctx_async", take_flag),
		FUNCTION("ub_resolve_async", resolve), FUNCTION("ub_resolve_free", drop_result),
		FUNCTION("ub_cancel", cancel), FUNCTION("ub_process", process),
		FUNCTION("ub_fd", ready), FUNCTION("ub_strerror", error_text),
	};
	void *symbol = NULL;

	for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
		if (strcmp(functions[i].name, name) == 0)
			memcpy(&symbol, &functions[i].function, sizeof symbol);
	return symbol;
}

/* ---- an input ---- */

static struct slice
take_octets(struct slice *rest, size_t n)
{
	const struct slice taken = slice_of(rest->p, n < rest->n ? n : rest->n);

	*rest = slice_skip(*rest, taken.n);
	return taken;
}

static void
send_questions(int fd, struct slice rest)
{
	for (nresults = 0; nresults < RESULTS && rest.n >= 4; nresults++) {
		const struct slice head = take_octets(&rest, 4);
		const struct slice question = take_octets(&rest, (unsigned char)head.p[2]);

		flags[nresults] = (unsigned char)head.p[0];
		rcodes[nresults] = (unsigned char)head.p[1];
		packets[nresults] = take_octets(&rest, (unsigned char)head.p[3]);
		if (question.n)
			must(send(fd, question.p, question.n, 0) == (ssize_t)question.n);
	}
	must(shutdown(fd, SHUT_WR) == 0);
}

static void
check_replies(int fd)
{
	static uint8_t reply[DNS_ANSWER_CAP];
	char why[DNS_WHY_MAX];
	unsigned n = 0;
	ssize_t got;

	while ((got = recv(fd, reply, sizeof reply, MSG_DONTWAIT)) > 0) {
		must(got >= WIRE_HEADER && (reply[2] & 0x80));
		must(!(reply[3] & WIRE_AD) || proven);
		if (reason_get(reply, (size_t)got, why) != REASON_NONE)
			must(!slice_has_control(slice_str(why)));
		n++;
	}
	must(n <= nresults);
}

static void
check_news(int fd)
{
	struct validator parent = { .aide = { .fd = fd, .pid = 4711 } };
	struct validator_news news;

	/* The result of the test comes, once. */
	must(validator_news(&parent, &news) == 1 && news.works == (tested & SECURE && !(tested &
	    BOGUS)));
	must(news.works || news.why[0]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns_resolver resolver;
	const struct validator setup = { .resolver = &resolver, .anchor = "/root.key" };
	int control[2], client[2];

	if (size == 0)
		return 0;
	if (ready_fd < 0)
		ready_fd = eventfd(0, EFD_CLOEXEC);
	memset(&v, 0, sizeof v);
	memset(pending, 0, sizeof pending);
	nasked = 0;
	proven = false;
	tested = data[0];
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) == 0);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, client) == 0);
	send_questions(client[0], slice_of((const char *)data + 1, size - 1));
	must(passing_send(control[0], "", 1, client[1], 0) == 0);
	must(shutdown(control[0], SHUT_WR) == 0);
	(void)close(client[1]);
	validator_serve(&setup, control[1]);
	check_news(control[0]);
	check_replies(client[0]);
	(void)close(control[0]);
	(void)close(control[1]);
	(void)close(client[0]);
	return 0;
}
