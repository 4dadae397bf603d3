// SPDX-License-Identifier: ISC
/*
 * What the operator asks of a runner that lives: files without content in state/requests/, named ID.VERB, so that one call
 * makes a request and one withdraws it.  The runner watches the folder.  Losing them in a power cut costs nothing but
 * asking again.
 */
#include "queue/look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "queue/folders.h"

#define NAME_SIZE (QUEUE_ID_SIZE + sizeof ".delete")

static const char *const verbs[] = {
	[QUEUE_ASK_HOLD] = "hold",
	[QUEUE_ASK_DELETE] = "delete",
	[QUEUE_ASK_FAIL] = "fail",
};

#define VERBS (sizeof verbs / sizeof verbs[0])

static void
name_of(char name[NAME_SIZE], const char *id, size_t verb)
{
	(void)snprintf(name, NAME_SIZE, "%.16s.%s", id, verbs[verb]);
}

int
queue_requests_folder(const struct queue *q)
{
	return queue_folder(q->state, "requests", true);
}

int
queue_ask(const struct queue *q, const char *id, enum queue_request request)
{
	char name[NAME_SIZE];
	int r = 0, file, folder = queue_is_id(id) ? queue_requests_folder(q) : -EINVAL;

	if (folder < 0)
		return folder;
	name_of(name, id, request);
	file = openat(folder, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (file < 0)
		r = -errno;
	else
		(void)close(file);
	for (size_t i = 0; r == 0 && i < VERBS; i++) {
		if (i == (size_t)request)
			continue;
		name_of(name, id, i);
		(void)unlinkat(folder, name, 0);
	}
	(void)close(folder);
	return r;
}

int
queue_asked(const struct queue *q, const char *id, enum queue_request *ret)
{
	char name[NAME_SIZE];
	int r = -ENOENT, folder = queue_folder(q->state, "requests", false);

	if (folder < 0)
		return folder;
	for (size_t i = 0; r < 0 && i < VERBS; i++) {
		name_of(name, id, i);
		if (faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		*ret = (enum queue_request)i;
		r = 0;
	}
	(void)close(folder);
	return r;
}

int
queue_unask(const struct queue *q, const char *id)
{
	char name[NAME_SIZE];
	int r = -ENOENT, folder = queue_folder(q->state, "requests", false);

	if (folder < 0)
		return folder;
	for (size_t i = 0; i < VERBS; i++) {
		name_of(name, id, i);
		if (unlinkat(folder, name, 0) == 0)
			r = 0;
	}
	(void)close(folder);
	return r;
}

struct requests {
	int (*each)(void *ctx, const char *id, enum queue_request request);
	void *ctx;
};

static int
one_request(void *ctx, const char *name)
{
	struct requests *all = ctx;
	char id[QUEUE_ID_SIZE] = "";

	if (strlen(name) <= QUEUE_ID_LEN || name[QUEUE_ID_LEN] != '.')
		return 0;
	memcpy(id, name, QUEUE_ID_LEN);
	for (size_t i = 0; queue_is_id(id) && i < VERBS; i++)
		if (strcmp(name + QUEUE_ID_LEN + 1, verbs[i]) == 0)
			return all->each(all->ctx, id, (enum queue_request)i);
	return 0;
}

int
queue_requests(const struct queue *q, int (*each)(void *ctx, const char *id, enum queue_request request), void *ctx)
{
	struct requests all = { each, ctx };
	int r, folder = queue_folder(q->state, "requests", false);

	if (folder < 0)
		return folder == -ENOENT ? 0 : folder;
	r = queue_names(folder, one_request, &all);
	(void)close(folder);
	return r;
}
