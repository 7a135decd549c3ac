/* Rounds the weights of a model to the 11 significant bits of a half-precision number, for a page that should
 * load fast: the file stays what it is, safetensors of F32, but compresses to little more than half. Usage:
 * round_weights FROM TO. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <twill/model.h>

enum { DROPPED = 13 }; /* of the 24 bits of a float */

/* To nearest, ties to even. Infinity is no weight of a trained model, and a carry into the exponent is right.
 */
static float rounded(float weight) {
    uint32_t bits;
    memcpy(&bits, &weight, sizeof bits);
    bits += (UINT32_C(1) << (DROPPED - 1)) - 1 + (bits >> DROPPED & 1);
    bits &= ~((UINT32_C(1) << DROPPED) - 1);
    memcpy(&weight, &bits, sizeof weight);
    return weight;
}

int main(int count, char **arguments) {
    tw_model *model = NULL;
    if (count != 3) {
        fprintf(stderr, "usage: round_weights FROM TO\n");
        return 2;
    }
    tw_status status = tw_model_load(&model, arguments[1]);
    for (int64_t i = 0; !status && i < tw_net_weights(model->net); i++)
        model->weights[i] = rounded(model->weights[i]);
    if (!status)
        status = tw_model_save(arguments[2], model->net, model->weights, model->classes,
                               (const char *const *)model->class_names);
    if (status) fprintf(stderr, "round_weights: %s\n", tw_message());
    tw_model_free(model);
    return status != TW_OK;
}
