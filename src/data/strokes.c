/* The built-in data set: digits drawn with a pen that has a will of its own.
 *
 * Sample i of a split is a pure function of (seed, split, i). A way of writing the digit is taken from
 * glyphs.c, each of its knots is moved a little, the knots of a stroke are joined by a Catmull-Rom spline
 * (Catmull and Rom 1974) of short segments, and these are bent, slanted, turned, scaled and moved by several
 * pixels: that is what a network without convolutions finds hard. A pixel's ink is how far it lies within the
 * pen's radius of the nearest segment, so edges are smooth. Then come what real images have: other marks,
 * parts that are missing, noise.
 *
 * Only + - * / and square roots are used, no libm: the same bits on every machine. About 15 microseconds a
 * sample. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "data/dataset.h"
#include "data/glyphs.h"
#include "format/digest.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE, SPAN = 5, SEGMENTS_MOST = TW_GLYPH_KNOTS * SPAN };
enum { TRAIN_COUNT = 60000, TEST_COUNT = 10000, COUNT_MOST = 1000000000, DRAWING = 1 /* version */ };

typedef struct strokes {
    uint64_t seed;
    uint32_t split;
} strokes;

typedef struct point {
    float x, y;
} point;

/* A piece of ink: a line from a to b, drawn with a round pen. */
typedef struct segment {
    point a, b;
    float radius;
} segment;

typedef struct drawing {
    segment segments[SEGMENTS_MOST];
    int count;
} drawing;

static float between(tw_random *random, float least, float most) {
    float unit = (float)(tw_random_bits(random) >> 8) * 0x1p-24f;
    return least + (most - least) * unit;
}

/* Around 0, within +-3 * scale / 2, bell-shaped: the sum of three uniform numbers. */
static float around_zero(tw_random *random, float scale) {
    float sum = between(random, -1, 1) + between(random, -1, 1);
    return scale * 0.5f * (sum + between(random, -1, 1));
}

static bool happens(tw_random *random, float probability) {
    return between(random, 0, 1) < probability;
}

/* ---- The pen's way ---- */

static const tw_glyph *choose_glyph(tw_random *random, int digit) {
    int share = (int)tw_random_below(random, 12), i = 0;
    while (tw_glyphs[i].digit != digit) i++;
    while (share >= tw_glyphs[i].share) share -= tw_glyphs[i++].share;
    return &tw_glyphs[i];
}

/* How one sample is written. */
typedef struct hand {
    float bend[4], slant, cosine, sine, width, height;
    point centre;
    float radius, taper; /* the pen, in pixels; how much it thins out along the glyph */
} hand;

static hand choose_hand(tw_random *random) {
    hand h;
    for (int i = 0; i < 4; i++) h.bend[i] = around_zero(random, 0.16f);
    h.slant = around_zero(random, 0.3f) + 0.08f;
    float t = around_zero(random, 0.1f); /* the tangent of half the angle */
    h.cosine = (1 - t * t) / (1 + t * t);
    h.sine = 2 * t / (1 + t * t);
    h.height = between(random, 12.5f, 20.5f);
    h.width = h.height * between(random, 0.75f, 1.15f);
    float room = 0.5f * (SIDE - h.height) + 1.5f; /* the glyph may lose a little at the border */
    h.centre.x = SIDE * 0.5f + between(random, -room, room);
    h.centre.y = SIDE * 0.5f + between(random, -room, room) * 0.9f;
    h.radius = between(random, 0.65f, 1.15f) + 0.035f * (h.height - 14) * between(random, 0, 1);
    h.taper = between(random, -0.25f, 0.25f);
    return h;
}

/* A point of the glyph (-0.5 .. 0.5) in pixels. */
static point place(const hand *h, point p) {
    float x = p.x + h->bend[0] * p.y * p.y * 2 + h->bend[1] * p.x * p.y * 2;
    float y = p.y + h->bend[2] * p.x * p.x * 2 + h->bend[3] * p.x * p.y * 2;
    x = (x - h->slant * y) * h->width;
    y *= h->height;
    return (point){h->centre.x + h->cosine * x - h->sine * y, h->centre.y + h->sine * x + h->cosine * y};
}

