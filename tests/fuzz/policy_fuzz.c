// SPDX-License-Identifier: ISC
/*
 * The rights of a client to a sender and a recipient.  The first octet chooses the client; then a
 * line each for the user, the reverse-path and the recipient.  A stranger gets mail to our domains
 * only, and others may do what a stranger may.  An address that stands for another one is whole.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "session/masquerade.h"
#include "session/policy.h"
#include "tests/fuzz/fuzz.h"

static const char users[] = "u\nb\303\274cher\n\"q u\"@users.example\n# none\nv@other.example\n";
static const char senders[] = "@ours.example\nboss@any.example\n";
static const char owners[] = "anna: anna@ours.example @anna.example\nbert: bert\n";
static const char masks[] = "a: b@c.example\na@b: @c.example\n@d: e@f\n@g: @h\n\"q u\": q@c\n"
    "u: u\n*: x@c.example\n";
static char paths[4][40], hostname[] = "mx.example";
static char patterns[][40] = { "open.example", "users.example", "trusted.example", ".sub.example",
    "moved.example", "xn--ftz-sna.example" };
static char folder[] = "/m/{local}", text[] = "gone";
static struct route routes[] = {
	{ .pattern = patterns[0], .via = VIA_MAILDIR, .accept = ACCEPT_ANYONE, .target = folder },
	{ .pattern = patterns[1], .via = VIA_MAILDIR, .accept = ACCEPT_ANYONE,
	    .recipients = paths[0], .subaddress = '+' },
	{ .pattern = patterns[2], .via = VIA_MAILDIR, .accept = ACCEPT_TRUSTED, .target = folder },
	{ .pattern = patterns[3], .via = VIA_MAILDIR, .accept = ACCEPT_ANYONE, .target = folder },
	{ .pattern = patterns[4], .via = VIA_REJECT, .accept = ACCEPT_ANYONE, .target = text },
	{ .pattern = patterns[5], .via = VIA_MAILDIR, .accept = ACCEPT_ANYONE,
	    .recipients = paths[0] },
};
static struct config config = { .routes = routes, .nroutes = sizeof routes / sizeof routes[0] };

static void
make_file(const char *octets, size_t n, char path[40])
{
	const int fd = memfd_create("list", MFD_CLOEXEC);

	must(fd >= 0 && write(fd, octets, n) == (ssize_t)n);
	(void)snprintf(path, 40, "/proc/self/fd/%d", fd);
}

static bool
is_ours(struct slice domain)
{
	for (size_t i = 0; i < config.nroutes; i++)
		if (config_route(&config, domain) == &routes[i])
			return true;
	return domain.n == 0;
}

static void
check_recipient(struct policy p, const struct smtp_path *to)
{
	struct slice why = SL("");
	struct smtp_path resolved = *to;
	enum smtp_verdict verdict;

	p.trusted = false;
	verdict = policy_recipient(&p, to, &why);
	must(verdict != SMTP_ACCEPT || is_ours(smtp_path_domain(to)));
	p.trusted = true;
	must(verdict != SMTP_ACCEPT || policy_recipient(&p, to, &why) == SMTP_ACCEPT);
	(void)policy_verify(&p, to);
	policy_resolve(&p, &resolved);
	must(resolved.n > 0 && resolved.n <= SMTP_PATH_TEXT && resolved.local_n <= resolved.n);
}

static void
check_masquerade(const struct smtp_path *from)
{
	struct smtp_path to, again;

	if (masquerade_find(&config, slice_str(hostname), from, &to) == 0)
		return;
	must(to.n > 0 && slice_is_ascii(smtp_path_domain(&to)) && smtp_path_domain(&to).n > 0);
	must(smtp_path_parse_whole(smtp_path_text(&to), SMTP_PATH_TOLERANT, &again));
	must(slice_eq(smtp_path_text(&again), smtp_path_text(&to)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest, user, line;
	struct policy p = { .config = &config };
	struct smtp_path from = { .n = 0 }, to;

	if (size == 0 || size > 8192)
		return 0;
	if (!paths[0][0]) {
		make_file(users, sizeof users - 1, paths[0]);
		make_file(senders, sizeof senders - 1, paths[1]);
		make_file(owners, sizeof owners - 1, paths[2]);
		make_file(masks, sizeof masks - 1, paths[3]);
		config.server.hostname = hostname;
		config.server.masquerade = paths[3];
	}
	rest = slice_of((const char *)data + 1, size - 1);
	user = slice_cut(rest, '\n', &rest);
	line = slice_cut(rest, '\n', &rest);
	config.server.senders = data[0] & 1 ? paths[1] : NULL;
	config.server.auth_senders = data[0] & 2 ? paths[2] : NULL;
	p.trusted = data[0] & 4;
	p.user = data[0] & 8 ? user : SL("");
	if (line.n && !smtp_path_parse_whole(line, SMTP_PATH_TOLERANT | SMTP_PATH_NULL, &from))
		return 0;
	check_masquerade(&from);
	p.sender = smtp_path_text(&from);
	if (policy_sender(&p, &from) == SMTP_ACCEPT)
		must(policy_standing(&p) <= STANDING_TRUSTED);
	if (smtp_path_parse_whole(rest, SMTP_PATH_TOLERANT | SMTP_PATH_NO_DOMAIN, &to))
		check_recipient(p, &to);
	return 0;
}
