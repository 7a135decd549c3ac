#include "net/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"

static const char *const modes[] = {"zeros", "reflect", "replicate", "circular"};
enum { MODES = sizeof modes / sizeof *modes };

static void *slot(tw_settings *settings, const tw_field *field) {
    return (char *)settings + field->offset;
}

static const void *const_slot(const tw_settings *settings, const tw_field *field) {
    return (const char *)settings + field->offset;
}

/* ---- Reading ---- */

static tw_status expected(const tw_words *words, const tw_field *field) {
    return tw_words_fail(words, TW_ERROR_FORMAT, "expected %s", field->meaning);
}

static tw_status check_least(const tw_words *words, const tw_field *field, int64_t value) {
    if ((double)value >= field->least) return TW_OK;
    return tw_words_fail(words, TW_ERROR_ARGUMENT, "%lld is too small; expected %s, at least %.0f",
                         (long long)value, field->meaning, field->least);
}

static tw_status read_integer(const tw_words *words, const tw_field *field, tw_settings *settings) {
    const char *at = words->word.at, *end = at + words->word.length;
    int64_t value;
    if (!tw_digits(&at, end, &value) || at != end) return expected(words, field);
    *(int64_t *)slot(settings, field) = value;
    return check_least(words, field, value);
}

static tw_status read_sizes(const tw_words *words, const tw_field *field, tw_settings *settings) {
    const char *at = words->word.at, *end = at + words->word.length;
    tw_sizes sizes = {0};
    for (;;) {
        if (sizes.given == TW_MAX_SPATIAL || !tw_digits(&at, end, &sizes.value[sizes.given]))
            return expected(words, field);
        tw_status status = check_least(words, field, sizes.value[sizes.given++]);
        if (status) return status;
        if (at == end) break;
        if (*at++ != 'x') return expected(words, field);
    }
    *(tw_sizes *)slot(settings, field) = sizes;
    return TW_OK;
}

static tw_status read_pads(const tw_words *words, const tw_field *field, tw_settings *settings) {
    const char *at = words->word.at, *end = at + words->word.length;
    tw_pads pads = {0};
    if (tw_word_is(words->word, "same")) {
        pads = (tw_pads){.given = 1, .same = true};
        at = end;
    }
    while (!pads.same) {
        int a = pads.given++;
        if (a == TW_MAX_SPATIAL || !tw_digits(&at, end, &pads.begin[a])) return expected(words, field);
        pads.end[a] = pads.begin[a];
        if (at < end && *at == ',' && (at++, !tw_digits(&at, end, &pads.end[a])))
            return expected(words, field);
        if (at == end) break;
        if (*at++ != 'x') return expected(words, field);
    }
    *(tw_pads *)slot(settings, field) = pads;
    return TW_OK;
}

static tw_status read_decimal(const tw_words *words, const tw_field *field, tw_settings *settings) {
    double value;
    if (!tw_decimal(words->word, &value)) return expected(words, field);
    if (value < field->least || value > field->most || (field->open && value == field->most))
        return tw_words_fail(words, TW_ERROR_ARGUMENT, "out of range; expected %s", field->meaning);
    *(double *)slot(settings, field) = value;
    return TW_OK;
}

static tw_status read_mode(const tw_words *words, const tw_field *field, tw_settings *settings) {
    for (int i = 0; i < MODES; i++)
        if (tw_word_is(words->word, modes[i])) {
            *(int64_t *)slot(settings, field) = i;
            return TW_OK;
        }
    return expected(words, field);
}

static tw_status read_nothing(const tw_words *words, const tw_field *field, tw_settings *settings) {
    (void)words;
    *(bool *)slot(settings, field) = true;
    return TW_OK;
}

typedef tw_status (*reader)(const tw_words *, const tw_field *, tw_settings *);
static const reader readers[] = {
    [TW_FIELD_INTEGER] = read_integer, [TW_FIELD_SIZES] = read_sizes,  [TW_FIELD_PADS] = read_pads,
    [TW_FIELD_DECIMAL] = read_decimal, [TW_FIELD_FLAG] = read_nothing, [TW_FIELD_MODE] = read_mode,
};

/* "stride, pad or groups": what the words of the optional fields are. */
static tw_status fail_unknown(const tw_words *words, const char *operator_name, const tw_field *fields) {
    char list[256] = "";
    size_t at = 0;
    for (const tw_field *f = fields; f->kind && at < sizeof list; f++)
        if (f->word) at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", f->word);
    if (at == 0)
        return tw_words_fail(words, TW_ERROR_FORMAT, "expected nothing more after '%s'", operator_name);
    return tw_words_fail(words, TW_ERROR_FORMAT, "expected one of %s, or the end of '%s'", list,
                         operator_name);
}

