// SPDX-License-Identifier: ISC
/*
 * What is known of a host, in words: the same for `smtp-queue hosts` and --explain.
 */
#include "hosts/hosts.h"

#include "base/clock.h"

static void
part(struct buf *b, const char *text)
{
	if (b->n)
		buf_str(b, "; ");
	buf_str(b, text);
}

void
host_state(struct buf *b, const struct hosts *h, const struct host *host, int64_t now_s)
{
	const int64_t until_s = hosts_rests_until(h, host, now_s);

	if (until_s) {
		part(b, "fails since ");
		clock_stamp(b, host->since_s);
		buf_fmt(b, " (%u times), left alone until ", host->failures);
		clock_stamp(b, until_s);
	} else if (host->broken > 1) {
		part(b, "takes mail and breaks off, tried after all others");
	} else if (host->failures) {
		part(b, "failed last time, tried after others");
	} else if (host->first_us) {
		part(b, host->at_least ? "slower than others" : "good");
	}
	if (host->ipv4_until_s > now_s) {
		part(b, "refused our IPv6 address, IPv4 until ");
		clock_stamp(b, host->ipv4_until_s);
	}
	if (host->tls_failed_s)
		part(b, "TLS failed last time");
	if (b->n == 0)
		buf_str(b, "unknown");
}
