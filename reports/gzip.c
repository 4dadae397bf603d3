// SPDX-License-Identifier: ISC
/*
 * The header of the file has no name and no time, so the same octets make the same file.
 */
#include "reports/gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#define WINDOW_GZIP (15 + 16)	/* the largest window, with the header of gzip */
#define MEMORY	    8		/* the usual one */
#define FIRST	    65536

struct gzip {
	z_stream z;
	char *p;
	size_t n, cap;
	int error;
};

struct gzip *
gzip_new(void)
{
	struct gzip *g = calloc(1, sizeof *g);

	if (g && deflateInit2(&g->z, Z_BEST_COMPRESSION, Z_DEFLATED, WINDOW_GZIP, MEMORY,
	    Z_DEFAULT_STRATEGY) != Z_OK) {
		free(g);
		g = NULL;
	}
	return g;
}

static int
make_room(struct gzip *g)
{
	const size_t cap = g->cap ? g->cap * 2 : FIRST;
	char *p;

	if (g->n < g->cap)
		return 0;
	if (cap > GZIP_MAX)
		return -EFBIG;
	p = realloc(g->p, cap);
	if (!p)
		return -ENOMEM;
	g->p = p;
	g->cap = cap;
	return 0;
}

static void
run(struct gzip *g, int flush)
{
	int r = Z_OK;

	while (g->error == 0 && (g->z.avail_in || (flush == Z_FINISH && r != Z_STREAM_END))) {
		g->error = make_room(g);
		if (g->error < 0)
			return;
		g->z.next_out = (Bytef *)g->p + g->n;
		g->z.avail_out = (uInt)(g->cap - g->n);
		r = deflate(&g->z, flush);
		g->n = g->cap - g->z.avail_out;
		if (r != Z_OK && r != Z_STREAM_END)
			g->error = -EIO;
	}
}

void
gzip_add(struct gzip *g, struct slice octets)
{
	g->z.next_in = (Bytef *)octets.p;
	g->z.avail_in = (uInt)octets.n;
	run(g, Z_NO_FLUSH);
}

int
gzip_end(struct gzip *g, struct slice *ret)
{
	run(g, Z_FINISH);
	*ret = slice_of(g->p, g->n);
	return g->error;
}

void
gzip_free(struct gzip *g)
{
	if (!g)
		return;
	(void)deflateEnd(&g->z);
	free(g->p);
	free(g);
}
