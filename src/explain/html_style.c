/* A page to be read: one column, system letters for words, serif italics for symbols, and the parameters'
 * eight colours as tints behind numbers and as strong hues for letters. */
#include "explain/html.h"

#include "explain/markup.h"
#include "explain/palette.h"

static const char page[] =
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1c1c1c;--soft:#5f6368;--rule:#d9d9d4;--cell:#f4f4f2}\n"
    "@media screen and "
    "(prefers-color-scheme:dark){:root{--paper:#17181b;--ink:#ececec;--soft:#a8adb3;--rule:#3c3f45;"
    "--cell:#26282c}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.6 system-ui,-apple-system,\"Segoe "
    "UI\","
    "\"Helvetica Neue\",Arial,\"Noto Sans CJK TC\",\"PingFang TC\",\"Microsoft JhengHei\",sans-serif}\n"
    "main{max-width:46rem;margin:0 auto;padding:2rem 1.25rem 4rem}\n"
    "h1{font-size:1.9rem;line-height:1.25;margin:.5rem 0 1rem}\n"
    "h2{font-size:1.35rem;line-height:1.3;margin:3rem 0 .75rem;padding-top:.75rem;border-top:1px solid "
    "var(--rule)}\n"
    "h3{font-size:1.1rem;margin:2rem 0 .5rem}p{margin:.75rem 0}\n"
    ".note{border-left:4px solid #c4520a;padding-left:.8rem}\n"
    ".m,.f,.e,.n{font-family:\"STIX Two Text\",\"Times New Roman\",\"Liberation "
    "Serif\",serif;font-size:1.06em}\n"
    "sub,sup{font-size:.72em;line-height:0}.f{padding-left:2rem;font-size:1.15em}\n";

static const char formulas[] =
    ".es{margin:1rem 0;overflow-x:auto}.e{display:flex;align-items:flex-start;margin:.35rem 0}\n"
    ".r{display:flex;flex-wrap:wrap;row-gap:.35rem}\n"
    ".g{display:inline-flex;white-space:nowrap;align-items:flex-start}\n"
    ".a,.o,.d{display:inline-block;text-align:center}.a{padding:0 .12em}.o{padding:0 .4em}\n"
    ".a b,.o b,.d b{display:block;font-weight:400;color:var(--soft);font-variant-numeric:tabular-nums}\n"
    ".c{color:var(--soft);font-size:.9em;padding-left:.6em}\n"
    ".gs{display:flex;flex-wrap:wrap;align-items:center;gap:.9rem;margin:1.1rem 0;overflow-x:auto}\n"
    ".p{display:flex;align-items:center;gap:.9rem}\n"
    ".j{font-size:1.3rem;color:var(--soft);padding-top:1.6rem}\n"
    ".n{border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
    ".n caption{text-align:left;padding:0 0 .25rem;white-space:nowrap}\n"
    ".n td{border:1px solid var(--rule);min-width:2.3em;padding:.18em .4em;text-align:center}\n"
    ".n .k{background:var(--cell)}.n th{font-weight:400;color:var(--soft);padding:.1em .4em}\n"
    ".z{color:var(--soft)}.w{overflow-x:auto;margin:1rem 0}\n"
    ".l{border-collapse:collapse;font-size:.93em}.l th{text-align:left;font-weight:600}\n"
    ".l th,.l td{padding:.3em .9em .3em 0;border-bottom:1px solid var(--rule);vertical-align:top}\n"
    ".l .q{text-align:right;font-variant-numeric:tabular-nums}\n"
    "figure{margin:1.4rem 0}figure svg{max-width:100%;height:auto;display:block}\n"
    "figcaption{color:var(--soft);font-size:.92em;margin-top:.5rem}\n"
    "@media print{body{font-size:11pt}main{max-width:none;padding:0}h2,h3{break-after:avoid}"
    "figure,.e,.n,tr{break-inside:avoid}}\n";

static void put_hues(tw_ink *ink, bool dark) {
    for (int i = 0; i < TW_PALETTE; i++) {
        const tw_paint *p = tw_palette(i);
        tw_ink_print(ink, ".e .s%d{color:#%06x}.n .t%d{background:#%06x}\n", i,
                     dark ? p->strong_dark : p->strong, i, dark ? p->tint_dark : p->tint);
    }
}

void tw_html_style(tw_ink *ink) {
    tw_ink_text(ink, page);
    tw_ink_text(ink, formulas);
    put_hues(ink, false);
    tw_ink_text(ink, "@media screen and (prefers-color-scheme:dark){\n");
    put_hues(ink, true);
    tw_ink_text(ink, "}\n");
    tw_svg_style(ink);
}
