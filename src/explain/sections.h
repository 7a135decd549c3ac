/* The sections of an explanation: one table, read by the builder, by --show and by --help. */
#ifndef TW_EXPLAIN_SECTIONS_H
#define TW_EXPLAIN_SECTIONS_H

#include "explain/document.h"
#include "explain/problem.h"

typedef struct tw_section {
    tw_explain_section_name face;
    bool needs_problem; /* writes about the request's convolution */
    bool own_sizes;     /* but of other sizes, which it says itself */
    tw_status (*write)(tw_document *document, const tw_problem *problem, const tw_explain_request *request);
} tw_section;

extern const tw_section tw_section_forward, tw_section_chain, tw_section_input, tw_section_matrix,
    tw_section_connections, tw_section_pooling, tw_section_onebyone, tw_section_network;

const tw_section *const *tw_sections(size_t *count);

/* Instead of all sections: why `geometry` is illegal, and what is near it; message: how validation said it.
 */
void tw_explain_illegal(tw_document *document, const tw_geometry *geometry, const char *message);

#endif
