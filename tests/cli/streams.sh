# Standard output that goes nowhere, disks that are full, and the user who says stop.

it_notices_a_closed_standard_output() {
	"$CM" run "$TINY" -p x -n 3 >&- 2>err && return 1
	complains 'standard output'
}
it_notices_a_full_disk() {
	[ -w /dev/full ] || skip '/dev/full is not there'
	for c in --help -V --man "run $TINY -p x -n 3" "inspect $TINY" "tokenize $TINY -p x"; do
		# shellcheck disable=SC2086
		"$CM" $c >/dev/full 2>err </dev/null && { echo "$c: no failure"; return 1; }
		[ $? = 1 ] && complains 'No space left' || return 1
	done
	gives 1 "$CM" run "$TINY" -p x -n 3 --trace /dev/full && complains 'No space left' &&
	echo 'run 3' >script && gives 1 "$CM" run "$TINY" -p x --script script --trace /dev/full &&
	complains 'No space left' && [ -s out ] &&
	gives 1 "$CM" logits "$TINY" -p x -o /dev/full && complains 'No space left'
}
it_is_quiet_when_the_reader_leaves() {
	"$CM" run "$TINY" -p x -n 50 2>err | : ; silent || return 1
	"$CM" --man 2>err | head -c 3 >begin ; silent && [ "$(cat begin)" = .TH ]
}
it_leaves_nothing_behind_when_it_cannot_write() {
	gives 1 "$CM" logits "$TINY" -p x -o no-such-directory/x.npy && complains no-such-directory &&
	gives 1 "$CM" run "$TINY" -p x --trace no-such-directory/t && complains no-such-directory &&
	[ "$(ls)" = "$(printf 'err\nout')" ]
}
it_writes_logits_to_a_pipe() {
	gives 0 "$CM" logits "$TINY" -p x -o a.npy && "$CM" logits "$TINY" -p x -o /dev/stdout | cat >b.npy && same a.npy b.npy
}
it_keeps_its_files_apart_from_closed_descriptors() {
	"$CM" run "$TINY" -p x -n 3 --trace t <&- >out 2>&- && "$TOOLS/trace" t >/dev/null
}
it_stops_when_the_user_says_so() {
	command -v timeout >/dev/null || skip 'timeout is not there'
	timeout --preserve-status -s INT 0.3 "$CM" bench "$TINY" --rounds 1000 --decode 32 >out 2>err
	[ $? = 130 ] && empty out && silent
}
