// SPDX-License-Identifier: ISC
/*
 * smtp-dkim-key: make the keys of DKIM, print their DNS records, and compare these with what the
 * resolver finds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/harden.h"
#include "base/log.h"
#include "base/name.h"
#include "base/text.h"
#include "client/dkim_zone.h"
#include "client/signer_key.h"
#include "config/options.h"
#include "dns/resolver.h"
#include "message/dkim_record.h"

#define STRING_MAX 255		/* octets of one string of a TXT record */
#define ARGUMENTS  4
#define ASK_MS	   5000

static const char usage[] =
    "usage: smtp-dkim-key make rsa|ed25519 FILE\n"
    "       smtp-dkim-key record SELECTOR DOMAIN FILE\n"
    "       smtp-dkim-key [-c FILE] [-o SECTION.KEY=VALUE]... records | check [DOMAIN]\n"
    "Make the keys that sign mail (DKIM), and the DNS records for them.\n"
    "\n"
    "  make                write a new private key into FILE, which must not exist\n"
    "  record              print the DNS record of the key in FILE\n"
    "  records             print the records of all keys of the configuration\n"
    "  check               look them up, and report those that are missing or differ\n"
    "  -c FILE             configuration (" CONFIG_DEFAULT_FILE ")\n"
    "  -o SECTION.KEY=VAL  override one key of the file; may be repeated\n"
    "  --check             check the configuration and exit\n"
    "  --version, --help\n"
    "Exit: 0 done, 1 a record is missing or differs, 64 usage, 73 cannot make the file,\n"
    "74 the output is lost, 75 no DNS server replied, 78 a key or the configuration cannot\n"
    "be used.\n";

static const struct option long_options[] = { { 0 } };

struct call {
	const char *arguments[ARGUMENTS];
	size_t n;
};

static int
own_option(void *ctx, int val, const char *argument)
{
	struct call *c = ctx;

	if (val != OPTION_ARGUMENT || c->n == ARGUMENTS) {
		(void)fputs(usage, stderr);
		return EX_USAGE;
	}
	c->arguments[c->n++] = argument;
	return 0;
}

static int
complain(int code, const char *what, const char *why)
{
	(void)fprintf(stderr, "smtp-dkim-key: %s: %s\n", what, why);
	return code;
}

/* ---- make ---- */

/* Write all of b into a new file that only the runner's user can read.  0 or -errno. */
static int
write_file(const char *path, const struct buf *b)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct owner_pair pair;
	int r = 0;

	if (fd < 0)
		return -errno;
	if (geteuid() == 0 && owner_pair_new(&pair))
		r = fchown(fd, pair.relay.uid, pair.relay.gid) < 0 ? -errno : 0;
	if (r == 0 && write(fd, b->p, b->n) != (ssize_t)b->n)
		r = -EIO;
	if (r == 0 && (fchmod(fd, 0600) < 0 || fsync(fd) < 0))
		r = -errno;
	(void)close(fd);
	if (r < 0)
		(void)unlink(path);
	return r;
}

static int
make(const struct call *c)
{
	static char pem[SIGN_PEM_MAX];
	struct buf b = BUF(pem);
	const bool rsa = c->n == 3 && strcmp(c->arguments[1], "rsa") == 0;
	struct sign_key *key;
	int r;

	if (c->n != 3 || (!rsa && strcmp(c->arguments[1], "ed25519") != 0)) {
		(void)fputs(usage, stderr);
		return EX_USAGE;
	}
	key = sign_key_make(rsa ? SIGN_RSA : SIGN_ED25519);
	r = key && sign_key_write(key, &b) ? write_file(c->arguments[2], &b) : -ENOTSUP;
	sign_key_free(key);
	explicit_bzero(pem, sizeof pem);
	return r < 0 ? complain(EX_CANTCREAT, c->arguments[2], strerror(-r)) : 0;
}

/* ---- record ---- */

