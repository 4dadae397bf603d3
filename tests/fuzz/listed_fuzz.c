// SPDX-License-Identifier: ISC
/*
 * Answers of lists of addresses, and results of checks in a field.  The first line is the setting,
 * the second one an address; then 4 octets for each address that the list answers, and its text.
 */
#include <string.h>

#include "auth/listed.h"
#include "auth/name.h"
#include "auth/result_field.h"
#include "tests/fuzz/fuzz.h"

static struct slice rest;

static const struct auth_answer *
answer(void *ctx, struct slice name, enum auth_type type)
{
	static struct auth_record records[3];
	static struct auth_answer a;

	(void)ctx;
	must(auth_name_valid(name));
	a = (struct auth_answer){ .status = AUTH_FOUND, .records = records };
	memset(records, 0, sizeof records);
	if (type == AUTH_TXT) {
		records[a.n++].text = rest;
		return &a;
	}
	for (; a.n < 3 && rest.n >= 4; a.n++) {
		memcpy(records[a.n].address, rest.p, 4);
		rest = slice_skip(rest, 4);
	}
	return rest.n % 7 == 6 ? NULL : &a;
}

static void
check_field(struct slice value)
{
	char space[8192];
	struct buf b = BUF(space);

	result_begin(&b, SL("mx.example"));
	result_method(&b, "spf", "pass");
	result_reason(&b, "a reason");
	result_property(&b, "smtp.mailfrom", slice_of(value.p, value.n < 300 ? value.n : 300));
	result_end(&b, true);
	must(!b.full && !memchr(b.p, '\r', b.n));
	for (size_t i = 0; i < b.n; i++)
		must(b.p[i] == '\n' ? i + 1 < b.n && ascii_blank(b.p[i + 1]) :
		    b.p[i] == '\t' || (unsigned char)b.p[i] >= ' ');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct auth_dns dns = { answer, NULL };
	unsigned char address[16] = { 0 };
	struct slice setting, line;
	struct dnsbl list;
	char space[400];

	rest = slice_of((const char *)data, size);
	setting = slice_cut(rest, '\n', &rest);
	line = slice_cut(rest, '\n', &rest);
	memcpy(address, line.n ? line.p : "", line.n < 16 ? line.n : 16);
	check_field(rest);
	for (int i = 0; i < 100 && dnsbl_next(&setting, &list) > 0; i++) {
		struct buf b = BUF(space);
		enum listed r;

		must(list.zone.n && list.ncodes <= DNSBL_CODES_MAX);
		r = listed_check(&dns, &list, line.n > 4, address);
		if (r == LISTED_YES)
			(void)listed_text(&dns, &list, line.n > 4, address, &b);
		must(!b.full && !slice_has_control(buf_slice(&b)));
	}
	return 0;
}
