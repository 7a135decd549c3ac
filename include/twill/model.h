/* A trained network in a file: safetensors, with the network's text in its metadata.
 *
 * Each parameter is one F32 tensor under its name; the metadata holds "twill.net" (the text), "twill.input"
 * ("1x28x28"), "twill.classes" (names, one a line) and whatever the caller adds. Any safetensors reader opens
 * the file. (Format: huggingface/safetensors, README, 2024.) */
#ifndef TWILL_MODEL_H
#define TWILL_MODEL_H

#include <twill/net.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct tw_model {
    tw_net *net;
    float *weights; /* [tw_net_weights(net)] */
    int classes;
    char **class_names; /* [classes] */
} tw_model;

/* Writes a model whole or not at all: a temporary file beside, synced, renamed, the folder synced.
 * class_names may be NULL (numbers are used). IO with the path and the system's reason. */
tw_status tw_model_save(const char *path, const tw_net *net, const float *weights, int classes,
                        const char *const *class_names);

/* Reads one back. FORMAT, TRUNCATED, SHAPE, OVERFLOW, LIMIT, UNSUPPORTED; the message names the file, the
 * byte offset or tensor, what was expected and what was found. Free with tw_model_free (NULL allowed). */
tw_status tw_model_load(tw_model **model, const char *path);
/* The same from the bytes of such a file, which are copied; `name` stands for the file in messages. */
tw_status tw_model_parse(tw_model **model, const char *name, const void *bytes, size_t size);
void tw_model_free(tw_model *model);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
