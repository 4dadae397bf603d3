// SPDX-License-Identifier: ISC
/*
 * SPF over records that a stranger chose: each question gets the next line of the input as its
 * record, and its first octet decides on its status.  No question may be asked for ever.
 */
#include <stdlib.h>

#include "auth/name.h"
#include "auth/spf.h"
#include "tests/fuzz/fuzz.h"

#define QUESTIONS_MAX 300

static struct zone {
	struct slice rest;
	size_t n;
	struct auth_answer answers[QUESTIONS_MAX];
	struct auth_record records[QUESTIONS_MAX];
	char names[QUESTIONS_MAX][AUTH_NAME_MAX];
	size_t lengths[QUESTIONS_MAX];
	enum auth_type types[QUESTIONS_MAX];
} zone;

static const struct auth_answer *
answer(void *ctx, struct slice name, enum auth_type type)
{
	struct zone *z = ctx;
	struct auth_answer *a;
	struct slice line;

	must(auth_name_valid(name));
	for (size_t i = 0; i < z->n; i++)
		if (z->types[i] == type && slice_ieq(name, slice_of(z->names[i], z->lengths[i])))
			return &z->answers[i];
	must(z->n < QUESTIONS_MAX);
	memcpy(z->names[z->n], name.p, name.n);
	z->lengths[z->n] = name.n;
	z->types[z->n] = type;
	line = slice_cut(z->rest, '\n', &z->rest);
	a = &z->answers[z->n];
	*a = (struct auth_answer){ .status = AUTH_NXDOMAIN };
	if (line.n && line.p[0] == '!')
		a->status = AUTH_FAILED;
	else if (line.n)
		*a = (struct auth_answer){ AUTH_FOUND, &z->records[z->n], 1 };
	z->records[z->n] = (struct auth_record){ .text = line };
	memcpy(z->records[z->n].address, line.p, line.n < 16 ? line.n : 16);
	z->n++;
	return NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct auth_dns dns = { answer, &zone };
	const struct spf_client client = { .ipv6 = size % 2, .address = { 192, 0, 2, 1 },
		.helo = SL("helo.example"), .receiver = SL("mx.example.org") };
	char text[SPF_TEXT_MAX];
	struct buf explanation = BUF(text);
	enum spf_result result;
	const char *why;

	zone.rest = slice_of((const char *)data, size);
	zone.n = 0;
	do
		result = spf_check(&dns, &client, SL("a.b+c@example.com"), &why, &explanation);
	while (result == SPF_PENDING);
	must(!slice_has_control(buf_slice(&explanation)) || explanation.n == 0);
	must(*spf_word(result));
	return 0;
}
