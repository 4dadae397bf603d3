// SPDX-License-Identifier: ISC
/*
 * Pieces of an HTML page that is also well-formed XML: escaped text, and charts in SVG.  A page
 * needs nothing from outside.
 */
#ifndef TOOLS_QUEUE_HTML_H
#define TOOLS_QUEUE_HTML_H

#include <stdio.h>

#include "base/slice.h"

/* Print text from anybody as text of the page, or inside quotes of an attribute.  Octets that
 * must not be shown become U+FFFD. */
void html_text(FILE *out, struct slice s);

/* Begin a page with this title: up to its <body>. */
void html_begin(FILE *out, struct slice title);
void html_end(FILE *out);

/* A series of a chart: one value an hour, the newest last; less than 0: unknown. */
struct html_series {
	struct slice name;
	const double *values;
};

/* A chart of stacked bars, one an hour.  Series i has the color number first + i. */
void html_bars(FILE *out, struct slice title, const struct html_series *series, size_t nseries,
    unsigned first, size_t hours, int64_t end_s);
/* A chart of lines on a logarithmic scale of milliseconds. */
void html_lines(FILE *out, struct slice title, const struct html_series *series, size_t nseries,
    size_t hours, int64_t end_s);
/* A bar in a table, with parts; all: the value of the whole width. */
void html_bar(FILE *out, struct slice title, const double *parts, size_t nparts, double all);

#endif
