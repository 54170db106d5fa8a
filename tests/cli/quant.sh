# quant: what a model loses, as text, as a map and as JSON.

field() { "$TOOLS/json" out "$@"; }

it_measures_every_matrix_of_a_model() {
	gives 0 "$CM" quant "$TINY" --method 'q4_0,rtn bits=3 group=32 asym' && silent && plain out &&
	has out 'kept: rows of .* are not whole blocks' && has out 'blk.1.ffn_down.weight' && has out 'layer 1' && has out '^all' &&
	gives 0 "$CM" quant "$TINY" --method 'rtn bits=4 group=8' --json && [ "$(field tensors 0 bits)" = 6 ] &&
	[ "$(field tensors 0 method)" = 'rtn bits=4 group=8' ] && [ "$(field tensors 0 output_error)" = null ] &&
	[ "$(field methods 0 bits)" = 6 ]
}
it_weighs_outputs_by_a_text() {
	printf 'the cat sat on the mat and the dog ran' >text &&
	gives 0 "$CM" quant "$TINY" --method wanda24 --calibrate text --json && [ "$(field tokens)" -gt 5 ] &&
	[ "$(field tensors 3 output_error)" != null ] &&
	gives 0 "$CM" quant "$TINY" --method q4_0 --calibrate text && has out 'positions'
}
it_draws_a_map() { gives 0 "$CM" quant "$TINY" --method rtn --map && has out '^L1 ' && has out ffn_up; }
it_gives_a_map_as_arrays() {
	gives 0 "$CM" quant "$TINY" --method 'rtn group=32' --map --json && [ "$(field maps 0 unit)" = dB ] &&
	[ "$(field maps 0 columns 0)" = attn_q ] && [ "$(field maps 0 rows 1 0)" != null ] && [ "$(field complete)" = true ]
}
it_writes_a_page_that_stands_alone() {
	gives 0 "$CM" quant "$TINY" --method 'rtn group=32,q8_0' --budget 6 -p 'the cat sat' --html page.html && has out '^all' &&
	[ -s page.html ] && grep -q '<table class="map">' page.html && grep -q knapsack page.html && grep -q '</html>' page.html &&
	! grep -Eq 'src=|href=|url\(|@import|<script' page.html &&
	gives 0 "$CM" quant "$TINY" --method q8_0 --html - && has out '^<!doctype' && ! has out '^all' &&
	gives 2 "$CM" quant "$TINY" --method q8_0 --html - --json && complains json
}
it_says_what_hurts_most_within_80_columns() {
	gives 0 "$CM" quant demo --method q4_0 && has out '^hurts most' && has out '  blk.4.ffn_down.weight' && narrow &&
	gives 0 "$CM" quant demo --method q4_0 --map && has out attn_out && narrow
}
narrow() { ! grep -Eq '.{81}' out; }
it_names_what_is_wrong_with_a_method() {
	gives 2 "$CM" quant "$TINY" && complains method &&
	gives 2 "$CM" quant "$TINY" --method nothing && complains nothing &&
	gives 2 "$CM" quant "$TINY" --method 'rtn bits=99' && complains 'from 2 to 16' &&
	gives 2 "$CM" quant "$TINY" --method wanda24 && complains calibrate &&
	gives 3 "$CM" quant "$TINY" --method q4_0 --calibrate no-such-text && complains no-such-text
}
it_lists_methods() { gives 0 "$CM" quant --method list && has out '^rtn ' && has out '^hadamard'; }
it_finds_a_model_in_step_with_itself() {
	gives 0 "$CM" quant --lockstep "$TINY" "$TINY" -p 'the cat sat' --json && [ "$(field kl)" = 0 ] &&
	[ "$(field top1_agreement)" = 1 ] && [ "$(field first)" = null ] && [ "$(field layers 1 drift)" = 0 ] &&
	gives 0 "$CM" quant --lockstep "$TINY" "$TINY" -p 'the cat sat' && has out 'stays within' && plain out
}
it_refuses_models_of_different_shapes() {
	gives 4 "$CM" quant --lockstep "$TINY" "$TOP/tests/reference/tiny-kquants.gguf" -p 'the cat sat' && complains differ
}
it_wants_a_threshold_above_zero() {
	gives 2 "$CM" quant --lockstep "$TINY" "$TINY" -p x --threshold none && complains threshold
}
it_chooses_under_a_budget_and_measures_what_comes_of_it() {
	gives 0 "$CM" quant "$TINY" --method 'rtn bits=2 group=8,rtn bits=8 group=8' --budget 7 -p 'the cat sat' --json &&
	[ "$(field budget picks 0 name)" = token_embd.weight ] && [ "$(field budget bits)" = 7 ] &&
	[ "$(field end_to_end 0 method)" = 'as picked' ] && [ "$(field end_to_end 0 kl)" != 0 ] &&
	gives 0 "$CM" quant "$TINY" --method f32 -p 'the cat sat' --json && [ "$(field end_to_end 0 kl)" = 0 ] &&
	gives 2 "$CM" quant "$TINY" --method q8_0,rtn --budget 1 && complains cheapest
}
# Of the built-in model; KL on the text that was searched.
beats() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a <= b) }'; }
it_searches_for_the_least_divergence() {
	printf 'Tom has 5 apples. He buys 3 more apples and eats 2 of them. How many apples does Tom have now?' >text &&
	m='q4_0,q8_0,rtn bits=3 group=32,rtn bits=2 group=32 asym' &&
	gives 0 "$CM" quant demo --method "$m" --budget 4.5 -f text --search evopress --generations 4 --json &&
	[ "$(field budget search)" = evopress ] && [ "$(field budget plans 0 how)" = uniform ] &&
	beats "$(field budget plans 3 kl)" "$(field budget plans 0 kl)" && beats "$(field budget plans 3 bits)" 4.5 &&
	beats "$(field budget plans 1 loss)" "$(field budget plans 0 loss)" && cp out first &&
	gives 0 "$CM" quant demo --method "$m" --budget 4.5 -f text --search evopress --generations 4 --json && cmp -s out first &&
	gives 2 "$CM" quant demo --method q4_0,q8_0 --budget 5 --search evopress && complains calibrate &&
	gives 0 "$CM" quant demo --method q4_0,q8_0 --budget 5 --search baq -f text && has out '^picked by baq'
}
it_reads_inputs_for_the_methods_that_need_them() {
	printf 'the cat sat on the mat and the dog ran' >text &&
	gives 0 "$CM" quant "$TINY" --method 'gptq bits=3,quantease bits=3 outliers=1,slim,svd,bitstack rank=2' --calibrate text &&
	has out gptq && gives 2 "$CM" quant "$TINY" --method gptq && complains calibrate
}