/* A line of a zone file.  A long text becomes several strings, which readers join. */
static int
print_record(struct slice selector, struct slice domain, struct slice file)
{
	char space[500], public_space[DKIM_RECORD_MAX], text[DKIM_RECORD_MAX];
	struct buf why = BUF(space), public = BUF(public_space), b = BUF(text);
	const struct sign_key *key = signer_key(file, &why);

	if (!key || !sign_key_public(key, &public))
		return complain(EX_CONFIG, "the key", key ? "OpenSSL fails" : buf_cstr(&why));
	dkim_record(&b, dkim_zone_type(key), buf_slice(&public));
	(void)printf("%.*s._domainkey.%.*s. IN TXT (", (int)selector.n, selector.p, (int)domain.n,
	    domain.p);
	for (size_t at = 0; at < b.n; at += STRING_MAX)
		(void)printf(" \"%.*s\"", (int)(b.n - at < STRING_MAX ? b.n - at : STRING_MAX),
		    b.p + at);
	(void)printf(" )\n");
	return 0;
}

static int
record(const struct call *c)
{
	if (c->n != 4) {
		(void)fputs(usage, stderr);
		return EX_USAGE;
	}
	if (!name_is_domain(slice_str(c->arguments[1])) ||
	    !name_is_domain(slice_str(c->arguments[2])))
		return complain(EX_USAGE, c->arguments[1], "write a selector and a domain, like "
		    "a1 example.org");
	if (c->arguments[3][0] != '/' && access(c->arguments[3], F_OK) == 0)
		return complain(EX_USAGE, c->arguments[3], "write the absolute path of the file");
	return print_record(slice_str(c->arguments[1]), slice_str(c->arguments[2]),
	    slice_str(c->arguments[3]));
}

/* ---- check ---- */

static int
check_pair(const struct config *c, const struct dkim_pair *pair)
{
	static struct dns_resolver resolver;
	char space[500], text[DNS_NAME_MAX];
	struct buf why = BUF(space), name = BUF(text);
	enum dkim_zone zone;

	dns_resolver_init(&resolver, &c->relay.resolver, NULL);
	zone = dkim_zone_check(&resolver, pair, ASK_MS, &name, &why);
	if (zone == DKIM_ZONE_NO_KEY)
		return complain(EX_CONFIG, "the key", buf_cstr(&why));
	if (zone == DKIM_ZONE_SILENT)
		return complain(EX_TEMPFAIL, buf_cstr(&name), buf_cstr(&why));
	(void)printf("%s: ", buf_cstr(&name));
	(void)printf("%s\n", buf_cstr(&why));
	return zone == DKIM_ZONE_FAULT ? 1 : 0;
}

/* All keys of the configuration, or those of one domain. */
static int
each_pair(const struct config *c, const char *domain, bool check)
{
	int code = 0;
	bool any = false;

	for (size_t i = 0; i < c->ndkim; i++) {
		struct dkim_pair pair = { 0 };

		if (domain && dkim_domain_of(c, slice_str(domain)) != &c->dkim[i])
			continue;
		while (dkim_next_pair(&c->dkim[i], &pair)) {
			const int r = check ? check_pair(c, &pair)
			    : print_record(pair.selector, pair.domain, pair.key);

			code = r > code ? r : code;
			any = true;
		}
	}
	return any ? code : complain(EX_CONFIG, domain ? domain : "the configuration",
	    "there is no section [dkim] for it");
}

static int
of_configuration(const struct options *options, const struct call *call, bool check)
{
	struct config c = { 0 };
	int code = options_config(options, &c);

	if (code >= 0)
		return code;
	code = each_pair(&c, call->n > 1 ? call->arguments[1] : NULL, check);
	config_done(&c);
	return code;
}

/* The exit status after an output that is the result. */
static int
end_output(int code)
{
	const char *why = text_lost(stdout);

	return why ? complain(EX_IOERR, "standard output", why) : code;
}

int
main(int argc, char **argv)
{
	static const struct program program = {
		.name = "smtp-dkim-key", .usage = usage, .options = long_options,
		.arguments = true, .role = OWNER_RELAY,
	};
	struct options options = { 0 };
	struct call call = { .n = 0 };
	const char *command;
	int code;

	harden_process();
	log_open("smtp-dkim-key");
	code = options_parse(&options, &program, argc, argv, own_option, &call);
	if (code >= 0)
		return code;
	command = call.n ? call.arguments[0] : "";
	if (strcmp(command, "make") == 0)
		return make(&call);
	if (strcmp(command, "record") == 0)
		return end_output(record(&call));
	if (options.check || (call.n <= 2 && strcmp(command, "records") == 0))
		return end_output(of_configuration(&options, &call, false));
	if (call.n <= 2 && strcmp(command, "check") == 0)
		return end_output(of_configuration(&options, &call, true));
	(void)fputs(usage, stderr);
	return EX_USAGE;
}
