// SPDX-License-Identifier: ISC
/*
 * The syntax of a record (RFC 7208 section 12).
 */
#include <sys/socket.h>

#include "auth/spf_parts.h"
#include "base/cidr.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alpha(char c)
{
	return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static bool
is_one_of(const char *set, char c)
{
	return c && strchr(set, c);
}

/* "{letter digits r delimiters}" behind a percent sign.  Its octets; 0: it is none. */
static size_t
macro_octets(struct slice s, bool explanation)
{
	uint64_t parts;
	size_t i = 2, digits;

	if (s.n < 3 || s.p[0] != '{' ||
	    !is_one_of(explanation ? "slodiphvcrt" : "slodiphv", ascii_lower(s.p[1])))
		return 0;
	while (i < s.n && is_digit(s.p[i]))
		i++;
	digits = i - 2;
	if (digits && (!slice_uint(slice_of(s.p + 2, digits), 128, &parts) || parts == 0))
		return 0;
	if (i < s.n && ascii_lower(s.p[i]) == 'r')
		i++;
	while (i < s.n && is_one_of(".-+,/_=", s.p[i]))
		i++;
	return i < s.n && s.p[i] == '}' ? i + 1 : 0;
}

/* *ret_last: the place of the last macro-expand if the text ends with it, else SIZE_MAX. */
static bool
check_macros(struct slice text, bool explanation, size_t *ret_last)
{
	*ret_last = SIZE_MAX;
	for (size_t i = 0, n; i < text.n; i += n) {
		const char c = text.p[i];

		n = 1;
		*ret_last = SIZE_MAX;
		if (c == '%') {
			const struct slice rest = slice_skip(text, i + 1);

			*ret_last = i;
			if (rest.n && is_one_of("%_-", rest.p[0]))
				n = 2;
			else if ((n = 1 + macro_octets(rest, explanation)) == 1)
				return false;
		} else if ((c < '!' || c > '~') && !(explanation && c == ' ')) {
			return false;
		}
	}
	return true;
}

bool
spf_macros_valid(struct slice text, bool explanation)
{
	size_t last;

	return check_macros(text, explanation, &last);
}

/* "." toplabel ["."] at the end: a label that is not a number. */
static bool
ends_in_label(struct slice s)
{
	size_t start, n;
	bool letter = false;

	if (s.n && s.p[s.n - 1] == '.')
		s.n--;
	for (n = s.n; n > 0 && s.p[n - 1] != '.'; n--)
		letter |= is_alpha(s.p[n - 1]) || s.p[n - 1] == '-';
	start = n;
	if (start == 0 || start == s.n || !letter || s.p[start] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = start; i < s.n; i++)
		if (!is_alpha(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

static bool
is_domain_spec(struct slice s)
{
	size_t last;

	return s.n && check_macros(s, false, &last) &&
	    (last != SIZE_MAX || ends_in_label(s));
}

/* Take "/number" off the end; `mark` is "/" or "//".  False: a number that cannot be. */
static bool
take_bits(struct slice *s, size_t mark, unsigned max, unsigned *ret)
{
	size_t n = s->n;
	uint64_t bits;

	while (n > 0 && is_digit(s->p[n - 1]))
		n--;
	if (n == s->n || n < mark || s->p[n - 1] != '/' || (mark == 2 && s->p[n - 2] != '/') ||
	    (mark == 1 && n >= 2 && s->p[n - 2] == '/'))
		return true;
	if ((s->p[n] == '0' && s->n - n > 1) || !slice_uint(slice_skip(*s, n), max, &bits))
		return false;
	*ret = (unsigned)bits;
	s->n = n - mark;
	return true;
}

/* [":" domain-spec] and, with bits, [dual-cidr-length]. */
static bool
take_target(struct slice s, bool needed, bool bits, struct spf_term *ret)
{
	if (bits && (!take_bits(&s, 2, 128, &ret->bits6) || !take_bits(&s, 1, 32, &ret->bits4)))
		return false;
	if (s.n == 0)
		return !needed;
	ret->domain = slice_skip(s, 1);
	return s.p[0] == ':' && is_domain_spec(ret->domain);
}

static bool
take_network(struct slice s, struct spf_term *ret)
{
	const bool v6 = ret->kind == SPF_IP6;

	return s.n && s.p[0] == ':' &&
	    take_bits(&s, 1, v6 ? 128 : 32, v6 ? &ret->bits6 : &ret->bits4) &&
	    ip_parse(v6 ? AF_INET6 : AF_INET, slice_skip(s, 1), ret->address);
}

static bool
take_mechanism(struct slice name, struct slice rest, struct spf_term *ret)
{
	static const struct {
		struct slice name;
		enum spf_term_kind kind;
	} kinds[] = {
		{ S("all"), SPF_ALL }, { S("include"), SPF_INCLUDE }, { S("a"), SPF_A },
		{ S("mx"), SPF_MX }, { S("ptr"), SPF_PTR }, { S("ip4"), SPF_IP4 },
		{ S("ip6"), SPF_IP6 }, { S("exists"), SPF_EXISTS },
	};
	size_t i = 0;

	while (i < sizeof kinds / sizeof kinds[0] && !slice_ieq(kinds[i].name, name))
		i++;
	if (i == sizeof kinds / sizeof kinds[0])
		return false;
	ret->kind = kinds[i].kind;
	switch (ret->kind) {
	case SPF_ALL:
		return rest.n == 0;
	case SPF_IP4:
	case SPF_IP6:
		return take_network(rest, ret);
	case SPF_A:
	case SPF_MX:
		return take_target(rest, false, true, ret);
	default:
		return take_target(rest, ret->kind != SPF_PTR, false, ret);
	}
}

/* name "=" value. */
static bool
take_modifier(struct slice name, struct slice value, struct spf_term *ret)
{
	ret->kind = SPF_UNKNOWN;
	if (name.n == 0 || !is_alpha(name.p[0]))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!is_alpha(name.p[i]) && !is_digit(name.p[i]) && !is_one_of("-_.", name.p[i]))
			return false;
	if (slice_ieq(name, SL("redirect")))
		ret->kind = SPF_REDIRECT;
	else if (slice_ieq(name, SL("exp")))
		ret->kind = SPF_EXP;
	else
		return spf_macros_valid(value, false);
	ret->domain = value;
	return is_domain_spec(value);
}

int
spf_term_next(struct slice *rest, struct spf_term *ret)
{
	struct slice term = SL("");
	size_t n = 0;

	while (term.n == 0 && rest->n)
		term = slice_cut(*rest, ' ', rest);
	if (term.n == 0)
		return 0;
	*ret = (struct spf_term){ .result = SPF_PASS, .bits4 = 32, .bits6 = 128 };
	while (n < term.n && !is_one_of(":/=", term.p[n]))
		n++;
	if (n < term.n && term.p[n] == '=')
		return take_modifier(slice_of(term.p, n), slice_skip(term, n + 1), ret) ? 1 : -1;
	if (is_one_of("+-?~", term.p[0])) {
		ret->result = term.p[0] == '+' ? SPF_PASS : term.p[0] == '-' ? SPF_FAIL :
		    term.p[0] == '~' ? SPF_SOFTFAIL : SPF_NEUTRAL;
		term = slice_skip(term, 1);
		n--;
	}
	return take_mechanism(slice_of(term.p, n), slice_skip(term, n), ret) ? 1 : -1;
}
