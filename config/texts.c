// SPDX-License-Identifier: ISC
/*
 * The file in memory has the sizes of a name and of its text, then both, and so on.
 */
#include "config/texts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/pool.h"

#define WHOLE_MAX ((off_t)64 << 20)
#define SEALS	  (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct head {
	uint32_t name, text;		/* octets, the name's with its NUL */
};

/* Append an entry.  -ENOMEM: there is no memory for it. */
static int
add_entry(struct config_texts *t, const char *name, struct slice text)
{
	struct config_text *list =
	    name ? pool_realloc(t->list, (t->n + 1) * sizeof *list) : NULL;

	if (!list)
		return -ENOMEM;
	t->list = list;
	t->list[t->n++] = (struct config_text){ name, text };
	return 0;
}

void
config_texts_add(struct config_texts *t, const char *name, struct slice text)
{
	char *copy = pool_copy(slice_str(name));
	const int r = add_entry(t, copy, text);

	if (r == 0)
		return;
	pool_free(copy);
	pool_free((char *)(uintptr_t)text.p);
	t->error = r;
}

static int
write_all(int fd, const void *octets, size_t n)
{
	const char *p = octets;

	while (n) {
		const ssize_t done = write(fd, p, n);

		if (done < 0)
			return -errno;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int
config_texts_seal(const struct config_texts *t)
{
	int r = t->error, fd = r < 0 ? r : memfd_create("configuration",
	    MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return r < 0 ? r : -errno;
	for (size_t i = 0; r == 0 && i < t->n; i++) {
		const struct config_text *c = &t->list[i];
		const struct head head = {
			(uint32_t)strlen(c->name) + 1, (uint32_t)c->text.n,
		};

		r = write_all(fd, &head, sizeof head);
		if (r == 0)
			r = write_all(fd, c->name, head.name);
		if (r == 0)
			r = write_all(fd, c->text.p, head.text);
	}
	if (r == 0 && fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

/* Find the entries in the n octets of t->whole. */
static int
take_apart(struct config_texts *t, size_t n)
{
	const char *p = t->whole;
	int r = 0;

	while (r == 0 && n) {
		struct head head;
		const char *name = p + sizeof head;

		if (n < sizeof head)
			return -EINVAL;
		memcpy(&head, p, sizeof head);
		n -= sizeof head;
		if (head.name == 0 || head.name > n || head.text > n - head.name ||
		    name[head.name - 1] != '\0')
			return -EINVAL;
		r = add_entry(t, name, slice_of(name + head.name, head.text));
		p = name + head.name + head.text;
		n -= (size_t)head.name + head.text;
	}
	return r;
}

static int
read_whole(int fd, char *p, size_t size)
{
	for (size_t n = 0; n < size;) {
		const ssize_t got = pread(fd, p + n, size - n, (off_t)n);

		if (got <= 0)
			return got < 0 ? -errno : -EINVAL;
		n += (size_t)got;
	}
	return 0;
}

int
config_texts_load(struct config_texts *ret, int fd)
{
	struct config_texts t = { .n = 0 };
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > WHOLE_MAX)
		return -EINVAL;
	t.whole = pool_alloc((size_t)st.st_size);
	if (!t.whole)
		return -ENOMEM;
	r = read_whole(fd, t.whole, (size_t)st.st_size);
	if (r == 0)
		r = take_apart(&t, (size_t)st.st_size);
	if (r == 0)
		*ret = t;
	else
		config_texts_done(&t);
	return r;
}

void
config_texts_done(struct config_texts *t)
{
	for (size_t i = 0; !t->whole && i < t->n; i++) {
		pool_free((char *)(uintptr_t)t->list[i].text.p);
		pool_free((char *)(uintptr_t)t->list[i].name);
	}
	pool_free(t->list);
	pool_free(t->whole);
	*t = (struct config_texts){ .n = 0 };
}