/* Catmull-Rom from b to c at 0 <= t <= 1; a and d are their neighbours. */
static float spline(float a, float b, float c, float d, float t) {
    float linear = c - a, square = 2 * a - 5 * b + 4 * c - d, cube = 3 * (b - c) + d - a;
    return b + 0.5f * t * (linear + t * (square + t * cube));
}

static void draw_span(drawing *d, const hand *h, const point knots[4], float at) {
    point from = place(h, knots[1]);
    for (int i = 1; i <= SPAN; i++) {
        float t = (float)i / SPAN;
        point p = {spline(knots[0].x, knots[1].x, knots[2].x, knots[3].x, t),
                   spline(knots[0].y, knots[1].y, knots[2].y, knots[3].y, t)};
        point to = place(h, p);
        d->segments[d->count++] = (segment){from, to, h->radius * (1 + h->taper * (at - 0.5f))};
        from = to;
    }
}

/* At a stroke's end and at a corner the spline has no neighbour: the knot stands for it. */
static void draw_glyph(drawing *d, tw_random *random, const hand *h, const tw_glyph *glyph) {
    point p[TW_GLYPH_KNOTS];
    for (int i = 0; i < glyph->count; i++) {
        p[i].x = (float)glyph->knots[i].x * 0.01f - 0.5f + around_zero(random, 0.035f);
        p[i].y = (float)glyph->knots[i].y * 0.01f - 0.5f + around_zero(random, 0.035f);
    }
    for (int i = 0; i + 1 < glyph->count; i++) {
        const tw_knot *knots = glyph->knots;
        if (knots[i + 1].kind == TW_KNOT_BEGIN) continue;
        bool ends = i + 2 == glyph->count || knots[i + 2].kind == TW_KNOT_BEGIN ||
                    knots[i + 1].kind == TW_KNOT_CORNER;
        point before = knots[i].kind == TW_KNOT_SMOOTH ? p[i - 1] : p[i];
        const point four[4] = {before, p[i], p[i + 1], ends ? p[i + 1] : p[i + 2]};
        draw_span(d, h, four, (float)i / (float)glyph->count);
    }
}

/* ---- Ink ---- */

static int clamp_pixel(float at) {
    return at < 0 ? 0 : at > SIDE - 1 ? SIDE - 1 : (int)at;
}

/* Each pixel near the segment takes the most ink that any segment gives it: 1 within the radius less half a
 * pixel, 0 beyond the radius plus half. */
static void ink_segment(const segment *s, float ink, float *x) {
    float reach = s->radius + 0.5f;
    float dx = s->b.x - s->a.x, dy = s->b.y - s->a.y;
    float length2 = dx * dx + dy * dy, scale = length2 > 1e-12f ? 1 / length2 : 0;
    int top = clamp_pixel(fminf(s->a.y, s->b.y) - reach), bottom = clamp_pixel(fmaxf(s->a.y, s->b.y) + reach);
    int left = clamp_pixel(fminf(s->a.x, s->b.x) - reach), right = clamp_pixel(fmaxf(s->a.x, s->b.x) + reach);
    for (int row = top; row <= bottom; row++)
        for (int column = left; column <= right; column++) {
            float px = (float)column + 0.5f - s->a.x, py = (float)row + 0.5f - s->a.y;
            float t = (px * dx + py * dy) * scale;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            float ex = px - t * dx, ey = py - t * dy;
            float covered = reach - sqrtf(ex * ex + ey * ey);
            covered = ink * (covered > 1 ? 1 : covered);
            float *pixel = &x[row * SIDE + column];
            if (covered > *pixel) *pixel = covered;
        }
}

