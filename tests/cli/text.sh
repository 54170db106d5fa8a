# Generating, tokenizing, logits: text and figures that go out.

it_writes_the_published_story() {
	shared models/stories260K.bin
	for m in stories260K.gguf stories260K.bin; do
		gives 0 "$CM" run "$SHARED/models/$m" -p '' -s greedy -n 100 && silent || return 1
		head -c 186 out >begin
		printf 'Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. She wanted to play with it, but it was too high.\nLily'"'"'s mom' >story
		same begin story || return 1
	done
}
it_writes_the_same_text_again() {
	gives 0 "$CM" run "$TINY" -p Hello -n 20 && cp out a && gives 0 "$CM" run "$TINY" -p Hello -n 20 && same out a &&
	gives 0 "$CM" run "$TINY" -p Hello -n 20 -t 1 && same out a
}
it_writes_another_text_for_another_seed() {
	gives 0 "$CM" run "$TINY" -p Hello -n 20 --json && cp out a && gives 0 "$CM" run "$TINY" -p Hello -n 20 --seed 7 --json &&
	[ "$("$TOOLS/json" a tokens)" != "$("$TOOLS/json" out tokens)" ]
}
it_takes_the_prompt_from_anywhere() {
	printf 'Hello\n' >prompt
	gives 0 "$CM" run "$TINY" -p Hello -n 4 -s greedy && cp out a &&
	reads 0 prompt "$CM" run "$TINY" -n 4 -s greedy && same out a &&
	gives 0 "$CM" run "$TINY" -f prompt -n 4 -s greedy && same out a &&
	gives 3 "$CM" run "$TINY" -f no-such-prompt && complains no-such-prompt
}
it_puts_the_prompt_in_front_when_asked() {
	gives 0 "$CM" run "$TINY" -p 'Hello you' -n 4 -s greedy && { printf 'Hello you'; cat out; } >a &&
	gives 0 "$CM" run "$TINY" -p 'Hello you' -n 4 -s greedy --echo && same out a
}
it_stops_at_the_number_of_tokens_and_at_the_context() {
	gives 0 "$CM" run "$TINY" -p Hello -n 3 --json && [ "$("$TOOLS/json" out tokens | tr ',' '\n' | wc -l)" = 3 ] &&
	[ "$("$TOOLS/json" out stop)" = length ] &&
	gives 0 "$CM" run "$TINY" -p Hello -c 12 -n 100 -s 'temp 5' --json && has err 'context of 12 positions is full' &&
	[ "$("$TOOLS/json" out stop)" = context ]
}
it_refuses_a_prompt_that_does_not_fit() {
	gives 1 "$CM" run "$TINY" -p 'a long prompt for so small a context' -c 4 && complains 'context' && empty out
}
it_writes_only_whole_characters_to_a_pipe() {
	for seed in 1 2 3 4 5; do
		gives 0 "$CM" run "$TINY" -p Hello -n 40 -s 'temp 5' --seed $seed && plain out || return 1
		iconv -f UTF-8 -t UTF-8 out >/dev/null || return 1
	done
}
it_traces_every_step() {
	gives 0 "$CM" run "$TINY" -p 'Hello you' -n 7 -s 'temp 2' --trace t --json || return 1
	n=$("$TOOLS/json" out prompt_tokens | tr ',' '\n' | wc -l)
	g=$("$TOOLS/json" out tokens | tr ',' '\n' | wc -l)
	lines=$("$TOOLS/trace" t) || return 1
	[ "$lines" = $((n + g - 1)) ] || { echo "$lines lines for $n + $g tokens"; return 1; }
}
it_traces_a_prompt_alone() {
	gives 0 "$CM" run "$TINY" -p 'Hello you' -n 0 --trace t && empty out &&
	gives 0 "$CM" tokenize "$TINY" -p 'Hello you' && [ "$("$TOOLS/trace" t)" = $(($(wc -w <out) - 1)) ]
}
it_reports_an_edit_that_never_applied() {
	gives 0 "$CM" run "$TINY" -p Hello -n 3 -e 'L1.mlp[3] = 2' && silent &&
	gives 0 "$CM" run "$TINY" -p Hello -n 3 -e 'L1.mlp[3] = 2 in 90..99' && has err "applied 0 times"
}
it_changes_the_text_with_an_edit() {
	gives 0 "$CM" run "$TINY" -p Hello -n 8 -s greedy --json && cp out a &&
	gives 0 "$CM" run "$TINY" -p Hello -n 8 -s greedy -e 'L1.resid[3] + 50' --json &&
	[ "$("$TOOLS/json" a tokens)" != "$("$TOOLS/json" out tokens)" ] &&
	[ "$("$TOOLS/json" out edits 0 applied)" -gt 0 ]
}
it_says_when_a_model_has_no_chat_template() {
	gives 4 "$CM" run "$TINY" --chat -p Hello && complains 'no chat template' && empty out
}
it_records_a_session_that_verifies() {
	gives 0 "$CM" run "$TINY" -p 'Hello you' -n 6 -e 'L1.mlp[3] = 2' --seed 5 --record s &&
	gives 0 "$CM" replay s --verify -m "$TINY" && has out 'bit for bit'
}
it_tokenizes_to_one_line() {
	printf 'Hello you\n' >in
	reads 0 in "$CM" tokenize "$TINY" && [ "$(wc -l <out)" = 1 ] && has out '^1 ' && silent && cp out with &&
	reads 0 in "$CM" tokenize "$TINY" --no-bos && sed 's/^1 //' with >without && same out without &&
	reads 0 in "$CM" tokenize "$TINY" --json && "$TOOLS/json" out >/dev/null
}
it_tokenizes_with_a_vocabulary_only() {
	shared tokenizers/gpt-2.gguf
	printf 'Hello world' >in
	reads 0 in "$CM" tokenize "$SHARED/tokenizers/gpt-2.gguf" && [ "$(cat out)" = '15496 995' ]
}
it_writes_logits_numpy_can_read() {
	gives 0 "$CM" tokenize "$TINY" -p 'Hello you' && n=$(wc -w <out) &&
	gives 0 "$CM" logits "$TINY" -p 'Hello you' -o l.npy && empty out && silent &&
	has l.npy "'shape': ($n, 300)" && [ "$(head -c 6 l.npy | tail -c 5)" = NUMPY ] &&
	[ "$(wc -c <l.npy)" = $((128 + 4 * n * 300)) ] && [ "$(ls)" = "$(printf 'err\nl.npy\nout')" ]
}
it_writes_the_same_logits_on_any_number_of_threads() {
	gives 0 "$CM" logits "$TINY" -p 'Hello you' -o a.npy -t 1 && gives 0 "$CM" logits "$TINY" -p 'Hello you' -o b.npy -t 2 &&
	same a.npy b.npy
}
it_needs_something_to_read() {
	gives 2 "$CM" run "$TINY" -p '' --no-bos && complains 'nothing to read' && gives 0 "$CM" run "$TINY" -p '' -n 2
}
it_does_what_run_does_when_there_is_no_terminal() {
	gives 0 "$CM" run "$TINY" -p Hello -n 4 && cp out a && gives 0 "$CM" "$TINY" -p Hello -n 4 && same out a
}
it_measures_speed() {
	gives 0 "$CM" bench "$TINY" --prefill 16 --decode 4 --rounds 2 --json &&
	[ "$("$TOOLS/json" out speed prefill_tokens)" = 16 ] &&
	"$TOOLS/json" out speed decode_probes_on median_per_s >/dev/null &&
	"$TOOLS/json" out start_and_memory peak_bytes >/dev/null &&
	gives 0 "$CM" bench "$TINY" --prefill 16 --decode 4 --rounds 1 && plain out && silent
}
