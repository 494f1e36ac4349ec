#!/bin/sh
# pip install, with a line every 20 seconds of what it is doing: sh workflow/pip_install.sh VENV ARGUMENTS...
# All that pip says is in VENV/pip.log; what it stopped at is shown.
venv=$1
shift
log=$venv/pip.log
"$venv/bin/pip" install --disable-pip-version-check --no-input --progress-bar off "$@" > "$log" 2>&1 &
pip=$!
trap 'kill $pip 2> /dev/null; exit 130' INT TERM HUP
seconds=0
while kill -0 $pip 2> /dev/null; do
	sleep 1
	seconds=$((seconds + 1))
	if [ $((seconds % ${TELL_EVERY_S:-20})) -eq 0 ]; then
		echo "  $seconds s: $(tail -n 1 "$log" | cut -c 1-100)"
	fi
done
wait $pip && exit 0
grep '^ERROR' "$log" >&2 || tail -n 5 "$log" >&2
exit 1
