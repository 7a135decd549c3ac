/* The fields of an operator's text: one table per kind of operator, read and printed by the same code. */
#ifndef TW_NET_FIELDS_H
#define TW_NET_FIELDS_H

#include "net/graph.h"
#include "net/tokens.h"

typedef enum tw_field_kind {
    TW_FIELD_END = 0,
    TW_FIELD_INTEGER, /* int64_t */
    TW_FIELD_SIZES,   /* tw_sizes */
    TW_FIELD_PADS,    /* tw_pads */
    TW_FIELD_DECIMAL, /* double */
    TW_FIELD_FLAG,    /* bool: the word alone */
    TW_FIELD_MODE     /* int64_t: a tw_pad_mode by its name */
} tw_field_kind;

typedef struct tw_field {
    tw_field_kind kind;
    const char *word;    /* what stands before the value; NULL: it stands at its place after the operator */
    const char *meaning; /* for messages: "the number of output channels, like 16" */
    size_t offset;       /* in tw_settings */
    bool optional;       /* of a field without word: may be left out */
    double least, most;  /* of integers, sizes and pads (least), of decimals; most is excluded when `open` */
    bool open;
} tw_field;

/* Reads the words after the operator's name, until its end or the word "from". */
tw_status tw_fields_read(tw_words *words, const char *operator_name, const tw_field *fields,
                         tw_settings *settings);

/* A text that grows; `failed` sticks after an allocation failed. */
typedef struct tw_text {
    char *bytes;
    size_t length, room;
    bool failed;
} tw_text;
__attribute__((format(printf, 2, 3))) void tw_text_print(tw_text *text, const char *format, ...);
void tw_text_free(tw_text *text);

/* Prints the fields that differ from the defaults, each with a blank before it. */
void tw_fields_print(tw_text *text, const tw_field *fields, const tw_settings *settings,
                     const tw_settings *defaults);

#endif
