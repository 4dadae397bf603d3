// SPDX-License-Identifier: ISC
/*
 * A configuration from text: written to a file in a temporary folder and loaded; the mistakes
 * reported are collected.
 */
#ifndef TESTS_LIB_CONFIG_H
#define TESTS_LIB_CONFIG_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "tests/lib/tap.h"

static char directory[] = "/tmp/smtp-handler-config-test-XXXXXX";
static char conf[100];
static char errors_text[65536];
static struct buf errors = BUF(errors_text);

static void
collect(void *ctx, const char *file, unsigned line, const char *text)
{
	const char *name = file ? strrchr(file, '/') : NULL;

	(void)ctx;
	buf_fmt(&errors, "%s:%u: %s\n", name ? name + 1 : file ? file : "(none)", line, text);
}

static const struct config_report report = { .error = collect };

__attribute__((unused)) static void
write_at(const char *name, const char *text)
{
	char path[300];
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		exit(1);
	(void)close(fd);
}

static void
remove_at(const char *name)
{
	char path[300];

	(void)snprintf(path, sizeof path, "%s/%s", directory, name);
	(void)remove(path);
}

static int
load(struct config *c, const char *text, const char *const *overrides, size_t n)
{
	write_at("c.conf", text);
	errors.n = 0;
	return config_load(c, conf, overrides, n, &report);
}

/* A file with a mistake: the line that is reported, and a part of the text reported. */
struct mistake {
	const char *text;
	unsigned line;
	const char *said;
};

__attribute__((unused)) static void
check_mistake(const struct mistake *m)
{
	struct config c;
	char place[20];
	struct slice rest, first;
	bool good;

	(void)snprintf(place, sizeof place, "c.conf:%u: ", m->line);
	good = load(&c, m->text, NULL, 0) == -EINVAL;
	first = slice_cut(buf_slice(&errors), '\n', &rest);
	good = good && rest.n == 0 && slice_has_prefix(first, slice_str(place)) &&
	    memmem(first.p, first.n, m->said, strlen(m->said));
	if (!ok(good, "mistake in line %u: %s", m->line, m->said))
		printf("# got: %.*s\n", (int)errors.n, errors.p);
	config_done(&c);
}

static void
config_test_begin(void)
{
	if (!mkdtemp(directory))
		exit(1);
	(void)snprintf(conf, sizeof conf, "%s/c.conf", directory);
}

static void
config_test_end(void)
{
	remove_at("c.conf");
	remove_at("list");
	ok(rmdir(directory) == 0, "nothing is left behind");
}

#endif
