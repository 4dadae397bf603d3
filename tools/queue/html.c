// SPDX-License-Identifier: ISC
#include "tools/queue/html.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/utf8.h"

/* A chart in units of its viewBox. */
#define WIDTH  900
#define HEIGHT 240
#define LEFT   58
#define TOP    14
#define BOTTOM 26
#define PLOT_W (WIDTH - LEFT - 8)
#define PLOT_H (HEIGHT - TOP - BOTTOM)
#define BAR_W  220		/* of a bar in a table */

/* The lines of a logarithmic chart: 1 ms to 100 s. */
#define DECADES 5

static const char style[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#5a6472;--line:#d5dae1;"
    "--card:#f5f7f9;--bad:#b3261e}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#14171b;--fg:#e6e9ed;--dim:#9aa5b3;"
    "--line:#343b45;--card:#1d2229;--bad:#ff8a80}}\n"
    "@media print{:root{color-scheme:light;--bg:#fff;--fg:#000;--dim:#444;--line:#bbb;"
    "--card:#fff;--bad:#900}section{break-inside:avoid}body{max-width:none}}\n"
    "*{box-sizing:border-box}\n"
    "body{font:15px/1.45 system-ui,sans-serif;background:var(--bg);color:var(--fg);"
    "max-width:1000px;margin:0 auto;padding:1.5rem 1rem}\n"
    "h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}\n"
    "p{margin:.3rem 0}.dim,figcaption{color:var(--dim)}.bad{color:var(--bad)}\n"
    ".tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:.6rem;"
    "margin:1rem 0;padding:0;list-style:none}\n"
    ".tiles li{background:var(--card);border:1px solid var(--line);border-radius:8px;"
    "padding:.5rem .9rem}\n"
    ".tiles b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%}\n"
    "th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);"
    "vertical-align:top}\n"
    "th{font-weight:600;color:var(--dim);white-space:nowrap}\n"
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    ".k{white-space:nowrap}.d{min-width:8rem;max-width:18rem;overflow-wrap:break-word}"
    ".w{min-width:15rem;overflow-wrap:anywhere}\n"
    "code{font:.9em ui-monospace,monospace;background:var(--card);padding:0 .25em;"
    "border-radius:3px}\n"
    "figure{margin:0;overflow-x:auto}\n"
    "svg{min-width:40rem;display:block;width:100%;height:auto}\n"
    "svg.bar{min-width:0;width:220px;max-width:24vw;"
    "height:1.1em}\n"
    "svg text{fill:var(--dim);font:11px system-ui,sans-serif}svg .grid{stroke:var(--line)}\n"
    "svg polyline{fill:none!important;stroke-width:2}\n"
    ".key{display:inline-block;width:.8em;height:.8em;"
    "border-radius:2px;margin-right:.35em}\n"
    "figcaption span{margin-right:1.2em;white-space:nowrap}\n"
    "@media screen and (max-width:640px){.tiles{grid-template-columns:1fr 1fr}"
    "svg.bar{display:none}}\n"
    "@media print{body{font-size:11px}.wide,figure{overflow:visible}.w,.d{min-width:0}"
    "svg{min-width:0}svg.bar{width:110px}\n"
    "svg,.key{print-color-adjust:exact;-webkit-print-color-adjust:exact}}\n";

/* Colors that differ for everybody, in both schemes. */
static const char *const colors[] = {
	"#0b84c6", "#e69f00", "#d1495b", "#35a07a", "#8d6cc9", "#8a8f98", "#c2708f", "#7a8b2e",
	"#35a07a", "#d1495b",
};

/* The colors of ages, from young to old. */
static const char *const ages[] = {
	"#9ecae1", "#6baed6", "#3182bd", "#f2c46d", "#e69f00", "#dd6b3c", "#b3261e",
};

void
html_text(FILE *out, struct slice s)
{
	while (s.n) {
		const size_t n = utf8_printable(s);
		const char c = n == 1 ? s.p[0] : '\0';

		if (n == 0)
			(void)fputs("\xef\xbf\xbd", out);
		else if (c == '&')
			(void)fputs("&amp;", out);
		else if (c == '<')
			(void)fputs("&lt;", out);
		else if (c == '>')
			(void)fputs("&gt;", out);
		else if (c == '"')
			(void)fputs("&quot;", out);
		else if (c == '\'')
			(void)fputs("&#39;", out);
		else
			(void)fwrite(s.p, 1, n, out);
		s = slice_skip(s, n ? n : 1);
	}
}

void
html_begin(FILE *out, struct slice title)
{
	(void)fputs("<!DOCTYPE html>\n"
	    "<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
	    "<meta charset=\"utf-8\" />\n"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	    "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\" />\n"
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"
	    "<meta name=\"referrer\" content=\"no-referrer\" />\n"
	    "<title>", out);
	html_text(out, title);
	(void)fputs("</title>\n<style>\n", out);
	(void)fwrite(style, 1, sizeof style - 1, out);
	for (size_t i = 0; i < sizeof colors / sizeof colors[0]; i++)
		text_print(out, ".c%zu{fill:%s;stroke:%s;background:%s}\n", i, colors[i],
		    colors[i], colors[i]);
	for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++)
		text_print(out, ".a%zu{fill:%s;background:%s}\n", i, ages[i], ages[i]);
	(void)fputs("rect{stroke:none!important}\n</style>\n</head>\n<body>\n", out);
}

