/*
 * export_page -- what the report for a browser is made of that is the same for
 * every session: its style, and the few lines that answer the mouse.
 *
 * Strings come in pieces, since C promises no more than 4,095 bytes of one.
 */
#ifndef APP_EXPORT_PAGE_H
#define APP_EXPORT_PAGE_H

static const char *const page_style[] = {
	":root{color-scheme:light dark;--bg:#fbfbf9;--card:#fff;--ink:#1d232b;--dim:#667080;--line:#e0e3e8;--accent:#0b6e8f;"
	"--accent2:#b4530a;--peak:#c2260b;--bar:#3b75af;--bar2:#c77a14;--track:#eceef2;--given:#f0f2f5}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#12151b;--card:#191d25;--ink:#dfe4ec;--dim:#8e98a8;--line:#2c323d;"
	"--accent:#6cc7e0;--accent2:#f0a35a;--peak:#ff8568;--bar:#6f9fd8;--bar2:#e0a458;--track:#262b35;--given:#20252e}}\n"
	"*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"
	"\"Segoe UI\",\"Noto Sans\",sans-serif}\n"
	"main{max-width:1120px;margin:0 auto;padding:28px 24px 60px}h1{font-size:25px;letter-spacing:-.01em;margin:0 0 2px}\n"
	"h2{font-size:16px;margin:34px 0 10px}h2 small{font-weight:400;color:var(--dim);font-size:13px;margin-left:8px}\n"
	".sub{color:var(--dim);margin:0 0 18px}.sub code{font-size:12.5px}code,.mono,.text,td.line{font-family:ui-monospace,"
	"\"SF Mono\",\"DejaVu Sans Mono\",Menlo,Consolas,monospace}\n"
	".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:0 0 6px}\n"
	".tile{background:var(--card);border:1px solid var(--line);border-radius:9px;padding:10px 13px}.tile b{display:block;"
	"font-size:21px;font-variant-numeric:tabular-nums;letter-spacing:-.01em}.tile span{color:var(--dim);font-size:12.5px}\n"
	".tile i{font-style:normal;font-size:13px;color:var(--dim);font-weight:400;margin-left:3px}\n",

	".reader{display:grid;grid-template-columns:minmax(0,1fr) 285px;gap:14px;align-items:start}\n"
	".card{background:var(--card);border:1px solid var(--line);border-radius:9px;padding:14px 16px}\n"
	".pick{display:flex;flex-wrap:wrap;gap:5px;margin:0 0 10px}.pick label{cursor:pointer}.pick input{position:absolute;"
	"opacity:0}.pick span{display:inline-block;border:1px solid var(--line);border-radius:99px;padding:1px 11px;font-size:"
	"13px;color:var(--dim);background:var(--card)}.pick input:checked+span{background:var(--accent);border-color:"
	"var(--accent);color:var(--bg);font-weight:600}.pick input:focus-visible+span{outline:2px solid var(--accent2)}\n"
	".text{font-size:15px;line-height:1.95;white-space:pre-wrap;overflow-wrap:anywhere}.t{border-radius:3px;padding:2px 0;"
	"cursor:default}.t.given{color:var(--dim);background:var(--given)}.t.forced{text-decoration:underline;"
	"text-decoration-color:var(--accent2);text-decoration-thickness:2px;text-underline-offset:4px}.t.hole{background:none}\n"
	".t.on{outline:2px solid var(--accent);outline-offset:0}.nl{color:var(--dim);opacity:.6}\n"
	".legend{display:flex;align-items:center;gap:8px;font-size:12.5px;color:var(--dim);margin:12px 0 0}.ramp{display:flex;"
	"height:10px;width:190px;border-radius:3px;overflow:hidden}.ramp i{flex:1}.legend .read{margin-left:8px}\n"
	"#detail{position:sticky;top:12px;min-height:330px}#detail h3{margin:0 0 2px;font-size:18px;white-space:pre-wrap;"
	"overflow-wrap:anywhere}#detail p{margin:0 0 10px;color:var(--dim);font-size:13px}.cand{display:grid;grid-template-"
	"columns:88px 1fr 44px;gap:7px;align-items:center;font-size:12.5px;margin:3px 0}.cand .w{white-space:pre;overflow:"
	"hidden;text-overflow:ellipsis}.cand .tr{background:var(--track);height:12px;border-radius:2px;position:relative;"
	"overflow:hidden}.cand .tr i{position:absolute;left:0;top:0;height:7px;background:var(--bar)}.cand .tr u{position:"
	"absolute;left:0;top:7px;height:5px;background:var(--bar2)}.cand .p{text-align:right;font-variant-numeric:"
	"tabular-nums;color:var(--dim)}.cand.took .w{font-weight:700;color:var(--accent)}\n",

	"table{border-collapse:collapse;width:100%;font-size:13.5px}th{text-align:left;color:var(--dim);font-weight:500;"
	"border-bottom:1px solid var(--line);padding:4px 10px 4px 0}td{border-bottom:1px solid var(--line);padding:4px 10px 4px "
	"0;vertical-align:top}td.num,th.num{text-align:right;font-variant-numeric:tabular-nums;width:1%;white-space:nowrap;"
	"padding-right:16px}td.line{font-size:12.5px;overflow-wrap:anywhere;white-space:pre-wrap}td.kind{width:1%;color:"
	"var(--dim);white-space:nowrap}tr.say td.line{font-family:inherit;font-size:14px}\n"
	"svg{display:block;width:100%;height:auto;overflow:visible}svg text{fill:var(--dim);font:11px system-ui,sans-serif}\n"
	".chart{margin:0 0 12px}.chart .name{fill:var(--ink);font-weight:600;font-size:13px}.grid{stroke:var(--line);"
	"stroke-width:1}.given-area{fill:var(--given)}.area{fill:var(--accent);opacity:.13}.curve{fill:none;stroke:"
	"var(--accent);stroke-width:1.6;stroke-linejoin:round}.peak{fill:var(--peak)}svg .peaktext{fill:var(--peak);"
	"font-weight:600}.mark{stroke:var(--accent2);stroke-width:1;stroke-dasharray:3 3}svg .marktext{fill:var(--accent2);"
	"font-size:10px}.hair{stroke:var(--ink);stroke-width:1;opacity:0}.dot{fill:var(--accent)}\n"
	"footer{margin-top:40px;color:var(--dim);font-size:13px;border-top:1px solid var(--line);padding-top:12px}"
	"footer p{margin:0 0 6px}\n"
	"@media(max-width:800px){.reader{grid-template-columns:1fr}#detail{position:static;min-height:0}main{padding:18px "
	"14px 40px}}@media print{.pick{display:none}main{max-width:none}}\n",
};

