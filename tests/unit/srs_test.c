// SPDX-License-Identifier: ISC
#include "smtp/srs.h"

#include <stdlib.h>

#include "tests/lib/tap.h"

#define NOW INT64_C(1700000000)
#define DAY INT64_C(86400)

static const struct srs_secrets ours = { { S("the first secret"), S("the second secret") }, 2 };
static const struct srs_secrets older = { { S("the second secret") }, 1 };
static const struct srs_secrets theirs = { { S("another's secret") }, 1 };

static struct smtp_path
path_of(const char *text)
{
	struct smtp_path path = { .n = 0 };

	if (!smtp_path_parse_whole(slice_str(text), SMTP_PATH_LISTED, &path))
		abort();
	return path;
}

/* The address that stands for another, or "". */
static const char *
made(const char *from, const char *domain, const struct srs_secrets *secrets, int64_t now_s)
{
	static struct smtp_path ret;
	const struct smtp_path path = path_of(from);

	return srs_make(&path, slice_str(domain), secrets, now_s, &ret) ? ret.text : "";
}

static const char *
undone(const char *to, const struct srs_secrets *secrets, int64_t now_s)
{
	static const char *const ends[] = {
		[SRS_MALFORMED] = "malformed", [SRS_FORGED] = "forged", [SRS_EXPIRED] = "expired",
	};
	static struct smtp_path ret;
	const struct smtp_path path = path_of(to);
	const enum srs_end end = srs_undo(&path, secrets, now_s, &ret);

	return end == SRS_RIGHT ? ret.text : ends[end];
}

/* As postsrsd 1.10 writes them at fwd.example, on day 305 of its round. */
static const struct srs_secrets postsrsd = { { S("a secret of sixteen letters") }, 1 };
static const struct {
	const char *from, *to;
} published[] = {
	{ "Anna@Example.org", "SRS0=FoJt=JR=Example.org=Anna@fwd.example" },
	{ "SRS0=abcd=AA=example.org=a@first.example",
	    "SRS1=JKIc=first.example==abcd=AA=example.org=a@fwd.example" },
	{ "SRS0+abcd=AA=example.org=a@first.example",
	    "SRS1=vnhh=first.example=+abcd=AA=example.org=a@fwd.example" },
	{ "SRS1=abcd=first.example==hash=AA=example.org=a@second.example",
	    "SRS1=2oQc=first.example==hash=AA=example.org=a@fwd.example" },
};

static void
check_published(void)
{
	for (size_t i = 0; i < sizeof published / sizeof published[0]; i++)
		is(slice_str(made(published[i].from, "fwd.example", &postsrsd, 305 * DAY)),
		    slice_str(published[i].to), published[i].from);
	for (size_t i = 0; i < 3; i++)
		is(slice_str(undone(published[i].to, &postsrsd, 310 * DAY)),
		    slice_str(published[i].from), published[i].to);
	is(slice_str(undone("SRS0=FoJt=JR=Example.orgA=nna@fwd.example", &postsrsd, 310 * DAY)),
	    SL("nna@Example.orgA"), "the hash does not know where the domain ends");
}

static void
check_forms(void)
{
	static const char *const senders[] = {
		"anna@example.org", "Anna.Be+detail@Example.ORG", "a=b=c@x.example",
		"\"two words\"@example.org", "\"a\\\"b\\\\c\"@example.org", "anna@[192.0.2.1]",
		"anna@[IPv6:2001:db8::1]", "\xc3\xa4nna@b\xc3\xbc" "cher.example",
		"SRS0x=anna@example.org", "SRS0@example.org", "SRS2=a=b@example.org",
	};
	char copy[2000];

	for (size_t i = 0; i < sizeof senders / sizeof senders[0]; i++) {
		(void)snprintf(copy, sizeof copy, "%s",
		    made(senders[i], "fwd.example", &ours, NOW));
		ok(strncmp(copy[0] == '"' ? copy + 1 : copy, "SRS0=", 5) == 0 &&
		    strstr(copy, "@fwd.example"), "%s becomes %s", senders[i], copy);
		is(slice_str(undone(copy, &ours, NOW)), slice_str(senders[i]), "and comes back");
		is(slice_str(undone(copy, &theirs, NOW)), SL("forged"),
		    "a domain with another secret knows nothing of it");
	}
}

