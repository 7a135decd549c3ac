/* The digits as people write them: knots of pen strokes. */
#ifndef TW_DATA_GLYPHS_H
#define TW_DATA_GLYPHS_H

/* A knot begins a stroke, is passed smoothly, or is a corner: the pen stays down and turns. */
typedef enum tw_knot_kind { TW_KNOT_BEGIN, TW_KNOT_SMOOTH, TW_KNOT_CORNER } tw_knot_kind;

typedef struct tw_knot {
    unsigned char kind, x, y; /* within 0..100, y downward */
} tw_knot;

enum { TW_GLYPH_KNOTS = 20 };

/* One way to write a digit. */
typedef struct tw_glyph {
    int digit;
    int share; /* how many in 12 of its digit are written so: they add up to 12 */
    int count;
    tw_knot knots[TW_GLYPH_KNOTS];
} tw_glyph;

/* All ways, sorted by digit. */
extern const tw_glyph tw_glyphs[];
extern const int tw_glyph_count;

#endif
