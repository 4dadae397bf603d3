// SPDX-License-Identifier: ISC
#include "client/signer_frame.h"

#include <stddef.h>

#include "message/dkim.h"

bool
signer_question_valid(const struct signer_question *q, ssize_t n)
{
	return n == sizeof *q && memchr(q->id, '\0', sizeof q->id) && queue_is_id(q->id) &&
	    q->size <= INT64_MAX;
}

bool
signer_answer_valid(const struct signer_answer *a, ssize_t n)
{
	struct slice text;

	if (n < (ssize_t)offsetof(struct signer_answer, text) || a->n > sizeof a->text ||
	    (size_t)n != offsetof(struct signer_answer, text) + a->n)
		return false;
	text = slice_of(a->text, a->n);
	if (a->result == SIGNED)
		return a->n <= SIGNER_FIELDS_MAX && dkim_fields_valid(text);
	return (a->result == UNSIGNED || a->result == UNABLE) && a->n < SIGNER_WHY_MAX &&
	    !slice_has_control(text);
}
