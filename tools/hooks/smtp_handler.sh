#!/usr/bin/env sh
# SPDX-License-Identifier: ISC
#
# A deploy hook of acme.sh.  It belongs in the folder deploy/ of acme.sh:
#
#     acme.sh --deploy -d mail.example.org --deploy-hook smtp_handler
#
# acme.sh calls the function with the domain, the key, the certificate, the authority's certificates
# and the whole chain.
smtp_handler_deploy()
{
	smtp-handler-certificate "$2" "$5"
}
