// SPDX-License-Identifier: ISC
/*
 * The text for Prometheus of several machines.  A family is one metric: its comments, then its
 * samples.
 */
#include "tools/queue/samples.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "base/words.h"

#define FAMILIES_MAX 1000	/* of one machine */
#define SUMS_MAX     4096	/* samples of one family, of all machines */

struct family {
	struct slice name, head, samples;
};

struct sum {
	struct slice sample;		/* the name and the labels */
	double value;
};

typedef bool put_family_function(FILE *out, const struct samples_text *texts, size_t n,
    const struct family *f);

void
samples_machine(char ret[static SAMPLES_MACHINE])
{
	memset(ret, 0, SAMPLES_MACHINE);
	(void)gethostname(ret, SAMPLES_MACHINE);
	for (char *p = ret; *p; p++)
		if (*p < ' ' || *p == 0x7f || *p == '"' || *p == '\\')
			*p = '?';
}

static bool
next_line(struct slice *rest, struct slice *ret)
{
	if (rest->n == 0)
		return false;
	*ret = slice_cut(*rest, '\n', rest);
	return true;
}

/* Take a family off the text: its comments, then its samples.  False at the end. */
static bool
next_family(struct slice *text, struct family *ret)
{
	const char *const begin = text->p;
	struct slice rest = *text, line;
	const char *samples = NULL;

	*ret = (struct family){ .name = SL("") };
	while (rest.n) {
		const char *at = rest.p;

		(void)next_line(&rest, &line);
		if (slice_has_prefix(line, SL("# ")) && samples) {
			rest = slice_of(at, (size_t)(text->p + text->n - at));
			break;
		}
		if (!slice_has_prefix(line, SL("# "))) {
			samples = samples ? samples : at;
		} else if (ret->name.n == 0) {
			(void)words_next(&line);
			(void)words_next(&line);
			ret->name = words_next(&line);
		}
	}
	if (text->n == 0)
		return false;
	if (!samples)
		samples = rest.p;
	ret->head = slice_of(begin, (size_t)(samples - begin));
	ret->samples = slice_of(samples, (size_t)(rest.p - samples));
	*text = rest;
	return true;
}

static bool
find_family(struct slice text, struct slice name, struct family *ret)
{
	while (next_family(&text, ret))
		if (slice_eq(ret->name, name))
			return true;
	return false;
}

static void
put_head(FILE *out, struct slice head)
{
	struct slice line;

	while (next_line(&head, &line)) {
		text_put(out, line);
		(void)fputc('\n', out);
	}
}

/* Each family once, in the order of the first machine that has it.  The one without a name is the
 * line "# EOF", which comes last. */
static bool
put_families(FILE *out, const struct samples_text *texts, size_t n, put_family_function *put)
{
	struct family f, other;

	for (size_t i = 0; i < n; i++) {
		struct slice rest = texts[i].text;

		for (unsigned families = 0; next_family(&rest, &f); families++) {
			bool done = f.name.n == 0;

			if (families == FAMILIES_MAX)
				return false;
			for (size_t k = 0; k < i && !done; k++)
				done = find_family(texts[k].text, f.name, &other);
			if (done)
				continue;
			put_head(out, f.head);
			if (!put(out, texts + i, n - i, &f))
				return false;
		}
	}
	(void)fputs("# EOF\n", out);
	return true;
}

static void
put_labelled(FILE *out, struct slice machine, struct slice samples)
{
	struct slice line;

	while (next_line(&samples, &line)) {
		const char *brace = memchr(line.p, '{', line.n);
		const char *blank = memchr(line.p, ' ', line.n);
		const bool labels = brace && (!blank || brace < blank);
		const char *end = labels ? brace : blank ? blank : line.p + line.n;
		const size_t length = (size_t)(end - line.p);

		text_put(out, slice_of(line.p, length));
		(void)fputs("{host=\"", out);
		text_put(out, machine);
		(void)fputs(labels ? "\"," : "\"}", out);
		text_put(out, slice_skip(line, labels ? length + 1 : length));
		(void)fputc('\n', out);
	}
}

static bool
put_family_labelled(FILE *out, const struct samples_text *texts, size_t n, const struct family *f)
{
	struct family other;

	for (size_t i = 0; i < n; i++)
		if (find_family(texts[i].text, f->name, &other))
			put_labelled(out, texts[i].machine, other.samples);
	return true;
}

bool
samples_put_labelled(FILE *out, const struct samples_text *texts, size_t n)
{
	return put_families(out, texts, n, put_family_labelled);
}

/* ---- sums ---- */

/* The sample and the value of a line.  False if it has none. */
static bool
split_sample(struct slice line, struct slice *ret_sample, double *ret_value)
{
	const char *blank = line.n ? memrchr(line.p, ' ', line.n) : NULL;
	char number[64], *end;
	struct slice value;

	if (!blank)
		return false;
	*ret_sample = slice_of(line.p, (size_t)(blank - line.p));
	value = slice_skip(line, ret_sample->n + 1);
	if (value.n == 0 || value.n >= sizeof number)
		return false;
	memcpy(number, value.p, value.n);
	number[value.n] = '\0';
	*ret_value = strtod(number, &end);
	return *end == '\0';
}

static bool
ends_in(struct slice s, struct slice end)
{
	return s.n >= end.n && slice_eq(slice_skip(s, s.n - end.n), end);
}

static double
join(struct slice family, double a, double b)
{
	if (ends_in(family, SL("_age_seconds")))
		return a > b ? a : b;
	if (ends_in(family, SL("_time_seconds")))
		return a < b ? a : b;
	return a + b;
}

/* Add the samples of one machine.  False if there is no room. */
static bool
add_samples(struct sum *sums, size_t *n, struct slice family, struct slice samples)
{
	struct slice line, sample;
	double value;

	while (next_line(&samples, &line)) {
		size_t i = 0;

		if (!split_sample(line, &sample, &value))
			continue;
		while (i < *n && !slice_eq(sums[i].sample, sample))
			i++;
		if (i == SUMS_MAX)
			return false;
		if (i == *n)
			sums[(*n)++] = (struct sum){ sample, value };
		else
			sums[i].value = join(family, sums[i].value, value);
	}
	return true;
}

static bool
put_family_sum(FILE *out, const struct samples_text *texts, size_t n, const struct family *f)
{
	static struct sum sums[SUMS_MAX];
	struct family other;
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (find_family(texts[i].text, f->name, &other) &&
		    !add_samples(sums, &count, f->name, other.samples))
			return false;
	for (size_t i = 0; i < count; i++) {
		text_put(out, sums[i].sample);
		text_print(out, " %.15g\n", sums[i].value);
	}
	return true;
}

bool
samples_put_sum(FILE *out, const struct samples_text *texts, size_t n)
{
	return put_families(out, texts, n, put_family_sum);
}
