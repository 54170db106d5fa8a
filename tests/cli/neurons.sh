# The neurons of a model by the tokens they stand for.

here() { XDG_CACHE_HOME=$(pwd)/cache; export XDG_CACHE_HOME; }

it_builds_a_map_and_keeps_it() {
	here
	gives 0 "$CM" neurons build "$TINY" --json && silent && [ "$("$TOOLS/json" out complete)" = true ] &&
	[ "$("$TOOLS/json" out read_now)" = "$("$TOOLS/json" out neurons)" ] && [ -f "$("$TOOLS/json" out path)" ] &&
	cp "$("$TOOLS/json" out path)" first &&
	gives 0 "$CM" neurons build "$TINY" --json && [ "$("$TOOLS/json" out read_now)" = 0 ] &&
	same "$("$TOOLS/json" out path)" first &&
	gives 0 "$CM" neurons build "$TINY" && has out complete && plain out
}
it_builds_the_same_map_on_one_thread_and_with_other_kernels() {
	here
	gives 0 "$CM" neurons build "$TINY" --json && map=$("$TOOLS/json" out path) && mv "$map" a &&
	gives 0 "$CM" neurons build "$TINY" -t 1 && same "$map" a && rm "$map" &&
	CLAMPMETER_KERNELS=ref gives 0 "$CM" neurons build "$TINY" && [ "$(wc -c <"$map")" = "$(wc -c <a)" ]
}
it_continues_a_map_that_was_cut_short() {
	here
	gives 0 "$CM" neurons build "$TINY" --json && map=$("$TOOLS/json" out path) && cp "$map" whole &&
	size=$(wc -c <"$map") && head -c $((size - 100)) whole >"$map" &&
	gives 0 "$CM" neurons build "$TINY" --json && same "$map" whole &&
	[ "$("$TOOLS/json" out read_now)" -gt 0 ] &&
	[ "$("$TOOLS/json" out read_now)" -lt "$("$TOOLS/json" out neurons)" ]
}
it_refuses_the_map_of_another_model() {
	here
	gives 0 "$CM" neurons build "$TINY" --json && map=$("$TOOLS/json" out path) &&
	gives 0 "$CM" neurons build "$TOP/tests/reference/tiny-qwen2.gguf" --json && other=$("$TOOLS/json" out path) &&
	cp "$map" "$other" && gives 3 "$CM" neurons build "$TOP/tests/reference/tiny-qwen2.gguf" && complains 'another model'
}
it_shows_a_neuron() {
	here
	gives 0 "$CM" neurons show 'L1.up[3]' "$TINY" --json && silent &&
	[ "$("$TOOLS/json" out site)" = 'L1.up[3]' ] && [ "$("$TOOLS/json" out variant)" = raw ] &&
	"$TOOLS/json" out top 9 4 >/dev/null && cp out a &&
	gives 0 "$CM" neurons show "$TINY" 'L1.up[3]' --json && same out a &&
	gives 0 "$CM" neurons show 'L1.up[3]' -m "$TINY" --json && same out a &&
	gives 0 "$CM" neurons show 'L1.up[3]' "$TINY" --variant gain --json && [ "$("$TOOLS/json" out variant)" = gain ] &&
	gives 0 "$CM" neurons show 'L1.down[3]' "$TINY" --json && [ "$("$TOOLS/json" out variant)" = write ] &&
	gives 0 "$CM" neurons show 'L1.up[3]' "$TINY" && has out 'speaks against' && has out 'L1.down\[3\]' && plain out
}
it_shows_what_the_map_has() {
	here
	gives 0 "$CM" neurons show 'L1.up[3]' "$TINY" --json && id=$("$TOOLS/json" out top 0 0) &&
	gives 0 "$CM" neurons find t "$TINY" --json --top 1000 && n=$("$TOOLS/json" out found) && [ "$n" -gt 0 ] &&
	i=0 && while [ $i -lt 3 ] && [ $i -lt "$n" ]; do
		where=$("$TOOLS/json" out neurons $i site) rank=$("$TOOLS/json" out neurons $i rank)
		id=$("$TOOLS/json" out neurons $i id)
		cp out found && gives 0 "$CM" neurons show "$where" "$TINY" --json || return 1
		[ "$("$TOOLS/json" out top $((rank - 1)) 0)" = "$id" ] || { echo "$where has another token at $rank"; return 1; }
		cp found out; i=$((i + 1))
	done
}
it_finds_a_word_in_any_form() {
	here
	gives 0 "$CM" neurons find t "$TINY" --json && has err 'making the map' && "$TOOLS/json" out neurons >a &&
	gives 0 "$CM" neurons find ' T' "$TINY" --json && silent && "$TOOLS/json" out neurons >b && same a b &&
	gives 0 "$CM" neurons find t "$TINY" && has out 'neurons name' && plain out &&
	gives 2 "$CM" neurons find tttt "$TINY" && complains nearest && empty out
}
it_compares_two_models() {
	here
	gives 0 "$CM" neurons compare "$TINY" "$TINY" --json && [ "$("$TOOLS/json" out same)" = 1 ] || [ "$("$TOOLS/json" out same)" = 1.0 ] || return 1
	"$TOOLS/json" out layers 0 control >/dev/null && "$TOOLS/json" out hubness 1 >/dev/null &&
	gives 0 "$CM" neurons compare "$TINY" -m "$TINY" && has out 'by chance' && plain out &&
	gives 5 "$CM" neurons compare "$TOP/tests/reference/tiny-quants.gguf" "$TINY" && complains shape
}
it_works_without_a_cache_folder() {
	unset XDG_CACHE_HOME
	HOME='' gives 0 "$CM" neurons find t "$TINY" --json && has err 'no folder' && "$TOOLS/json" out neurons >/dev/null &&
	HOME='' gives 1 "$CM" neurons build "$TINY" && has err XDG_CACHE_HOME
}
it_reads_models_of_every_kind() {
	here
	for m in gpt2 kquants llama3 quants qwen2; do
		gives 0 "$CM" neurons build "$TOP/tests/reference/tiny-$m.gguf" &&
		gives 0 "$CM" neurons build "$TOP/tests/reference/tiny-$m.gguf" --site down &&
		gives 0 "$CM" neurons build "$TOP/tests/reference/tiny-$m.gguf" --variant read || return 1
	done
	gives 2 "$CM" neurons build "$TOP/tests/reference/tiny-gpt2.gguf" --site gate && complains 'no gate'
}
it_says_what_it_does_not_understand() {
	here
	gives 2 "$CM" neurons && complains 'build, find, show or compare' &&
	gives 2 "$CM" neurons count "$TINY" && complains "'count'" &&
	gives 2 "$CM" neurons find && complains ' dog' &&
	gives 2 "$CM" neurons show 'L9.up[3]' "$TINY" && complains 'layers 0 to 1' &&
	gives 2 "$CM" neurons show 'L1.resid[3]' "$TINY" && complains 'not one neuron' &&
	gives 2 "$CM" neurons build "$TINY" --site down --variant read && complains 'reads nothing' &&
	gives 2 "$CM" neurons build "$TINY" "$TINY" "$TINY" && gives 3 "$CM" neurons build no-such.gguf && complains no-such &&
	gives 2 "$CM" run "$TINY" --site up && complains 'no use for --site'
}
