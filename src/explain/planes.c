/* A grid cell by cell: which element stands there, or a zero. */
#include "explain/planes.h"

#include "base/checked.h"

static const tw_atom zero = {.known = true, .colour = -1};

static tw_plane plane_of(const tw_problem *p, bool image, bool gradient) {
    const tw_naming *const namings[2][2] = {{&p->name_h, &p->name_dh}, {&p->name_x, &p->name_dx}};
    static const tw_element elements[2][2] = {{tw_problem_h, tw_problem_dh}, {tw_problem_x, tw_problem_dx}};
    const tw_geometry *g = &p->geometry;
    bool base_in = image != g->transposed;
    const int64_t *size = base_in ? p->shape.in : p->shape.out;
    return (tw_plane){namings[image][gradient], elements[image][gradient],
                      image ? g->in_channels : g->out_channels, size[TW_HEIGHT], size[TW_WIDTH]};
}

tw_plane tw_plane_in(const tw_problem *p, bool gradient) {
    return plane_of(p, !p->geometry.transposed, gradient);
}

tw_plane tw_plane_out(const tw_problem *p, bool gradient) {
    return plane_of(p, p->geometry.transposed, gradient);
}

static tw_atom atom_at(const tw_problem *p, const tw_plane *plane, int64_t row, int64_t column) {
    int64_t pixels = plane->rows * plane->columns, pixel = row * plane->columns + column;
    return plane->element(p, tw_shape_index(p->geometry.layout, 0, plane->channels, 0, pixels, pixel));
}

static tw_grid named_grid(tw_document *d, const tw_problem *p, const tw_naming *naming, tw_word title,
                          int64_t rows, int64_t columns) {
    tw_grid grid = tw_grid_make(d, rows, columns);
    tw_span args[] = {tw_span_symbol(tw_plane_symbol(p, naming, 0))};
    grid.title = tw_phrase_make(d, title, args);
    return grid;
}

tw_grid tw_plane_plain(tw_document *d, const tw_problem *p, tw_plane plane) {
    tw_grid grid = named_grid(d, p, plane.naming, TW_SAY_PLANE, plane.rows, plane.columns);
    for (int64_t i = 0; i < grid.rows * grid.columns; i++)
        grid.cells[i] = atom_at(p, &plane, i / grid.columns, i % grid.columns);
    return grid;
}

tw_grid tw_plane_bordered(tw_document *d, const tw_problem *p, tw_plane plane) {
    const tw_shape *s = &p->shape;
    int64_t rows = (s->out[1] - 1) * s->stride[1] + tw_plane_extent(p, TW_HEIGHT);
    int64_t columns = (s->out[2] - 1) * s->stride[2] + tw_plane_extent(p, TW_WIDTH);
    tw_word title = tw_planes_padded(p) ? TW_SAY_PLANE_BORDERED : TW_SAY_PLANE;
    tw_grid grid = named_grid(d, p, plane.naming, title, rows, columns);
    for (int64_t i = 0; i < grid.rows * grid.columns; i++) {
        int64_t y = tw_shape_source(p->geometry.pad_mode, i / columns - s->pad[1], s->in[1]);
        int64_t x = tw_shape_source(p->geometry.pad_mode, i % columns - s->pad[2], s->in[2]);
        grid.cells[i] = y < 0 || x < 0 ? zero : atom_at(p, &plane, y, x);
    }
    return grid;
}

tw_grid tw_plane_spread(tw_document *d, const tw_problem *p, tw_plane plane) {
    const tw_shape *s = &p->shape;
    tw_word title = tw_planes_strided(p) ? TW_SAY_PLANE_SPREAD : TW_SAY_PLANE;
    tw_grid grid = named_grid(d, p, plane.naming, title, (s->out[1] - 1) * s->stride[1] + 1,
                              (s->out[2] - 1) * s->stride[2] + 1);
    for (int64_t i = 0; i < grid.rows * grid.columns; i++) {
        int64_t y = i / grid.columns, x = i % grid.columns;
        grid.cells[i] = y % s->stride[1] || x % s->stride[2]
                            ? zero
                            : atom_at(p, &plane, y / s->stride[1], x / s->stride[2]);
    }
    return grid;
}

