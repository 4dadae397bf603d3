// SPDX-License-Identifier: ISC
/*
 * IP addresses as text, and networks in CIDR notation (RFC 4632 section 3.1).
 */
#ifndef BASE_CIDR_H
#define BASE_CIDR_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/buf.h"

/* The addresses of a host that may be used. */
enum address_family { FAMILY_ANY, FAMILY_IPV4, FAMILY_IPV6 };

struct address_list {
	struct sockaddr_storage *list;
	size_t n;
};

struct cidr {
	int family;		/* AF_INET or AF_INET6 */
	unsigned bits;
	unsigned char address[16];
};

/* Read "127.0.0.0/8", "::1" or "[2001:db8::]/32".  False if text is neither an address nor a
 * network. */
bool cidr_parse(struct slice text, struct cidr *ret);

/* Read one address of that family, without brackets or scope.  *ret gets 4 or 16 octets. */
bool ip_parse(int family, struct slice text, void *ret);

/* An IPv4-mapped IPv6 address (::ffff:a.b.c.d) matches as the IPv4 address in it. */
bool cidr_match(const struct cidr *net, const struct sockaddr *sa);

/* Has one of two networks the other, or are they the same? */
bool cidr_overlap(const struct cidr *a, const struct cidr *b);

/* Append "192.0.2.0/24", or an address alone if the network has no other. */
void cidr_text(struct buf *b, const struct cidr *net);

/* Append "192.0.2.1", "2001:db8::1" or "fe80::1%2", without the port.  An IPv4-mapped address is
 * written as IPv4.  Nothing is added for other families. */
void address_text(struct buf *b, const struct sockaddr *sa);

/* Read ADDR, ADDR:PORT, ADDR@PORT, [ADDR] or [ADDR]:PORT; IPv6 may have a scope (%eth0).  No names,
 * no DNS.  *ret_len gets the length.  The port is default_port if the text has none. */
bool address_parse(struct slice text, uint16_t default_port, struct sockaddr_storage *ret,
    socklen_t *ret_len);

/* Read an address literal: "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3).  Numbers
 * of IPv4 are decimal, and may begin with zeros. */
bool address_literal_parse(struct slice literal, struct sockaddr_storage *ret);

/* The port of an AF_INET or AF_INET6 address in host order; 0 for other families. */
uint16_t address_port(const struct sockaddr *sa);
void address_set_port(struct sockaddr *sa, uint16_t port);

/* The length of a socket address of AF_INET or AF_INET6. */
socklen_t address_len(int family);

/* Change an IPv4-mapped address (::ffff:a.b.c.d) to plain AF_INET.  Other addresses stay as they
 * are. */
void address_unmap(struct sockaddr_storage *ss, socklen_t *len);

/* Is it in 127.0.0.0/8 (also IPv4-mapped), or ::1? */
bool address_is_loopback(const struct sockaddr_storage *ss);

#endif
