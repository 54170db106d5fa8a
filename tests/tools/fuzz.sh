#!/bin/sh
# fuzz.sh SECONDS FUZZER...: run each for a while over its seeds and the corpus kept in build/.
secs=$1; shift
for f in "$@"; do
	name=${f##*/}
	mkdir -p "build/corpus/$name"
	seeds=tests/fuzz/seeds/$name
	[ -d "$seeds" ] || seeds=
	# shellcheck disable=SC2086
	"$f" -max_total_time="$secs" -rss_limit_mb=1024 -timeout=5 "build/corpus/$name" $seeds || exit 1
done
