// SPDX-License-Identifier: ISC
/*
 * A wall that cannot be put up is no fault: the program works without it.
 */
#include "base/harden.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef __GLIBC__

/* ld.so has protected this data. */
static void
protect_relocated(void)
{
}

#else

/* From the linker: the headers of this program. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/* The start code of musl leaves what it has relocated in a static program writable. */
static void
protect_relocated(void)
{
	const uintptr_t base = (uintptr_t)&__ehdr_start;
	const ElfW(Phdr) *header = (const void *)(base + __ehdr_start.e_phoff);
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (unsigned i = 0; i < __ehdr_start.e_phnum; i++, header++) {
		const uintptr_t from = base + header->p_vaddr, to = from + header->p_memsz;

		if (header->p_type == PT_GNU_RELRO)
			(void)mprotect((void *)(from & -page), (to & -page) - (from & -page),
			    PROT_READ);
	}
}

#endif

void
harden_process(void)
{
	const struct rlimit none = { 0, 0 };

	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
	protect_relocated();
}
