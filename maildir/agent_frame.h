// SPDX-License-Identifier: ISC
/*
 * The runner and the agent send each other one packet each way, and the message's descriptor with
 * the first.  Each end takes the other's packet for hostile.
 */
#ifndef MAILDIR_AGENT_FRAME_H
#define MAILDIR_AGENT_FRAME_H

#include "config/way.h"
#include "smtp/address.h"

#define AGENT_VERSION 2
#define AGENT_USER_MAX 255

struct agent_request {
	uint32_t version;
	uint32_t junk;			/* 0, or 1: into the folder for junk */
	uint64_t content_at, content_size;	/* place of the content in the descriptor */
	char user[AGENT_USER_MAX + 1];
	char target[WAY_USERS_PATH_MAX + 1];	/* of a route VIA_OWNER */
	char from[SMTP_PATH_TEXT + 1];		/* for Return-Path */
	char address[SMTP_PATH_TEXT + 1];	/* for Delivered-To */
};

enum agent_result {
	AGENT_DELIVERED,	/* text: the mailbox */
	AGENT_NO_USER,
	AGENT_SYSTEM_USER,
	AGENT_LOOP,
	AGENT_NO_ROUTE,		/* the agent's configuration has no route with the target */
	AGENT_NO_RIGHT,		/* the agent may not become the user */
	AGENT_ERROR,		/* error, and text: what could not be done */
	AGENT_RESULTS
};

struct agent_answer {
	uint32_t version;
	uint32_t result;		/* enum agent_result */
	uint32_t error;			/* an errno, or 0 */
	char text[1500];
};

/* Send a request with a message's descriptor.  0 or -errno. */
int agent_frame_ask(int fd, const struct agent_request *request, int message);

/* Receive a request.  The caller closes the descriptor.  0; -EPROTO if it is no request, and then
 * there is no descriptor; -errno. */
int agent_frame_take(int fd, struct agent_request *ret, int *ret_message);

/* Send an answer; the text is cut to its room.  0 or -errno. */
int agent_frame_answer(int fd, enum agent_result result, int error, struct slice text);

/* Receive an answer.  0; -EPROTO if it is none; -errno. */
int agent_frame_hear(int fd, struct agent_answer *ret);

/* Are the n octets at p an answer?  Its text ends in NUL, and is fit for a log. */
bool agent_frame_parse(const void *p, size_t n, struct agent_answer *ret);

#endif
