/* A model file says everything that is needed to run it: the network's text, the size of an image, the names
 * of the classes, and the numbers. Loading makes the network from the text first; the tensors must then be
 * exactly the network's parameters, each in its shape: all that differ are listed, not only the first. */
#include <twill/model.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "format/safetensors.h"

enum { CLASSES_MOST = 1 << 20, LISTED = 4 };

/* ---- The three texts ---- */

static void write_input(tw_net_input input, char *text, size_t size) {
    int64_t sizes[1 + TW_MAX_SPATIAL] = {input.channels};
    for (int i = 0; i < input.spatial; i++) sizes[1 + i] = input.size[i];
    tw_shape_text(sizes, 1 + input.spatial, text, size);
}

/* "1x28x28" back into sizes. */
static tw_status read_input(const char *file, const char *text, tw_net_input *input) {
    int64_t sizes[1 + TW_MAX_SPATIAL];
    int count = 0;
    const char *at = text;
    bool good = true;
    while (good && count < 1 + TW_MAX_SPATIAL) {
        char *end;
        good = *at >= '1' && *at <= '9' && strspn(at, "0123456789") <= 18;
        if (!good) break;
        sizes[count++] = strtoll(at, &end, 10);
        at = end;
        if (*at != 'x') break;
        at++;
    }
    if (!good || *at || count < 2)
        return tw_fail(TW_ERROR_FORMAT,
                       "%s: twill.input is '%.80s'; expected channels and sizes such as 1x28x28", file, text);
    *input = (tw_net_input){.spatial = count - 1, .channels = sizes[0]};
    for (int i = 1; i < count; i++) input->size[i - 1] = sizes[i];
    return TW_OK;
}

static tw_status check_classes(int classes, const char *const *names) {
    if (classes < 1 || classes > CLASSES_MOST)
        return tw_fail(TW_ERROR_ARGUMENT, "classes is %d; expected 1..%d", classes, CLASSES_MOST);
    for (int i = 0; names && i < classes; i++)
        if (!names[i] || strchr(names[i], '\n'))
            return tw_fail(TW_ERROR_ARGUMENT, "class_names[%d] is %s; expected one line of text", i,
                           names[i] ? "of several lines" : "NULL");
    return TW_OK;
}

/* All names, one a line; NULL without memory. */
static char *join_classes(int classes, const char *const *names) {
    size_t size = 1;
    for (int i = 0; i < classes; i++) size += (names ? strlen(names[i]) : 10) + 1;
    char *text = tw_alloc((int64_t)size, 1);
    size_t at = 0;
    for (int i = 0; text && i < classes; i++) {
        at += (size_t)(names ? snprintf(text + at, size - at, "%s%s", i ? "\n" : "", names[i])
                             : snprintf(text + at, size - at, "%s%d", i ? "\n" : "", i));
    }
    return text;
}

static tw_status split_classes(const char *file, const char *text, tw_model *model) {
    int64_t count = 1;
    for (const char *s = text; *s; s++) count += *s == '\n';
    if (count > CLASSES_MOST)
        return tw_fail(TW_ERROR_LIMIT, "%s: twill.classes has %" PRId64 " lines; at most %d", file, count,
                       CLASSES_MOST);
    model->class_names = tw_alloc_zero(count, sizeof *model->class_names);
    if (!model->class_names) return TW_ERROR_MEMORY;
    model->classes = (int)count;
    for (int i = 0; i < model->classes; i++) {
        size_t length = strcspn(text, "\n");
        model->class_names[i] = tw_strndup(text, length);
        if (!model->class_names[i]) return TW_ERROR_MEMORY;
        text += length + 1;
    }
    return TW_OK;
}

/* ---- Saving ---- */

static tw_safetensor *tensors_of(const tw_net *net, const float *weights, size_t *count) {
    const tw_net_parameter *parameters = tw_net_parameters(net, count);
    tw_safetensor *tensors = tw_alloc_zero((int64_t)*count, sizeof *tensors);
    for (size_t i = 0; tensors && i < *count; i++) {
        const tw_net_parameter *p = &parameters[i];
        tensors[i] = (tw_safetensor){
            .name = p->name, .type = TW_F32, .rank = p->rank, .count = p->count, .data = weights + p->offset};
        memcpy(tensors[i].shape, p->shape, sizeof p->shape);
    }
    return tensors;
}

tw_status tw_model_save(const char *path, const tw_net *net, const float *weights, int classes,
                        const char *const *class_names) {
    if (!path || !net || !weights)
        return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL", !path ? "path" : !net ? "net" : "weights");
    tw_status status = check_classes(classes, class_names);
    if (status) return status;
    char input[128];
    write_input(tw_net_image(net), input, sizeof input);
    size_t count;
    tw_safetensor *tensors = tensors_of(net, weights, &count);
    char *names = tensors ? join_classes(classes, class_names) : NULL;
    status = TW_ERROR_MEMORY;
    if (names) {
        const tw_safetensors_text texts[] = {
            {"twill.net", tw_net_text(net)}, {"twill.input", input}, {"twill.classes", names}};
        status = tw_safetensors_write(path, &(tw_safetensors){tensors, (int64_t)count, texts, 3});
    }
    tw_free(names);
    tw_free(tensors);
    return status;
}

/* ---- Loading ---- */

