// SPDX-License-Identifier: ISC
/*
 * SPF checks over zones that the input names, for test suites.  Lines, with tabs between words:
 *
 *	C				forget all records
 *	R NAME TYPE VALUE		a record; the text of TXT is in hexadecimal digits
 *	T NAME TYPE			there is no answer; TYPE * is any
 *	N NAME				the name exists
 *	Q ADDRESS HELO SENDER		prints the result and the explanation
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/spf.h"
#include "base/cidr.h"

#define RECORDS_MAX 500
#define ANSWERS_MAX 200

static char texts[1 << 20];		/* of one zone */
static size_t ntexts;

static char *
keep_text(struct slice s)
{
	char *at = texts + ntexts;

	if (sizeof texts - ntexts <= s.n)
		abort();
	if (s.n)
		memcpy(at, s.p, s.n);
	at[s.n] = '\0';
	ntexts += s.n + 1;
	return at;
}

static struct record {
	char *name, *type;
	struct auth_record record;
} records[RECORDS_MAX];
static size_t nrecords;

static struct auth_answer answers[ANSWERS_MAX];
static struct auth_record space[ANSWERS_MAX][40];
static size_t nanswers, asked;
static char *names[ANSWERS_MAX];
static enum auth_type types[ANSWERS_MAX];

static const char *const words[] = { "A", "AAAA", "MX", "PTR", "TXT" };

static const struct auth_answer *
answer(void *ctx, struct slice name, enum auth_type type)
{
	struct auth_answer *a = &answers[nanswers];

	(void)ctx;
	/* Each question is pending once. */
	for (size_t i = 0; i < nanswers; i++)
		if (types[i] == type && slice_ieq(slice_str(names[i]), name))
			return &answers[i];
	if (nanswers == ANSWERS_MAX)
		abort();
	asked++;
	names[nanswers] = keep_text(name);
	types[nanswers++] = type;
	*a = (struct auth_answer){ .status = AUTH_NXDOMAIN, .records = space[a - answers] };
	for (size_t i = 0; i < nrecords; i++) {
		const struct record *r = &records[i];

		if (!slice_ieq(slice_str(r->name), name))
			continue;
		if (a->status == AUTH_NXDOMAIN)
			a->status = AUTH_NODATA;
		if (strcmp(r->type, words[type]) == 0 && a->n < 40) {
			space[a - answers][a->n++] = r->record;
			a->status = AUTH_FOUND;
		} else if (strcmp(r->type, "CNAME") == 0) {
			const struct auth_answer *target = answer(NULL, r->record.text, type);

			if (!target)
				target = answer(NULL, r->record.text, type);
			*a = *target;
			return NULL;
		}
	}
	for (size_t i = 0; i < nrecords; i++)
		if (slice_ieq(slice_str(records[i].name), name) && records[i].type[0] == '!' &&
		    a->status != AUTH_FOUND &&
		    (records[i].type[1] == '*' || strcmp(records[i].type + 1, words[type]) == 0))
			a->status = AUTH_FAILED;
	return NULL;
}

static struct slice
from_hex(const char *hex)
{
	char *text = keep_text(slice_str(hex));
	size_t n = 0;
	unsigned octet;

	for (; sscanf(hex, "%2x", &octet) == 1; hex += 2)
		text[n++] = (char)octet;
	return slice_of(text, n);
}

static void
add_record(const char *name, const char *type, const char *value)
{
	struct record *r = &records[nrecords++];

	*r = (struct record){ keep_text(slice_str(name)), keep_text(slice_str(type)),
		{ .text = slice_str(keep_text(slice_str(value))) } };
	if (strcmp(type, "TXT") == 0)
		r->record.text = from_hex(value);
	else if (strcmp(type, "A") == 0)
		(void)inet_pton(AF_INET, value, r->record.address);
	else if (strcmp(type, "AAAA") == 0)
		(void)inet_pton(AF_INET6, value, r->record.address);
}

static void
check(const char *address, const char *helo, const char *sender)
{
	struct auth_dns dns = { answer, NULL };
	struct spf_client client = { .ipv6 = strchr(address, ':'), .helo = slice_str(helo),
		.now_s = 1 };
	char text[SPF_TEXT_MAX];
	struct buf explanation = BUF(text);
	const char *why;
	enum spf_result result;
	unsigned rounds = 0;

	(void)inet_pton(client.ipv6 ? AF_INET6 : AF_INET, address, client.address);
	nanswers = asked = 0;
	do
		result = spf_check(&dns, &client, slice_str(sender), &why, &explanation);
	while (result == SPF_PENDING && ++rounds < 100);
	printf("%s\t%.*s\t%s\t%u\n", spf_word(result), (int)explanation.n, explanation.p,
	    why ? why : "", rounds);
}

int
main(void)
{
	char line[20000];

	while (fgets(line, sizeof line, stdin)) {
		char *words_in[4] = { "", "", "", "" };
		size_t n = 0;

		line[strcspn(line, "\n")] = '\0';
		for (char *rest = line, *w; n < 4 && (w = strsep(&rest, "\t"));)
			words_in[n++] = w;
		if (line[0] == 'C')
			nrecords = ntexts = 0;
		else if (line[0] == 'R' && nrecords < RECORDS_MAX)
			add_record(words_in[1], words_in[2], words_in[3]);
		else if (line[0] == 'T' && nrecords < RECORDS_MAX) {
			char type[8];

			(void)snprintf(type, sizeof type, "!%s", words_in[2]);
			add_record(words_in[1], type, "");
		} else if (line[0] == 'N' && nrecords < RECORDS_MAX)
			add_record(words_in[1], "-", "");
		else if (line[0] == 'Q')
			check(words_in[1], words_in[2], words_in[3]);
	}
	return 0;
}
