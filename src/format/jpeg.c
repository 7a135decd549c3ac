/* JPEG through libjpeg: gray and YCbCr or RGB, baseline and progressive. What libjpeg only warns about (a
 * file that ends early, damaged data) is an error here. Its errors jump to the one setjmp below; everything
 * that must survive the jump lives in `job`, which that function only points to. */
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "format/pixels.h"

static bool recognises(const unsigned char *bytes, int64_t size) {
    return size >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

#ifdef TW_HAS_JPEG
#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>
#include <jerror.h>

enum { SCANS_MOST = 200 };

typedef struct job {
    struct jpeg_decompress_struct decoder;
    struct jpeg_error_mgr errors; /* its msg_code tells what happened */
    struct jpeg_progress_mgr progress;
    jmp_buf out;
    const char *file;
    const unsigned char *bytes;
    unsigned long size;
    tw_status status;
    tw_pixels pixels;
    unsigned char *row;
} job;

/* libjpeg's numbers for what it lacks. */
static tw_status status_of(int code) {
    switch (code) {
    case JERR_OUT_OF_MEMORY: return TW_ERROR_MEMORY;
    case JWRN_JPEG_EOF:
    case JERR_INPUT_EOF:
    case JERR_INPUT_EMPTY: return TW_ERROR_TRUNCATED;
    case JERR_IMAGE_TOO_BIG: return TW_ERROR_LIMIT;
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_NOTIMPL: return TW_ERROR_UNSUPPORTED;
    }
    return TW_ERROR_FORMAT;
}

static void jump(j_common_ptr decoder) {
    job *j = decoder->client_data;
    char reason[JMSG_LENGTH_MAX];
    j->errors.format_message(decoder, reason);
    j->status = tw_fail(status_of(j->errors.msg_code), "%s: bad JPEG: %s", j->file, reason);
    longjmp(j->out, 1);
}

static void message(j_common_ptr decoder, int level) {
    if (level < 0) jump(decoder); /* a warning; traces are above 0 */
}

static void stop(job *j, tw_status status) {
    j->status = status;
    longjmp(j->out, 1);
}

/* A file of thousands of scans would decode for hours. */
static void count_scans(j_common_ptr decoder) {
    job *j = decoder->client_data;
    if (j->decoder.input_scan_number > SCANS_MOST)
        stop(j, tw_fail(TW_ERROR_LIMIT, "%s: more than %d scans", j->file, SCANS_MOST));
}

static void start(job *j) {
    struct jpeg_decompress_struct *d = &j->decoder;
    jpeg_create_decompress(d);
    d->client_data = j;
    j->progress.progress_monitor = count_scans;
    d->progress = &j->progress;
    jpeg_mem_src(d, j->bytes, j->size);
    jpeg_read_header(d, TRUE);
    bool gray = d->jpeg_color_space == JCS_GRAYSCALE;
    bool colour = d->jpeg_color_space == JCS_YCbCr || d->jpeg_color_space == JCS_RGB;
    if (!gray && !colour)
        stop(j, tw_fail(TW_ERROR_UNSUPPORTED,
                        "%s: a JPEG of %d components that is neither gray nor colour (CMYK?)", j->file,
                        d->num_components));
    d->out_color_space = gray ? JCS_GRAYSCALE : JCS_RGB;
    d->dct_method = JDCT_ISLOW; /* the same numbers on every machine */
    tw_status status = tw_pixels_allocate(j->file, d->image_width, d->image_height, gray ? 1 : 3, &j->pixels);
    if (status) stop(j, status);
}

static void read_rows(job *j) {
    struct jpeg_decompress_struct *d = &j->decoder;
    jpeg_start_decompress(d);
    int64_t numbers = j->pixels.width * j->pixels.channels;
    j->row = tw_alloc(numbers, 1);
    if (!j->row) stop(j, TW_ERROR_MEMORY);
    while (d->output_scanline < d->output_height) {
        uint16_t *samples = j->pixels.samples + d->output_scanline * numbers;
        JSAMPROW row = j->row;
        jpeg_read_scanlines(d, &row, 1);
        for (int64_t i = 0; i < numbers; i++) samples[i] = (uint16_t)(j->row[i] * 257);
    }
    jpeg_finish_decompress(d);
}

static void run(job *j) {
    j->decoder.err = jpeg_std_error(&j->errors);
    j->errors.error_exit = jump;
    j->errors.emit_message = message;
    j->decoder.client_data = j;
    if (setjmp(j->out) == 0) {
        start(j);
        read_rows(j);
    }
    jpeg_destroy_decompress(&j->decoder);
    tw_free(j->row);
}

static tw_status decode(const char *file, const unsigned char *bytes, int64_t size, tw_pixels *pixels) {
    job *j = tw_alloc_zero(1, sizeof *j);
    if (!j) return TW_ERROR_MEMORY;
    j->file = file;
    j->bytes = bytes;
    j->size = (unsigned long)size;
    run(j);
    tw_status status = j->status;
    if (status)
        tw_free(j->pixels.samples);
    else
        *pixels = j->pixels;
    tw_free(j);
    return status;
}

#else

static tw_status decode(const char *file, const unsigned char *bytes, int64_t size, tw_pixels *pixels) {
    (void)bytes, (void)size, (void)pixels;
    return tw_fail(TW_ERROR_UNSUPPORTED, "%s: a JPEG file, and this build has no libjpeg", file);
}

#endif

const tw_pixel_format tw_pixels_jpeg = {.name = "JPEG", .recognises = recognises, .decode = decode};
