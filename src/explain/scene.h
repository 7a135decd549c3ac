/* A figure as a list of shapes, before anyone decides how it is drawn. Units are those of a screen at 96 to
 * the inch; y grows downwards. */
#ifndef TW_EXPLAIN_SCENE_H
#define TW_EXPLAIN_SCENE_H

#include "explain/document.h"

typedef enum tw_shape_kind {
    TW_SHAPE_RECT = 0,
    TW_SHAPE_LINE,
    TW_SHAPE_CIRCLE,
    TW_SHAPE_LABEL
} tw_shape_kind;

/* What a colour is for; the renderer knows light and dark paper. */
typedef enum tw_tone {
    TW_TONE_NONE = 0,
    TW_TONE_INK,   /* words, and what is pointed at */
    TW_TONE_SOFT,  /* words beside the matter */
    TW_TONE_RULE,  /* grid lines */
    TW_TONE_CELL,  /* an area of no parameter */
    TW_TONE_TINT,  /* an area of parameter `colour` */
    TW_TONE_STRONG /* a line of parameter `colour` */
} tw_tone;

typedef struct tw_drawn {
    struct tw_drawn *next;
    tw_shape_kind kind;
    double x, y; /* rect: corner; line: start; circle: centre; label: its anchor on the line's middle */
    double width, height; /* rect; line: to x + width, y + height; circle: radius in width */
    tw_tone fill, stroke;
    int64_t colour; /* of TINT and STRONG */
    double line;    /* width of the stroke */
    double opacity;
    bool dashed;
    tw_phrase label;
    double size;              /* of the letters */
    int anchor;               /* < 0 starts at x, 0 centred, > 0 ends at x */
    int64_t of_x, of_w, of_h; /* the elements it belongs to, for pages that link them; -1: none */
} tw_drawn;

typedef struct tw_scene {
    tw_document *document;
    double width, height;
    tw_drawn *first, *last;
    tw_drawn spare; /* what is drawn after a failure */
} tw_scene;

tw_scene *tw_scene_create(tw_document *document);
/* Shapes, drawn in order; the caller fills in the rest. Never NULL. The scene grows to hold them. */
tw_drawn *tw_scene_rect(tw_scene *scene, double x, double y, double width, double height);
tw_drawn *tw_scene_line(tw_scene *scene, double x, double y, double x2, double y2);
tw_drawn *tw_scene_circle(tw_scene *scene, double x, double y, double radius);
tw_drawn *tw_scene_label(tw_scene *scene, double x, double y, double size, tw_phrase label);

/* A run of a label that is set in one way. */
typedef struct tw_run {
    char text[112];
    bool italic, below; /* below: an index */
} tw_run;
enum { TW_LABEL_RUNS = 24 };
/* A label cut into runs; returns how many. */
int tw_label_runs(const tw_phrase *label, tw_run runs[TW_LABEL_RUNS]);

#endif
