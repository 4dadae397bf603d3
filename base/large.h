// SPDX-License-Identifier: ISC
/*
 * Large memory that most processes never touch, or only at its start, stands behind all other
 * memory.  The rest then shares few pages, and a fresh process pays for each page that it touches.
 * The Makefile makes the linker sort sections by name.
 */
#ifndef BASE_LARGE_H
#define BASE_LARGE_H

#define LARGE __attribute__((section(".bss.zlarge")))

/* The same, if each process touches its start, which then shares a page with what is in front. */
#define LARGE_BEGUN __attribute__((section(".bss.zbegun")))

#endif
