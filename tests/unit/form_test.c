// SPDX-License-Identifier: ISC
/* client/form: the octets of a message for a peer, by the extensions that the peer offers. */
#include "client/form.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/tap.h"

#define ENVELOPE "the envelope\n"
#define PLAIN "Subject: a\r\n\r\n"
#define HIGH  "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa4\r\n"
#define LOW   "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" \
	"Content-Transfer-Encoding: base64\r\n\r\nw6QNCg==\r\n"
#define FRAGMENT "Content-Type: message/partial\r\n\r\n\xc3\xa4\r\n"
#define BAD   "Subject: \xc3\xa4\r\n\r\n\r\n"

static const struct {
	const char *name;
	const char *content;
	struct queue_facts facts;
	bool eight_bit, binary;		/* the peer's offers */
	const char *want;
	bool converted, unconvertible;
	enum smtp_body body;		/* of the converted one */
} cases[] = {
	{ .name = "seven bits go anywhere", .content = PLAIN, .want = PLAIN },
	{ .name = "eight bits to a peer that takes them",
	  .content = HIGH, .facts = { .eight_bit = true }, .eight_bit = true, .want = HIGH },
	{ .name = "eight bits are converted for another",
	  .content = HIGH, .facts = { .eight_bit = true }, .binary = true, .want = LOW,
	  .converted = true },
	{ .name = "binary content to a peer that takes it",
	  .content = HIGH, .facts = { .eight_bit = true, .binary = true }, .eight_bit = true,
	  .binary = true, .want = HIGH },
	{ .name = "binary content is converted for another",
	  .content = HIGH, .facts = { .eight_bit = true, .binary = true }, .eight_bit = true,
	  .want = LOW, .converted = true },
	{ .name = "V52 a line of 998 octets stays as it is",
	  .content = HIGH, .facts = { .eight_bit = true, .longest_line = 998 }, .eight_bit = true,
	  .want = HIGH },
	{ .name = "V52 a line of 999 octets is encoded, whatever the peer takes",
	  .content = HIGH, .facts = { .eight_bit = true, .longest_line = 999 }, .eight_bit = true,
	  .want = LOW, .converted = true },
	{ .name = "V52 long lines that cannot be encoded go as they are",
	  .content = FRAGMENT, .facts = { .eight_bit = true, .longest_line = 999 },
	  .eight_bit = true, .want = FRAGMENT, .unconvertible = true },
	{ .name = "fields with eight bits above a text with NUL, to a peer that takes eight bits",
	  .content = "Subject: \xc3\xa4\r\n\r\na \xff b\r\n",
	  .facts = { .eight_bit = true, .binary = true }, .eight_bit = true,
	  .want = "Subject: \xc3\xa4\r\nMIME-Version: 1.0\r\n"
	  "Content-Type: text/plain; charset=unknown-8bit\r\n"
	  "Content-Transfer-Encoding: quoted-printable\r\n\r\na =FF b\r\n",
	  .converted = true, .body = SMTP_BODY_8BITMIME },
	{ .name = "the same to a peer that takes seven bits",
	  .content = BAD, .facts = { .eight_bit = true, .binary = true }, .want = BAD,
	  .unconvertible = true },
	{ .name = "binary content has no lines",
	  .content = HIGH, .facts = { .binary = true, .longest_line = 999 }, .binary = true,
	  .want = HIGH },
	{ .name = "without another form it stays plain",
	  .content = BAD, .facts = { .eight_bit = true }, .want = BAD, .unconvertible = true },
};

static const struct delivery no_transcript;

/* A queue file: an envelope, then the content. */
static struct queue_entry
entry(const char *content, const struct queue_facts *facts)
{
	struct queue_entry e = {
		.fd = memfd_create("entry", MFD_CLOEXEC), .facts = *facts,
		.content_at = strlen(ENVELOPE), .content_size = strlen(content),
	};

	if (e.fd < 0 || dprintf(e.fd, "%s%s", ENVELOPE, content) < 0)
		abort();
	return e;
}

static struct slice
octets_of(const struct payload *p, char *space, size_t room)
{
	if (p->size > room || payload_read(p, 0, space, (size_t)p->size) < 0)
		return SL("");
	return slice_of(space, (size_t)p->size);
}

static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct queue_entry e = entry(cases[i].content, &cases[i].facts);
		struct client_offer peer;
		struct outcome why;
		struct form f;
		const struct payload *p, *again;
		char space[1000];

		client_offer_init(&peer);
		peer.offers[SMTP_EXT_8BITMIME] = cases[i].eight_bit;
		peer.offers[SMTP_EXT_BINARYMIME] = cases[i].binary;
		form_init(&f, &no_transcript, &e);
		ok(form_for(&f, &peer, &p, &why) &&
		    (p == &f.converted) == cases[i].converted &&
		    (f.unconvertible != NULL) == cases[i].unconvertible,
		    "%s", cases[i].name);
		ok(slice_eq(octets_of(p, space, sizeof space), slice_str(cases[i].want)),
		    "%s: the octets", cases[i].name);
		ok(!cases[i].converted || payload_body(p) ==
		    (cases[i].body ? cases[i].body : SMTP_BODY_7BIT), "%s: the facts",
		    cases[i].name);
		ok(form_for(&f, &peer, &again, &why) && again == p, "%s: the same again",
		    cases[i].name);
		form_done(&f);
		(void)close(e.fd);
	}
}

/* The queue file is cut: an error, not a signal. */
static void
test_cut(void)
{
	const struct queue_facts facts = { .eight_bit = true };
	struct queue_entry e = entry(HIGH, &facts);
	struct client_offer peer;
	struct outcome why;
	struct form f;
	const struct payload *p;

	client_offer_init(&peer);
	form_init(&f, &no_transcript, &e);
	ok(ftruncate(e.fd, 1) == 0 && !form_for(&f, &peer, &p, &why) &&
	    why.cause == CAUSE_LOCAL && strcmp(why.detail, PAYLOAD_UNREADABLE) == 0,
	    "a queue file that is cut cannot be converted");
	form_done(&f);
	(void)close(e.fd);
}

int
main(void)
{
	test_cases();
	test_cut();
	return tap_done();
}