/* Without it everything is there but the other signals and the details. */
static const char *const page_script[] = {
	"(function(){'use strict';var D=JSON.parse(document.getElementById('data').textContent),"
	"T=[].slice.call(document.querySelectorAll('.t')),box=document.getElementById('detail'),"
	"hairs=[].slice.call(document.querySelectorAll('.hair')),on=null;\n"
	"function el(k,c,x){var e=document.createElement(k);if(c)e.className=c;if(x!==undefined)e.textContent=x;return e}\n"
	"function num(v){return v===null?'not measured':(Math.abs(v)<10?v.toFixed(3):v.toFixed(1))}\n"
	"function paint(i){var l=D.lenses[i];T.forEach(function(t){var c=t.dataset.s[i];t.className=t.className.replace("
	"/ ?(g[0-9a-f]|hole)\\b/g,'')+(c==='-'?' hole':' g'+c)});document.getElementById('lo').textContent=l.lo;"
	"document.getElementById('hi').textContent=l.hi+(l.unit?' '+l.unit:'');"
	"document.getElementById('read').textContent=l.doc}\n"
	"[].forEach.call(document.querySelectorAll('input[name=lens]'),function(r,i){r.addEventListener('change',function(){"
	"paint(i)});if(r.checked)paint(i)});\n",

	"function show(t){var s=D.steps[+t.dataset.p];if(on)on.classList.remove('on');on=t;t.classList.add('on');"
	"hairs.forEach(function(h){var x=+h.dataset.x0+(s?s.pos:0)*+h.dataset.dx;h.setAttribute('x1',x);h.setAttribute("
	"'x2',x);h.style.opacity=s?0.55:0});box.textContent='';if(!s){box.appendChild(el('h3','mono',t.textContent));"
	"box.appendChild(el('p','','the first token: nothing came before it'));return}\n"
	"box.appendChild(el('h3','mono',s.text));box.appendChild(el('p','',s.why+', made by the step at position '+s.pos+"
	"', token '+s.token));var tb=el('table');D.lenses.forEach(function(l,i){if(i>7)return;var r=el('tr');r.appendChild("
	"el('td','',l.name));r.appendChild(el('td','num',num(s.v[i])));tb.appendChild(r)});box.appendChild(tb);\n"
	"var h=el('p','','raw probability above, after the sampler below');h.style.margin='12px 0 4px';if(s.top.length)"
	"box.appendChild(h);s.top.forEach(function(c){var d=el('div','cand'+(c[3]?' took':''));d.appendChild(el('span','w "
	"mono',c[0]));var b=el('span','tr'),x=el('i'),y=el('u');x.style.width=100*c[1]+'%';y.style.width=100*c[2]+'%';"
	"b.appendChild(x);b.appendChild(y);d.appendChild(b);d.appendChild(el('span','p',(100*c[1]).toFixed(1)+'%'));"
	"box.appendChild(d)})}\n",

	"T.forEach(function(t){t.addEventListener('mouseenter',function(){show(t)});t.addEventListener('click',function(){"
	"show(t)})});[].forEach.call(document.querySelectorAll('.chart svg'),function(g){var h=g.querySelector('.hair');if(!h)"
	"return;g.addEventListener('mousemove',function(ev){var b=g.getBoundingClientRect(),x=(ev.clientX-b.left)/b.width*"
	"g.viewBox.baseVal.width,p=Math.round((x-+h.dataset.x0)/+h.dataset.dx),t=T[p+1];if(t)show(t)})});\n"
	"var start=document.getElementById('t'+D.start);if(start)show(start)})();\n",
};

#endif
