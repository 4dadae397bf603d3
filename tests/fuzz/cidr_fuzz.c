// SPDX-License-Identifier: ISC
/* Addresses and networks: a parsed one is the same after it is written and parsed again. */
#include "base/cidr.h"

#include "base/name.h"
#include "base/words.h"
#include "tests/fuzz/fuzz.h"

static void
address(struct slice in)
{
	struct sockaddr_storage ss, again;
	socklen_t len, len_again;
	char text[100], text_again[100];
	struct buf b = BUF(text), b_again = BUF(text_again);

	if (!address_parse(in, 25, &ss, &len))
		return;
	address_unmap(&ss, &len);
	address_text(&b, (struct sockaddr *)&ss);
	must(!b.full && b.n > 0);
	must(address_parse(buf_slice(&b), address_port((struct sockaddr *)&ss), &again,
	    &len_again));
	address_text(&b_again, (struct sockaddr *)&again);
	must(slice_eq(buf_slice(&b), buf_slice(&b_again)));
	must(len == len_again && memcmp(&ss, &again, len) == 0);
}

static void
network(struct slice in)
{
	struct cidr net;
	struct sockaddr_storage ss;
	socklen_t len;
	struct slice bits, ip = slice_cut(in, '/', &bits);

	if (!cidr_parse(in, &net))
		return;
	must(net.bits <= (net.family == AF_INET ? 32 : 128));
	must(address_parse(ip, 0, &ss, &len));
	/* The address that a network is written with lies in it, if it is of the same family:
	 * "::ffff:1.2.3.4/8" is a network of IPv6, but its address is IPv4. */
	address_unmap(&ss, &len);
	if (ss.ss_family == net.family)
		must(cidr_match(&net, (struct sockaddr *)&ss));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size);
	char text[300];
	struct buf b = BUF(text);
	uint64_t v;

	address(in);
	network(in);
	must(!name_is_fqdn(in) || name_is_domain(in));
	must(!name_is_literal(in) || !name_is_domain(in));
	if (name_from_hosts(in, SL("a"), &b))
		must(name_is_fqdn(buf_slice(&b)));
	(void)words_duration_ms(in, &v);
	(void)words_size(in, &v);
	return 0;
}
