// SPDX-License-Identifier: ISC
/*
 * The files of a configuration as they were read, for a program that has to read the same ones
 * later, or may open no file.
 */
#ifndef CONFIG_TEXTS_H
#define CONFIG_TEXTS_H

#include "base/slice.h"

struct config_text {
	const char *name;	/* of the file */
	struct slice text;
};

struct config_texts {
	struct config_text *list;	/* memory of the pool, as are texts and names */
	size_t n;
	int error;			/* the first -errno, or 0: not all are here */
	char *whole;			/* those of config_texts_load(); or NULL */
};

/* Keep a text, which is taken over; the name is copied. */
void config_texts_add(struct config_texts *t, const char *name, struct slice text);

/* A file in memory with all texts, which nobody can change.  Its descriptor, or -errno. */
int config_texts_seal(const struct config_texts *t);

/* The texts in such a file.  0 or -errno. */
int config_texts_load(struct config_texts *ret, int fd);

void config_texts_done(struct config_texts *t);

#endif
