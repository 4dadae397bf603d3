# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# Completion for bash: commands, options, and the first hundred IDs that fit a command.

_smtp_queue_ids()	# the states of the wanted IDs; without an argument, all
{
	local argv=("${COMP_WORDS[0]/#\~/$HOME}") i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c | -o)	argv+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}");;
		esac
	done
	"${argv[@]}" list --ids ${1:+--state "$1"} 2>/dev/null </dev/null | head -n 100
}

_smtp_queue()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' words='' i
	local filters='--sender --recipient --domain --older-than --younger-than --state'

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c | -o | --sender | --recipient | --domain | --older-than | --younger-than | --state | --warning | --critical | --host)	((i++));;
		-*)	;;
		*)	command=${COMP_WORDS[i]}; break;;
		esac
	done
	COMPREPLY=()
	case $previous in
	-c)	mapfile -t COMPREPLY < <(compgen -f -- "$current"); return;;
	--host)	words=$(compgen -A hostname -- "$current");;
	-o | --sender | --recipient | --domain)	return;;
	--older-than | --younger-than)	words='30min 1h 4h 1d 2d';;
	--state)	words='new active waiting held dead receiving';;
	--warning | --critical)	words='messages= age= held= dead= frozen='; compopt -o nospace 2>/dev/null;;
	*)
		case $command in
		'')	words="list show log hold release retry delete fail hosts fsck stats top report check doctor --json --host --check --version --help -c -o $filters";;
		list)	words="--json --ids --wide $filters";;
		hosts | doctor)	words=--json;;
		fsck)	words='--json --owners --repair --storage';;
		stats)	words='--http --sum --with-host';;
		top)	words=--once;;
		report)	words=--html;;
		check)	words='--warning --critical';;
		show | log)	words='--json --raw';;
		*)	words="--all --json $filters";;
		esac
		if [[ $current != -* ]]; then
			case $command in
			show | log | delete)	words=$(_smtp_queue_ids);;
			hold)	words=$(_smtp_queue_ids new,active,waiting);;
			release)	words=$(_smtp_queue_ids held);;
			retry)	words=$(_smtp_queue_ids active,waiting);;
			fail)	words=$(_smtp_queue_ids new,active,waiting,held);;
			esac
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _smtp_queue smtp-queue