/* A short mark that belongs to no digit. */
static void ink_clutter(tw_random *random, float *x) {
    point a = {between(random, 0, SIDE), between(random, 0, SIDE)};
    point b = {a.x + between(random, -5, 5), a.y + between(random, -5, 5)};
    segment s = {a, b, between(random, 0.4f, 0.9f)};
    ink_segment(&s, between(random, 0.4f, 0.9f), x);
}

/* A small square where the ink did not take. */
static void occlude(tw_random *random, float *x) {
    int side = 2 + (int)tw_random_below(random, 3);
    int left = 4 + (int)tw_random_below(random, (uint64_t)(SIDE - 8 - side + 1));
    int top = 4 + (int)tw_random_below(random, (uint64_t)(SIDE - 8 - side + 1));
    for (int row = top; row < top + side; row++) memset(&x[row * SIDE + left], 0, (size_t)side * sizeof *x);
}

/* Four pixels take their noise from the four bytes of one random word. */
static void add_noise(tw_random *random, float amount, float *x) {
    for (int i = 0; i < PIXELS; i += 4) {
        uint32_t bits = tw_random_bits(random);
        for (int k = 0; k < 4; k++, bits >>= 8) {
            float value = x[i + k] + amount * ((float)(bits & 255) * (1 / 255.0f) - 0.5f);
            x[i + k] = value < 0 ? 0 : value > 1 ? 1 : value;
        }
    }
}

static tw_status read_strokes(const tw_data *data, int64_t index, float *x, int32_t *label) {
    const strokes *s = data->state;
    int digit = (int)(index % 10); /* as many of each; training takes them in a shuffled order */
    if (label) *label = digit;
    if (!x) return TW_OK;
    tw_random random = tw_random_stream(s->seed, TW_RANDOM_STROKES, (uint64_t)index, s->split);
    drawing d = {.count = 0};
    const tw_glyph *glyph = choose_glyph(&random, digit);
    hand h = choose_hand(&random);
    draw_glyph(&d, &random, &h, glyph);
    memset(x, 0, PIXELS * sizeof *x);
    float ink = between(&random, 0.7f, 1);
    for (int i = 0; i < d.count; i++) ink_segment(&d.segments[i], ink, x);
    if (happens(&random, 0.3f)) occlude(&random, x);
    if (happens(&random, 0.35f)) ink_clutter(&random, x);
    add_noise(&random, between(&random, 0, 0.4f), x);
    return TW_OK;
}

/* ---- Opening ---- */

static tw_status open_strokes(tw_data *data, const char *argument, tw_split split) {
    int64_t count = TRAIN_COUNT, seed = 1;
    const tw_data_option options[] = {{"count", 1, COUNT_MOST, &count}, {"seed", 0, INT64_MAX, &seed}};
    tw_status status = tw_data_options(argument, options, 2);
    if (status) return status;
    strokes *s = data->state = tw_alloc(1, sizeof *s);
    if (!s) return TW_ERROR_MEMORY;
    *s = (strokes){.seed = (uint64_t)seed, .split = (uint32_t)split};
    data->info.image = (tw_net_input){.spatial = 2, .channels = 1, .size = {SIDE, SIDE}};
    data->info.count = split == TW_TRAIN ? count : TEST_COUNT;
    data->info.classes = 10;
    data->info.class_names = tw_data_digits;
    uint64_t digest = tw_digest_number(tw_digest_text(tw_digest_start(), "strokes"), DRAWING);
    digest = tw_digest_number(tw_digest_number(digest, s->seed), s->split);
    data->info.fingerprint = tw_digest_number(digest, (uint64_t)data->info.count);
    return TW_OK;
}

static void close_strokes(tw_data *data) {
    tw_free(data->state);
}

const tw_data_source tw_data_strokes = {
    .name = "strokes",
    .kind = {"strokes[:count=N,seed=S]", "built in: digits drawn from strokes, no file needed"},
    .open = open_strokes,
    .close = close_strokes,
    .read = read_strokes,
};
