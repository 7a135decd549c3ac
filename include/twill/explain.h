/* The derivation of one convolution, or of a whole network, as a document.
 *
 *     tw_explain_request request = tw_explain_defaults();   // 3x3 image, 2x2 kernel, symbols, plain text
 *     char *bytes;
 *     size_t size;
 *     if (tw_explain(&request, &bytes, &size) == TW_OK) fwrite(bytes, 1, size, stdout);
 *     tw_explain_free(bytes);
 *
 * One call takes everything that can be asked and gives the finished document, so that a command, a web page
 * (through the JSON form) and a test use the same door. Tensors that are given are shown as numbers, the
 * others as symbols. Every number comes from the convolution's plan (conv.h, f64) and is compared with the
 * conv matrix (matrix.h) on the way; a difference is an error (NUMERIC), never a document. */
#ifndef TWILL_EXPLAIN_H
#define TWILL_EXPLAIN_H

#include <twill/geometry.h>
#include <twill/net.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef enum tw_language { TW_ENGLISH = 0, TW_CHINESE } tw_language;
enum { TW_LANGUAGES = 2 };

/* "en" or "zh-TW". */
const char *tw_language_name(tw_language language);
/* The language of a locale or of an option: "zh-TW", "zh_TW.UTF-8" and every other zh is Traditional Chinese,
 * all else, also NULL, English. */
tw_language tw_language_of(const char *locale);

typedef enum tw_explain_format {
    TW_EXPLAIN_TEXT = 0,
    TW_EXPLAIN_MARKDOWN,
    TW_EXPLAIN_LATEX, /* a whole document for pdflatex */
    TW_EXPLAIN_HTML,  /* a whole page: no script, nothing from the network */
    TW_EXPLAIN_JSON,  /* schema: docs/explain.md */
    TW_EXPLAIN_SVG,   /* this and the next two: one figure, request.figure */
    TW_EXPLAIN_PNG,   /* with cairo only, else UNSUPPORTED */
    TW_EXPLAIN_PDF
} tw_explain_format;

/* A format by its number, in the order of the enum; NULL beyond the last. Twill's memory. */
typedef struct tw_explain_format_name {
    const char *name, *summary;
    bool figure;  /* shows one figure, not the document */
    bool offered; /* false: this build lacks the library it needs */
} tw_explain_format_name;
const tw_explain_format_name *tw_explain_format_of(size_t index);

/* A section by its number; NULL beyond the last. request.sections is a sum of 1u << number. Twill's memory.
 */
typedef struct tw_explain_section_name {
    const char *name, *summary;
    bool by_default;    /* of an explained convolution */
    const char *figure; /* the figure it draws, for request.figure; NULL: none */
} tw_explain_section_name;
const tw_explain_section_name *tw_explain_section(size_t index);

/* The numbers of one tensor, in the shapes of geometry.h for one image; values NULL: symbols. */
typedef struct tw_explain_values {
    const double *values;
    int64_t count;
} tw_explain_values;

/* What the network section explains. text NULL: none. */
typedef struct tw_explain_net {
    const char *text;     /* a network's text or its name */
    tw_net_input input;   /* channels 0: the one that the name was made for, or 28x28 of one channel */
    const float *weights; /* [tw_net_weights] or NULL: its starting values with seed 1 */
    int64_t weights_count;
    const float *image; /* one image, channels last, or NULL: shapes and formulas alone */
    int64_t image_count;
    int label; /* with an image: its class, for the loss and the gradients; -1: none */
} tw_explain_net;

typedef struct tw_explain_request {
    size_t struct_size;
    tw_geometry geometry;                             /* batch is taken as 1 */
    tw_explain_values image, weights, bias, upstream; /* x, w, b (none: no bias) and dL/dh */
    uint32_t sections; /* 0: those by default, or the network alone when one is given */
    tw_explain_net net;
    const char *highlight; /* a weight by its name, "w11": its connections are drawn alone; NULL: all */
    tw_language language;
    tw_explain_format format;
    const char *figure; /* for svg, png and pdf: that of a section; NULL: the first of those explained */
    int width;          /* text: columns, 40 to 1000 (outside: clamped) */
    bool colour;        /* text: ANSI colours */
    bool ascii;         /* text: no characters beyond ASCII, except the words of a language that needs them */
    bool pool_stride;   /* pooling: a stride of 1 is meant; false: it stands for the window's size */
    bool fragment;      /* html: the document's body alone, for a page that has its own frame */
} tw_explain_request;

/* A 3x3 image and a 2x2 kernel of one channel, symbols, the default sections, English, text, 80 columns. */
tw_explain_request tw_explain_defaults(void);

/* Makes the document. *bytes is a new block of *size bytes and a zero byte after them: tw_explain_free. Time
 * and memory do not grow with the matrix: sums are abridged with a count, a large matrix is drawn as a
 * pattern.
 *
 * ARGUMENT: counts of values that do not fit the geometry, an unknown section, figure or weight; NUMERIC:
 * values that are NaN, infinite or beyond 1e100 (whose products could overflow), or plan and matrix that
 * differ; LIMIT: more than 2^22 elements along one dimension; those of tw_conv_create and tw_net_create.
 *
 * A geometry that is illegal is explained too: *bytes then holds a document that says which number is wrong
 * and which legal ones are nearest, and the status is that of tw_geometry_validate. It is the one case where
 * a status other than TW_OK comes with a document (*bytes not NULL). */
tw_status tw_explain(const tw_explain_request *request, char **bytes, size_t *size);
/* The same into a file: whole or not at all, written beside, synced, renamed; what is no ordinary file
 * (/dev/stdout) is written directly. IO on failure. Also here an illegal geometry's document is written, and
 * its status returned. */
tw_status tw_explain_write(const tw_explain_request *request, const char *path);
/* NULL allowed. */
void tw_explain_free(void *block);

/* The name of one element of a convolution's tensor as the explanations write it, "x11" or "h[2,1,1]": tensor
 * is 'x', 'w', 'b' or 'h'. Written to name[size], truncated, always terminated. ARGUMENT: another tensor, no
 * such element, size 0; or as tw_geometry_validate. */
tw_status tw_explain_symbol(const tw_geometry *geometry, char tensor, int64_t element, char *name,
                            size_t size);

/* Reads numbers as people write them: "1 2 3; 4 5 6; 7 8 9". Numbers are separated by blanks or commas, rows
 * by
 * ";" or a line's end. All rows must hold the same count (SHAPE). FORMAT with the place of a word that is no
 * number; NUMERIC for NaN and infinity; LIMIT beyond 2^24 numbers. *values: free with tw_explain_free. */
tw_status tw_explain_read(const char *text, double **values, int64_t *rows, int64_t *columns);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
