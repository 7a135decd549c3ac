/* The windows of pools over one image, channels last: which pixels of the image an output pixel's window
 * holds, and which windows hold a pixel of the image. */

enum { DEPTH, HEIGHT, WIDTH };
enum { WIDE = 4 * BLOCK, WIDEST = 8 * BLOCK }; /* channels that are held in registers at a time */

static int64_t pixels_of(const int64_t size[3]) {
    return size[DEPTH] * size[HEIGHT] * size[WIDTH];
}

/* The pixels of the image that a window holds: a box, as numbers of its planes, lines and pixels of a line,
 * each with the distance from one to the next in the image and in the taps of the window. */
typedef struct box {
    int64_t size[3], step[3], tap[3];
    int64_t pixel, first; /* its first pixel, and the tap there */
} box;

/* Puts one axis of output position o into b. */
static inline void box_axis(const tw_pool *s, int axis, int64_t o, box *b) {
    int64_t origin = o * s->stride[axis] - s->pad[axis];
    int64_t first = origin < 0 ? -origin : 0;
    b->size[axis] = tw_min(s->kernel[axis], s->in[axis] - origin) - first;
    b->pixel += (origin + first) * b->step[axis];
    b->first += first * b->tap[axis];
}

/* The box of row `row` of an image's output, without the axis of width. */
static box box_of_row(const tw_pool *s, int64_t row) {
    box b = {.step = {s->in[HEIGHT] * s->in[WIDTH], s->in[WIDTH], 1},
             .tap = {s->kernel[HEIGHT] * s->kernel[WIDTH], s->kernel[WIDTH], 1}};
    box_axis(s, DEPTH, row / s->out[HEIGHT], &b);
    box_axis(s, HEIGHT, row % s->out[HEIGHT], &b);
    return b;
}

static inline int64_t box_pixels(const box *b) {
    return b->size[DEPTH] * b->size[HEIGHT] * b->size[WIDTH];
}

static inline int64_t box_last_pixel(const box *b) {
    return b->pixel + (b->size[DEPTH] - 1) * b->step[DEPTH] + (b->size[HEIGHT] - 1) * b->step[HEIGHT] +
           b->size[WIDTH] - 1;
}

/* The side of the windows of a row if inside the image they are squares that are worth code of their own; 0:
 * they are not. `b` is the row's box. */
static int64_t side_of_squares(const tw_pool *s, const box *b) {
    int64_t side = s->kernel[WIDTH];
    bool square = s->kernel[DEPTH] == 1 && s->kernel[HEIGHT] == side && b->size[HEIGHT] == side;
    return square && (side == 2 || side == 3) ? side : 0;
}

/* Positions first .. last-1 of an axis. */
typedef struct range {
    int64_t first, last;
} range;

/* The outputs of an axis whose windows lie inside the image. */
static range inside_of(const tw_pool *s, int axis) {
    int64_t first = tw_min(tw_ceil_div(s->pad[axis], s->stride[axis]), s->out[axis]);
    int64_t room = s->in[axis] + s->pad[axis] - s->kernel[axis];
    return (range){first, room < 0 ? first : tw_max(first, tw_min(room / s->stride[axis] + 1, s->out[axis]))};
}

/* The outputs of an axis whose windows hold position i of the image: tap i + pad - o * stride of output o. */
static range holders_of(const tw_pool *s, int axis, int64_t i) {
    int64_t reach = i + s->pad[axis], before = reach - s->kernel[axis];
    return (range){before < 0 ? 0 : before / s->stride[axis] + 1,
                   tw_min(reach / s->stride[axis] + 1, s->out[axis])};
}
