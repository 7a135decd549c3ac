/* One convolution for the page: its numbers and gradients (tw_explain computes them by the plan and compares
 * them with the matrix), and its taps, which link every number to those it belongs to. */
#include <string.h>

#include <twill/matrix.h>

#include "letter.h"
#include "mailbox.h"
#include "selection.h"

static void put_names(const tw_geometry *g, char tensor, int64_t count) {
    char name[64];
    tw_reply_print("%s\"%c\":[", tensor == 'x' ? "" : ",", tensor);
    for (int64_t i = 0; i < count; i++) {
        tw_explain_symbol(g, tensor, i, name, sizeof name);
        if (i) tw_reply_bytes(",", 1);
        tw_reply_string(name);
    }
    tw_reply_bytes("]", 1);
}

/* Every tap as three numbers, output, input and parameter, in the order of the matrix. */
static void put_taps(const char *key, const tw_matrix *m) {
    tw_reply_print(",\"%s\":[", key);
    for (int64_t row = 0; row < m->rows; row++)
        for (int64_t e = m->row_begin[row]; e < m->row_begin[row + 1]; e++)
            tw_reply_print("%s%lld,%lld,%lld", e ? "," : "", (long long)row, (long long)m->column[e],
                           (long long)m->parameter[e]);
    tw_reply_bytes("]", 1);
}

static void put_counts(const tw_matrix *m) {
    tw_reply_print(",\"rows\":%lld,\"columns\":%lld,\"nonzeros\":%lld,\"parameters\":%lld",
                   (long long)m->rows, (long long)m->columns, (long long)m->nonzeros,
                   (long long)m->parameters);
}

/* What both kinds of answer begin with. */
static void put_opening(const tw_geometry *g, const tw_matrix *m) {
    int64_t output[TW_MAX_SPATIAL] = {0};
    tw_geometry_output(g, output);
    tw_reply_begin();
    tw_reply_print("{\"status\":\"ok\",\"message\":\"\",\"output\":[%lld,%lld],\"names\":{",
                   (long long)output[0], (long long)output[1]);
    put_names(g, 'x', m->columns);
    put_names(g, 'w', m->parameters);
    put_names(g, 'h', m->rows);
    tw_reply_bytes("}", 1);
    put_counts(m);
}

static tw_status answer_linear(const tw_letter *letter, const char *explained, size_t size) {
    tw_matrix *matrix;
    const tw_geometry *g = &letter->request.geometry;
    tw_status status = tw_matrix_create(&matrix, g);
    if (status) return status;
    put_opening(g, matrix);
    put_taps("taps", matrix);
    tw_reply_print(",\"explained\":");
    tw_reply_bytes(explained, size);
    tw_reply_bytes("}", 1);
    tw_matrix_free(matrix);
    return TW_OK;
}

/* The same for a max pool, whose matrix depends on the image. */
static void answer_max(const tw_letter *letter) {
    tw_selection s;
    const tw_geometry *g = &letter->request.geometry;
    tw_status status = tw_selection_create(&s, letter);
    if (!status) {
        put_opening(g, s.window);
        put_taps("window", s.window);
        put_taps("taps", &s.matrix);
        tw_reply_print(",\"explained\":{\"tensors\":{\"x\":{\"values\":");
        tw_reply_numbers(letter->x, s.matrix.columns);
        tw_reply_print("},\"h\":{\"values\":");
        tw_reply_numbers(s.h, s.matrix.rows);
        tw_reply_print("},\"dL/dh\":{\"values\":");
        tw_reply_numbers(letter->dh, s.matrix.rows);
        tw_reply_print("},\"dL/dx\":{\"values\":");
        tw_reply_numbers(s.dx, s.matrix.columns);
        tw_reply_print("}},\"blocks\":[]}}");
    } else {
        tw_reply_failure(status, s.message);
    }
    tw_selection_release(&s);
}

/* A geometry that is impossible: what is wrong, as tw_explain says it. */
static void answer_illegal(tw_status why, const char *explained, size_t size) {
    tw_reply_begin();
    tw_reply_print("{\"status\":\"%s\",\"message\":", tw_status_name(why));
    tw_reply_string(tw_message());
    tw_reply_print(",\"explained\":");
    tw_reply_bytes(explained, size);
    tw_reply_bytes("}", 1);
}

static void explore(tw_letter *letter) {
    char *explained = NULL;
    size_t size = 0;
    letter->request.format = TW_EXPLAIN_JSON;
    letter->request.sections = 1; /* forward: sizes and their formula */
    bool legal = tw_geometry_validate(&letter->request.geometry) == TW_OK;
    if (legal && letter->kind == TW_LETTER_MAX) {
        answer_max(letter);
        return;
    }
    tw_status status = tw_explain(&letter->request, &explained, &size);
    if (!legal && explained)
        answer_illegal(status, explained, size);
    else if (status || (status = answer_linear(letter, explained, size)))
        tw_reply_failure(status, NULL);
    tw_explain_free(explained);
}

/* A letter's document; as JSON when it could not be made. */
static tw_status write_document(tw_letter *letter) {
    char *bytes = NULL;
    size_t size = 0;
    tw_status status = tw_explain(&letter->request, &bytes, &size);
    tw_reply_begin();
    if (bytes)
        tw_reply_bytes(bytes, size);
    else
        tw_reply_failure(status, NULL);
    bool made = bytes != NULL;
    tw_explain_free(bytes);
    return made ? TW_OK : status;
}

/* The letter of `size` bytes in the room; NULL after a reply that says why not. */
static tw_status open_letter(double size, tw_letter *letter) {
    char *text;
    const char *message;
    tw_status status = tw_letter_take(size, &text);
    if (status) {
        *letter = (tw_letter){.kind = TW_LETTER_CONV};
        return status;
    }
    status = tw_letter_read(letter, text, &message);
    if (status) tw_reply_failure(status, message);
    return status;
}

/* How many numbers each tensor has: the page fills them before it asks for more. */
TW_WEB_EXPORT void tw_web_sizes(double size) {
    tw_letter letter;
    if (!open_letter(size, &letter)) {
        tw_geometry_sizes sizes;
        tw_status status = tw_geometry_count(&letter.request.geometry, &sizes);
        tw_reply_begin();
        if (status)
            tw_reply_failure(status, NULL);
        else
            tw_reply_print("{\"status\":\"ok\",\"message\":\"\",\"x\":%lld,\"w\":%lld,\"h\":%lld}",
                           (long long)sizes.x, (long long)sizes.w, (long long)sizes.y);
    }
    tw_letter_release(&letter);
}

/* The reply is the JSON object of docs/explorer.md; its status says whether all went well. */
TW_WEB_EXPORT void tw_web_explore(double size) {
    tw_letter letter;
    if (!open_letter(size, &letter)) explore(&letter);
    tw_letter_release(&letter);
}

/* The reply is the document, and 0 comes back; or a JSON object with a message, and the status. */
TW_WEB_EXPORT int tw_web_document(double size) {
    tw_letter letter;
    tw_status status = open_letter(size, &letter);
    if (!status) status = write_document(&letter);
    tw_letter_release(&letter);
    return (int)status;
}