void
html_end(FILE *out)
{
	(void)fputs("</body>\n</html>\n", out);
}

/* ---- charts ---- */

static void
begin_chart(FILE *out, struct slice title)
{
	(void)fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
	    "role=\"img\">\n<title>", WIDTH, HEIGHT);
	html_text(out, title);
	(void)fputs("</title>\n", out);
}

static double
x_of(size_t hour, size_t hours)
{
	return LEFT + (double)PLOT_W * (double)hour / (double)hours;
}

static void
put_line(FILE *out, double y, const char *label)
{
	text_print(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" />"
	    "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", LEFT, WIDTH - 8, y, y,
	    LEFT - 6, y + 4, label);
}

/* Times below the chart: the days, or each sixth hour. */
static void
put_times(FILE *out, size_t hours, int64_t end_s)
{
	const int64_t step = hours > 48 ? 24 : 6;
	const int64_t last = end_s / 3600;	/* the hour of the last bar */

	for (size_t i = 0; i < hours; i++) {
		const int64_t hour = last - (int64_t)(hours - 1 - i);
		char stamp[32] = "";
		struct buf b = BUF(stamp);
		const double x = x_of(i, hours);

		if (hour % step != 0 || x > WIDTH - 60)
			continue;
		clock_stamp(&b, hour * 3600);
		(void)fprintf(out, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" "
		    "y2=\"%d\" /><text x=\"%.1f\" y=\"%d\">", x, x, HEIGHT - BOTTOM,
		    HEIGHT - BOTTOM + 5, x, HEIGHT - 8);
		html_text(out, hour % 24 == 0 || step == 24 ? slice_of(stamp + 5, 5)
							   : slice_of(stamp + 11, 5));
		(void)fputs("</text>\n", out);
	}
}

/* A round number that is not below n. */
static double
round_up(double n)
{
	static const double round[] = { 1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10 };
	double unit = 1;
	size_t i = 0;

	while (unit * 10 <= n && unit < 1e15)
		unit *= 10;
	while (i < 9 && round[i] * unit < n)
		i++;
	return round[i] * unit;
}

static double
sum_of(const struct html_series *series, size_t nseries, size_t hour)
{
	double sum = 0;

	for (size_t s = 0; s < nseries; s++)
		if (series[s].values[hour] > 0)
			sum += series[s].values[hour];
	return sum;
}

static void
put_bar(FILE *out, const struct html_series *series, size_t nseries, unsigned first,
    size_t hour, size_t hours, double most, int64_t at_s)
{
	const double width = (double)PLOT_W / (double)hours;
	double y = HEIGHT - BOTTOM;
	char stamp[32] = "";
	struct buf b = BUF(stamp);

	clock_stamp(&b, at_s / 3600 * 3600);
	stamp[10] = ' ';
	for (size_t s = 0; s < nseries; s++) {
		const double n = series[s].values[hour], height = PLOT_H * n / most;

		if (n <= 0)
			continue;
		y -= height;
		text_print(out, "<rect class=\"c%u\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
		    "height=\"%.2f\"><title>%.13s h: ", first + (unsigned)s, x_of(hour, hours), y,
		    width > 2 ? width - 1 : width, height, stamp);
		html_text(out, series[s].name);
		(void)fprintf(out, " %.0f</title></rect>\n", n);
	}
}

static void
put_keys(FILE *out, const struct html_series *series, size_t nseries, unsigned first)
{
	(void)fputs("<figcaption>", out);
	for (size_t s = 0; s < nseries; s++) {
		(void)fprintf(out, "<span><i class=\"key c%u\"></i>", first + (unsigned)s);
		html_text(out, series[s].name);
		(void)fputs("</span> ", out);
	}
	(void)fputs("</figcaption>", out);
}

