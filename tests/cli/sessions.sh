# Recording, replaying, verifying, exporting; scripts without a screen.

record_a_session() {
	gives 0 "$CM" run "$TINY" -p 'Hello you' -n 12 --seed 3 -e 'L1.mlp[7] = 2' --record s.jsonl --trace s.trace && cp out s.text
}
it_records_a_run_and_verifies_it() {
	record_a_session && gives 0 "$CM" replay s.jsonl --verify && has out 'compared *bit for bit' && has out 'equal *yes' &&
	gives 0 "$CM" replay s.jsonl --verify -t 1 -m "$TINY" --json && [ "$("$TOOLS/json" out equal)" = true ] &&
	[ "$(stat -c %a s.jsonl)" = 600 ]
}
it_makes_swapped_matrices_again_to_verify_them() {
	printf 'prompt Hello you\nrun 3\nwait\nswap L0.ffn_up bf16\nrun 3\nwait\nswap L* rtn bits=3 group=16 in all\nrun 2\nwait\nundo\nrun 2\n' >w.cm
	gives 0 "$CM" run "$TINY" --script w.cm --record w.jsonl && cp out w.text && gives 0 "$CM" replay w.jsonl --verify &&
	has out 'bit for bit' && has out 'equal *yes' && has w.jsonl '"edit":"swap L0.ffn_up bf16"' &&
	"$CM" replay w.jsonl --script v.cm && has v.cm '^swap L0.ffn_up bf16' && gives 0 "$CM" run "$TINY" --script v.cm && same out w.text &&
	gives 0 "$CM" run "$TINY" -p Hello -n 5 -e 'swap all rtn bits=4 group=16' --record u.jsonl && gives 0 "$CM" replay u.jsonl --verify &&
	gives 2 "$CM" run "$TINY" -p Hello -n 5 -e 'swap all q8_x' && complains "no quantization method 'q8_x'"
}
it_names_the_first_difference() {
	record_a_session
	sed -i '/"step":12,/s/"entropy":[0-9.e-]*/"entropy":1.25/' s.jsonl
	gives 5 "$CM" replay s.jsonl --verify && complains 'step 12 .*entropy: recorded 1.25, found'
}
it_says_when_the_model_is_another() {
	record_a_session
	shared models/stories260K.gguf
	gives 5 "$CM" replay s.jsonl --verify -m "$SHARED/models/stories260K.gguf" && complains 'another model'
}
it_gives_back_the_trace_and_the_text() {
	record_a_session && gives 0 "$CM" replay s.jsonl --trace - && same out s.trace &&
	gives 0 "$CM" replay s.jsonl --csv t.csv --html t.html --cast t.cast --script t.cm && empty out &&
	[ "$(wc -l <t.csv)" -gt 12 ] && has t.html '</html>' && has t.cm '^run ' && has t.cast '"version": 2' &&
	gives 0 "$CM" replay s.jsonl && { printf 'Hello you'; cat s.text; echo; } >a && same a out && plain out
}
it_runs_the_session_again_as_a_script() {
	record_a_session && "$CM" replay s.jsonl --script t.cm && gives 0 "$CM" run "$TINY" --script t.cm --trace t.trace &&
	cut -d, -f1-6 s.trace >a && cut -d, -f1-6 t.trace >b && same a b
}
it_ends_with_status_5_when_an_expectation_fails() {
	printf 'prompt Hello\nrun 3\nexpect rank > 5000\nrun 3\n' >x.cm
	gives 5 "$CM" run "$TINY" --script x.cm && complains 'x.cm:3: expect: rank > 5000: found [0-9]' && empty out
	printf 'prompt Hello\nrun 3\nexpect entropy >= 0\n' >x.cm
	gives 0 "$CM" run "$TINY" --script x.cm && [ -s out ]
}
it_answers_on_standard_error_and_in_json() {
	printf 'prompt Hello you\nrun 3\nwait\nclamp logit[42] + 9\nrun 2\nwait\ntrack 42 7\nexpect track_gain > 0.1\nexpect edits_jsd > 0.01\nexpect applied == 1\nprobe\nexpect probe > 1.01\nreceipt 1\nuntil track > -30\n' >a.cm
	gives 0 "$CM" run "$TINY" --script a.cm && has err 'a.cm:7: track: .*ln p' && has err 'a.cm:11: probe: .*perplexity' &&
	has err 'a.cm:13: receipt: over [0-9]* positions' && [ "$(wc -l <out)" -ge 1 ] && cp out text &&
	! grep -q perplexity out && gives 0 "$CM" run "$TINY" --script a.cm --json &&
	"$TOOLS/json" out edits 0 applied >n && [ "$(cat n)" -gt 0 ] && [ "$("$TOOLS/json" out answers 0 command)" = track ] &&
	[ "$("$TOOLS/json" out answers 2 command)" = receipt ] && "$TOOLS/json" out answers 2 flips >/dev/null &&
	{ cat a.cm; printf 'expect track_odds < -90\n'; } >b.cm && gives 5 "$CM" run "$TINY" --script b.cm &&
	has err 'b.cm:15: expect: track_odds < -90: found' &&
	printf 'prompt Hello\nrun 3\nwait\nexpect track > -90\n' >c.cm && gives 5 "$CM" run "$TINY" --script c.cm &&
	complains 'nothing measured' && printf 'prompt Hello\nuntil probe > 1\n' >d.cm && gives 2 "$CM" run "$TINY" --script d.cm
}
it_says_which_edit_of_a_script_did_nothing() {
	printf 'clamp L1.mlp[3] = 2 in 500..600\nprompt Hello\nrun 3\nwait\n' >e.cm
	gives 0 "$CM" run "$TINY" --script e.cm && has err "edit 'L1.mlp.3. = 2 in 500..600' was applied 0 times"
}
it_replays_what_a_kill_left() {
	record_a_session
	size=$(wc -c <s.jsonl) head=$(head -n 1 s.jsonl | wc -c)
	for cut in $((head)) $((head + 1)) $((size / 3)) $((size / 2)) $((size - 1)); do
		head -c "$cut" s.jsonl >k.jsonl
		gives 0 "$CM" replay k.jsonl --trace - || return 1
	done
	head -c $((head - 1)) s.jsonl >k.jsonl
	gives 3 "$CM" replay k.jsonl --trace - && complains 'no whole line'
}
it_refuses_what_is_no_session() {
	printf '{"clampmeter":"session","version":9}\n' >v.jsonl
	: >empty.jsonl
	for f in v.jsonl empty.jsonl no-such-file /dev/zero . "$TINY"; do
		gives 3 "$CM" replay "$f" --csv - && complains . && empty out || return 1
	done
	gives 2 "$CM" replay --verify && complains 'name the session'
}
it_goes_on_when_it_cannot_record() {
	[ -w /dev/full ] || skip '/dev/full is not there'
	gives 0 "$CM" run "$TINY" -p Hello -n 5 --record /dev/full && has err 'recording stopped' && [ -s out ] &&
	gives 1 "$CM" run "$TINY" -p Hello -n 5 --record no-such-directory/s && complains no-such-directory &&
	printf 'mine' >precious && gives 3 "$CM" run "$TINY" -p Hello -n 5 --record precious && [ "$(cat precious)" = mine ]
}
