// SPDX-License-Identifier: ISC
/*
 * What MAIL says of the content to come (RFC 6152, RFC 3030), for both sides.
 */
#ifndef SMTP_BODY_H
#define SMTP_BODY_H

enum smtp_body { SMTP_BODY_UNKNOWN, SMTP_BODY_7BIT, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME };

#endif
