/* A small image drawn with characters: two pixels in a half block where there are colours, else two
 * characters a pixel, darker where there is more. */
#include "pixel_print.h"

static float clamped(float value) {
    return !(value > 0) ? 0 : value > 1 ? 1 : value;
}

/* Number of the pixel's colour in the palette of 256: 24 grays, or a cube of 6x6x6. Rows below the image are
 * black. */
static int palette(const tw_net_input *image, const float *x, int64_t row, int64_t column) {
    if (row >= image->size[0]) return 232;
    const float *pixel = x + (row * image->size[1] + column) * image->channels;
    if (image->channels != 3) return 232 + (int)(clamped(pixel[0]) * 23 + 0.5f);
    int cube = 0;
    for (int c = 0; c < 3; ++c) cube = cube * 6 + (int)(clamped(pixel[c]) * 5 + 0.5f);
    return 16 + cube;
}

static void print_blocks(FILE *out, const tw_net_input *image, const float *x) {
    for (int64_t row = 0; row < image->size[0]; row += 2) {
        for (int64_t column = 0; column < image->size[1]; ++column)
            fprintf(out, "\033[38;5;%dm\033[48;5;%dm▀", palette(image, x, row, column),
                    palette(image, x, row + 1, column));
        fputs("\033[0m\n", out);
    }
}

static void print_shades(FILE *out, const tw_net_input *image, const float *x, int wide) {
    static const char shades[] = " .:-=+*#%@";
    for (int64_t row = 0; row < image->size[0]; ++row) {
        for (int64_t column = 0; column < image->size[1]; ++column) {
            const float *pixel = x + (row * image->size[1] + column) * image->channels;
            float value = 0;
            for (int64_t c = 0; c < image->channels; ++c) value += clamped(pixel[c]) / (float)image->channels;
            for (int i = 0; i < wide; ++i) fputc(shades[(int)(value * 9 + 0.5f)], out);
        }
        fputc('\n', out);
    }
}

void tw_pixels_print(FILE *out, tw_net_input image, const float *x, tw_terminal terminal) {
    if (image.spatial != 2 || image.size[1] > terminal.width) return;
    if (terminal.colours && terminal.unicode)
        print_blocks(out, &image, x);
    else
        print_shades(out, &image, x, 2 * image.size[1] <= terminal.width ? 2 : 1);
}
