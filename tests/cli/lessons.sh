# The teaching scripts, on the built-in model.

it_teaches_without_a_slip() {
	gives 0 "$CM" run demo -p x -n 1 || { has err 'without the built-in model' && skip 'no built-in model'; }
	for l in "$TOP"/app/demo/lessons/*.cm; do
		gives 0 "$CM" run demo --script "$l" --record s.jsonl && [ -s out ] &&
		gives 0 "$CM" replay s.jsonl --verify && has out 'bit for bit' &&
		gives 0 "$CM" replay s.jsonl --html r.html --cast r.cast && has r.html 'End of the lesson' || return 1
	done
}