static void
check_secrets(void)
{
	static const struct {
		const char *text, *mistake;
		size_t n;
	} files[] = {
		{ "0123456789abcdef", NULL, 1 },
		{ "0123456789abcdef\n", NULL, 1 },
		{ "\n 0123456789abcdef\r\n\nfedcba9876543210\n", NULL, 2 },
		{ "0123456789abcde\n", "a secret must have at least 16 characters", 0 },
		{ "", "it has no secret", 0 },
		{ "\n\n", "it has no secret", 0 },
		{ "0123456789abcdef\n1123456789abcdef\n2123456789abcdef\n",
		    "it has more than two secrets", 0 },
		{ "0123456789abcdef\1", "a line has control characters", 0 },
	};
	char longest[SRS_SECRET_MAX + 2];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct srs_secrets s;
		const char *wanted = files[i].mistake;
		const char *mistake = srs_secrets_parse(slice_str(files[i].text), &s);

		is(slice_str(mistake ? mistake : ""), slice_str(wanted ? wanted : ""),
		    wanted ? wanted : "good secrets");
		if (!mistake)
			ok(s.n == files[i].n, "%zu of them", files[i].n);
	}
	memset(longest, 'a', sizeof longest);
	for (size_t n = SRS_SECRET_MAX; n <= SRS_SECRET_MAX + 1; n++) {
		struct srs_secrets s;

		ok((srs_secrets_parse(slice_of(longest, n), &s) == NULL) == (n == SRS_SECRET_MAX),
		    "a secret of %zu characters", n);
	}
}

static void
check_life(void)
{
	static const struct {
		int64_t days;
		const char *end;
	} ages[] = {
		{ 0, "anna@example.org" }, { 20, "anna@example.org" }, { 21, "anna@example.org" },
		{ 22, "expired" }, { -1, "expired" }, { 1002, "expired" },
		{ 1024, "anna@example.org" },	/* the days begin anew */
	};
	char copy[300];

	(void)snprintf(copy, sizeof copy, "%s", made("anna@example.org", "f.example", &ours, NOW));
	for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++)
		is(slice_str(undone(copy, &ours, NOW + ages[i].days * DAY)),
		    slice_str(ages[i].end), "an address of some age");
	/* 1 January 1970 + 1023 days: the last day of a round, then the next */
	(void)snprintf(copy, sizeof copy, "%s",
	    made("anna@example.org", "f.example", &ours, 1023 * DAY));
	ok(strstr(copy, "=77="), "the last day is 77: %s", copy);
	is(slice_str(undone(copy, &ours, 1024 * DAY)), SL("anna@example.org"), "a day later");
	is(slice_str(undone(copy, &ours, (1023 + 22) * DAY)), SL("expired"), "22 days later");
}

static void
check_rotation(void)
{
	char copy[300];

	(void)snprintf(copy, sizeof copy, "%s", made("anna@example.org", "f.example", &older, NOW));
	is(slice_str(undone(copy, &ours, NOW)), SL("anna@example.org"),
	    "the second secret still checks");
	(void)snprintf(copy, sizeof copy, "%s", made("anna@example.org", "f.example", &ours, NOW));
	is(slice_str(undone(copy, &older, NOW)), SL("forged"), "the first one makes");
}

/* Servers on the way may have changed the case, and other forwarders use other separators. */
static void
check_variants(void)
{
	char copy[300];
	struct smtp_path path;

	(void)snprintf(copy, sizeof copy, "%s", made("anna@example.org", "f.example", &ours, NOW));
	for (size_t i = 0; copy[i]; i++)
		copy[i] = ascii_lower(copy[i]);
	is(slice_str(undone(copy, &ours, NOW)), SL("anna@example.org"), "all in lower case");
	for (size_t i = 0; copy[i]; i++)
		copy[i] = copy[i] >= 'a' && copy[i] <= 'z' ? (char)(copy[i] - 32) : copy[i];
	is(slice_str(undone(copy, &ours, NOW)), SL("ANNA@EXAMPLE.ORG"), "all in upper case");
	for (const char *c = "+-="; *c; c++) {
		copy[4] = *c;
		is(slice_str(undone(copy, &ours, NOW)), SL("ANNA@EXAMPLE.ORG"),
		    "another separator");
	}
	copy[4] = '_';
	is(slice_str(undone(copy, &ours, NOW)), SL("malformed"), "SRS0_");
	path = path_of("srs0-abcd=AA=x=y@f.example");
	ok(srs_is(&path), "a form that is ours");
	path = path_of("SRS@f.example");
	ok(!srs_is(&path), "a form that is not");
}

