# The command line itself: help, version, and what is refused.

it_prints_help_on_standard_output() {
	gives 0 "$CM" --help && silent && has out 'clampmeter run' && plain out &&
	gives 0 "$CM" -h && gives 0 "$CM" run --help && has out 'end-of-generation' && has out '--trace'
}
it_documents_each_command_in_its_own_help() {
	for c in run logits tokenize inspect bench; do
		gives 0 "$CM" $c -h && has out "clampmeter $c" && silent || return 1
	done
}
it_names_version_compiler_and_kernels() {
	gives 0 "$CM" -V && has out '^clampmeter ' && has out '^compiler' && has out '^kernels' &&
	has out '^matrix products' && has out '^threads' && silent
}
it_refuses_an_unknown_option() {
	gives 2 "$CM" --frobnicate && complains "unknown option '--frobnicate'" && empty out &&
	gives 2 "$CM" run -z && complains "unknown option '-z'"
}
it_refuses_a_missing_value() {
	gives 2 "$CM" run "$TINY" -n && complains '-n needs N'
}
it_refuses_a_value_out_of_range() {
	gives 2 "$CM" run "$TINY" -n many && complains "not 'many'" &&
	gives 2 "$CM" run "$TINY" -n -5 && complains "not '-5'" &&
	gives 2 "$CM" run "$TINY" -n 99999999999999999999 && complains 'whole number' &&
	gives 2 "$CM" run "$TINY" -t 0 && complains 'whole number' &&
	gives 2 "$CM" run "$TINY" --seed -1 && complains 'whole number' &&
	gives 2 "$CM" run "$TINY" --backend tpu && complains 'auto|cpu|cuda'
}
it_refuses_two_models_and_two_prompts() {
	gives 2 "$CM" run a.gguf b.gguf && complains 'one model' &&
	gives 2 "$CM" run a.gguf -m b.gguf && complains 'one model' &&
	gives 2 "$CM" run a.gguf -p x -f y && complains 'not from both'
}
it_refuses_an_option_the_command_has_no_use_for() {
	gives 2 "$CM" inspect "$TINY" --trace t && complains 'no use for --trace' &&
	gives 2 "$CM" bench "$TINY" -p x && complains 'no use for --prompt'
}
it_takes_harmless_options_everywhere() {
	gives 0 "$CM" inspect "$TINY" --no-color --ascii --no-mouse -t 1 --seed 3 --backend cpu && silent
}
it_takes_values_in_every_spelling() {
	gives 0 "$CM" run "$TINY" -p Hello -n 3 -s greedy && cp out a &&
	gives 0 "$CM" run --model "$TINY" --prompt=Hello -n3 --sampler greedy && same out a &&
	gives 0 "$CM" -m "$TINY" -pHello --tokens=3 -sgreedy run && same out a
}
it_ends_options_at_a_double_dash() {
	gives 3 "$CM" run -- --help && complains '--help' && gives 0 "$CM" run -p x -n 1 -- "$TINY"
}
it_says_that_cuda_is_not_there() {
	gives 4 "$CM" run "$TINY" --backend cuda && complains cuda
}
it_says_what_is_wrong_with_a_sampler_or_an_edit() {
	gives 2 "$CM" run "$TINY" -p x -s 'top-k 40 | nonsense 3' && complains nonsense && empty out &&
	gives 2 "$CM" run "$TINY" -p x -e 'L99.up[0] = 1' && complains L99 &&
	gives 2 "$CM" run "$TINY" -p x -e 'L0.up[0] ?? 1' && complains 'edit'
}
it_never_uses_more_threads_than_cores() {
	gives 0 "$CM" run "$TINY" -p x -n 1 -t 4000 && has err 'note: 4000 threads asked for'
}
it_prints_a_manual_page() {
	gives 0 "$CM" --man && has out '^.TH CLAMPMETER 1' && has out 'TRACE LINES' && silent || return 1
	command -v mandoc >/dev/null || return 0
	mandoc -T lint -W warning out
}
it_writes_no_file_when_it_refuses() {
	gives 2 "$CM" logits "$TINY" -p x && complains '-o FILE' && gives 2 "$CM" logits "$TINY" -p x -o a.npy -n 3
	[ ! -e a.npy ]
}
