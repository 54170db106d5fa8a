# The real program in a pseudo-terminal: tests/cli/pty.c says what the steps mean.

ENTERED=$(printf '\033[?1049h') LEFT=$(printf '\033[?1049l')

# meter STEPS [ARGUMENT...]: the meter at 30x100 on a model of a few layers, from nothing
meter() {
	steps=$1; shift
	printf '%s\n' "$steps" >steps
	XDG_STATE_HOME=$PWD XDG_CONFIG_HOME=$PWD "$TOOLS/pty" 30 100 "$CM" "${MODEL:-$TINY}" "$@" <steps
}

it_opens_answers_keys_and_leaves() {
	meter "expect $ENTERED
expect timeline
type 7
expect sampler
type ?
expect how
type q
type :say hello\\r
expect hello
type q
expect coloured by
type q
expect $LEFT
ends 0" -p 'the dog' -n 5
}
it_gives_the_terminal_back_after_every_signal() {
	for s in TERM:143 HUP:129 QUIT:131 SEGV:139 ABRT:134 BUS:135; do
		meter "expect $ENTERED
expect timeline
kill ${s%:*}
expect $LEFT
ends ${s#*:}" -p 'the dog' -n 5 || return 1
	done
}
it_leaves_at_the_second_interrupt() {
	meter "expect timeline
type \\x03
expect again
type \\x03
expect $LEFT
ends 130"
}
# Stopped, the terminal is the shell's; resized meanwhile, the screen has the new size.
it_stops_and_goes_on_as_a_job() {
	meter "expect timeline
kill TSTP
expect $LEFT
stopped
resize 50 160
continue
expect $ENTERED
expect [50;
type \\x1a
expect $LEFT
stopped
continue
expect $ENTERED
expect timeline
type q
ends 0" -p 'the dog' -n 5
}
it_takes_any_size_at_any_moment() {
	meter "expect timeline
resize 3 12
expect clampmeter
resize 24 80
expect timeline
$(for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	echo "resize $((1 + i * 37 % 70)) $((1 + i * 91 % 230))"; echo "type ."
done)
resize 40 120
type \\x0c
expect timeline
type :quit\\r
ends 0" -p 'the dog' -n 5
}
it_ends_with_its_terminal_back_when_the_model_is_cut_short() {
	cp "$TINY" model.gguf || return
	MODEL=model.gguf meter "expect timeline
run dd if=/dev/null of=model.gguf bs=1 seek=8192 2>/dev/null
type :prompt the cat\\r
expect $LEFT
expect model.gguf: was cut short while it was in use
ends 3"
}

it_is_installed_and_gives_a_tour() {
	env -u MAKEFLAGS -u MAKELEVEL make -C "$TOP" -s install FLAVOR="${build#build/}" PREFIX=/usr DESTDIR="$PWD/root" >make.log 2>&1 ||
		{ cat make.log; return 1; }
	[ -x root/usr/bin/clampmeter ] && [ -s root/usr/share/man/man1/clampmeter.1 ] || { echo 'not installed'; return 1; }
	root/usr/bin/clampmeter run demo -p x -n 1 >out 2>err || { has err 'without the built-in model' && skip 'no built-in model'; }
	HOME=$PWD XDG_STATE_HOME=$PWD/state XDG_CONFIG_HOME=$PWD/config
	export HOME XDG_STATE_HOME XDG_CONFIG_HOME
	"$TOOLS/tour" root/usr/bin/clampmeter >tour.log 2>&1 || { cat tour.log; return 1; }
	# What was typed is remembered, and what was done can be done again.
	has state/clampmeter/history '^clamp L4.mlp\[559\] = 360$' && has state/clampmeter/history '^quit$' &&
	gives 0 root/usr/bin/clampmeter replay --verify state/clampmeter/sessions/* && has out 'bit for bit'
}
