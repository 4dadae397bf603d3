// SPDX-License-Identifier: ISC
/*
 * For tests of TLS: the other side, in a process of its own, and the certificates of both.
 */
#ifndef TESTS_LIB_TLS_PEER_H
#define TESTS_LIB_TLS_PEER_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* The start of a script: a root, and a function that issues certificates. */
#define TLS_PEER_ISSUE                                                                        \
	"set -e; exec >log 2>&1 </dev/null\n"                                                \
	"key='-nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256'\n"                         \
	"openssl req -x509 $key -keyout root.key -out root.pem -days 30 -subj /CN=root\n"    \
	"issue() { # NAME ISSUER DAYS EXTENSION\n"                                           \
	"	openssl req $key -keyout $1.key -out $1.csr -subj /CN=$1\n"                  \
	"	echo $4 >$1.ext\n"                                                           \
	"	openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial "       \
	"	    -days $3 -extfile $1.ext -out $1.pem\n"                                  \
	"}\n"

/* Start this program anew, as the first to use OpenSSL in its process: with the number of its
 * descriptor, a text and a number as arguments. */
__attribute__((unused)) static pid_t
tls_peer_start(int *ret_fd, const char *text, int number)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		abort();
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		char fd[16], last[16];

		(void)snprintf(fd, sizeof fd, "%d", pair[1]);
		(void)snprintf(last, sizeof last, "%d", number);
		close(pair[0]);
		(void)execl("/proc/self/exe", "test", fd, text, last, NULL);
		_exit(9);
	}
	close(pair[1]);
	*ret_fd = pair[0];
	return pid;
}

#endif
