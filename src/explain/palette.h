/* The colours of parameters: eight that people with any colour vision tell apart, on light and on dark paper.
 */
#ifndef TW_EXPLAIN_PALETTE_H
#define TW_EXPLAIN_PALETTE_H

#include <stdint.h>

enum { TW_PALETTE = 8 };

/* One colour in its four uses, as 0xRRGGBB. */
typedef struct tw_paint {
    uint32_t strong, tint;           /* lines and letters, and areas under dark letters, on light paper */
    uint32_t strong_dark, tint_dark; /* the same on dark paper, under light letters */
} tw_paint;

/* Parameter `colour` (>= 0) of any number: they repeat after eight. */
int tw_palette_index(int64_t colour);
const tw_paint *tw_palette(int64_t colour);
/* The nearest of a terminal's 256 colours; readable on black and on white. */
int tw_palette_terminal(int64_t colour);

#endif
