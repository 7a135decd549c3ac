/* A digit through a trained network, forward and backward: what every layer makes of it, and what the loss
 * says to every layer. The page reads the layers' numbers where they lie, until the next call. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <twill/model.h>

#include "mailbox.h"

static struct digit {
    tw_model *model;
    tw_runner *runner;
    float *gradient, *dx, *outputs;
    float *image;
    int64_t inputs, classes;
    int32_t found; /* the class of the last image */
} digit;

static void release(void) {
    tw_runner_free(digit.runner);
    tw_model_free(digit.model);
    free(digit.gradient);
    free(digit.dx);
    free(digit.outputs);
    free(digit.image);
    digit = (struct digit){.model = NULL};
}

static float *reserve(int64_t count) {
    return calloc((size_t)count + 1, sizeof(float));
}

static tw_status prepare(void) {
    const tw_net *net = digit.model->net;
    tw_runner_options options = tw_runner_options_defaults();
    options.trains = true;
    options.keeps = true;
    options.batch = 1;
    options.threads = 1;
    options.accuracy = TW_STRICT;
    digit.inputs = tw_net_inputs(net);
    digit.classes = tw_net_outputs(net);
    digit.gradient = reserve(tw_net_weights(net));
    digit.dx = reserve(digit.inputs);
    digit.outputs = reserve(digit.classes);
    digit.image = reserve(digit.inputs);
    if (!digit.gradient || !digit.dx || !digit.outputs || !digit.image) return TW_ERROR_MEMORY;
    return tw_runner_create(&digit.runner, net, &options);
}

/* Takes the model file that is the letter. The reply's status says whether it is one. */
TW_WEB_EXPORT void tw_web_model(double size) {
    char *bytes;
    if (tw_letter_take(size, &bytes)) return;
    release();
    tw_status status = tw_model_parse(&digit.model, "the model", bytes, (size_t)size);
    if (!status) status = prepare();
    if (status) {
        tw_reply_failure(status, NULL);
        release();
        return;
    }
    tw_reply_begin();
    tw_reply_print("{\"status\":\"ok\",\"message\":\"\",\"inputs\":%lld,\"classes\":%lld,\"weights\":%lld}",
                   (long long)digit.inputs, (long long)digit.classes,
                   (long long)tw_net_weights(digit.model->net));
}

/* The address of a layer's numbers; 0 when they are not kept. */
static long long place_of(const void *numbers) {
    return (long long)(uintptr_t)numbers;
}

static void put_node(const tw_net_node *node, int number) {
    const void *value = number ? tw_runner_value(digit.runner, number) : digit.image;
    const void *gradient = number ? tw_runner_gradient(digit.runner, number) : digit.dx;
    tw_reply_print("%s{\"kind\":", number ? "," : "");
    tw_reply_string(node->kind ? node->kind : "input");
    tw_reply_print(",\"text\":");
    tw_reply_string(node->text ? node->text : "");
    tw_reply_print(",\"spatial\":%d,\"channels\":%lld,\"size\":[%lld,%lld],\"count\":%lld", node->spatial,
                   (long long)node->channels, (long long)node->size[0], (long long)node->size[1],
                   (long long)node->outputs);
    tw_reply_print(",\"value\":%lld,\"gradient\":%lld}", place_of(value), place_of(gradient));
}

static void put_layers(int32_t label, double loss) {
    size_t count;
    const tw_net_node *nodes = tw_net_nodes(digit.model->net, &count);
    tw_reply_begin();
    tw_reply_print("{\"status\":\"ok\",\"message\":\"\",\"label\":%d,\"loss\":%.9g,\"outputs\":[", (int)label,
                   loss);
    for (int64_t i = 0; i < digit.classes; i++)
        tw_reply_print("%s%.9g", i ? "," : "", (double)digit.outputs[i]);
    tw_reply_print("],\"nodes\":[");
    for (size_t i = 0; i < count; i++) put_node(&nodes[i], (int)i);
    tw_reply_print("]}");
}

static int32_t find_largest(void) {
    int32_t largest = 0;
    for (int32_t i = 1; i < digit.classes; i++)
        if (digit.outputs[i] > digit.outputs[largest]) largest = i;
    return largest;
}

/* One image, forward and backward, for a class; what the network finds comes along. */
static tw_status step_for(int32_t label, double *loss) {
    tw_step step = {.weights = digit.model->weights,
                    .x = digit.image,
                    .labels = &label,
                    .count = 1,
                    .keeps_state = true,
                    .gradient = digit.gradient,
                    .dx = digit.dx,
                    .outputs = digit.outputs};
    tw_status status = tw_runner_step(digit.runner, &step);
    *loss = step.loss;
    return status;
}

/* `label` below 0: the class that the network finds. While a digit is being drawn that is mostly the one it
 * found last, so that one is tried first: speed only, since a step with another class follows when it is not.
 */
static tw_status run(int32_t label) {
    double loss;
    int32_t tried = label < 0 ? digit.found : label;
    tw_status status = step_for(tried, &loss);
    if (status) return status;
    digit.found = find_largest();
    if (label < 0 && digit.found != tried) {
        tried = digit.found;
        status = step_for(tried, &loss);
    }
    if (!status) put_layers(tried, loss);
    return status;
}

static bool all_finite(const float *numbers, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!(numbers[i] >= -1e6f && numbers[i] <= 1e6f)) return false;
    return true;
}

/* The letter is an image, 4 bytes a pixel. */
TW_WEB_EXPORT void tw_web_digit(double size, double label) {
    char *bytes;
    if (tw_letter_take(size, &bytes)) return;
    if (!digit.runner) {
        tw_reply_failure(TW_ERROR_ARGUMENT, "no model has been loaded");
    } else if (size != (double)digit.inputs * sizeof(float)) {
        tw_reply_failure(TW_ERROR_ARGUMENT, "the image does not have the model's size");
    } else if (!(label >= -1 && label < (double)digit.classes && label == (double)(int)label)) {
        tw_reply_failure(TW_ERROR_ARGUMENT, "no such class");
    } else {
        memcpy(digit.image, bytes, (size_t)size);
        tw_status status = TW_ERROR_NUMERIC;
        if (!all_finite(digit.image, digit.inputs))
            tw_reply_failure(status, "a pixel is not a finite number");
        else if ((status = run((int32_t)label)))
            tw_reply_failure(status, NULL);
    }
}
