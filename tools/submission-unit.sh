#!/bin/sh
# SPDX-License-Identifier: ISC
# Print the unit of a listener for submission, made from the one for port 25 on standard input: it
# has another socket, other options and a certificate.
#
#   tools/submission-unit.sh submission | submissions
set -eu
case $1 in
submission)	implicit='' text='submission' ;;
submissions)	implicit=' --implicit' text='submission over TLS' ;;
*)		echo "usage: tools/submission-unit.sh submission | submissions" >&2; exit 64 ;;
esac
options="$implicit -o server.role=submission -o server.tls=required"
options="$options -o server.tls-certificate=certificate.pem -o server.tls-key=key.pem"
tls=@SYSCONFDIR@/smtp-handler/tls
sed -e "s|^Description=.*|Description=Mail comes in ($text)|" \
    -e "s|smtp-handler-listen\\.socket|smtp-handler-$1-listen.socket|" \
    -e "s|^ExecStart=.*|LoadCredential=certificate.pem:$tls/certificate.pem\\
LoadCredential=key.pem:$tls/key.pem\\
&$options|" \
    -e "s|^ExecReload=.*--check|&$options|"