void
html_bars(FILE *out, struct slice title, const struct html_series *series, size_t nseries,
    unsigned first, size_t hours, int64_t end_s)
{
	double most = 2;		/* so that its half is whole */

	for (size_t i = 0; i < hours; i++)
		if (sum_of(series, nseries, i) > most)
			most = sum_of(series, nseries, i);
	most = round_up(most);
	(void)fputs("<figure>", out);
	put_keys(out, series, nseries, first);
	begin_chart(out, title);
	for (int i = 0; i <= 2; i++) {
		char label[32];

		(void)snprintf(label, sizeof label, "%.4g", most * i / 2);
		put_line(out, HEIGHT - BOTTOM - (double)PLOT_H * i / 2, label);
	}
	for (size_t i = 0; i < hours; i++)
		put_bar(out, series, nseries, first, i, hours, most,
		    end_s - (int64_t)(hours - 1 - i) * 3600);
	put_times(out, hours, end_s);
	(void)fputs("</svg></figure>\n", out);
}

/* The decimal logarithm of a number from 1 on, to a thousandth: without a library. */
static double
log_of(double n)
{
	double log = 0, bit = 1;

	for (; n >= 10 && log < 300; log++)
		n /= 10;
	for (int i = 0; i < 10; i++) {
		bit /= 2;
		n *= n;
		if (n < 10)
			continue;
		n /= 10;
		log += bit;
	}
	return log;
}

static double
y_of(double ms)
{
	const double at = ms < 1 ? 0 : log_of(ms) / DECADES;

	return HEIGHT - BOTTOM - PLOT_H * (at > 1 ? 1 : at);
}

/* A line is interrupted where a value is unknown; a lone value is a dot. */
static void
put_curve(FILE *out, const struct html_series *s, unsigned color, size_t hours)
{
	for (size_t i = 0; i < hours; i++) {
		size_t n = 0;

		while (i + n < hours && s->values[i + n] >= 0)
			n++;
		if (n == 1)
			(void)fprintf(out, "<circle class=\"c%u\" cx=\"%.1f\" cy=\"%.1f\" "
			    "r=\"2.5\">", color, x_of(i, hours), y_of(s->values[i]));
		else if (n)
			(void)fprintf(out, "<polyline class=\"c%u\" points=\"", color);
		for (size_t k = 0; n > 1 && k < n; k++)
			text_print(out, "%s%.1f,%.1f", k ? " " : "", x_of(i + k, hours),
			    y_of(s->values[i + k]));
		if (n > 1)
			(void)fputs("\">", out);
		if (n) {
			(void)fputs("<title>", out);
			html_text(out, s->name);
			text_print(out, "</title></%s>\n", n == 1 ? "circle" : "polyline");
		}
		i += n;
	}
}

void
html_lines(FILE *out, struct slice title, const struct html_series *series, size_t nseries,
    size_t hours, int64_t end_s)
{
	static const char *const labels[DECADES + 1] = {
		"1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s",
	};

	(void)fputs("<figure>", out);
	put_keys(out, series, nseries, 0);
	begin_chart(out, title);
	for (int i = 0; i <= DECADES; i++)
		put_line(out, HEIGHT - BOTTOM - (double)PLOT_H * i / DECADES, labels[i]);
	for (size_t s = 0; s < nseries; s++)
		put_curve(out, &series[s], (unsigned)s, hours);
	put_times(out, hours, end_s);
	(void)fputs("</svg></figure>\n", out);
}

void
html_bar(FILE *out, struct slice title, const double *parts, size_t nparts, double all)
{
	double x = 0;

	(void)fprintf(out, "<svg class=\"bar\" xmlns=\"http://www.w3.org/2000/svg\" "
	    "viewBox=\"0 0 %d 16\" preserveAspectRatio=\"none\" role=\"img\"><title>", BAR_W);
	html_text(out, title);
	(void)fputs("</title>", out);
	for (size_t i = 0; i < nparts; i++) {
		const double width = all > 0 ? BAR_W * parts[i] / all : 0;

		if (width <= 0)
			continue;
		(void)fprintf(out, "<rect class=\"a%zu\" x=\"%.2f\" y=\"2\" width=\"%.2f\" "
		    "height=\"12\" />", i, x, width < 1 ? 1 : width);
		x += width;
	}
	(void)fputs("</svg>", out);
}
