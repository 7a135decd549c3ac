/* Image files: PGM and PPM by our own reader, PNG and JPEG where the build has their libraries. */
#include <stddef.h>
#include <stdint.h>

#include <twill/data.h>

#include "base/memory.h"
#include "format/pixels.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const tw_pixel_format *const formats[] = {&tw_pixels_netpbm, &tw_pixels_png, &tw_pixels_jpeg};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        tw_pixels pixels;
        if (!formats[i]->recognises(bytes, (int64_t)size)) continue;
        if (formats[i]->decode("fuzz", bytes, (int64_t)size, &pixels) != TW_OK) return 0;
        uint64_t sum = 0;
        for (int64_t k = 0; k < pixels.width * pixels.height * pixels.channels; k++) sum += pixels.samples[k];
        tw_free(pixels.samples);
        return sum > UINT64_MAX / 2; /* no sample may be unset: the memory sanitizer would tell */
    }
    return 0;
}
