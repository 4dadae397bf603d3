// SPDX-License-Identifier: ISC
/*
 * No I/O, no clock: facts come in, a verdict comes out.
 */
#include "doctor/judge.h"

#include "base/name.h"
#include "base/words.h"

#define INODES_MIN   1000		/* messages that must still find room */
#define DAY_S        86400
#define RENEW_DAYS   14			/* an automatic renewal is done by then */

static const struct verdict fine = { DOCTOR_OK, NULL };

struct verdict
judge_name(struct slice name)
{
	static const struct slice local[] = {
		S(".localdomain"), S(".local"), S(".lan"), S(".home"), S(".internal"),
		S(".invalid"), S(".home.arpa"), S(".localhost"),
	};

	if (name_is_literal(name))
		return (struct verdict){ DOCTOR_FAULT, "this machine has no full name" };
	if (!name_is_fqdn(name))
		return (struct verdict){ DOCTOR_FAULT, "it is not a full name" };
	for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
		if (name.n > local[i].n &&
		    slice_ieq(slice_skip(name, name.n - local[i].n), local[i]))
			return (struct verdict){ DOCTOR_FAULT, "no other network knows this name" };
	return fine;
}

struct verdict
judge_space(uint64_t free, uint64_t min_free)
{
	if (free < min_free)
		return (struct verdict){ DOCTOR_FAULT, "all mail is refused (452)" };
	if (free / 2 < min_free)
		return (struct verdict){ DOCTOR_WARNING, "soon all mail is refused (452)" };
	return fine;
}

struct verdict
judge_inodes(uint64_t inodes, uint64_t free)
{
	if (inodes == 0)
		return fine;
	if (free == 0)
		return (struct verdict){ DOCTOR_FAULT, "all mail is refused (452)" };
	if (free < INODES_MIN)
		return (struct verdict){ DOCTOR_WARNING, "each message needs one" };
	return fine;
}

struct verdict
judge_clock(int64_t now_s, int64_t installed_s, bool synchronized)
{
	/* Archives may come from another time zone, so a day is no fault. */
	if (now_s < installed_s - DAY_S)
		return (struct verdict){
			DOCTOR_FAULT, "it is behind the time at which this program was made",
		};
	if (!synchronized)
		return (struct verdict){ DOCTOR_WARNING, "nothing keeps it right" };
	return fine;
}

struct verdict
judge_dates(int64_t now_s, int64_t from_s, int64_t until_s)
{
	if (now_s < from_s)
		return (struct verdict){ DOCTOR_FAULT, "it is not valid yet" };
	if (now_s >= until_s)
		return (struct verdict){ DOCTOR_FAULT, "it has expired" };
	if (until_s - now_s < RENEW_DAYS * DAY_S)
		return (struct verdict){ DOCTOR_WARNING, "it expires in less than two weeks" };
	return fine;
}

/* ---- records ---- */

/* Is the text a record of this kind: the tag, alone or before a blank or ';'? */
static bool
is_record(struct slice text, struct slice tag)
{
	if (!slice_has_iprefix(text, tag))
		return false;
	return text.n == tag.n || ascii_blank(text.p[tag.n]) || text.p[tag.n] == ';';
}

/* The records of a kind among the texts, and the last of them. */
static size_t
count_records(const struct slice *texts, size_t n, struct slice tag, struct slice *ret_last)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		if (is_record(texts[i], tag)) {
			found++;
			*ret_last = texts[i];
		}
	return found;
}

struct verdict
judge_spf(const struct slice *texts, size_t n)
{
	struct slice record = { 0 }, word;
	const size_t found = count_records(texts, n, SL("v=spf1"), &record);
	bool ends = false;

	if (found == 0)
		return (struct verdict){ DOCTOR_WARNING, "there is no record" };
	if (found > 1)
		return (struct verdict){ DOCTOR_FAULT, "there are several records: none counts" };
	(void)words_next(&record);
	while ((word = words_next(&record)).n) {
		if (slice_ieq(word, SL("all")) || slice_ieq(word, SL("+all")))
			return (struct verdict){ DOCTOR_FAULT, "it lets everybody send (+all)" };
		ends |= slice_ieq(word, SL("-all")) || slice_ieq(word, SL("~all")) ||
		    slice_ieq(word, SL("?all")) || slice_has_iprefix(word, SL("redirect="));
	}
	if (!ends)
		return (struct verdict){ DOCTOR_WARNING, "it does not end in ~all or -all" };
	return fine;
}

/* The value of a tag in "tag=value; tag=value". */
static struct slice
tag_value(struct slice record, struct slice tag)
{
	while (record.n) {
		struct slice value;
		const struct slice name =
		    slice_cut(slice_cut(record, ';', &record), '=', &value);

		if (slice_ieq(slice_trim(name), tag))
			return slice_trim(value);
	}
	return record;
}

struct verdict
judge_dmarc(const struct slice *texts, size_t n)
{
	struct slice record = { 0 }, policy;
	const size_t found = count_records(texts, n, SL("v=DMARC1"), &record);

	if (found == 0)
		return (struct verdict){ DOCTOR_WARNING, "there is no record" };
	if (found > 1)
		return (struct verdict){ DOCTOR_FAULT, "there are several records: none counts" };
	policy = tag_value(record, SL("p"));
	if (!slice_ieq(policy, SL("none")) && !slice_ieq(policy, SL("quarantine")) &&
	    !slice_ieq(policy, SL("reject")))
		return (struct verdict){ DOCTOR_FAULT, "its policy (p=) is missing or unknown" };
	return fine;
}

/* ---- a session ---- */

struct verdict
judge_relay(struct slice replies)
{
	struct slice line;
	unsigned accepted = 0, finals = 0;

	while (replies.n) {
		line = slice_cut(replies, '\n', &replies);
		if (line.n < 4 || line.p[3] != ' ' || line.p[0] < '2' || line.p[0] > '5')
			continue;
		/* The greeting, EHLO and MAIL come first; the last one is of QUIT. */
		if (++finals > 3 && line.p[0] == '2' && line.p[1] == '5')
			accepted++;
	}
	if (accepted)
		return (struct verdict){ DOCTOR_FAULT, "strangers may send to anybody" };
	if (finals < 5)
		return (struct verdict){ DOCTOR_SKIPPED, "the session ended early" };
	return fine;
}

/* ---- units ---- */

struct slice
unit_property(struct slice text, const char *name)
{
	while (text.n) {
		struct slice value;
		const struct slice key = slice_cut(slice_cut(text, '\n', &text), '=', &value);

		if (slice_eq(key, slice_str(name)))
			return value;
	}
	return text;
}

/* ---- addresses ---- */

bool
judge_public(const struct sockaddr *sa)
{
	static const struct slice private_nets[] = {
		S("0.0.0.0/8"), S("10.0.0.0/8"), S("100.64.0.0/10"), S("127.0.0.0/8"),
		S("169.254.0.0/16"), S("172.16.0.0/12"), S("192.168.0.0/16"), S("::/127"),
		S("fc00::/7"), S("fe80::/10"),
	};
	struct cidr net;

	for (size_t i = 0; i < sizeof private_nets / sizeof private_nets[0]; i++)
		if (cidr_parse(private_nets[i], &net) && cidr_match(&net, sa))
			return false;
	return true;
}
