// SPDX-License-Identifier: ISC
/*
 * The right to a signature; the process that signs, and its hostile workers; DNS records.
 */
#include "client/signer.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sign.h"
#include "client/signer_rule.h"
#include "message/dkim_record.h"
#include "tests/lib/tap.h"

static char key_file[] = "/tmp/signer_test.XXXXXX";
static char users[] = "/dev/null";

static const struct {
	const char *name;
	enum standing standing;
	const char *from, *author;
	bool senders;			/* there is a list of auth-senders */
	const char *want;		/* the section, or NULL */
} rules[] = {
	{ "a trusted client", STANDING_TRUSTED, "a@x.example", "example.org", true, "example.org" },
	{ "our own notice", STANDING_TRUSTED, "", "example.org", true, "example.org" },
	{ "a stranger", STANDING_STRANGER, "a@example.org", "example.org", true, NULL },
	{ "a stranger, without a list", STANDING_STRANGER, "a@example.org", "example.org", false,
	  NULL },
	{ "a user of any address", STANDING_USER, "a@example.org", "example.org", false,
	  "example.org" },
	{ "a user with another's address", STANDING_USER, "a@example.org", "example.org", true,
	  NULL },
	{ "a user with the own address", STANDING_OWNER, "a@Example.org", "EXAMPLE.ORG", true,
	  "example.org" },
	{ "a user with From of another domain", STANDING_OWNER, "a@x.example", "example.org", true,
	  NULL },
	{ "a domain above", STANDING_TRUSTED, "", "a.b.example.org", true, "example.org" },
	{ "the nearest domain", STANDING_TRUSTED, "", "a.sub.example.org", true,
	  "sub.example.org" },
	{ "a name that only ends alike", STANDING_TRUSTED, "", "notexample.org", true, NULL },
	{ "U-labels", STANDING_TRUSTED, "", "b\xc3\xbc""cher.example", true,
	  "xn--bcher-kva.example" },
	{ "no author", STANDING_TRUSTED, "", "", true, NULL },
};

static void
test_rules(void)
{
	struct dkim_domain domains[] = {
		{ .name = (char[]){ "example.org" } }, { .name = (char[]){ "sub.example.org" } },
		{ .name = (char[]){ "xn--bcher-kva.example" } },
	};
	struct config c = { .dkim = domains, .ndkim = 3 };

	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		const struct sender sender = { slice_str(rules[i].from), rules[i].standing };
		const struct dkim_domain *d;

		c.server.auth_senders = rules[i].senders ? users : NULL;
		d = signer_rule(&c, sender, slice_str(rules[i].author));
		ok(rules[i].want ? d && strcmp(d->name, rules[i].want) == 0 : !d, "rule: %s",
		    rules[i].name);
	}
}

static const struct {
	const char *name, *text;
	bool good;
} records[] = {
	{ "as it is made", "v=DKIM1; k=ed25519; p=MTIz", true },
	{ "blanks inside", " v = DKIM1 ;k=ed25519;p= MT Iz ;", true },
	{ "without v=", "k=ed25519; p=MTIz", true },
	{ "limits that fit", "v=DKIM1; k=ed25519; h=sha1:sha256; s=x:email; p=MTIz", true },
	{ "another version", "v=DKIM2; k=ed25519; p=MTIz", false },
	{ "another type", "v=DKIM1; p=MTIz", false },
	{ "another key", "v=DKIM1; k=ed25519; p=MTI0", false },
	{ "a revoked key", "v=DKIM1; k=ed25519; p=", false },
	{ "no key", "v=DKIM1; k=ed25519", false },
	{ "sha1 only", "v=DKIM1; k=ed25519; h=sha1; p=MTIz", false },
	{ "not for mail", "v=DKIM1; k=ed25519; s=other; p=MTIz", false },
	{ "nothing", "", false },
};

static void
test_records(void)
{
	char space[100];
	struct buf b = BUF(space);

	dkim_record(&b, "ed25519", SL("123"));
	ok(slice_eq(buf_slice(&b), slice_str(records[0].text)), "record: the text");
	for (size_t i = 0; i < sizeof records / sizeof records[0]; i++)
		ok(!dkim_record_fault(slice_str(records[i].text), "ed25519", SL("123")) ==
		    records[i].good, "record: %s", records[i].name);
}

static const char text[] = "From: a@example.org\r\n\r\nhello\r\n";

static enum sign_result
ask(const struct aide *a, int fd, uint64_t at, uint64_t size, enum standing standing,
    struct buf *b)
{
	b->n = 0;
	return signer_ask(a, &(struct sign_question){
		.fd = fd, .at = at, .size = size, .standing = standing, .from = SL("a@example.org"),
	}, b);
}

static void
test_process(void)
{
	struct dkim_domain domain = {
		.name = (char[]){ "example.org" }, .selector = (char[]){ "s" }, .key = key_file,
	};
	const struct config c = { .dkim = &domain, .ndkim = 1 };
	static char space[SIGNER_FIELDS_MAX + 1], pem[SIGN_PEM_MAX];
	struct buf b = BUF(space), p = BUF(pem);
	struct sign_key *key = sign_key_make(SIGN_ED25519);
	const int fd = memfd_create("message", 0), file = mkstemp(key_file);
	const size_t n = sizeof text - 1;
	struct aide a;

	ok(write(fd, text, n) == (ssize_t)n && key && sign_key_write(key, &p) &&
	    write(file, p.p, p.n) == (ssize_t)p.n, "a message and a key");
	ok(signer_start(&a, &c) == 0, "the process starts");
	ok(ask(&a, fd, 0, n, STANDING_TRUSTED, &b) == SIGNED &&
	    slice_has_prefix(buf_slice(&b), SL("DKIM-Signature: v=1; a=ed25519-sha256;")),
	    "it signs");
	(void)unlink(key_file);
	ok(ask(&a, fd, 0, n, STANDING_TRUSTED, &b) == SIGNED, "it keeps its key");
	ok(ask(&a, fd, 0, n, STANDING_STRANGER, &b) == UNSIGNED, "a stranger's is not signed");
	ok(ask(&a, fd, 22, n - 22, STANDING_TRUSTED, &b) == UNSIGNED, "a body is no message");
	ok(ask(&a, fd, 0, n + 1, STANDING_TRUSTED, &b) == UNABLE &&
	    slice_eq(buf_slice(&b), SL("cannot read the message")), "a file that was cut");
	ok(ask(&a, fd, 0, n, STANDING_TRUSTED, &b) == SIGNED, "it goes on");
	ok(ask(&a, fd, UINT64_MAX, 2, STANDING_TRUSTED, &b) == UNABLE,
	    "a range that is none ends it");
	ok(ask(&a, fd, 0, n, STANDING_TRUSTED, &b) == UNABLE, "and then it is gone");
	(void)close(a.fd);
	ok(signer_start(&a, &c) == 0 && ask(&a, fd, 0, n, STANDING_TRUSTED, &b) == UNABLE &&
	    memmem(b.p, b.n, "No such file", 12), "a key that is missing");
	ok(send(a.fd, "?", 1, MSG_NOSIGNAL) == 1 && ask(&a, fd, 0, n, STANDING_TRUSTED, &b) ==
	    UNABLE, "a question without a message ends it");
	(void)close(a.fd);
	(void)close(fd);
	(void)close(file);
	sign_key_free(key);
}

int
main(void)
{
	test_rules();
	test_records();
	test_process();
	return tap_done();
}
