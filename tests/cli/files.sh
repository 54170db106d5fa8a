# What happens to files that are not what they should be.

commands() {
	"$1" run "$CM" run "$2" -p x -n 1 && "$1" logits "$CM" logits "$2" -p x -o x.npy &&
	"$1" tokenize "$CM" tokenize "$2" && "$1" inspect "$CM" inspect "$2" && "$1" bench "$CM" bench "$2"
}
missing() { shift; gives 3 "$@" && complains 'no-such-file' && empty out; }
rejected() { shift; gives 3 "$@" && complains 'spoiled' && empty out; }

it_rejects_a_missing_file() { commands missing no-such-file.gguf; }
it_rejects_an_empty_file() { : >spoiled.gguf && commands rejected spoiled.gguf; }
it_rejects_a_directory() { mkdir spoiled && commands rejected spoiled; }
it_rejects_a_file_cut_short() {
	for n in 3 4 23 100 1000 20000 200000; do
		head -c $n "$TINY" >spoiled.gguf
		commands rejected spoiled.gguf || return 1
	done
}
it_rejects_another_kind_of_file() {
	printf 'PK\003\004 and so on, long enough for a header to be read from it' >spoiled.gguf
	commands rejected spoiled.gguf
}
it_calls_an_unknown_architecture_unsupported() {
	sed 's/llama/lxxxa/g' "$TINY" >odd.gguf
	gives 4 "$CM" run odd.gguf -p x && complains lxxxa && gives 4 "$CM" bench odd.gguf && complains lxxxa
}
it_still_shows_what_a_file_holds_that_it_cannot_run() {
	sed 's/llama/lxxxa/g' "$TINY" >odd.gguf
	gives 4 "$CM" inspect odd.gguf && complains lxxxa && has out 'runs *no' && has out 'blk'
}
it_says_that_bytes_are_left_over() {
	cat "$TINY" - >long.gguf <<-X
	trailing
	X
	gives 0 "$CM" inspect long.gguf --json && [ "$("$TOOLS/json" out integrity trailing_bytes)" = 9 ]
}
it_counts_weights_that_are_not_numbers() {
	size=$(wc -c <"$TINY")
	{ head -c $((size - 4)) "$TINY"; printf '\000\000\300\177'; } >nan.gguf
	gives 0 "$CM" inspect nan.gguf --json && [ "$("$TOOLS/json" out integrity nan_weights)" = 1 ] &&
	gives 0 "$CM" inspect nan.gguf && has out 'nan 1'
}
it_shows_the_digest_that_sha256sum_shows() {
	command -v sha256sum >/dev/null || skip 'sha256sum is not there'
	gives 0 "$CM" inspect "$TINY" --json &&
	[ "$("$TOOLS/json" out file sha256)" = "$(sha256sum <"$TINY" | cut -d' ' -f1)" ]
}
it_inspects_in_text_and_json() {
	gives 0 "$CM" inspect "$TINY" && silent && plain out && has out 'layers  *2' && has out 'blk\.\*\.ffn_up' &&
	gives 0 "$CM" inspect "$TINY" --json && [ "$("$TOOLS/json" out model layers)" = 2 ] &&
	[ "$("$TOOLS/json" out types F32 tensors)" -gt 10 ]
}
it_says_when_it_has_no_built_in_model() {
	"$CM" inspect demo >/dev/null 2>err && return
	complains 'without the built-in model'
}

# Opening the pipe waits until the program reads the prompt, so the model is mapped then.
it_says_which_file_was_cut_short_under_it() {
	cp "$TINY" model.gguf && mkfifo prompt || return
	"$CM" run model.gguf -f prompt -n 3 >out 2>err &
	exec 3>prompt
	dd if=/dev/null of=model.gguf bs=1 seek=8192 2>/dev/null
	echo the dog >&3
	exec 3>&-
	wait $! && got=0 || got=$?
	[ "$got" = 3 ] || { echo "status $got, not 3"; cat err; return 1; }
	complains 'model.gguf: was cut short while it was in use: 8192 bytes, expected ' && empty out
}
