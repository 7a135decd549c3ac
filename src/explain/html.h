/* The look of the page. */
#ifndef TW_EXPLAIN_HTML_H
#define TW_EXPLAIN_HTML_H

#include "explain/ink.h"

/* The whole style sheet: page, formulas, grids, figures; light, dark and print. */
void tw_html_style(tw_ink *ink);

#endif
