#!/bin/sh
# The bench app of the runner's tests: takes --plan PATH and writes event lines beside the plan. MODE says what it does.
while [ $# -gt 0 ]; do
	case $1 in
	--plan) plan=$2; shift ;;
	esac
	shift
done
dir=$(dirname "$plan")
events=$dir/events.jsonl
seq=0
[ -f "$events" ] && seq=$(wc -l <"$events")

emit() { # kind and further fields, without braces
	printf '{"v":1,"seq":%d,"at_ns":%d,"kind":%s}\n' "$seq" $((seq * 1000000)) "$1" >>"$events"
	seq=$((seq + 1))
}

wait_for() { # a file that the test makes in the container
	while [ ! -e "Documents/$1" ]; do sleep 0.02; done
}

echo "hello from the app, mode ${MODE:-plain}"
[ -f "$dir/../../../models/$(sed 's/.*"model_hash":"\([^"]*\)".*/\1/' "$plan")/manifest.json" ] || MODE=no-model
emit "\"hello\",\"pid\":$$,\"agent\":\"1.0.0\""
case ${MODE:-plain} in
no-model)
	emit '"error","code":"load_failed","message":"no model"'
	emit '"end","count":0'
	exit 3
	;;
plain) ;;
payload)
	printf '{"metaData":{}}' >"$dir/metric-1.json"
	emit '"payload","file":"metric-1.json"'
	printf '{"crashDiagnostics":[]}' >"$dir/unnamed.json"
	;;
crash)
	emit '"iteration_begin","iteration":0'
	printf '{"v":1,"seq":2,"torn' >>"$events"
	kill -SEGV $$
	;;
exit7)
	echo "last words" >&2
	exit 7
	;;
eat) # more memory than the phone gives
	emit '"iteration_begin","iteration":0'
	hoard=$(head -c 400000000 /dev/zero | tr '\0' x)
	emit "\"tokens\",\"iteration\":${#hoard}"
	;;
hang)
	wait_for never
	;;
linger)
	emit '"end","count":0'
	wait_for never
	;;
many)
	i=0
	while [ $i -lt "${COUNT:-200}" ]; do
		emit "\"tokens\",\"iteration\":0,\"first\":$i,\"ids\":[$i],\"at\":[$i]"
		i=$((i + 1))
	done
	;;
gated) # writes some, waits for the test, writes the rest
	for i in 1 2 3; do emit '"tokens","iteration":0'; done
	wait_for go
	for i in 4 5 6; do emit '"tokens","iteration":0'; done
	;;
esac
emit '"end","count":1'
