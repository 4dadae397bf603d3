// SPDX-License-Identifier: ISC
/*
 * Runs a fuzz target over the files of a folder, without a fuzzer: seeds and past crashes stay
 * tests.  Each file goes in whole, and one that a person has named is also cut after each of its
 * first octets.  libFuzzer names what it finds by SHA-1.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/tap.h"

#define FILE_MAX  (1 << 20)
#define CUTS_MAX  512
#define SHA1_HEX  40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_found(const char *name)
{
	return strspn(name, "0123456789abcdef") == SHA1_HEX && name[SHA1_HEX] == '\0';
}

static bool
run_file(const char *folder, const char *name)
{
	static uint8_t data[FILE_MAX];
	char path[4096];
	uint8_t *exact;
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "rb");
	if (!f)
		return false;
	n = fread(data, 1, sizeof data, f);
	(void)fclose(f);
	for (size_t cut = is_found(name) ? n : 0; cut <= n;
	     cut = cut >= n ? n + 1 : cut < CUTS_MAX ? cut + 1 : n) {
		/* A copy of exactly this size, so that a sanitizer sees a read past its end. */
		exact = malloc(cut ? cut : 1);
		if (!exact)
			return false;
		memcpy(exact, data, cut);
		(void)LLVMFuzzerTestOneInput(exact, cut);
		free(exact);
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct dirent *entry;
	DIR *folder;

	folder = argc == 2 ? opendir(argv[1]) : NULL;
	if (!folder) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 64;
	}
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			ok(run_file(argv[1], entry->d_name), "%s", entry->d_name);
	(void)closedir(folder);
	ok(tap_count > 0, "there is a corpus");
	return tap_done();
}
