/* After Okabe and Ito, "Color universal design" (2008), with yellow and black replaced by hues that can be
 * read as lines on white and on black; tints are the same hues at equal lightness. */
#include "explain/palette.h"

static const tw_paint paints[TW_PALETTE] = {
    {0x0072b2, 0xcfe3f2, 0x5cb3e6, 0x17405c}, /* blue */
    {0xc4520a, 0xf8dcc8, 0xf0935a, 0x5e3113}, /* vermilion */
    {0x00805e, 0xcbe9de, 0x3cc49b, 0x10473a}, /* green */
    {0xa8477f, 0xf1d8e6, 0xdf91bf, 0x54294a}, /* purple */
    {0x8a6d00, 0xf2e6b8, 0xdcbb45, 0x4c3f10}, /* gold */
    {0x2f7f95, 0xd0ebf1, 0x7cc9dc, 0x1c4651}, /* cyan */
    {0x5b5bb5, 0xdedcf4, 0xa6a4ec, 0x34335f}, /* indigo */
    {0x6b6b6b, 0xe3e3e3, 0xb4b4b4, 0x434343}, /* gray */
};

static const int terminal[TW_PALETTE] = {32, 166, 35, 132, 136, 37, 62, 243};

int tw_palette_index(int64_t colour) {
    return (int)(colour % TW_PALETTE);
}

const tw_paint *tw_palette(int64_t colour) {
    return &paints[tw_palette_index(colour)];
}

int tw_palette_terminal(int64_t colour) {
    return terminal[tw_palette_index(colour)];
}
