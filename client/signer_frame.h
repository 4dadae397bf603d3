// SPDX-License-Identifier: ISC
/*
 * The frames between a worker and the process that signs for it.  Each checks what the other
 * sends: a stranger may have taken over the worker by a reply, or the signer by a message.  Private
 * to the room.
 */
#ifndef CLIENT_SIGNER_FRAME_H
#define CLIENT_SIGNER_FRAME_H

#include <sys/types.h>

#include "client/signer.h"
#include "queue.h"

#define SIGNER_WHY_MAX 500

struct signer_question {
	uint32_t number;
	char id[QUEUE_ID_SIZE];		/* of the message */
	uint64_t size;			/* of a copy; its descriptor comes with the question */
};

struct signer_answer {
	uint32_t number;		/* of its question */
	uint32_t result;		/* enum sign_result */
	uint32_t n;			/* octets of text */
	char text[SIGNER_FIELDS_MAX + SIGNER_WHY_MAX];
};

/* Are these n octets a whole question, with a valid value in each field? */
bool signer_question_valid(const struct signer_question *q, ssize_t n);

/* Are these n octets a whole answer, with a valid value in each field? */
bool signer_answer_valid(const struct signer_answer *a, ssize_t n);

#endif
