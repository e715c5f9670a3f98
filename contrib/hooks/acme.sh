#!/bin/sh
# Runs a dnsapi script of acme.sh: its functions NAME_add and NAME_rm, called with the record's name and the value.
#
# Copy an acme.sh tree as the folder acme.sh.d (acme.sh, dnsapi/) beside this script into hooks.directory, with the
# same owner, and say in certera.yaml:
#	hooks:
#	  set: acme.sh
#	  environment:
#	    - "DNSAPI=dns_cf"				which one
#	    - "CF_Token=..."				what it needs: see acme.sh's dnsapi documentation
#	    - "LE_WORKING_DIR=/srv/acme.sh"		may be left away: where such scripts keep what they were told, and
#							their log; writable for the user certera, in hooks.paths, and
#							in ReadWritePaths= of the unit.  Without: acme.sh in $TMPDIR
#
#	    - "DNSAPI_PUT_BACK=yes"			for scripts that remove all values of a record instead of the one
#							(dns_nsupdate does; see also the hook nsupdate): those that are
#							still needed are added again
#
# acme.sh runs the function that its first argument names, so with `true` it only defines what the scripts use.
set -eu

# A certificate's own environment (CERTERA_OWN has its names) has values; names of files are for certera.yaml.
for CERTERA_ONE in ${CERTERA_OWN:-}; do
	if [ -e "$(printenv "$CERTERA_ONE")" ]; then
		echo "$CERTERA_ONE is the name of a file: only hooks.environment in certera.yaml can have these" >&2
		exit 2
	fi
done

case ${DNSAPI:-} in
'' | *[!A-Za-z0-9_]*) echo "DNSAPI is not the name of a dnsapi script, like dns_cf" >&2; exit 2 ;;
esac
case $CERTERA_ACTION in
set) action=add ;;
cleanup) action="rm" ;;
*) echo "unknown action: $CERTERA_ACTION" >&2; exit 2 ;;
esac
for file in acme.sh "dnsapi/$DNSAPI.sh"; do
	[ -r "acme.sh.d/$file" ] || { echo "$file is not in acme.sh.d in the hook directory" >&2; exit 2; }
done
LE_WORKING_DIR=${LE_WORKING_DIR:-${TMPDIR:?is not set}/acme.sh}
mkdir -p "$LE_WORKING_DIR"
HOME=${HOME:-$LE_WORKING_DIR}
export LE_WORKING_DIR HOME

set +eu	# neither acme.sh nor the scripts are written for these
set -- true
# shellcheck source=/dev/null
. ./acme.sh.d/acme.sh
_initpath
# shellcheck source=/dev/null
. "./acme.sh.d/dnsapi/$DNSAPI.sh"
"${DNSAPI}_$action" "$CERTERA_FULL_RECORD" "$CERTERA_VALUE" || exit
if [ "$CERTERA_ACTION" = cleanup ] && [ "${DNSAPI_PUT_BACK:-}" = yes ]; then
	for value in $CERTERA_VALUES; do
		"${DNSAPI}_add" "$CERTERA_FULL_RECORD" "$value" || exit
	done
fi
