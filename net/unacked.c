// SPDX-License-Identifier: ISC
/*
 * Asks the kernel (tcp(7)).
 */
#include "net/unacked.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

bool
unacked_look(int fd, struct unacked *ret)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;
	int queued = 0, unsent = 0;

	/* Only TCP knows the octets that are not sent. */
	if (ioctl(fd, SIOCOUTQNSD, &unsent) < 0 || ioctl(fd, SIOCOUTQ, &queued) < 0 ||
	    unsent < 0 || queued < unsent ||
	    (queued && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0))
		return false;
	ret->queued = (unsigned)queued;
	ret->sent = (unsigned)(queued - unsent);
	ret->quiet_ms = info.tcpi_last_ack_recv;
	ret->retries = info.tcpi_retransmits;
	return true;
}
