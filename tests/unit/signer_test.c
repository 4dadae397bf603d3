// SPDX-License-Identifier: ISC
/*
 * The right to a signature; the process that signs, and its hostile workers; DNS records.
 */
#include "client/signer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attempt/permit.h"
#include "base/passing.h"
#include "base/sign.h"
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
		d = dkim_section(&c, dkim_right(&c, sender), slice_str(rules[i].author));
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

#define ID    "0T1WVMF25AN7T0Q4"
#define OTHER "0T1WVMF25AN7T0Q5"

/* The runner's end, and the worker's. */
static int permits = -1;
static struct aide aide;

static bool
start(const struct config *c)
{
	int pair[2];

	if (permits >= 0)
		(void)close(permits);
	if (aide.fd > 0)
		(void)close(aide.fd);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	permits = pair[0];
	return signer_start(&aide, c, pair[1]) == 0;
}

static void
permit(const char *id, int fd, uint64_t at, uint64_t size, enum dkim_scope scope,
    const char *domain)
{
	const struct dkim_right right = { scope, slice_str(domain) };
	struct pollfd room = { .fd = permits, .events = POLLOUT };
	struct permit p;
	int r;

	permit_init(&p, id, right, at, size);
	while ((r = permit_send(permits, &p, fd)) == -EAGAIN)
		if (poll(&room, 1, 5000) != 1)
			abort();
	if (r < 0)
		abort();
}

static enum sign_result
ask(const char *id, int copy, uint64_t size, struct buf *b)
{
	b->n = 0;
	return signer_ask(&aide, &(struct sign_question){ id, copy, size }, b);
}

static bool
says(const struct buf *b, const char *words)
{
	return memmem(b->p, b->n, words, strlen(words)) != NULL;
}

static int
file_with(const char *octets)
{
	const int fd = memfd_create("message", MFD_CLOEXEC);

	if (fd < 0 || write(fd, octets, strlen(octets)) < 0)
		abort();
	return fd;
}

static void
test_permits(int fd, struct buf *b)
{
	const size_t n = sizeof text - 1;

	ok(ask(ID, -1, 0, b) == UNABLE && says(b, "no permit"), "no signature without a permit");
	permit(ID, fd, 0, n, DKIM_ANY, "");
	ok(ask(ID, -1, 0, b) == SIGNED &&
	    slice_has_prefix(buf_slice(b), SL("DKIM-Signature: v=1; a=ed25519-sha256;")),
	    "with one it signs");
	ok(ask(OTHER, -1, 0, b) == UNABLE, "a permit is for one message");
	permit(ID, -1, 0, n, DKIM_NONE, "");
	ok(ask(ID, -1, 0, b) == UNSIGNED, "the last permit counts");
	permit(ID, fd, 0, n, DKIM_OWN, "Example.org");
	ok(ask(ID, -1, 0, b) == SIGNED, "the own domain");
	permit(ID, fd, 0, n, DKIM_OWN, "x.example");
	ok(ask(ID, -1, 0, b) == UNSIGNED, "From of another domain than the own");
	permit(ID, fd, 22, n - 22, DKIM_ANY, "");
	ok(ask(ID, -1, 0, b) == UNSIGNED, "a body is no message");
	permit(ID, fd, 0, n + 1, DKIM_ANY, "");
	ok(ask(ID, -1, 0, b) == UNABLE && says(b, "cannot read the message"),
	    "a file that was cut");
	for (int i = 0; i < 1000; i++)
		permit(OTHER, fd, 0, n, DKIM_ANY, "");
	ok(ask(OTHER, -1, 0, b) == SIGNED, "many permits without a question");
}

static void
test_copies(int fd, struct buf *b)
{
	static const char again[] = "From: b@example.org\r\n\r\n=68ello\r\n";
	static const char other[] = "From: a@sub.example.org\r\n\r\nx\r\n";
	const int copy = file_with(again), foreign = file_with(other);

	permit(ID, -1, 0, 0, DKIM_NONE, "");
	ok(ask(ID, copy, sizeof again - 1, b) == UNSIGNED, "a copy of mail without a right");
	permit(ID, fd, 0, sizeof text - 1, DKIM_ANY, "");
	ok(ask(ID, copy, sizeof again - 1, b) == SIGNED, "a copy is signed as its message is");
	ok(ask(ID, foreign, sizeof other - 1, b) == UNSIGNED && says(b, "another author"),
	    "not for another domain, whatever the sender may use");
	(void)close(copy);
	(void)close(foreign);
}

/* It ends by what is no question, and takes nothing but permits from the runner. */
static void
test_broken(const struct config *c, int fd, struct buf *b)
{
	struct permit p;

	permit(ID, fd, 0, sizeof text - 1, DKIM_ANY, "");
	ok(ask("no ID at all, 16", -1, 0, b) == UNABLE && aide.fd < 0, "no ID ends it");
	ok(ask(ID, -1, 0, b) == UNABLE && says(b, "has ended"), "and then it is gone");
	ok(start(c) && send(aide.fd, "?", 1, MSG_NOSIGNAL) == 1 && ask(ID, -1, 0, b) == UNABLE,
	    "a short question ends it");
	permit_init(&p, ID, (struct dkim_right){ DKIM_ANY, SL("") }, 0, sizeof text - 1);
	ok(start(c) && permit_send(permits, &p, -1) == 0 && ask(ID, -1, 0, b) == UNABLE,
	    "a right without a message ends it");
	p.scope = DKIM_SCOPES;
	ok(start(c) && permit_send(permits, &p, fd) == 0 && ask(ID, -1, 0, b) == UNABLE,
	    "a scope that is none ends it");
	ok(start(c), "it starts again");
	permit(ID, fd, 0, sizeof text - 1, DKIM_ANY, "");
	ok(ask(ID, -1, 0, b) == UNABLE && says(b, "No such file"), "a key that is missing");
}

static void
test_process(void)
{
	struct dkim_domain domains[] = {
		{ .name = (char[]){ "example.org" }, .selector = (char[]){ "s" }, .key = key_file },
		{ .name = (char[]){ "sub.example.org" }, .selector = (char[]){ "s" },
		    .key = key_file },
	};
	const struct config c = { .dkim = domains, .ndkim = 2 };
	static char space[SIGNER_FIELDS_MAX + 1], pem[SIGN_PEM_MAX];
	struct buf b = BUF(space), p = BUF(pem);
	struct sign_key *key = sign_key_make(SIGN_ED25519);
	const int fd = file_with(text), file = mkstemp(key_file);

	ok(key && sign_key_write(key, &p) && write(file, p.p, p.n) == (ssize_t)p.n, "a key");
	ok(start(&c), "the process starts");
	test_permits(fd, &b);
	(void)unlink(key_file);
	test_copies(fd, &b);
	test_broken(&c, fd, &b);
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