static bool at_end(const tw_words *words) {
    return words->word.length == 0 || tw_word_is(words->word, "from");
}

static tw_status read_option(tw_words *words, const char *operator_name, const tw_field *fields,
                             tw_settings *settings, uint32_t *seen) {
    for (const tw_field *f = fields; f->kind; f++) {
        if (!f->word || !tw_word_is(words->word, f->word)) continue;
        uint32_t bit = 1u << (f - fields);
        if (*seen & bit) return tw_words_fail(words, TW_ERROR_FORMAT, "said twice; expected it once");
        *seen |= bit;
        if (f->kind != TW_FIELD_FLAG) tw_words_next(words);
        tw_status status = words->word.length ? readers[f->kind](words, f, settings) : expected(words, f);
        if (!status) tw_words_next(words);
        return status;
    }
    return fail_unknown(words, operator_name, fields);
}

tw_status tw_fields_read(tw_words *words, const char *operator_name, const tw_field *fields,
                         tw_settings *settings) {
    for (const tw_field *f = fields; f->kind; f++) {
        if (f->word) continue;
        if (at_end(words) && f->optional) continue;
        tw_status status = at_end(words) ? expected(words, f) : readers[f->kind](words, f, settings);
        if (status) return status;
        tw_words_next(words);
    }
    uint32_t seen = 0;
    while (!at_end(words)) {
        tw_status status = read_option(words, operator_name, fields, settings, &seen);
        if (status) return status;
    }
    return TW_OK;
}

/* ---- Printing ---- */

void tw_text_print(tw_text *text, const char *format, ...) {
    if (text->failed) return;
    for (;;) {
        va_list list;
        va_start(list, format);
        size_t left = text->room - text->length;
        int length = vsnprintf(left ? text->bytes + text->length : NULL, left, format, list);
        va_end(list);
        if (length >= 0 && (size_t)length < left) {
            text->length += (size_t)length;
            return;
        }
        size_t room = 2 * text->room + (size_t)tw_max(length, 0) + 64;
        char *grown = tw_regrow(text->bytes, (int64_t)text->length, (int64_t)room, 1);
        if (!grown) {
            text->failed = true;
            return;
        }
        text->bytes = grown;
        text->room = room;
    }
}

void tw_text_free(tw_text *text) {
    tw_free(text->bytes);
    *text = (tw_text){0};
}

static void print_integer(tw_text *text, const void *value) {
    tw_text_print(text, "%lld", (long long)*(const int64_t *)value);
}

static void print_sizes(tw_text *text, const void *value) {
    const tw_sizes *sizes = value;
    for (int a = 0; a < sizes->given; a++)
        tw_text_print(text, "%s%lld", a ? "x" : "", (long long)sizes->value[a]);
}

static void print_pads(tw_text *text, const void *value) {
    const tw_pads *pads = value;
    if (pads->same) tw_text_print(text, "same");
    for (int a = 0; a < pads->given && !pads->same; a++) {
        tw_text_print(text, "%s%lld", a ? "x" : "", (long long)pads->begin[a]);
        if (pads->end[a] != pads->begin[a]) tw_text_print(text, ",%lld", (long long)pads->end[a]);
    }
}

static void print_decimal(tw_text *text, const void *value) {
    char decimal[32];
    tw_decimal_write(*(const double *)value, decimal);
    tw_text_print(text, "%s", decimal);
}

static void print_mode(tw_text *text, const void *value) {
    tw_text_print(text, "%s", modes[*(const int64_t *)value]);
}

/* What is compared with the default: of sizes and pads, whether any were given. */
static const struct {
    size_t bytes;
    void (*print)(tw_text *, const void *);
} printers[] = {
    [TW_FIELD_INTEGER] = {sizeof(int64_t), print_integer},
    [TW_FIELD_SIZES] = {sizeof(int), print_sizes},
    [TW_FIELD_PADS] = {sizeof(int), print_pads},
    [TW_FIELD_DECIMAL] = {sizeof(double), print_decimal},
    [TW_FIELD_FLAG] = {sizeof(bool), NULL},
    [TW_FIELD_MODE] = {sizeof(int64_t), print_mode},
};

void tw_fields_print(tw_text *text, const tw_field *fields, const tw_settings *settings,
                     const tw_settings *defaults) {
    for (const tw_field *f = fields; f->kind; f++) {
        const void *value = const_slot(settings, f);
        bool required = !f->word && !f->optional;
        if (!required && memcmp(value, const_slot(defaults, f), printers[f->kind].bytes) == 0) continue;
        tw_text_print(text, " ");
        if (f->word) tw_text_print(text, "%s%s", f->word, printers[f->kind].print ? " " : "");
        if (printers[f->kind].print) printers[f->kind].print(text, value);
    }
}
