// SPDX-License-Identifier: ISC
/*
 * Requests of an operator to a living runner: files in state/requests/, named ID.VERB.  One system
 * call makes a request, and one withdraws it.  The runner watches the folder.  The requester keeps
 * the file open; the runner writes "done" into it before it removes it.  A power cut may lose a
 * request; the operator then repeats it.
 */
#include "queue/operator.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/folders.h"
#include "queue/lease.h"

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
	int file, folder = queue_is_id(id) ? queue_requests_folder(q) : -EINVAL;

	if (folder < 0)
		return folder;
	name_of(name, id, request);
	file = openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (file < 0)
		file = -errno;
	for (size_t i = 0; file >= 0 && i < VERBS; i++) {
		if (i == (size_t)request)
			continue;
		name_of(name, id, i);
		(void)unlinkat(folder, name, 0);
	}
	(void)close(folder);
	return file;
}

enum queue_answer
queue_answer(int asked)
{
	struct stat st;

	if (fstat(asked, &st) < 0 || st.st_nlink)
		return QUEUE_ANSWER_NONE;
	return st.st_size ? QUEUE_ANSWER_DONE : QUEUE_ANSWER_NOT_DONE;
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

static void
write_done(int folder, const char *name)
{
	int file = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (file < 0)
		return;
	(void)!write(file, "done\n", 5);	/* if the disk is full, the operator has to look */
	(void)close(file);
}

int
queue_unask(const struct queue *q, const char *id, int done)
{
	char name[NAME_SIZE];
	int folder, r = queue_lease_check(q);

	if (r < 0)
		return r;
	folder = queue_folder(q->state, "requests", false);
	if (folder < 0)
		return folder;
	r = -ENOENT;
	for (size_t i = 0; i < VERBS; i++) {
		name_of(name, id, i);
		if ((int)i == done)
			write_done(folder, name);
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
queue_requests(const struct queue *q,
    int (*each)(void *ctx, const char *id, enum queue_request request), void *ctx)
{
	struct requests all = { each, ctx };
	int r, folder = queue_folder(q->state, "requests", false);

	if (folder < 0)
		return folder == -ENOENT ? 0 : folder;
	r = queue_names(folder, one_request, &all);
	(void)close(folder);
	return r;
}