/* Each octet of an address counts. */
static void
check_changes(void)
{
	char copy[300];
	size_t right = 0, n;

	(void)snprintf(copy, sizeof copy, "%s", made("anna@example.org", "f.example", &ours, NOW));
	n = (size_t)(strchr(copy, '@') - copy);
	for (size_t i = 5; i < n; i++) {
		const char was = copy[i];

		copy[i] = ascii_lower(was) == 'x' ? 'y' : 'x';
		if (strchr(undone(copy, &ours, NOW), '@'))
			right++;
		copy[i] = was;
	}
	ok(right == 0, "no changed octet is right");
	is(slice_str(undone("SRS0=abc=AA=example.org=anna@f.example", &ours, NOW)), SL("forged"),
	    "a hash that is too short");
	is(slice_str(undone("SRS0==AA=example.org=anna@f.example", &ours, NOW)), SL("forged"),
	    "no hash");
}

static void
check_malformed(void)
{
	static const char *const bad[] = {
		"SRS0=abcd=AA=example.org@f", "SRS0=abcd=AA==anna@f", "SRS0=abcd=A=example.org=a@f",
		"SRS0=abcd=A1=example.org=a@f", "SRS0=abcd=AAA=example.org=a@f", "SRS0=abcd@f",
		"SRS1=abcd=first@f", "SRS1=abcd==a=b@f", "SRS1=abcd=first=x@f", "anna@f",
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		is(slice_str(undone(bad[i], &ours, NOW)), SL("malformed"), bad[i]);
}

/* first.example forwards to second.example, that one to third.example, and so on. */
static void
check_chain(void)
{
	char first[300], second[300], third[300];

	(void)snprintf(first, sizeof first, "%s",
	    made("anna@example.org", "first.example", &theirs, NOW));
	(void)snprintf(second, sizeof second, "%s", made(first, "second.example", &ours, NOW));
	ok(strncmp(second, "SRS1=", 5) == 0 && strstr(second, "=first.example=="),
	    "the second forwarder: %s", second);
	(void)snprintf(third, sizeof third, "%s", made(second, "third.example", &theirs, NOW));
	ok(strlen(third) == strlen(second) - 1 && !strstr(third, "second"),
	    "the third leaves the second one out: %s", third);
	is(slice_str(undone(third, &theirs, NOW)), slice_str(first), "back to the first");
	is(slice_str(undone(second, &ours, NOW + 100 * DAY)), slice_str(first),
	    "the age is the first's to judge");
	is(slice_str(undone(second, &theirs, NOW)), SL("forged"), "SRS1 is checked too");
	is(slice_str(undone(first, &theirs, NOW)), SL("anna@example.org"), "to the sender");
}

static void
check_long(void)
{
	char from[SMTP_LOCAL_MAX + 40];
	size_t fits = 0;

	for (size_t n = 900; n <= SMTP_LOCAL_MAX; n++) {
		memset(from, 'a', n);
		memcpy(from + n, "@example.org", sizeof "@example.org");
		if (made(from, "f.example", &ours, NOW)[0])
			fits = n;
	}
	ok(fits == SMTP_LOCAL_MAX - strlen("SRS0=abcd=AA=example.org="),
	    "the longest local part that is made");
}

int
main(void)
{
	check_published();
	check_secrets();
	check_forms();
	check_life();
	check_rotation();
	check_variants();
	check_changes();
	check_malformed();
	check_chain();
	check_long();
	return tap_done();
}
