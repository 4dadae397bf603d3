// SPDX-License-Identifier: ISC
/*
 * Any descriptor may be asked about; one that is not a socket has no address and no port.
 */
#include "session/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cidr.h"

bool
endpoint_is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

unsigned
endpoint_port(int fd)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof ss;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return 0;
	if (ss.ss_family != AF_INET && ss.ss_family != AF_INET6)
		return 0;
	return address_port((const struct sockaddr *)&ss);
}

struct slice
endpoint_literal(const struct sockaddr_storage *ss, struct buf *literal)
{
	buf_chr(literal, '[');
	if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
		char text[INET6_ADDRSTRLEN];	/* without a scope: the grammar has none */

		buf_str(literal, "IPv6:");
		buf_str(literal, inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text));
	} else if (ss->ss_family == AF_INET) {
		address_text(literal, (const struct sockaddr *)ss);
	} else {
		buf_str(literal, "127.0.0.1");
	}
	buf_chr(literal, ']');
	return buf_slice(literal);
}

struct slice
endpoint_name(const char *configured, int fd, struct buf *literal)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof ss;

	if (configured)
		return slice_str(configured);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		address_unmap(&ss, &len);
	return endpoint_literal(&ss, literal);
}
