#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Completion for smtp-queue in bash and zsh: commands, options, and the IDs that fit the command.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh

build=$(readlink -f "${BUILD:-build}")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
printf '[queue]\ndirectory = %s\n[server]\ntrusted = local\n' "$tmp/queue" > "$tmp/conf"
PATH=$build:$PATH

send()			# queues a message; prints its ID
{
	printf '%s\n' 'HELO c' 'MAIL FROM:<a@b.example>' 'RCPT TO:<c@d.example>' \
	    DATA 'Subject: x' '' . QUIT |
	    smtp-handler -c "$tmp/conf" 2> /dev/null |
	    sed -n 's/.*queued as \([0-9A-Z]*\).*/\1/p'
}
one=$(send) two=$(send)
smtp-queue -c "$tmp/conf" hold "$two" > /dev/null

. tools/completion/smtp-queue.bash
complete_bash()		# WORD...: prints the completions of the last one
{
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_smtp_queue
	echo "${COMPREPLY[@]}"
}
is "bash: a command" "$(complete_bash smtp-queue r)" "release retry report"
is "bash: a command after options" \
    "$(complete_bash smtp-queue -c "$tmp/conf" --sender x ho)" "hold hosts"
like "bash: an empty word" "$(complete_bash smtp-queue '')" \
    '^list show log hold release retry delete fail hosts fsck stats top report check doctor --json'
is "bash: options of a command" "$(complete_bash smtp-queue list --w)" "--wide"
is "bash: limits" "$(complete_bash smtp-queue check --warning me)" "messages="
is "bash: states" "$(complete_bash smtp-queue list --state r)" "receiving"
is "bash: an ID that may be held" \
    "$(complete_bash smtp-queue -c "$tmp/conf" hold '')" "$one"
is "bash: an ID that may be released" \
    "$(complete_bash smtp-queue -c "$tmp/conf" release '')" "$two"
is "bash: a second ID after the first" \
    "$(complete_bash smtp-queue -c "$tmp/conf" show "$one" "${two:0:13}")" \
    "$(printf '%s\n' "$one" "$two" | grep "^${two:0:13}" | paste -sd ' ')"
for _ in {1..120}; do send; done > /dev/null
is "bash: no more than a hundred" \
    "$(complete_bash smtp-queue -c "$tmp/conf" delete '' | wc -w)" 100
is "bash: a missing queue offers nothing" \
    "$(complete_bash smtp-queue -o "queue.directory=$tmp/none" show '' 2>&1)" ""
rm -f "$tmp"/queue/new/*

# zsh completes on terminals only.  It gets one, and prints its choices.
cat > "$tmp/zsh" <<'ZSH'
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'PS1= PS2= RPS1=; stty -echo; unsetopt zle_bracketed_paste prompt_cr'
zpty -w z 'setopt no_beep; LISTMAX=1000'
zpty -w z "fpath=(${(q)PWD}/tools/completion \$fpath); autoload -U compinit"
zpty -w z "compinit -u -d ${(q)TMP_FOLDER}/dump"
zpty -w z 'bindkey "^I" list-choices; print REA''DY'
zpty -r -m z out '*READY*' || exit 1
zpty -w -n z "$1"$'\t'
zpty -r -m z out "*$2*"
print -r -- "$out"
zpty -d z
ZSH
zsh_offers()		# NAME TYPED WORDS
{
	ok "zsh: $1" env TMP_FOLDER="$tmp" TERM=xterm COLUMNS=200 \
	    timeout 20 zsh -f "$tmp/zsh" "$2" "$3" < /dev/null
}
ok "zsh: the file is valid" zsh -n tools/completion/_smtp-queue
zsh_offers "commands" 'smtp-queue ' 'fsck*-- check the queue*retry*-- make due now'
zsh_offers "options" 'smtp-queue list --' '--wide*-- do not cut lines'
zsh_offers "states" 'smtp-queue list --state ' 'receiving'
zsh_offers "IDs" "smtp-queue -c $tmp/conf release " "$two"
done_testing
