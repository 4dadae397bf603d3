// SPDX-License-Identifier: ISC
/*
 * A digit, 'e' or 'o' for the reader, the file to import and, after each NUL, a file that is beside
 * it.  Our programs read each result.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "session/masquerade.h"
#include "tools/import/import.h"
#include "tools/import/output.h"
#include "tests/fuzz/fuzz.h"

#define READS_MAX 200

struct files {
	struct slice text;
	unsigned reads;
};

/* Each path has the next text, from the first again after the last. */
static bool
read_next(struct import *im, const char *path, struct slice *ret)
{
	struct files *f = im->ctx;
	struct slice rest = f->text, text = SL("");

	must(path != NULL);
	if (f->reads++ > READS_MAX || f->text.n == 0)
		return false;
	for (unsigned i = 0; i <= f->reads % 4 && rest.n; i++)
		text = slice_cut(rest, '\0', &rest);
	*ret = slice_of(plan_copy(im->plan, text), text.n);
	return true;
}

static void
no_mistake(void *ctx, const char *file, unsigned line, const char *text)
{
	(void)ctx;
	(void)file;
	(void)fprintf(stderr, "line %u: %s\n", line, text);
	abort();
}

static void
check_files(const struct plan *p)
{
	for (size_t i = 0; i < p->nfiles; i++) {
		must(p->files[i].name[0] != '.' && !strchr(p->files[i].name, '/') &&
		    strlen(p->files[i].name) < 60);
		for (size_t k = 0; k < i; k++)
			must(strcmp(p->files[i].name, p->files[k].name) != 0);
	}
}

/* The handler must read each line of a file of senders. */
static void
check_senders(const struct plan *p, const struct config_report *report)
{
	char path[40];
	struct config c = { .server.masquerade = path };

	for (size_t i = 0; i < p->nfiles; i++) {
		const char *content = p->files[i].content;
		int fd;

		if (strcmp(p->files[i].name, "import-host.masquerade") != 0)
			continue;
		fd = memfd_create("senders", MFD_CLOEXEC);
		must(fd >= 0 && content && strlen(content) > 0);
		must(write(fd, content, strlen(content)) == (ssize_t)strlen(content));
		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		must(masquerade_check(&c, report) == 0);
		(void)close(fd);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t exim = 7, opensmtpd = 8;	/* the kinds that 'e' and 'o' mean */
	const struct config_report report = { .error = no_mistake };
	struct slice rest, text, whole = slice_of((const char *)data, size);
	struct plan plan;
	struct files files = { 0 };
	struct import im = { .plan = &plan, .home = "/home/anna", .read = read_next,
	    .ctx = &files };
	FILE *out = fopen("/dev/null", "w");

	must(out != NULL);
	plan_init(&plan, PLAN_FOLDER);
	text = slice_cut(slice_skip(whole, 1), '\0', &rest);
	files.text = rest;
	text = slice_of(plan_copy(&plan, text), text.n);
	if (size) {
		const struct import_kind *k = &import_kinds[data[0] == 'e' ? exim :
		    data[0] == 'o' ? opensmtpd : data[0] % exim];

		k->read(&im, k->main, text);
	}
	if (!plan.failed) {
		must(output_check(&plan, &report));
		must(output_text(&plan, "the fuzzer")[0] == '#');
		output_notes(&plan, false, out);
		check_files(&plan);
		check_senders(&plan, &report);
	}
	plan_done(&plan);
	(void)fclose(out);
	return 0;
}
