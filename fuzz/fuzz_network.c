/* A network as text: whatever is accepted is written to a text that makes the same network. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <twill/net.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char text[1024];
    if (size < 1 || size >= sizeof text) return 0;
    static const tw_net_input inputs[] = {
        {.spatial = 2, .channels = 1, .size = {28, 28}},
        {.spatial = 2, .channels = 3, .size = {32, 32}},
        {.spatial = 1, .channels = 2, .size = {1000}},
        {.spatial = 3, .channels = 1, .size = {4, 5, 6}},
    };
    tw_net_input input = inputs[bytes[0] % 4];
    memcpy(text, bytes + 1, size - 1);
    text[size - 1] = 0;
    tw_net *net, *again;
    if (tw_net_create(&net, text, input) != TW_OK) return net ? abort(), 0 : 0;
    if (tw_net_create(&again, tw_net_text(net), input) != TW_OK) abort();
    if (strcmp(tw_net_text(net), tw_net_text(again)) != 0) abort();
    if (tw_net_weights(net) != tw_net_weights(again) || tw_net_outputs(net) != tw_net_outputs(again)) abort();
    tw_net_free(again);
    tw_net_free(net);
    return 0;
}