/* Place u of an axis holds the output o with o * stride = u + pad - (extent - 1). */
tw_grid tw_plane_framed(tw_document *d, const tw_problem *p, tw_plane plane) {
    const tw_shape *s = &p->shape;
    int64_t extent[TW_AXES] = {1, tw_plane_extent(p, TW_HEIGHT), tw_plane_extent(p, TW_WIDTH)};
    tw_grid grid = named_grid(d, p, plane.naming, TW_SAY_PLANE_FRAMED, s->in[1] + extent[1] - 1,
                              s->in[2] + extent[2] - 1);
    for (int64_t i = 0; i < grid.rows * grid.columns; i++) {
        int64_t u[TW_AXES] = {0, i / grid.columns, i % grid.columns}, o[TW_AXES] = {0};
        bool holds = true;
        for (int a = TW_HEIGHT; a <= TW_WIDTH; a++) {
            int64_t from = u[a] + s->pad[a] - (extent[a] - 1);
            o[a] = from / s->stride[a];
            holds = holds && from >= 0 && from % s->stride[a] == 0 && o[a] < s->out[a];
        }
        grid.cells[i] = holds ? atom_at(p, &plane, o[1], o[2]) : zero;
    }
    return grid;
}

tw_grid tw_plane_kernel(tw_document *d, const tw_problem *p, bool gradient, bool turned, bool dilated) {
    const tw_shape *s = &p->shape;
    int64_t step[TW_AXES] = {1, dilated ? s->dilation[1] : 1, dilated ? s->dilation[2] : 1};
    tw_grid grid =
        named_grid(d, p, gradient ? &p->name_dw : &p->name_w, turned ? TW_SAY_PLANE_TURNED : TW_SAY_PLANE,
                   (s->kernel[1] - 1) * step[1] + 1, (s->kernel[2] - 1) * step[2] + 1);
    for (int64_t i = 0; i < grid.rows * grid.columns; i++) {
        int64_t y = i / grid.columns, x = i % grid.columns;
        int64_t k = y / step[1] * s->kernel[2] + x / step[2], e = turned ? s->kernel_taps - 1 - k : k;
        bool between = y % step[1] || x % step[2];
        grid.cells[i] = between ? zero : gradient ? tw_problem_dw(p, e) : tw_problem_w(p, e);
    }
    return grid;
}

int64_t tw_plane_extent(const tw_problem *p, int axis) {
    return (p->shape.kernel[axis] - 1) * p->shape.dilation[axis] + 1;
}

bool tw_planes_fit(const tw_problem *p) {
    const tw_shape *s = &p->shape;
    bool fit = p->geometry.spatial < 3;
    for (int a = TW_HEIGHT; a <= TW_WIDTH; a++) {
        fit = fit && s->in[a] + tw_plane_extent(p, a) - 1 <= TW_GRID_SIDE;
        fit = fit && (s->out[a] - 1) * s->stride[a] + tw_plane_extent(p, a) <= TW_GRID_SIDE;
    }
    return fit;
}

bool tw_planes_strided(const tw_problem *p) {
    return p->shape.stride[0] > 1 || p->shape.stride[1] > 1 || p->shape.stride[2] > 1;
}

bool tw_planes_dilated(const tw_problem *p) {
    return p->shape.dilation[0] > 1 || p->shape.dilation[1] > 1 || p->shape.dilation[2] > 1;
}

bool tw_planes_padded(const tw_problem *p) {
    const tw_geometry *g = &p->geometry;
    bool padded = false;
    for (int a = 0; a < g->spatial; a++) padded = padded || g->pad_begin[a] || g->pad_end[a];
    return padded;
}