/* A list of complaints, the first few in words. */
typedef struct complaints {
    char text[768];
    size_t used;
    int count;
} complaints;

static void complain(complaints *list, const char *name, const char *expected, const char *found) {
    if (list->count++ >= LISTED || list->used >= sizeof list->text) return;
    list->used +=
        (size_t)snprintf(list->text + list->used, sizeof list->text - list->used,
                         "%s'%.60s' expected %s, found %s", list->used ? "; " : "", name, expected, found);
}

static void compare_tensor(const tw_safetensors *content, const tw_net_parameter *p, complaints *list) {
    char expected[128], found[128] = "nothing";
    const tw_safetensor *t = tw_safetensors_find(content, p->name);
    if (t && t->rank == p->rank && memcmp(t->shape, p->shape, (size_t)p->rank * sizeof *p->shape) == 0)
        return;
    tw_shape_text(p->shape, p->rank, expected, sizeof expected);
    if (t) tw_shape_text(t->shape, t->rank, found, sizeof found);
    complain(list, p->name, expected, found);
}

/* Both lists are searched with strcmp: few parameters, once a file. */
static bool names_parameter(const tw_net_parameter *parameters, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(parameters[i].name, name) == 0) return true;
    return false;
}

static tw_status compare_tensors(const char *file, const tw_safetensors *content, const tw_net *net) {
    size_t count;
    const tw_net_parameter *parameters = tw_net_parameters(net, &count);
    complaints list = {0};
    for (size_t i = 0; i < count; i++) compare_tensor(content, &parameters[i], &list);
    for (int64_t i = 0; i < content->tensor_count && list.count <= LISTED; i++)
        if (!names_parameter(parameters, count, content->tensors[i].name))
            complain(&list, content->tensors[i].name, "nothing of that name", "a tensor");
    if (list.count == 0) return TW_OK;
    return tw_fail(TW_ERROR_SHAPE, "%s: the tensors do not fit the network: %s%s", file, list.text,
                   list.count > LISTED ? "; and more" : "");
}

/* After compare_tensors: all are there, so the weights are no larger than the file. */
static tw_status take_tensors(const tw_safetensors *content, tw_model *model) {
    size_t count;
    const tw_net_parameter *parameters = tw_net_parameters(model->net, &count);
    model->weights = tw_alloc_zero(tw_net_weights(model->net), sizeof *model->weights);
    if (!model->weights) return TW_ERROR_MEMORY;
    for (size_t i = 0; i < count; i++)
        tw_safetensor_copy(tw_safetensors_find(content, parameters[i].name),
                           model->weights + parameters[i].offset);
    return TW_OK;
}

static tw_status needed_text(const char *file, const tw_safetensors *content, const char *key,
                             const char **text) {
    *text = tw_safetensors_text_of(content, key);
    if (*text) return TW_OK;
    return tw_fail(TW_ERROR_FORMAT, "%s: no '%s' in the metadata: not a model of Twill", file, key);
}

static tw_status fill_model(const char *file, const tw_safetensors *content, tw_model *model) {
    const char *text, *size, *classes;
    tw_net_input input;
    tw_status status = needed_text(file, content, "twill.net", &text);
    if (!status) status = needed_text(file, content, "twill.input", &size);
    if (!status) status = needed_text(file, content, "twill.classes", &classes);
    if (!status) status = read_input(file, size, &input);
    if (status) return status;
    if ((status = tw_net_create(&model->net, text, input))) return tw_fail_within(status, "%s: ", file);
    if ((status = split_classes(file, classes, model))) return status;
    if ((status = compare_tensors(file, content, model->net))) return status;
    return take_tensors(content, model);
}

/* Takes the content, also on failure. */
static tw_status make_model(tw_model **out, const char *file, tw_safetensors *content) {
    tw_model *model = tw_alloc_zero(1, sizeof *model);
    tw_status status = model ? fill_model(file, content, model) : TW_ERROR_MEMORY;
    tw_safetensors_free(content);
    if (status) {
        tw_model_free(model);
        return status;
    }
    *out = model;
    return TW_OK;
}

tw_status tw_model_load(tw_model **out, const char *path) {
    if (!out || !path) return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL", out ? "path" : "model");
    *out = NULL;
    tw_safetensors *content;
    tw_status status = tw_safetensors_read(&content, path);
    return status ? status : make_model(out, path, content);
}

tw_status tw_model_parse(tw_model **out, const char *name, const void *bytes, size_t size) {
    if (!out || !name || !bytes)
        return tw_fail(TW_ERROR_ARGUMENT, "%s is NULL", !out ? "model" : !name ? "name" : "bytes");
    *out = NULL;
    unsigned char *copy = size <= PTRDIFF_MAX ? tw_alloc((int64_t)size, 1) : NULL;
    if (!copy) return TW_ERROR_MEMORY;
    memcpy(copy, bytes, size);
    tw_safetensors *content;
    tw_status status = tw_safetensors_parse(&content, name, copy, (int64_t)size);
    return status ? status : make_model(out, name, content);
}

void tw_model_free(tw_model *model) {
    if (!model) return;
    tw_net_free(model->net);
    tw_free(model->weights);
    for (int i = 0; model->class_names && i < model->classes; i++) tw_free(model->class_names[i]);
    tw_free(model->class_names);
    tw_free(model);
}
