// SPDX-License-Identifier: ISC
/*
 * One character of text that may be UTF-8 (RFC 3629).  Pure.
 */
#ifndef SMTP_UTF8_H
#define SMTP_UTF8_H

#include "base/slice.h"

/* Octets of the printable character s begins with, 1 to 4; 0 when s is empty, or begins with a control
 * character (C0, DEL, C1) or with malformed UTF-8: overlong forms, surrogates, beyond U+10FFFF. */
size_t smtp_printable(struct slice s);

#endif
