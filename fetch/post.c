// SPDX-License-Identifier: ISC
#include "fetch/post.h"

#include "base/clock.h"
#include "base/name.h"

static bool
copy(char *to, size_t size, struct slice from)
{
	if (from.n >= size || slice_has_control(from))
		return false;
	memcpy(to, from.p ? from.p : "", from.n);
	to[from.n] = '\0';
	return true;
}

static bool
read_url(struct slice url, struct post *p)
{
	const struct slice scheme = SL("https://");
	const char *slash;

	if (!slice_has_iprefix(url, scheme))
		return false;
	url = slice_skip(url, scheme.n);
	slash = url.n ? memchr(url.p, '/', url.n) : NULL;
	return slash && copy(p->host, sizeof p->host, slice_of(url.p, (size_t)(slash - url.p))) &&
	    name_is_fqdn(slice_str(p->host)) &&
	    copy(p->path, sizeof p->path, slice_skip(url, (size_t)(slash - url.p)));
}

bool
post_read(struct slice text, struct post *ret)
{
	*ret = (struct post){ .until_s = 0 };
	while (text.n) {
		const struct slice line = slice_cut(text, '\n', &text);
		struct slice value;
		const struct slice key = slice_cut(line, ':', &value);

		value = slice_trim(value);
		if (line.n == 0)
			break;
		if ((slice_eq(key, SL("url")) && !read_url(value, ret)) ||
		    (slice_eq(key, SL("type")) && !copy(ret->type, sizeof ret->type, value)) ||
		    (slice_eq(key, SL("until")) && !clock_stamp_parse(value, &ret->until_s)))
			return false;
	}
	ret->body = text;
	return text.n && ret->host[0] && ret->type[0] && ret->until_s > 0;
}
