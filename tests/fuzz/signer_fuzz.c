// SPDX-License-Identifier: ISC
/*
 * The frames between a worker and the process that signs for it, and permits.  The first octet
 * chooses which one.  A frame that is taken must be safe for all that is done with it.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attempt/permit.h"
#include "client/signer_frame.h"
#include "message/dkim.h"
#include "tests/fuzz/fuzz.h"

static void
take_question(const uint8_t *data, size_t size)
{
	struct signer_question q = { 0 };

	memcpy(&q, data, size < sizeof q ? size : sizeof q);
	if (signer_question_valid(&q, (ssize_t)size))
		must(queue_is_id(q.id) && q.size <= INT64_MAX);
}

static void
take_answer(const uint8_t *data, size_t size)
{
	static struct signer_answer a;

	memset(&a, 0, sizeof a);
	memcpy(&a, data, size < sizeof a ? size : sizeof a);
	if (!signer_answer_valid(&a, (ssize_t)size))
		return;
	must(a.n <= sizeof a.text);
	if (a.result == SIGNED)
		must(dkim_fields_valid(slice_of(a.text, a.n)));
	else
		must(!slice_has_control(slice_of(a.text, a.n)));
}

/* With a descriptor, if the first octet is odd. */
static void
take_permit(const uint8_t *data, size_t size)
{
	struct permit p = { 0 };
	int pair[2], message = -1;

	if (size == 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	memcpy(&p, data + 1, size - 1 < sizeof p ? size - 1 : sizeof p);
	must(permit_send(pair[0], &p, data[0] & 1 ? pair[0] : -1) == 0);
	if (permit_receive(pair[1], &p, &message) == 1) {
		const struct dkim_right right = permit_right(&p);

		must(queue_is_id(p.id) && p.at + p.size <= INT64_MAX);
		must(right.scope == DKIM_NONE || message >= 0);
		must(right.domain.n < sizeof p.domain);
	}
	if (message >= 0)
		(void)close(message);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'q')
		take_question(data + 1, size - 1);
	else if (data[0] == 'a')
		take_answer(data + 1, size - 1);
	else
		take_permit(data + 1, size - 1);
	return 0;
}
